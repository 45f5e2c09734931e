"""Print, and write to reports/faces.md, how methods rank on drawn faces and what drawings teach.

    python tools/bench_ranking.py                            all but what needs FER-2013
    python tools/bench_ranking.py --transfer                 and what drawings teach about photos
    python tools/bench_ranking.py --only augmentation --seeds 20
    python tools/bench_ranking.py --variety roll=15 --n 5000     with other knobs; only printed
    python tools/bench_ranking.py --photos                   the order on FER-2013; only printed

Each seed has a data set of its own, drawn with that seed (seed 0 draws the default one) and kept in
the cache, and the same seed for the weights, the trees and the order of the images.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import date
from typing import Any

import cv2
import keras
import numpy as np
import pandas as pd
from bench_detection import block, update
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.data.dataset_cache import load_or_make_dataset
from facevalue.drawing import course_faces, drawn_set, faces
from facevalue.drawing.appearance import Person, View
from facevalue.drawing.variety import DEFAULT, Variety
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import results
from facevalue.files import write_text
from facevalue.learning import classical, image_features, networks, training
from facevalue.learning.augmentation import Augmentation
from facevalue.recognition import detection
from facevalue.recognition.recogniser import NAMES, Recogniser

REPORT = paths.root() / "reports" / "faces.md"

SECTIONS = {
    "ranking": "How methods rank on drawn faces",
    "detector": "A detector of photos on drawn faces",
    "augmentation": "What augmentation adds",
    "confusions": "Confusions on photos and on drawn faces",
    "transfer": "Photos, by a network that saw only drawings",
    "pretraining": "A thousand photos, with and without drawings before them",
}
"""The name and the title of each section; the last three need FER-2013 and `--transfer`."""

CONFUSIONS = (
    ("fear", "surprise"),
    ("fear", "sad"),
    ("sad", "neutral"),
    ("neutral", "sad"),
    ("disgust", "angry"),
    ("angry", "disgust"),
)
"""What is shown, and what it is taken for."""

COMPONENTS = 253
"""Of PCA, as in notebook 06."""

LEAST = {
    ("decision tree", "random forest"): 0.02,
    ("random forest", "SVM on PCA"): 0.02,
    ("SVM on PCA", "dense net"): 0.0,
    ("dense net", "SVM on HOG"): 0.02,
    ("SVM on HOG", "CNN"): 0.04,
}
"""How much better the second method of each pair must be: the order that they have on photos."""

CNN_RANGE = (0.70, 0.85)
"""What the CNN must reach: neither too little nor so much that nothing is left to learn."""

DENSE_EPOCHS, CNN_EPOCHS = 20, 30

DENSE_CHANGES = Augmentation(shift=0.05, rotate=7, zoom=0.07, light=0, erase=0)
"""Notebook 03's augmentation of its best dense net."""

CNN_CHANGES = Augmentation(shift=0.08, rotate=10.0, zoom=0.1, light=0.0, erase=0.0)
"""Notebook 04's."""

FEW, FEW_EPOCHS, LEAST_GAIN = 2_000, 24, 0.03
"""Images and epochs of the networks with and without augmentation, and what it must gain."""

DRAWINGS, DRAWING_EPOCHS, LEAST_TRANSFER, AIM_TRANSFER = 20_000, 15, 0.38, 0.45
PHOTOS, PHOTO_EPOCHS = 1_000, 40

ENLARGED, ROOM, LEAST_FOUND = 192, 0.6, 0.97
"""Side of the faces that YuNet searches, in pixels; how large the face is in it, as a share of the
usual crop; and the share of faces that it must find."""


def drawn(n: int, seed: int, variety: Variety) -> Dataset:
    """Return `n` drawn faces of a seed, drawn once and then read from the cache."""
    key = course_faces.drawing_key()
    if variety == DEFAULT:
        name = f"rendered-{n}-{seed}"
    else:
        name = f"rendered-{n}-{seed}-{hashlib.sha256(repr(variety).encode()).hexdigest()[:8]}"
    return load_or_make_dataset(name, key, lambda: drawn_set.sample(n, seed, variety=variety))


def residual_net() -> keras.Model:
    """Return a small form of the recogniser's network, for photos."""
    return networks.residual((16, 32, 64, 128), (1, 1, 1), dropout=0.2)


