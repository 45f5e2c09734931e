"""Measure notebook 04 on real photos, and write the counts to reports/on_real_photos.

    python tools/lesson04_on_photos.py
    python tools/lesson04_on_photos.py --only moved

FER-2013 and FER+ are read from data/raw or FACEVALUE_DATA. The published networks were trained by
the full run of the notebooks: their numbers are read from reports/. The notebook's own two networks
are trained here, on as many photos as it has drawings; an interrupted training goes on where it
was. The recogniser's scores go to reports/results.csv, too. Only counts and curves are written, no
photo and no line about a single one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
import pandas as pd
import photo_results

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.drawing import course_faces
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import corruptions, metrics, records, results
from facevalue.exploration import second_opinion
from facevalue.learning import networks, training
from facevalue.learning.augmentation import Augmentation
from facevalue.learning.batches import network_input
from facevalue.learning.curves import curve_file
from facevalue.recognition import shipped
from facevalue.recognition.recogniser import Recogniser

IMAGES, EPOCHS, BATCH, SEED = 10_000, 10, 64, 42
"""How the notebook trains its two networks on drawn faces."""

NETWORKS = {
    "dense net": (networks.dense_net, 0.001),
    "small CNN": (networks.small_cnn, 0.004),
}
CHANGES = Augmentation(shift=0.08, rotate=10, zoom=0.1, light=0, erase=0)
PIXELS = 3
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""The four ways in which faces are moved: down, right."""

STAGES = ("accurate_clean-0", f"accurate-{shipped.SEEDS['accurate']}")
"""The trainings of the recogniser, one after the other."""

COMMAND = "python tools/lesson04_on_photos.py --only scores"

PUBLISHED = {
    "CNN of project 3": (0.27, 7178),
    "cnn6": (0.6151, 7178),
    "four convolutions": (0.66, 7066),
}
"""Accuracies that the projects printed, and the number of their test images."""

STEPS = (
    "nothing",
    "dropout",
    "augmentation",
    "weight_decay",
    "schedule",
    "early_stopping",
    "label_smoothing",
)
CHANGED = {
    "no augmentation": "no augmentation",
    "flip only": "mirrored only",
    "no light, no erasing": "mirrored, moved, turned, zoomed",
    "as it is": "also light and erasing",
}
"""Rows of reports/ablations.csv, and what to call them."""

Result = tuple[str, pd.DataFrame]
"""A title, which states the finding, and a table as `plots.plot_result` draws it."""


def full_run(split: str = "PrivateTest") -> pd.DataFrame:
    """Return the scores of the full run on FER-2013, by the name of the model."""
    table = results.read().query("data == 'fer2013' and split == @split")
    return results.fullest(table).set_index("model")


def compared() -> Result:
    """Return how many photos each network gets right, and what its project printed."""
    scores = full_run()
    names = ["best dense net", *PUBLISHED, "recogniser, accurate"]
    rows = []
    for name in names:
        images = int(scores["images"][name])
        rows.append((name, "here", round(scores["accuracy"][name] * images), images))
        if name in PUBLISHED:
            share, of = PUBLISHED[name]
            rows.append((name, "as published", round(share * of), of))
    found = [scores["accuracy"][name] for name in PUBLISHED]
    dense = scores["accuracy"]["best dense net"]
    title = f"three CNNs get {min(found):.0%} to {max(found):.0%} right, the dense net {dense:.0%}"
    return title, photo_results.shares(rows)


def curves_of(models: dict[str, str]) -> pd.DataFrame:
    """Return the stored curves of the full run, by the name to give each."""
    parts = []
    for model, name in models.items():
        curve = pd.read_csv(curve_file(model, "fer2013", "full"))
        parts.append(curve[["epoch", "accuracy", "val_accuracy"]].assign(series=name))
    return pd.concat(parts).round(4)


def curves() -> Result:
    """Return the learning curves of the published networks."""
    table = curves_of({name: name for name in PUBLISHED})
    best = table.groupby("series")["val_accuracy"].max()
    name = str(best.idxmax())
    return f"the highest curve, of {name}, reaches {best.max():.0%} of PublicTest", table


