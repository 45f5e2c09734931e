"""Print how well judges and a detector recognise the drawn faces, and how fast they are drawn.

    python tools/bench_faces.py            with the judges that may be looked at while drawing
    python tools/bench_faces.py --final    with those kept for the final measurement, too
    python tools/bench_faces.py --quick    the judges only

A judge is a network trained on real faces only (models/judges): its input is float32
(n, 48, 48, 1) from 0 to 1, its output seven probabilities in the order of `emotions.EMOTIONS`.
How methods rank on drawn faces is measured by tools/bench_ranking.py.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sklearn.metrics import confusion_matrix
from tqdm import tqdm

from facevalue import Recogniser, paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import appearance, drawn_set, faces
from facevalue.drawing.expressions import expression
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import corruptions
from facevalue.recognition import haar_detector
from facevalue.recognition.recogniser import NAMES

SEED = 2013
JUDGED = 1400
INTENSITIES = (0.25, 0.5, 0.75, 1.0)

FINAL = ("e", "f")
"""The judges that are looked at only when the drawing is finished."""


def line(figure: str, value: str, bar: str = "") -> None:
    """Print one row of the table."""
    print(f"{figure:<58} {value:>20}   {bar}", flush=True)


def expressions(n: int, intensity: float) -> tuple[np.ndarray, np.ndarray]:
    """Return `n` clean faces (n, 48, 48) of one intensity, and their labels."""
    images = []
    for index in range(n):
        rng = np.random.default_rng([SEED, 1, index])
        person, view = appearance.Person.random(rng, MILD), appearance.View.random(rng, MILD)
        units = expression(EMOTIONS[index % len(EMOTIONS)], rng, intensity)
        images.append(faces.draw(units, person, view))
    return np.stack(images), np.arange(n) % len(EMOTIONS)


def judge(path: Path, data: Dataset, levels: dict[float, tuple[np.ndarray, np.ndarray]]) -> None:
    """Print how well one network recognises the drawn faces."""
    import keras

    model = keras.models.load_model(path, compile=False)

    def read(images: np.ndarray) -> np.ndarray:
        x = images[..., None].astype("float32") / 255
        return model.predict(x, batch_size=256, verbose=0).argmax(1)

    def right(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return read(images) == labels

    name = path.stem
    guesses = read(data.images)
    hits = guesses == data.labels
    line(f"judge {name}: accuracy on {len(data)} clean faces", f"{hits.mean():.3f}", "0.93")
    for label, emotion in enumerate(EMOTIONS):
        recall = hits[data.labels == label].mean()
        line(f"judge {name}:   {emotion}", f"{recall:.3f}", "0.85")
    for text in mistakes(guesses, data.labels):
        line(f"judge {name}:   {text}", "")
    flipped = right(data.images[:, :, ::-1], data.labels).mean()
    line(
        f"judge {name}: change when mirrored", f"{100 * (flipped - hits.mean()):+.1f} points", "-2"
    )
    moved = [
        right(corruptions.shifted(data.images, dy, dx), data.labels).mean() for dx, dy in SHIFTS
    ]
    line(f"judge {name}: worst change when shifted by 2 pixels",
         f"{100 * (min(moved) - hits.mean()):+.1f} points", "-2")  # fmt: skip
    found = {level: right(*pair) for level, pair in levels.items()}
    for label, emotion in enumerate(EMOTIONS[:-1]):
        steps = [hit[levels[level][1] == label].mean() for level, hit in found.items()]
        rises = "yes" if all(a <= b for a, b in zip(steps, steps[1:], strict=False)) else "no"
        line(f"judge {name}: recall of {emotion} at 0.25, .5, .75, 1",
             " ".join(f"{s:.2f}" for s in steps), f"rises: {rises}")  # fmt: skip


def mistakes(guesses: np.ndarray, labels: np.ndarray, least: float = 0.03) -> list[str]:
    """Return the confusions that at least a share of an emotion's faces suffers, worst first."""
    table = confusion_matrix(labels, guesses, labels=range(len(EMOTIONS)), normalize="true")
    np.fill_diagonal(table, 0)
    worst = sorted(np.argwhere(table >= least).tolist(), key=lambda pair: -table[*pair])
    return [f"{EMOTIONS[a]} taken for {EMOTIONS[b]}: {table[a, b]:.2f}" for a, b in worst]


