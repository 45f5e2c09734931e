"""Measuring a model, and passing its scores to the command that runs the notebook."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score

from facevalue import settings
from facevalue.data.dataset import MODEL_LABELS, Dataset
from facevalue.emotions import EMOTIONS
from facevalue.evaluation.metrics import report, top_k_accuracy
from facevalue.files import append_line

if TYPE_CHECKING:
    import keras


def size_and_speed(model: keras.Model, images: np.ndarray) -> dict[str, float]:
    """Return the size and the speed of a Keras model, as keyword arguments of `record`.

    Args:
        model: a model that can be saved.
        images: one or more images, as the model takes them; a batch of 256 is made of them.

    Returns:
        megabytes: the size of the saved .keras file, without the optimizer's state, in MB.
        faces_per_second: the speed of `predict` in the fastest of three runs after a warm-up run.
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
    """Return a model's scores, and pass them to the command that runs the notebook (`headline`).

    Args:
        model: the model's name in the course's table.
        split: "Training", "PublicTest", "PrivateTest" or "PublicTest + PrivateTest"; numbers with
            any other name, such as "mixed", stay out of README's table.
        labels: int, shape (n,), the true classes.
        predictions: int, shape (n,), the predicted classes.
        seconds: how long training took.
        published: the accuracy that a project's report states for this model on this split, and
            its source, such as "project 2"; None if there is none.
        data: the data set on which the scores were measured; by default that of the run. Pass
            "rendered" for scores that are measured on drawn images in every run.
        top3: the top-3 accuracy, if it was measured.
        megabytes: the size of the saved model, if it was measured.
        faces_per_second: how many images the model classifies per second, if it was measured.
        curve: the learning curve, as returned by `training.fit`, which the command saves in
            reports/curves.

    Returns:
        The scores, named after the model. Those that were not measured are None.
    """
    run = settings.profile()
    accuracy = round(float(np.mean(labels == predictions)), 5)
    scores = {
        "model": model,
        "data": data or run.dataset,
        "split": split,
        "images": len(labels),
        "profile": run.name,
        "accuracy": accuracy,
        "top3_accuracy": None if top3 is None else round(top3, 5),
        "macro_f1": round(float(f1_score(labels, predictions, average="macro")), 5),
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
    """Return the duration of a training run in seconds: its epochs times the median epoch.

    It is not the sum, because some epochs take longer if the run was interrupted or the machine was
    busy.

    Args:
        curve: the learning curve, as returned by `training.fit`.

    >>> duration(pd.DataFrame({"seconds": [2.0, 2.0, 60.0]}))
    6.0
    """
    return float(curve["seconds"].median() * len(curve))


def measure(
    name: str,
    model: keras.Model,
    data: Dataset,
    curve: pd.DataFrame,
    published: tuple[float, str] | None = None,
    *,
    trained_here: bool = True,
) -> tuple[pd.Series, np.ndarray, pd.DataFrame]:
    """Record a trained network's scores on PrivateTest, and on both test splits together.

    Args:
        name: the network's name in the course's table.
        model: a compiled or loaded network that takes faces of 48 x 48 (see `Dataset.for_model`).
        data: a data set with both test splits.
        curve: the learning curve, as returned by `training.fit`.
        published: as in `record`, for both splits together.
        trained_here: whether the model was trained in this run, so that its curve is recorded.

    Returns:
        Three values: a row for a table, with the parameters, the top-1 and top-3 accuracy on
        PrivateTest and on both splits, the published accuracy, the epochs and the seconds per
        epoch; the probabilities for PrivateTest, float32, shape (n, classes); and the report by
        class (see `metrics.report`) for PrivateTest.
    """
    images, labels = zip(
        *(data.split(part).for_model(model) for part in ("PublicTest", "PrivateTest")), strict=True
    )
    inputs = [x.reshape(*x.shape[:3], -1).astype("float32") / 255 for x in images]
    probabilities = [model.predict(x, verbose=0) for x in inputs]
    private_labels, private = labels[1], probabilities[1]
    tests = (
        ("PrivateTest", private_labels, private, None),
        (
            "PublicTest + PrivateTest",
            np.concatenate(labels),
            np.concatenate(probabilities),
            published,
        ),
    )
    seconds, speed = duration(curve), size_and_speed(model, inputs[1])
    row = {"parameters": model.count_params()}
    for split, truth, p, reported in tests:
        top1, top3 = top_k_accuracy(truth, p, 1), top_k_accuracy(truth, p, 3)
        more: Any = {"top3": top3, "curve": curve if trained_here else None, **speed}
        record(name, split, truth, p.argmax(axis=1), seconds, reported, **more)
        row[f"top-1 of {len(truth):,}"] = top1
        row[f"top-3 of {len(truth):,}"] = top3
    row["published"] = published[0] if published else np.nan
    row["epochs"] = len(curve)
    row["seconds per epoch"] = seconds / len(curve)
    names = [EMOTIONS[label] for label in MODEL_LABELS[private.shape[1]]]
    return (
        pd.Series(row, name=name),
        private,
        report(private_labels, private.argmax(axis=1), names),
    )


def headline(label: str, value: float | str, **facts: Any) -> None:
    """Pass one number of a notebook to the command that runs it, if there is one.

    tools/run_notebooks.py sets FACEVALUE_HEADLINES to the path of a file; each call appends a line
    of JSON to it. Without that variable, nothing happens.

    Args:
        label: what the number is, for people.
        value: the number, or a text such as "38 of 40".
        facts: more values for the line, which JSON can represent.
    """
    path = os.environ.get("FACEVALUE_HEADLINES")
    if path:
        append_line(Path(path), json.dumps({"label": label, "value": value, **facts}))