def overfitting() -> Result:
    """Return the learning curves of the small net on few photos, without and with all remedies."""
    models = {"small net, nothing": "no remedy", "small net, label_smoothing": "all remedies"}
    table = curves_of(models)
    last = table.groupby("series").last()
    plain = last.loc["no remedy"]
    best = table[table["series"] == "no remedy"]["val_accuracy"].max()
    own, new = f"{plain['accuracy']:.0%} of its photos", f"at most {best:.0%} of new ones"
    return f"without a remedy it knows {own}, and {new}", table


def remedies() -> Result:
    """Return how many photos the small net gets right after each further remedy."""
    scores = full_run("PrivateTest, after few images")
    rows = []
    for step in STEPS:
        images, accuracy = scores.loc[f"small net, {step}", ["images", "accuracy"]].to_numpy(float)
        name = step.replace("_", " ") if step == "nothing" else f"+ {step.replace('_', ' ')}"
        rows.append((name, "new photos", round(float(accuracy) * float(images)), int(images)))
    first, last = rows[0], rows[-1]
    gain = f"from {first[2] / first[3]:.0%} to {last[2] / last[3]:.0%}"
    return f"all remedies lift a small net {gain}", photo_results.shares(rows)


def augmentation() -> Result:
    """Return how many PublicTest photos a small residual network gets right by its augmentation."""
    table = pd.read_csv(paths.root() / "reports" / "ablations.csv").set_index("change")
    of = 3589
    rows = [
        (name, "new photos", round(table["accuracy"][change] * of), of)
        for change, name in CHANGED.items()
    ]
    low, high = rows[0][2] / of, max(row[2] for row in rows) / of
    title = f"augmentation lifts a network from {low:.0%} to {high:.0%} of PublicTest"
    return title, photo_results.shares(rows)