def taught(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    epochs: int,
    rate: float,
    seed: int,
    augmentation: Augmentation | None,
    **more: Any,
) -> float:
    """Train a network in place, and return the seconds that it took."""
    batch = 128 if len(images) >= 5_000 else 32
    model.compile(
        keras.optimizers.Adam(training.cosine(rate, epochs, len(images), batch)),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
        jit_compile=networks.JIT,
    )
    targets = np.eye(7, dtype="float32")[labels]
    how: dict[str, Any] = {"batch_size": batch, "seed": seed, "verbose": 0} | more
    curve = training.fit(model, (images, targets), epochs=epochs, augmentation=augmentation, **how)
    return float(curve["seconds"].sum())


def accuracy(model: keras.Model, data: Dataset) -> float:
    """Return the share of images that a network labels as the data set does."""
    guesses = model.predict(data.x, batch_size=256, verbose=0).argmax(axis=1)
    return float((guesses == data.labels).mean())


Measured = Iterator[tuple[str, float, float]]
"""Names of methods, their accuracies on PrivateTest, and their seconds."""


def classical_methods(train: Dataset, test: Dataset, seed: int) -> Measured:
    """Yield the measurements of notebook 06's methods, with its settings."""
    components = min(COMPONENTS, len(train) // 2)

    def measured(name: str, model: Any, rows: np.ndarray, test_rows: np.ndarray) -> Any:
        start = time.perf_counter()
        classical.fit(model, rows, train.labels)
        guesses = classical.predict(model, test_rows)
        return name, float((guesses == test.labels).mean()), time.perf_counter() - start

    for view in ("PCA", "HOG"):
        start = time.perf_counter()
        features = image_features.Pixels() if view == "PCA" else image_features.Gradients(8)
        rows, test_rows = (features.transform(data.images) for data in (train, test))
        axes = image_features.pca(rows, components, whiten=view == "HOG")
        rows, test_rows = axes.transform(rows), axes.transform(test_rows)
        yield f"{view} alone", float("nan"), time.perf_counter() - start
        if view == "HOG":
            yield measured("SVM on HOG", SVC(C=2), rows, test_rows)
            continue
        tree = DecisionTreeClassifier(max_depth=14, random_state=seed)
        forest = RandomForestClassifier(200, bootstrap=False, n_jobs=-1, random_state=seed)
        yield measured("decision tree", tree, rows, test_rows)
        yield measured("random forest", forest, rows, test_rows)
        yield measured("SVM on PCA", SVC(C=3), rows, test_rows)


def network_methods(train: Dataset, test: Dataset, seed: int) -> Measured:
    """Yield the measurements of the dense net and the CNN."""
    settings = {
        "dense net": (networks.dense_net, DENSE_EPOCHS, 0.001, DENSE_CHANGES),
        "CNN": (networks.small_cnn, CNN_EPOCHS, 0.004, CNN_CHANGES),
    }
    for name, (build, epochs, rate, changes) in settings.items():
        keras.utils.set_random_seed(seed)
        model = build()
        seconds = taught(model, train.images, train.labels, epochs, rate, seed, changes)
        yield name, accuracy(model, test), seconds


def verdict(good: bool | np.bool) -> str:
    """Return the word for a bar that is reached or missed."""
    return "reached" if good else "MISSED"


def ranking(load: Callable[[int], Dataset], seeds: range) -> tuple[str, str]:
    """Return prose and tables about the order of the methods on data sets of several seeds."""
    rows = []
    for seed in seeds:
        data = load(seed)
        train, test = data.split("Training"), data.split("PrivateTest")
        for methods in (classical_methods, network_methods):
            for name, share, seconds in methods(train, test, seed):
                rows.append({"method": name, "seed": seed, "accuracy": share, "seconds": seconds})
                print(f"seed {seed}: {name:<14} {share:.3f} {seconds:6.1f} s", flush=True)
    table = pd.DataFrame(rows)
    by_seed = table.pivot(index="seed", columns="method", values="accuracy")
    names = [*dict.fromkeys(name for pair in LEAST for name in pair)]
    seconds_of = table.groupby("method")["seconds"].median()
    methods_table = by_seed[names].agg(["mean", "std", "min", "max"]).T
    methods_table["seconds"] = seconds_of[names]
    steps = []
    for (worse, better), least in LEAST.items():
        gaps = by_seed[better] - by_seed[worse]
        steps.append(
            {
                "step": f"{worse} < {better}",
                "mean": gaps.mean(),
                "std": gaps.std(),
                "least seed": gaps.min(),
                "to reach": least,
                "": verdict(gaps.mean() >= least),
            }
        )
    cnn = by_seed["CNN"].mean()
    low, high = CNN_RANGE
    total = table.groupby("seed")["seconds"].sum()
    lines = [
        methods_table.to_string(float_format="{:.3f}".format),
        pd.DataFrame(steps).set_index("step").to_string(float_format="{:.3f}".format),
        f"CNN in {low:.2f} to {high:.2f}: {cnn:.3f}, {verdict(low <= cnn <= high)}",
        f"all methods of a seed, PCA and HOG included: {total.median():.0f} s",
    ]
    parameters = networks.small_cnn().count_params()
    majority = np.mean(test.labels == np.bincount(train.labels).argmax())
    prose = f"""Accuracy on PrivateTest ({len(test):,} images) after training on {len(train):,}
        images, mean over {len(seeds)} seeds; the most frequent emotion alone has {majority:.3f}.
        The classical methods have notebook 06's settings, the dense net is notebook 03's best one
        ({DENSE_EPOCHS} epochs), and the CNN, notebook 04's, has {parameters:,} parameters and
        {CNN_EPOCHS} epochs. The step from the SVM on PCA to the dense net may be none, the one to
        the CNN must be 0.04, the others 0.02. The bars are those of drawn faces. Seconds are the
        median of the seeds."""
    return prose, "\n\n".join(lines)


def enlarged(image: np.ndarray) -> np.ndarray:
    """Return a face of 48 x 48 pixels four times as large, with its edge repeated around it."""
    room = round(48 * (1 / ROOM - 1) / 2)
    wide = cv2.copyMakeBorder(image, room, room, room, room, cv2.BORDER_REPLICATE)
    return cv2.resize(wide, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)


def redrawn(face: dict[Any, Any]) -> np.ndarray:
    """Return a face of the truth's table, drawn larger and with room around it."""
    units = {int(str(k)[3:]): float(v) for k, v in face.items() if str(k).startswith("au_")}
    person = Person(**{f.name: face[f.name] for f in fields(Person) if f.name in face})
    view = View(**{f.name: face[f.name] for f in fields(View) if f.name in face})
    return faces.draw(units, person, replace(view, scale=view.scale * ROOM), ENLARGED)


def detector(data: Dataset, photos: Dataset | None) -> tuple[str, str]:
    """Return prose and a table about the faces in which YuNet finds a face."""
    test = data.split("PrivateTest")
    assert test.truth is not None, "drawn faces have a truth"
    rows = test.truth.to_dict("records")
    found = pd.DataFrame({"yaw": test.truth["yaw"].abs(), "covered": test.truth["occlusion"]})
    found["redrawn"] = [bool(detection.find_faces(redrawn(row))) for row in rows]
    found["enlarged"] = [bool(detection.find_faces(enlarged(image))) for image in test.images]
    turns = pd.cut(found["yaw"], [-1, 10, 20, 30, 40, 90]).rename("yaw")
    parts = []
    for key in (turns, found["covered"]):
        groups = found.groupby(key, observed=True)[["redrawn", "enlarged"]]
        parts.append(groups.mean().assign(faces=groups.size()))
    table = pd.concat(parts, keys=["yaw", "covered"])
    share = found["redrawn"].mean()
    lines = [
        table.to_string(float_format="{:.3f}".format),
        f"all, redrawn: {share:.3f}, to reach {LEAST_FOUND}: {verdict(share >= LEAST_FOUND)}",
        f"all, enlarged: {found['enlarged'].mean():.3f}",
    ]
    if photos is not None:
        some = photos.split("PrivateTest").take(slice(len(test)))
        real = np.mean([bool(detection.find_faces(enlarged(image))) for image in some.images])
        lines.append(f"FER-2013's PrivateTest, the first {len(some):,}, enlarged: {real:.3f}")
    prose = f"""The share of the {len(test):,} PrivateTest faces of seed 0 in which YuNet finds a
        face. They are redrawn from their truth on {ENLARGED} x {ENLARGED} pixels, {ROOM} as large
        as in their tight crop; beside it, the images of 48 x 48 pixels themselves, four times as
        large, with their edges repeated around them. Yaw is in degrees, either way."""
    return prose, "\n\n".join(lines)


def augmentation(data: Dataset, seeds: range) -> tuple[str, str]:
    """Return prose and a table about a network trained with and without augmentation."""
    test = data.split("PrivateTest")
    rows = []
    for seed in seeds:
        train = data.sample(FEW, seed).split("Training")
        row: dict[str, float] = {"seed": seed}
        for name, changes in (("plain", None), ("augmented", CNN_CHANGES)):
            keras.utils.set_random_seed(seed)
            model = networks.small_cnn()
            seconds = taught(model, train.images, train.labels, FEW_EPOCHS, 0.004, seed, changes)
            row[f"{name}, training"] = accuracy(model, train)
            row[f"{name}, test"] = accuracy(model, test)
            row[f"{name}, seconds"] = seconds
        row["gain"] = row["augmented, test"] - row["plain, test"]
        rows.append(row)
        print(" ".join(f"{k} {v:.3g}" for k, v in row.items()), flush=True)
    table = pd.DataFrame(rows).set_index("seed")
    good = int((table["gain"] >= LEAST_GAIN).sum())
    lines = [
        table.agg(["mean", "std", "min", "max"]).T.to_string(float_format="{:.3f}".format),
        f"gain of {LEAST_GAIN} or more: {good} of {len(table)} seeds, to reach 19 of 20: "
        f"{verdict(good >= 0.95 * len(table))}",
    ]
    prose = f"""The CNN of the ranking learns {FEW:,} drawn images (of the Training split of
        seed 0, a stratified sample for each seed) for {FEW_EPOCHS} epochs, with and without
        augmentation, and is tested on PrivateTest. Training accuracy is on the images that it
        learnt, with their 8 % of wrong labels, unchanged."""
    return prose, "\n\n".join(lines)


def confusions(data: Dataset, photos: Dataset) -> tuple[str, str]:
    """Return prose and a table of what the shipped networks confuse on photos and on drawings."""
    sets = {"photos": photos.split("PublicTest"), "drawn": data.split("PublicTest")}
    assert data.truth is not None, "drawn faces have a truth"
    truth = data.truth["clean_label"].to_numpy()[data.splits == "PublicTest"]
    labels = {"photos": sets["photos"].labels, "drawn": truth}
    table = pd.DataFrame(index=[f"{shown} taken for {taken}" for shown, taken in CONFUSIONS])
    for name in NAMES:
        recogniser = Recogniser(name)
        for where, part in sets.items():
            guesses = recogniser.probabilities(part.x).argmax(axis=1)
            table[f"{name}, {where}"] = [
                np.mean(guesses[labels[where] == EMOTIONS.index(shown)] == EMOTIONS.index(taken))
                for shown, taken in CONFUSIONS
            ]
    count = np.bincount(truth, minlength=7)
    prose = f"""How often the shipped networks, which learnt from photos and, besides, from 1,780
        drawings of other people, take one emotion for another on PublicTest of FER-2013 and of the
        drawn faces of seed 0, whose true labels are known. Of the drawn faces, {count[1]} show
        disgust and {count[2]} fear, of the photos {np.sum(labels["photos"] == 1)} and
        {np.sum(labels["photos"] == 2)}."""
    return prose, table.to_string(float_format="{:.3f}".format)


def drawings_network(variety: Variety, n: int) -> tuple[keras.Model, float]:
    """Return a network trained on `n` drawn faces, and the seconds that it took.

    It is kept in data/processed/training: the same drawings are learnt once.
    """
    data = drawn(n, 1, variety)
    assert data.truth is not None, "drawn faces have a truth"
    keras.utils.set_random_seed(1)
    model = residual_net()
    labels = data.truth["clean_label"].to_numpy()
    how = {"name": "bench_ranking_drawings", "keep": True, "verbose": 2}
    epochs = DRAWING_EPOCHS
    return model, taught(model, data.images, labels, epochs, 0.003, 1, Augmentation(), **how)


def transfer(variety: Variety, n: int, photos: Dataset) -> tuple[str, str]:
    """Return prose and a table about photos, as a network that saw only drawings labels them."""
    model, seconds = drawings_network(variety, n)
    rows = {}
    for split in ("PublicTest", "PrivateTest"):
        part = photos.split(split)
        guesses = model.predict(part.x, batch_size=256, verbose=0).argmax(axis=1)
        right = guesses == part.labels
        recalls = [right[part.labels == label].mean() for label in range(7)]
        frequent = np.mean(part.labels == np.bincount(part.labels).argmax())
        rows[split] = {"accuracy": right.mean(), "always happy": frequent}
        rows[split] |= dict(zip(EMOTIONS, recalls, strict=True))
    table = pd.DataFrame(rows)
    share = rows["PrivateTest"]["accuracy"]
    lines = [
        table.to_string(float_format="{:.3f}".format),
        f"PrivateTest, to reach {LEAST_TRANSFER}: {verdict(share >= LEAST_TRANSFER)}",
        f"PrivateTest, the aim of {AIM_TRANSFER}: {verdict(share >= AIM_TRANSFER)}",
        f"seconds of training: {seconds:.0f}",
    ]
    prose = f"""Accuracy and recalls on FER-2013 of a residual network of
        {model.count_params():,} parameters that has learnt nothing but {n:,} drawn faces with
        their true labels (seed 1), for {DRAWING_EPOCHS} epochs with augmentation; one network."""
    return prose, "\n\n".join(lines)


def pretraining(variety: Variety, n: int, photos: Dataset, seeds: range) -> tuple[str, str]:
    """Return prose and a table about a network of few photos, with drawings before them or not."""
    first, _ = drawings_network(variety, n)
    weights = first.get_weights()
    test = photos.split("PrivateTest")
    rows = []
    for seed in seeds:
        train = photos.sample(PHOTOS, seed).split("Training")
        row: dict[str, float] = {"seed": seed}
        for name in ("photos only", "drawings before"):
            keras.utils.set_random_seed(seed)
            model = residual_net()
            if name == "drawings before":
                model.set_weights(weights)
            changes, epochs = Augmentation(), PHOTO_EPOCHS
            row[f"{name}, seconds"] = taught(
                model, train.images, train.labels, epochs, 0.002, seed, changes
            )
            row[name] = accuracy(model, test)
        row["gain"] = row["drawings before"] - row["photos only"]
        rows.append(row)
        print(" ".join(f"{k} {v:.3g}" for k, v in row.items()), flush=True)
    table = pd.DataFrame(rows).set_index("seed")
    figures = table.agg(["mean", "std", "min", "max"]).T.to_string(float_format="{:.3f}".format)
    prose = f"""Accuracy on FER-2013's PrivateTest of the same network, trained for {PHOTO_EPOCHS}
        epochs on {PHOTOS:,} photos (a stratified sample for each seed), from random weights or from
        those that it had after {n:,} drawn faces."""
    return prose, figures


def knobs(words: list[str]) -> Variety:
    """Return the default variety with some knobs changed, each written as name=value."""
    known = {field.name for field in fields(Variety)}
    changes = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in known:
            raise SystemExit(f"There is no knob {name!r}: choose from {', '.join(sorted(known))}.")
        try:
            changes[name] = float(value)
        except ValueError:
            raise SystemExit(f"{word!r} sets no number: write, for example, {name}=0.2.") from None
    return replace(DEFAULT, **changes)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--n", type=int, default=12_500, help="drawn faces of a seed")
    parser.add_argument("--drawings", type=int, default=DRAWINGS, help="those before photos")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0")
    parser.add_argument("--variety", nargs="+", default=[], metavar="KNOB=VALUE")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="measure these sections alone")
    parser.add_argument("--transfer", action="store_true", help="measure on FER-2013, too")
    parser.add_argument("--photos", action="store_true", help="rank on FER-2013; only printed")
    options = parser.parse_args()
    variety, seeds, n = knobs(options.variety), range(options.seeds), options.n
    needs_photos = {"confusions", "transfer", "pretraining"}
    chosen = options.only or [s for s in SECTIONS if options.transfer or s not in needs_photos]
    photos = None
    try:
        photos = course_faces.load("fer2013")
    except FileNotFoundError as error:
        if options.photos or needs_photos & set(chosen):
            raise SystemExit(str(error)) from None
    if options.photos:
        assert photos is not None
        sampled = photos
        print(block(*ranking(lambda seed: sampled.sample(n * 4 // 5, seed), seeds)))
        return 0

    def load(seed: int) -> Dataset:
        return drawn(n, seed, variety)

    measures: dict[str, Callable[[], tuple[str, str]]] = {
        "ranking": lambda: ranking(load, seeds),
        "detector": lambda: detector(load(0), photos),
        "augmentation": lambda: augmentation(load(0), seeds),
        "confusions": lambda: confusions(load(0), photos),  # type: ignore[arg-type]
        "transfer": lambda: transfer(variety, options.drawings, photos),  # type: ignore[arg-type]
        "pretraining": lambda: pretraining(variety, options.drawings, photos, seeds),  # type: ignore[arg-type]
    }
    for name in chosen:
        text = block(*measures[name]())
        used = f"--only {name} --n {n} --seeds {options.seeds}"
        if name in needs_photos:
            used += f" --drawings {options.drawings}"
        source = f"Printed on {date.today()} by `python tools/bench_ranking.py {used}`"
        body = f"{source}\n({results.machine()}).\n\n{text}"
        print(f"\n{SECTIONS[name]}\n\n{body}", flush=True)
        if not options.variety:
            write_text(REPORT, update(REPORT.read_text("utf-8"), SECTIONS[name], body))
    return 0


if __name__ == "__main__":
    sys.exit(main())
