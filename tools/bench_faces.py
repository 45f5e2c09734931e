"""Print how well judges, a detector and small models recognise the drawn faces.

    python tools/bench_faces.py               judges, detector, speed, memory, lessons
    python tools/bench_faces.py --transfer    and a network trained on drawn faces, on FER-2013

A judge is a network trained on real faces only: its input is float32 (n, 48, 48, 1) from 0 to 1,
its output seven probabilities in the order of `emotions.EMOTIONS`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import appearance, drawn_set, faces
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS
from facevalue.recognition import haar_detector

SEED = 2013
JUDGED = 1400
INTENSITIES = (0.25, 0.5, 0.75, 1.0)


def line(figure: str, value: str, bar: str = "") -> None:
    """Print one row of the table."""
    print(f"{figure:<58} {value:>20}   {bar}", flush=True)


def expressions(n: int, intensity: float) -> tuple[np.ndarray, np.ndarray]:
    """Return `n` clean faces (n, 48, 48) of one intensity, and their labels."""
    images = []
    for index in range(n):
        rng = np.random.default_rng([SEED, 1, index])
        person, view = appearance.Person.random(rng, MILD), appearance.View.random(rng, MILD)
        units = faces.expression(EMOTIONS[index % len(EMOTIONS)], rng, intensity)
        images.append(faces.draw(units, person, view))
    return np.stack(images), np.arange(n) % len(EMOTIONS)


def judge(path: Path, data: Dataset, levels: dict[float, tuple[np.ndarray, np.ndarray]]) -> None:
    """Print how well one network recognises the drawn faces."""
    import keras

    model = keras.models.load_model(path, compile=False)

    def right(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        x = images[..., None].astype("float32") / 255
        return model.predict(x, batch_size=256, verbose=0).argmax(1) == labels

    name = path.stem
    hits = right(data.images, data.labels)
    line(f"judge {name}: accuracy on {len(data)} clean faces", f"{hits.mean():.3f}", "0.93 / 0.80")
    for label, emotion in enumerate(EMOTIONS):
        recall = hits[data.labels == label].mean()
        line(f"judge {name}:   {emotion}", f"{recall:.3f}", "0.85 / 0.60")
    flipped = right(data.images[:, :, ::-1], data.labels).mean()
    line(
        f"judge {name}: change when mirrored", f"{100 * (flipped - hits.mean()):+.1f} points", "-2"
    )
    moved = [right(shifted(data.images, dx, dy), data.labels).mean() for dx, dy in SHIFTS]
    line(f"judge {name}: worst change when shifted by 2 pixels",
         f"{100 * (min(moved) - hits.mean()):+.1f} points", "-2")  # fmt: skip
    found = {level: right(*pair) for level, pair in levels.items()}
    for label, emotion in enumerate(EMOTIONS[:-1]):
        steps = [hit[levels[level][1] == label].mean() for level, hit in found.items()]
        rises = "rises" if all(a <= b for a, b in zip(steps, steps[1:], strict=False)) else "falls"
        line(f"judge {name}: recall of {emotion} at 0.25, .5, .75, 1",
             " ".join(f"{s:.2f}" for s in steps), f"monotonic: {rises}")  # fmt: skip


SHIFTS = ((2, 0), (-2, 0), (0, 2), (0, -2))


def shifted(images: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """Return the images shifted by whole pixels; the border is repeated."""
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2)), mode="edge")
    return padded[:, 2 - dy : 50 - dy, 2 - dx : 50 - dx]


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


def lessons(epochs: int) -> None:
    """Print macro F1 of a PCA+SVM, a dense net and a small CNN on the default set."""
    from sklearn.decomposition import PCA
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    data = drawn_set.sample(5000)
    train, test = data.split("Training"), data.split("PublicTest", "PrivateTest")
    flat = make_pipeline(StandardScaler(), PCA(60, random_state=0), SVC(C=5))
    flat.fit(train.images.reshape(len(train), -1) / 255.0, train.labels)
    guess = flat.predict(test.images.reshape(len(test), -1) / 255.0)
    line(
        "macro F1, default set: PCA(60) + SVM",
        f"{f1_score(test.labels, guess, average='macro'):.3f}",
        "0.3 to 0.6",
    )
    for name, build in (("dense net", dense), ("CNN without augmentation", cnn)):
        seconds, seen, unseen = fitted(build, train, test, epochs)
        line(
            f"macro F1, default set: {name}",
            f"{unseen:.3f}",
            f"training {seen:.3f}, {seconds:.0f} s",
        )


def transfer(epochs: int) -> None:
    """Print how well a CNN trained on drawn faces alone recognises the photos of FER-2013."""
    import keras

    from facevalue.drawing import course_faces

    try:
        real = course_faces.load("fer2013").split("PrivateTest")
    except FileNotFoundError:
        line(
            "accuracy on FER-2013 of a CNN trained on drawn faces", "skipped", "FER-2013 is missing"
        )
        return
    keras.utils.set_random_seed(0)
    drawn = drawn_set.sample(20_000, 1)
    truth = drawn.truth["clean_label"].to_numpy() if drawn.truth is not None else drawn.labels
    model = cnn()
    model.compile("adam", "sparse_categorical_crossentropy")
    x = drawn.x
    for epoch in range(epochs):
        model.fit(x[:, :, ::-1] if epoch % 2 else x, truth, batch_size=64, verbose=0)
    guess = model.predict(real.x, verbose=0).argmax(1)
    reached = f"{(guess == real.labels).mean():.3f}"
    line("accuracy on FER-2013 PrivateTest, trained on drawn faces", reached, "0.40")


def dense() -> Any:
    """Return a dense net like those of notebook 03."""
    import keras

    return keras.Sequential(
        [keras.Input((48, 48, 1)), keras.layers.Flatten()]
        + [keras.layers.Dense(128, activation="relu") for _ in range(2)]
        + [keras.layers.Dense(7, activation="softmax")]
    )


def cnn() -> Any:
    """Return a small CNN like those of notebook 04."""
    import keras

    blocks: list[Any] = [keras.Input((48, 48, 1))]
    for filters in (16, 32, 64):
        blocks += [
            keras.layers.Conv2D(filters, 3, padding="same", activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.MaxPooling2D(),
        ]
    blocks += [keras.layers.Flatten(), keras.layers.Dense(64, activation="relu")]
    return keras.Sequential([*blocks, keras.layers.Dense(7, activation="softmax")])


def fitted(
    build: Callable[[], Any], train: Dataset, test: Dataset, epochs: int
) -> tuple[float, float, float]:
    """Train a network; return its seconds and its macro F1 on training and test faces."""
    import keras
    from sklearn.metrics import f1_score

    keras.utils.set_random_seed(0)
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy")
    start = time.perf_counter()
    model.fit(train.x, train.labels, epochs=epochs, batch_size=64, verbose=0)
    seconds = time.perf_counter() - start
    scores = [
        f1_score(part.labels, model.predict(part.x, verbose=0).argmax(1), average="macro")
        for part in (train, test)
    ]
    return seconds, scores[0], scores[1]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    judges = paths.root() / "models" / "judges"
    parser.add_argument("--judges", type=Path, default=judges, help="folder of such networks")
    parser.add_argument("--photos", type=int, default=150, help="photos of each kind to search")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of the small models")
    parser.add_argument("--quick", action="store_true", help="train no small model")
    parser.add_argument("--transfer", action="store_true", help="train on drawn, test on FER-2013")
    options = parser.parse_args()
    line("figure", "measured", "target")
    speed()
    default_set()
    detector(options.photos)
    networks = sorted(options.judges.glob("*.keras"))
    if networks:
        data = drawn_set.sample(JUDGED, SEED, clean=True, progress=False)
        levels = {level: expressions(350, level) for level in INTENSITIES}
        for path in networks:
            judge(path, data, levels)
    else:
        line("judges trained on real faces", "skipped", "tools/train_judges.py trains them")
    if options.quick:
        line("macro F1 of small models", "skipped", "because of --quick")
    else:
        lessons(options.epochs)
    if options.transfer:
        transfer(options.epochs)
    else:
        line("accuracy on FER-2013 of a CNN trained on drawn faces", "skipped", "needs --transfer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