def trained(
    name: str, data: Dataset, changes: Augmentation | None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function from images to answers of a network trained on photos."""
    build, rate = NETWORKS[name]
    train = data.sample(IMAGES, SEED).split("Training")
    keras.utils.set_random_seed(SEED)
    model = build()
    model.compile(
        keras.optimizers.Adam(training.cosine(rate, EPOCHS, len(train), BATCH)),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
        jit_compile=networks.JIT,
    )
    targets = np.eye(7, dtype="float32")[train.labels]
    training.fit(
        model,
        (train.images, targets),
        epochs=EPOCHS,
        batch_size=BATCH,
        augmentation=changes,
        seed=SEED,
        name=f"lesson04_{name.replace(' ', '_')}_{'changed' if changes else 'unchanged'}",
        keep=True,
    )

    def answer(images: np.ndarray) -> np.ndarray:
        return model.predict(network_input(images), batch_size=256, verbose=0).argmax(axis=1)

    return answer


def moved(data: Dataset) -> Result:
    """Return how many photos the notebook's networks get right, in place and moved."""
    test = data.split("PrivateTest")
    rows, share = [], {}
    for name in NETWORKS:
        for changes in (None, CHANGES):
            series = f"{name}{', augmented' if changes else ''}"
            answer = trained(name, data, changes)
            right = [int((answer(test.images) == test.labels).sum())]
            for down, right_by in DIRECTIONS:
                copies = corruptions.shifted(test.images, PIXELS * down, PIXELS * right_by)
                right.append(int((answer(copies) == test.labels).sum()))
            rows.append(("in place", series, right[0], len(test)))
            there = round(float(np.mean(right[1:])))
            rows.append((f"moved by {PIXELS} pixels", series, there, len(test)))
            share[series] = there / len(test)
            print(rows[-2:], flush=True)
    dense, cnn = share["dense net, augmented"], share["small CNN, augmented"]
    title = f"both augmented, of moved faces the dense net reads {dense:.0%}, the CNN {cnn:.0%}"
    return title, photo_results.shares(rows)


def answers(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of PrivateTest and the recogniser's probabilities."""
    test = data.split("PrivateTest")
    return test.labels, Recogniser("accurate").probabilities(test.images)


def record_scores(data: Dataset) -> None:
    """Add the recogniser's scores on photos to reports/results.csv."""
    model = Recogniser("accurate")
    stages = [pd.read_csv(curve_file(name, "fer2013", "full")) for name in STAGES]
    seconds = sum(records.duration(curve) for curve in stages)
    rows: list[dict[str, object]] = []
    for splits in (("PrivateTest",), ("PublicTest", "PrivateTest")):
        test = data.split(*splits)
        start = time.perf_counter()
        found = model.probabilities(test.images)
        row = records.record(
            "recogniser, accurate",
            " + ".join(splits),
            test.labels,
            found.argmax(axis=1),
            seconds,
            data="fer2013",
            top3=metrics.top_k_accuracy(test.labels, found, 3),
            megabytes=model.file.stat().st_size / 1e6,
            faces_per_second=len(test) / (time.perf_counter() - start),
        )
        facts = {str(key): value for key, value in row.items()}
        rows.append(facts | {"profile": "full", "command": COMMAND})
        print(row.to_string(), flush=True)
    results.add_scores(rows)


def confusion(labels: np.ndarray, probabilities: np.ndarray) -> Result:
    """Return what the recogniser takes for what."""
    guesses = probabilities.argmax(axis=1)
    matrix = np.zeros((7, 7), int)
    np.add.at(matrix, (labels, guesses), 1)
    table = pd.DataFrame(matrix, list(EMOTIONS), list(EMOTIONS)).rename_axis("label").reset_index()
    recall = matrix.diagonal() / matrix.sum(axis=1)
    best, worst = EMOTIONS[recall.argmax()], EMOTIONS[recall.argmin()]
    title = f"{recall.max():.0%} of {best} are found, {recall.min():.0%} of {worst}"
    return title, table


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> Result:
    """Return how often the recogniser is right when it is so sure."""
    table = metrics.calibration(labels, probabilities).round(4).reset_index()
    error = metrics.calibration_error(labels, probabilities)
    return f"the recogniser is off by {error:.2f} on average", table


def mistakes(labels: np.ndarray, probabilities: np.ndarray, people: np.ndarray) -> Result:
    """Return how often ten people side with the network, of mistakes by confidence.

    Args:
        labels: int, shape (n,).
        probabilities: float, shape (n, 7).
        people: int, shape (n,), the most frequent answer of ten people.
    """
    order = metrics.most_wrong(labels, probabilities, n=len(labels))
    guesses = probabilities.argmax(axis=1)
    rows = []
    parts = {"the 100 surest": order[:100], "the next 400": order[100:500], "others": order[500:]}
    for name, part in parts.items():
        for series, theirs in (("with the network", guesses), ("with the label", labels)):
            rows.append((name, series, int((people[part] == theirs[part]).sum()), len(part)))
    title = f"people side with {rows[0][2]} of its 100 surest mistakes"
    return title, photo_results.shares(rows)


def recogniser() -> Result:
    """Return the recogniser's learning curve in its first stage, of clean photos."""
    table = curves_of({STAGES[0]: "accurate, first stage"})
    last = table["val_accuracy"].iloc[-1]
    return f"the recogniser's first stage reaches {last:.1%} of PublicTest", table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    stored = {
        "networks": compared,
        "curves": curves,
        "overfitting": overfitting,
        "remedies": remedies,
        "augmentation": augmentation,
        "recogniser": recogniser,
    }
    measured = ("confusion", "calibration", "mistakes", "moved")
    parser.add_argument("--only", nargs="+", choices=("scores", *stored, *measured))
    wanted = parser.parse_args(arguments).only or ("scores", *stored, *measured)
    before = "FER-2013, full run of 2026-11-21 and 22, 2 cores"
    if "scores" in wanted:  # first, because other parts read them from reports/results.csv
        record_scores(course_faces.load("fer2013"))
    date = str(full_run()["date"]["recogniser, accurate"])
    notes = {"networks": f"{before}; the recogniser, {date}"}
    for name, tell in stored.items():
        if name in wanted:
            photo_results.write("04", name, notes.get(name, before), *tell())
    if not set(measured) & set(wanted):
        return 0
    data = course_faces.load("fer2013")
    run = photo_results.run()
    labels, probabilities = answers(data)
    note = f"FER-2013, PrivateTest, one crop, {run}"
    if "confusion" in wanted:
        photo_results.write("04", "confusion", note, *confusion(labels, probabilities))
    if "calibration" in wanted:
        photo_results.write("04", "calibration", note, *calibration(labels, probabilities))
    if "mistakes" in wanted:
        people = second_opinion.second_opinion(data).answers[data.splits == "PrivateTest"]
        photo_results.write(
            "04",
            "mistakes",
            f"PrivateTest and FER+, {run}",
            *mistakes(labels, probabilities, people),
        )
    if "moved" in wanted:
        note = f"{IMAGES:,} training photos, {EPOCHS} epochs, PrivateTest of FER-2013, {run}"
        photo_results.write("04", "moved", note, *moved(data))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
