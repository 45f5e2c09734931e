"""Print, and write to reports/recogniser.md, the recogniser's accuracy and speed.

    python tools/bench_recogniser.py                       FER-2013: accuracy, by class, speed
    python tools/bench_recogniser.py --peers PYTHON        compared with `fer` in that Python
    python tools/bench_recogniser.py --crops               accuracy by the margin of the crop

For --peers, install the package in a separate environment, since it needs other versions than this
project: `pip install fer==25.10.3 "setuptools<80"`. PYTHON is the path of its python.
Sections that are not measured in this run stay in the report.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from bench_detection import block, update
from sklearn.metrics import f1_score
from tqdm import tqdm

from facevalue import Recogniser, emotions, image_files, paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces, faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import metrics, results
from facevalue.exploration import duplicates
from facevalue.files import write_text
from facevalue.recognition import cropping, detection, recogniser
from facevalue.recognition.face import Face, overlap

REPORT = paths.root() / "reports" / "recogniser.md"
TITLE = "# How right the recogniser is, and how quick"

THREADS = 2
TIMED = 1_024
"""Faces that are classified in each timed round."""

MARGINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)

LOAD = """
import sys, time
start = time.perf_counter()
from facevalue import Recogniser
Recogniser(sys.argv[1])
print(time.perf_counter() - start)
"""

PEER = '''
import logging, os, sys, time, warnings
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.simplefilter("ignore")
folder, threads, timed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
import cv2, numpy as np, tensorflow as tf
tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(threads)
cv2.setNumThreads(threads)
from fer.fer import FER
import fer
logging.disable(logging.WARNING)
detectors = [FER(), FER(use_tflite=False)]
images = np.load(folder + "/images.npy", allow_pickle=False)

def classify(detector, images):
    """Do what FER.detect_emotions does with a crop, 64 at a time."""
    rows = []
    for start in range(0, len(images), 64):
        batch = np.array([cv2.resize(face, (64, 64)) for face in images[start : start + 64]])
        batch = (batch.astype("float32") / 255.0 - 0.5) * 2.0
        rows.append(np.asarray(detector._classify_emotions(batch)))
    return np.concatenate(rows)

for number, detector in enumerate(detectors):
    np.save(f"{folder}/peer{number}.npy", classify(detector, images))
print("measured", fer.__version__, flush=True)
for line in sys.stdin:
    detector = detectors[int(line)]
    start = time.perf_counter()
    classify(detector, images[:timed])
    print("measured", time.perf_counter() - start, flush=True)
'''
"""The code for the other environment: it prints a line when it is ready, and for each round."""

PEERS = ("default settings, TensorFlow Lite", "use_tflite=False, Keras")


def fer2013() -> Dataset:
    """Return FER-2013, or stop the command if it is not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # how exact the copy is does not matter here
        try:
            return course_faces.load("fer2013")
        except FileNotFoundError as error:
            raise SystemExit(f"The recogniser is measured on FER-2013: {error}") from None


def without_copies(data: Dataset, split: str = "PrivateTest") -> np.ndarray:
    """Return which images of a split have no exact copy in Training: bool, shape (n,)."""
    groups = duplicates.exact_duplicates(data.images)
    return ~np.isin(groups[data.splits == split], groups[data.splits == "Training"])


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return the headline numbers: accuracy, top-3, macro F1, expected calibration error."""
    guesses = probabilities.argmax(axis=1)
    return {
        "images": len(labels),
        "accuracy": float((guesses == labels).mean()),
        "top-3": metrics.top_k_accuracy(labels, probabilities),
        "macro F1": float(f1_score(labels, guesses, average="macro")),
        "calibration error": metrics.calibration_error(labels, probabilities),
    }


def accuracy_table(data: Dataset, found: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return the scores on PrivateTest of several models, with and without the copies.

    Args:
        data: FER-2013.
        found: by model, its probabilities for PrivateTest.
    """
    labels, kept = data.split("PrivateTest").labels, without_copies(data)
    rows = {}
    for name, probabilities in found.items():
        rows[name, "official"] = scores(labels, probabilities)
        rows[name, "without copies"] = scores(labels[kept], probabilities[kept])
    table = pd.DataFrame(rows).T.rename_axis(["model", "PrivateTest"])
    return table.astype({"images": int})


def text(table: pd.DataFrame) -> str:
    """Return a table as text, shares with four digits."""
    return table.to_string(float_format="{:.4f}".format)


def own_accuracy(data: Dataset, names: list[str]) -> dict[str, str]:
    """Return the sections on the accuracy of our models."""
    private = data.split("PrivateTest")
    found = {
        name: Recogniser(name, threads=THREADS).probabilities(private.images)
        for name in tqdm(names, desc="PrivateTest")
    }
    prose = """FER-2013's PrivateTest, one crop, one model, nothing averaged. "without copies"
        leaves out the images that are, pixel by pixel, also in Training. The calibration error is
        the expected one, in ten steps of confidence."""
    parts = {"Accuracy": block(prose, text(accuracy_table(data, found)))}
    for name, probabilities in found.items():
        table = metrics.report(private.labels, probabilities.argmax(axis=1))
        prose = f"The model `{name}` on FER-2013's PrivateTest, all of its images."
        parts[f"By class, {name}"] = block(prose, text(table))
    return parts


