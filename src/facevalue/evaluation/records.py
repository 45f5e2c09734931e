"""Measuring a model, and handing its numbers to the command that runs the notebook."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from facevalue import settings
from facevalue.data.dataset import MODEL_LABELS, Dataset
from facevalue.emotions import EMOTIONS
from facevalue.evaluation.metrics import report, top_k_accuracy


def size_and_speed(model: Any, images: np.ndarray) -> dict[str, float]:
    """Return the size and the speed of a Keras model, as keyword arguments of `record`.

    Args:
        model: a `keras.Model` that can be saved.
        images: input of the model, at least one image; batches of 256 are classified.

    Returns:
        megabytes: the size of the saved .keras file, without the optimizer's state;
        faces_per_second: the fastest of three runs of `predict`, after a warm-up run.
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
        split: "Training", "PublicTest", "PrivateTest" or "PublicTest + PrivateTest"; numbers with
            any other name, such as "mixed", stay out of README's table.
        labels: int, shape (n,), the true classes.
        predictions: int, shape (n,), the predicted classes.
        seconds: how long training took.
        published: the accuracy that a project's report gives for this model on this split, and
            its source ("002, FER-2013"), if there is one.
        data: the data set, if it is not the run's: "rendered" for numbers that are measured on
            drawn images in every run.
        top3: top-3 accuracy, if it was measured.
        megabytes: the size of the saved model, if it was measured.
        faces_per_second: how many images the model classifies per second, if it was measured.
        curve: a row per epoch, as returned by `training.fit`; kept in reports/curves.
    """
    run = settings.profile()
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
    headline(f"{model}, accuracy on {split}", accuracy, **scores, **extra)
    return pd.Series(scores, name=model)


def duration(curve: pd.DataFrame) -> float:
    """Return the duration of a training in seconds: its epochs times the median epoch.

    Not the sum: single epochs take longer if the training was interrupted or shared the machine.

    >>> duration(pd.DataFrame({"seconds": [2.0, 2.0, 60.0]}))
    6.0
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
    """Record a trained network's scores on PrivateTest and on both test splits together.

    Args:
        name: the network's name in the course's table.
        model: a `keras.Model` that takes faces of 48 x 48 (see `Dataset.for_model`).
        data: a data set with both test splits.
        curve: the learning curve, as returned by `training.fit`.
        published: as in `record`, for both splits together.
        trained_here: False if the model was trained in another run, which kept the curve.

    Returns:
        A row for a table: parameters, top-1 and top-3 accuracy on PrivateTest and on both splits,
        epochs and seconds per epoch; the probabilities for PrivateTest, float32, shape
        (n, classes); and the report by class for it.
    """
    images, labels = zip(
        *(data.split(part).for_model(model) for part in ("PublicTest", "PrivateTest")), strict=True
    )
    inputs = [x.reshape(*x.shape[:3], -1).astype("float32") / 255 for x in images]
    probabilities = [model.predict(x, verbose=0) for x in inputs]
    seconds, speed = duration(curve), size_and_speed(model, inputs[1])
    row = {"parameters": model.count_params()}
    tests = {
        "PrivateTest": (labels[1], probabilities[1], None),
        "PublicTest + PrivateTest": (
            np.concatenate(labels),
            np.concatenate(probabilities),
            published,
        ),
    }
    for split, (truth, p, theirs) in tests.items():
        one, three = (top_k_accuracy(truth, p, k) for k in (1, 3))
        more: Any = {"top3": three, "curve": curve if trained_here else None, **speed}
        record(name, split, truth, p.argmax(axis=1), seconds, theirs, **more)
        row |= {f"top-1 of {len(truth):,}": one, f"top-3 of {len(truth):,}": three}
    row |= {"published": published[0] if published else np.nan}
    row |= {"epochs": len(curve), "seconds per epoch": seconds / len(curve)}
    names = [EMOTIONS[label] for label in MODEL_LABELS[probabilities[1].shape[1]]]
    return (
        pd.Series(row, name=name),
        probabilities[1],
        report(labels[1], probabilities[1].argmax(axis=1), names),
    )


def headline(label: str, value: float | str, **facts: Any) -> None:
    """Hand one number of this notebook to the command that runs it, if there is one.

    tools/run_notebooks.py names a file in FACEVALUE_HEADLINES; each call appends a line of JSON.
    """
    path = os.environ.get("FACEVALUE_HEADLINES")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"label": label, "value": value, **facts}) + "\n")
