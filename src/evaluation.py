"""Metrics, and our numbers beside the published ones."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report, f1_score

from facevalue import paths, utils
from facevalue.dataset import KNOWN, Dataset
from facevalue.emotions import EMOTIONS


def published(table: str) -> pd.DataFrame:
    """Return one of the tables in data/reference, which five earlier projects published.

    Args:
        table: a file name without .csv: headline, dense_sweep, cnn_models, cnn6_epochs,
            classical_reports, transfer_f1, image_funnel or fer2013_counts.

    Raises:
        FileNotFoundError: there is no such table.
    """
    path = paths.root() / "data" / "reference" / f"{table}.csv"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.csv")))
        raise FileNotFoundError(f"no published table {table!r}: choose one of {known}.")
    return pd.read_csv(path)


def top_k_accuracy(labels: np.ndarray, probabilities: np.ndarray, k: int = 3) -> float:
    """Return the share of images whose true label is among the `k` most probable classes.

    Args:
        labels: int, shape (n,).
        probabilities: float, shape (n, classes).
        k: how many guesses count.
    """
    guesses = np.argsort(-probabilities, axis=1)[:, :k]
    return float((guesses == labels[:, None]).any(axis=1).mean())


def report(
    labels: np.ndarray, predictions: np.ndarray, names: Sequence[str] = EMOTIONS
) -> pd.DataFrame:
    """Return precision, recall, F1 and support by class, then accuracy and macro average.

    The row "accuracy" has it three times: over all classes together, each wrong answer is both a
    false positive and a false negative, so that precision, recall and F1 are all the accuracy.

    Args:
        labels: int, shape (n,), the true classes.
        predictions: int, shape (n,), the predicted classes.
        names: the names of classes 0, 1, and so on.
    """
    result = classification_report(
        labels,
        predictions,
        labels=range(len(names)),
        target_names=list(names),
        output_dict=True,
        zero_division=0,
    )
    accuracy = float(np.mean(labels == predictions))
    rows = {name: result[name] for name in names}
    rows["accuracy"] = dict.fromkeys(("precision", "recall", "f1-score"), accuracy)
    rows["accuracy"]["support"] = float(len(labels))
    rows["macro average"] = result["macro avg"]
    table = pd.DataFrame(rows).T.rename(columns={"f1-score": "f1"})
    return table.astype({"support": int})


def calibration(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Return how often a classifier is right when it says that it is 10, 20 ... 100 % sure.

    Args:
        labels: int, shape (n,).
        probabilities: float, shape (n, classes), each row adds up to 1.
        bins: how many equal steps of confidence, the largest probability of an image.

    Returns:
        One row per step, indexed by its upper end: confidence (the mean), accuracy, images. The
        first two are NaN where there is no image.

    Source: Guo and others (2017), https://arxiv.org/abs/1706.04599
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # a step includes its upper end, as in the paper
    step = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    images = np.bincount(step, minlength=bins)
    sums = [np.bincount(step, values, minlength=bins) for values in (confidence, right)]
    with np.errstate(invalid="ignore"):
        means = [values / images for values in sums]
    edges = pd.Index(np.arange(1, bins + 1) / bins, name="up to")
    return pd.DataFrame(
        {"confidence": means[0], "accuracy": means[1], "images": images}, index=edges
    )


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error: how far confidence is from accuracy on average.

    The arguments are those of `calibration`; 0 is perfect.
    """
    table = calibration(labels, probabilities, bins).dropna()
    gap = (table["confidence"] - table["accuracy"]).abs()
    return float(np.average(gap, weights=table["images"]))