SHIFTS = ((2, 0), (-2, 0), (0, 2), (0, -2))


def detector(n: int) -> None:
    """Print how well OpenCV's Haar cascade finds the faces in drawn photos."""
    found = total = 0
    sides = []
    for seed in tqdm(range(n), desc="photos", leave=False):
        photo = faces.photo(seed, 1 + seed % 3)
        boxes = [face.box for face in haar_detector.find_faces(photo.image)]
        for x, y, w, h in photo.boxes:
            total += 1
            sides.append(w)
            found += any(
                abs(a + c / 2 - x - w / 2) < w / 4 and abs(b + d / 2 - y - h / 2) < h / 4
                for a, b, c, d in boxes
            )
    line(f"Haar: faces of {min(sides)} to {max(sides)} pixels found, of {total}",
         f"{found / total:.3f}", "0.98")  # fmt: skip
    quiet = [
        len(haar_detector.find_faces(faces.photo(10_000 + seed, 0).image)) == 0
        for seed in tqdm(range(n), desc="empty photos", leave=False)
    ]
    line(f"Haar: photos without a face, nothing found, of {n}", f"{np.mean(quiet):.3f}", "0.90")


def speed() -> None:
    """Print how long drawing takes on one core."""
    cv2.setNumThreads(1)
    drawn_set.sample(50, progress=False)
    times = []
    for seed in range(3):
        start = time.process_time()  # CPU time: the machine may be busy
        drawn_set.sample(300, seed, progress=False)
        times.append(300 / (time.process_time() - start))
    line("faces a CPU second, 48x48, best of 3", f"{max(times):.0f}", "150")


def _default_set(queue: Any) -> None:
    start = time.perf_counter()
    drawn_set.sample(5000, progress=False)
    seconds = time.perf_counter() - start
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    queue.put((seconds, (own + 2 * children) / 1e6))


def default_set() -> None:
    """Print the time and memory that the default data set needs, in a new process."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_default_set, args=(queue,))
    process.start()
    seconds, gigabytes = queue.get()
    process.join()
    line("seconds for drawn_set.sample(5000), two processes", f"{seconds:.1f}", "20")
    line("peak memory of these three processes, GB", f"{gigabytes:.2f}", "1")


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    judges = paths.root() / "models" / "judges"
    parser.add_argument("--judges", type=Path, default=judges, help="folder of such networks")
    parser.add_argument("--photos", type=int, default=150, help="photos of each kind to search")
    parser.add_argument("--quick", action="store_true", help="measure only what the judges read")
    parser.add_argument("--final", action="store_true", help="let the final judges read, too")
    options = parser.parse_args()
    line("figure", "measured", "target")
    if not options.quick:
        speed()
        default_set()
        detector(options.photos)
    data = drawn_set.sample(JUDGED, SEED, clean=True, progress=False)
    for name in NAMES:
        right = Recogniser(name).probabilities(data.images).argmax(axis=1) == data.labels
        least = min(right[data.labels == label].mean() for label in range(len(EMOTIONS)))
        line(f"{name}: accuracy, least recall", f"{right.mean():.3f} {least:.3f}")
    networks = sorted(options.judges.glob("*.keras"))
    if not options.final:
        networks = [path for path in networks if path.stem not in FINAL]
    if networks:
        levels = {level: expressions(350, level) for level in INTENSITIES}
        for path in networks:
            judge(path, data, levels)
    else:
        line("judges trained on real faces", "skipped", "tools/train_judges.py trains them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