def load_seconds(name: str, runs: int = 5) -> float:
    """Return the median time that a new process needs to import and load a model."""
    line = [sys.executable, "-c", LOAD, name]
    seconds = [
        float(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
        for _ in range(runs)
    ]
    return float(np.median(seconds))


def ours(name: str, images: np.ndarray) -> Callable[[], float]:
    """Return a function that classifies the images once and returns the seconds it took."""
    model = Recogniser(name, threads=THREADS)
    model.probabilities(images[:64])

    def timed() -> float:
        start = time.perf_counter()
        for first in range(0, len(images), 64):
            model.probabilities(images[first : first + 64])
        return time.perf_counter() - start

    return timed


def alternate(timers: dict[str, Callable[[], float]], n: int, rounds: int) -> pd.DataFrame:
    """Return faces per second of several models, measured alternately."""
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for _ in tqdm(range(rounds), desc="rounds"):
        for name, timer in timers.items():
            seconds[name].append(timer())
    speeds = n / pd.DataFrame(seconds)
    table = pd.DataFrame(
        {"faces/s, median": speeds.median(), "least": speeds.min(), "most": speeds.max()}
    )
    return table.round(0).astype(int)


def own_speed(images: np.ndarray, names: list[str], rounds: int) -> dict[str, str]:
    """Return the section on the speed of our models."""
    cv2.setNumThreads(THREADS)
    table = alternate({name: ours(name, images) for name in names}, len(images), rounds)
    table["load, s"] = [f"{load_seconds(name):.2f}" for name in names]
    table[".onnx, MB"] = [f"{Recogniser(name).file.stat().st_size / 1e6:.2f}" for name in names]
    prose = f"""{len(images):,} faces of 48 x 48, uint8, 64 at a time, two threads, from pixels to
        probabilities; {rounds} rounds, the models in turn. "load" is from `import` to a recogniser
        that is ready, in a new process."""
    return {"Speed": block(prose, table.to_string())}


@contextmanager
def peer(
    python: str, images: np.ndarray
) -> Iterator[tuple[str, list[np.ndarray], Callable[[int], float]]]:
    """Run `fer` in another environment; yield its version, its probabilities, and a timer."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        np.save(folder / "images.npy", images)
        errors = stack.enter_context((folder / "errors").open("w+"))
        line = [python, "-c", PEER, str(folder), str(THREADS), str(TIMED)]
        try:
            child = subprocess.Popen(
                line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        except OSError as error:
            raise SystemExit(f"{python} does not start: {error.strerror}.") from None
        stack.callback(child.wait)
        stack.callback(child.kill)
        assert child.stdin and child.stdout
        requests, answers = child.stdin, child.stdout

        def answer() -> str:
            for line in answers:
                if line.startswith("measured "):
                    return line.split()[1]
            errors.seek(0)
            last = (errors.read().strip().splitlines() or ["it ended without a message"])[-1]
            raise SystemExit(f"`fer` does not run in {python}: {last}")

        def timer(number: int) -> float:
            requests.write(f"{number}\n")
            requests.flush()
            return float(answer())

        version = answer()
        found = [
            np.load(folder / f"peer{number}.npy", allow_pickle=False)
            for number in range(len(PEERS))
        ]
        yield version, found, timer


def compare_with_fer(python: str, data: Dataset, names: list[str], rounds: int) -> dict[str, str]:
    """Return the section that compares our models with `fer` on the same images."""
    private = data.split("PrivateTest")
    images = private.images[:TIMED]
    print("starting the other environment", file=sys.stderr, flush=True)
    with peer(python, private.images) as (version, theirs, timer):
        cv2.setNumThreads(THREADS)
        timers = {name: ours(name, images) for name in names}
        found = {n: Recogniser(n, threads=THREADS).probabilities(private.images) for n in names}
        for number, (mode, probabilities) in enumerate(zip(PEERS, theirs, strict=True)):
            name = f"fer {version}, {mode}"
            found[name] = probabilities
            timers[name] = partial(timer, number)
        speed = alternate(timers, len(images), rounds)
    table = accuracy_table(data, found).drop(columns="images")
    official = table.xs("official", level="PrivateTest").join(speed)
    official.insert(1, "without copies", table.xs("without copies", level=1)["accuracy"])
    prose = f"""FER-2013's PrivateTest, official crops. `fer` gets each crop as its own
        `detect_emotions` prepares one (64 x 64, -1 to 1), without its detector and its border. The
        speed is that of {len(images):,} faces, 64 at a time, {THREADS} threads, preparation
        included, {rounds} rounds in turn on the same machine."""
    return {"Beside fer": block(prose, text(official.rename_axis(None)))}


def geometry(data: Dataset, n: int = 600) -> str:
    """Return a sentence on the margin of FER-2013's own crops around the detected box."""
    images = data.split("Training").images
    rows = np.random.default_rng(0).choice(len(images), n, replace=False)
    margins = []
    for image in tqdm(images[rows], desc="FER-2013's own crops"):
        large = cv2.resize(image, (144, 144), interpolation=cv2.INTER_CUBIC)
        wide = cv2.copyMakeBorder(large, 72, 72, 72, 72, cv2.BORDER_REPLICATE)
        for face in detection.find_faces(wide)[:1]:
            margins.append((144 / max(face.box[2:]) - 1) / 2)
    low, middle, high = np.quantile(margins, [0.25, 0.5, 0.75])
    return (
        f"In {len(margins)} of {n} Training images, three times as large and with a border, YuNet "
        f"finds a face; the crop's margin around its box is {middle:.3f} of the box "
        f"(median; quartiles {low:.3f} and {high:.3f})."
    )


Found = tuple[np.ndarray, Face, int]
"""A photo in grey levels, a face in it, and its label."""


def drawn_photos(n: int) -> list[Found]:
    """Return drawn photos of one person each, in which the detector finds the face."""
    found = []
    for seed in tqdm(range(n), desc="drawing photos"):
        photo = faces.photo(seed, 1)
        grey = cv2.cvtColor(photo.image, cv2.COLOR_RGB2GRAY)
        for face in detection.find_faces(grey):
            if overlap(face.box, photo.boxes[0]) > 0.4:
                found.append((grey, face, EMOTIONS.index(photo.emotions[0])))
                break
    return found


def real_photos(folder: Path) -> list[Found]:
    """Return the largest face of each labelled photo (photos.csv: file, emotion)."""
    table = pd.read_csv(folder / "photos.csv")
    found = []
    pairs = zip(table["file"], table["emotion"], strict=True)
    for name, emotion in tqdm(pairs, total=len(table), desc="reading photos"):
        grey = cv2.cvtColor(image_files.read_photo(folder / name), cv2.COLOR_RGB2GRAY)
        for face in detection.find_faces(grey)[:1]:
            found.append((grey, face, emotions.number(emotion)))
    return found


def crops(data: Dataset, names: list[str], folder: Path, n: int) -> dict[str, str]:
    """Return the section on accuracy by the margin of the crop."""
    sets = {"drawn": drawn_photos(n)}
    if (folder / "photos.csv").is_file():
        sets["real"] = real_photos(folder)
    else:
        print(f"The real photos are skipped: there is no photos.csv in {folder}.", file=sys.stderr)
    rows: dict[float, dict[str, float]] = {margin: {} for margin in MARGINS}
    models = [Recogniser(name, threads=THREADS) for name in names]
    for margin, row in rows.items():
        for kind, found in sets.items():
            size = image_files.FACE_SIZE
            cut = [cropping.crop(grey, face, size, margin) for grey, face, _ in found]
            labels = np.array([label for _, _, label in found])
            for model in models:
                guesses = model.probabilities(np.stack(cut)).argmax(axis=1)
                row[f"{model.name}, {kind}"] = float((guesses == labels).mean())
    table = pd.DataFrame(rows).T.rename_axis("margin")
    counts = " and ".join(f"{len(found)} {kind} photos" for kind, found in sets.items())
    prose = f"""Accuracy on {counts} in which `detection.find_faces` finds a face, by the margin
        that is added on each side of its box. The drawn ones are `faces.photo`, seeds from 0, one
        person each; the real ones are of muxspace/facial_expressions, labelled by students, the
        largest face of each, and their number leaves an error of about three points.\n
        {geometry(data)} `Recogniser.photo` adds {cropping.MARGIN:g}."""
    return {"Crops": block(prose, table.to_string(float_format="{:.3f}".format))}


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    photos = paths.root().parent / "shared" / "data" / "photos"
    parser.add_argument("--models", nargs="+", choices=recogniser.NAMES, default=recogniser.NAMES)
    parser.add_argument("--peers", metavar="PYTHON", help="the python that has `fer`")
    parser.add_argument("--crops", action="store_true", help="compare margins around a face")
    parser.add_argument("--photos", type=Path, default=photos, help="folder of the real photos")
    parser.add_argument("--drawn", type=int, default=300, help="drawn photos for --crops")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds")
    parser.add_argument("--no-report", action="store_true", help="print only")
    options = parser.parse_args()
    names, data = list(options.models), fer2013()
    used = "".join(f" --models {' '.join(names)}" * (set(names) != set(recogniser.NAMES)))
    if options.crops:
        used += " --crops"
        parts = crops(data, names, options.photos, options.drawn)
    elif options.peers:
        used += " --peers PYTHON"
        parts = compare_with_fer(options.peers, data, names, options.rounds)
    else:
        parts = own_accuracy(data, names)
        parts |= own_speed(data.split("PrivateTest").images[:TIMED], names, options.rounds)
    report = REPORT.read_text("utf-8") if REPORT.is_file() else f"{TITLE}\n"
    for section, measured in parts.items():
        source = f"Printed on {date.today()} by `python tools/bench_recogniser.py{used}`"
        body = f"{source}\n({results.machine()}).\n\n{measured}"
        print(f"\n{section}\n\n{body}", flush=True)
        report = update(report, section, body)
    if not options.no_report:
        write_text(REPORT, report)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped: the report is unchanged.")