def most_wrong(labels: np.ndarray, probabilities: np.ndarray, n: int = 10) -> np.ndarray:
    """Return the rows of the `n` images that are classified wrongly with the most confidence.

    Args:
        labels: int, shape (m,).
        probabilities: float, shape (m, classes).
        n: how many; fewer are returned where fewer are wrong.

    Returns:
        int, shape (n,), the most confident first.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return wrong[order][:n]


def facts(model: Any, images: np.ndarray) -> dict[str, float]:
    """Return the size and the speed of a Keras model, to be passed on to `record`.

    Args:
        model: a `keras.Model` that can be saved.
        images: as the model takes them, one or more; 256 are classified at a time.

    Returns:
        megabytes: of the saved .keras file, without the optimizer's state, which only training
        needs; faces_per_second: the quickest of three runs of `predict`, after one to warm up.
    """
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        copy.save(file)
        megabytes = file.stat().st_size / 1e6
    batch = images[np.arange(256) % len(images)]
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        model.predict(batch, batch_size=256, verbose=0)
        seconds.append(time.perf_counter() - start)
    return {"megabytes": megabytes, "faces_per_second": 256 / min(seconds[1:])}


def record(
    model: str,
    split: str,
    labels: np.ndarray,
    predictions: np.ndarray,
    seconds: float,
    published: tuple[float, str] | None = None,
    *,
    data: str | None = None,
    top3: float | None = None,
    megabytes: float | None = None,
    faces_per_second: float | None = None,
    curve: pd.DataFrame | None = None,
) -> pd.Series:
    """Return one model's scores, and hand them to the command that runs the notebook.

    Args:
        model: the model's name in the course's table.
        split: "Training", "PublicTest", "PrivateTest" or "PublicTest + PrivateTest"; or another
            name, which keeps the number out of README's table: "mixed".
        labels: int, shape (n,), the true classes.
        predictions: int, shape (n,), the predicted classes.
        seconds: how long training took.
        published: the accuracy that a project document printed for this model on this split,
            and where ("002, FER-2013"); None where there is none to compare with.
        data: "rendered" where it was measured on drawn images in every run; None for the run's.
        top3: top-3 accuracy; None where it was not measured.
        megabytes: the size of the saved model; None where it was not measured.
        faces_per_second: how many images it classifies in a second, one core or more.
        curve: one row per epoch, as `training.fit` returns it; kept in reports/curves.
    """
    run = utils.profile()
    accuracy = round(float(np.mean(labels == predictions)), 4)
    scores = {
        "model": model,
        "data": data or run.dataset,
        "split": split,
        "images": len(labels),
        "profile": run.name,
        "accuracy": accuracy,
        "top3_accuracy": None if top3 is None else round(top3, 4),
        "macro_f1": round(float(f1_score(labels, predictions, average="macro")), 4),
        "seconds": round(seconds, 1),
        "megabytes": None if megabytes is None else round(megabytes, 2),
        "faces_per_second": None if faces_per_second is None else round(faces_per_second),
        "published": published[0] if published else None,
        "published_source": published[1] if published else None,
    }
    extra = {} if curve is None else {"curve": curve.to_csv(index=False)}
    utils.headline(f"{model}, accuracy on {split}", accuracy, **scores, **extra)
    return pd.Series(scores, name=model)


def duration(curve: pd.DataFrame) -> float:
    """Return how long a training takes, in seconds: its epochs times the median epoch.

    A kept training is stopped, and goes on beside other work: some of its epochs took longer, for
    reasons of their own.
    """
    return float(curve["seconds"].median() * len(curve))


def measure(
    name: str,
    model: Any,
    data: Dataset,
    curve: pd.DataFrame,
    published: tuple[float, str] | None = None,
    *,
    trained_here: bool = True,
) -> tuple[pd.Series, np.ndarray, pd.DataFrame]:
    """Record a trained network's scores on PrivateTest, and on both test splits together.

    Args:
        name: the network's name in the course's table.
        model: a `keras.Model` that takes faces of 48 x 48 (see `Dataset.taken_by`).
        data: a data set with both test splits.
        curve: of its training, as `training.fit` returns it.
        published: as in `record`, for both splits together.
        trained_here: False if another run trained it, on other data, and has kept its curve.

    Returns:
        A row for a table: parameters, top-1 and top-3 accuracy on either number of images, epochs
        and seconds per epoch; the probabilities for PrivateTest, float32, shape (n, classes); and
        the report by class on it.
    """
    images, labels = zip(
        *(data.split(part).taken_by(model) for part in ("PublicTest", "PrivateTest")), strict=True
    )
    inputs = [x.reshape(*x.shape[:3], -1).astype("float32") / 255 for x in images]
    found = [model.predict(x, verbose=0) for x in inputs]
    seconds, speed = duration(curve), facts(model, inputs[1])
    row = {"parameters": model.count_params()}
    tests = {
        "PrivateTest": (labels[1], found[1], None),
        "PublicTest + PrivateTest": (np.concatenate(labels), np.concatenate(found), published),
    }
    for split, (truth, p, theirs) in tests.items():
        one, three = (top_k_accuracy(truth, p, k) for k in (1, 3))
        more: Any = {"top3": three, "curve": curve if trained_here else None, **speed}
        record(name, split, truth, p.argmax(axis=1), seconds, theirs, **more)
        row |= {f"top-1 of {len(truth):,}": one, f"top-3 of {len(truth):,}": three}
    row |= {"published": published[0] if published else np.nan}
    row |= {"epochs": len(curve), "seconds per epoch": seconds / len(curve)}
    names = [EMOTIONS[label] for label in KNOWN[found[1].shape[1]]]
    return pd.Series(row, name=name), found[1], report(labels[1], found[1].argmax(axis=1), names)
