"""Metrics, and our numbers beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report, f1_score

from facevalue import paths, utils
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
    rows["accuracy"] = {"f1-score": accuracy, "support": float(len(labels))}
    rows["macro average"] = result["macro avg"]
    table = pd.DataFrame(rows).T.rename(columns={"f1-score": "f1"})
    return table.astype({"support": int})


def record(
    model: str,
    split: str,
    labels: np.ndarray,
    predictions: np.ndarray,
    seconds: float,
    published: tuple[float, str] | None = None,
    *,
    megabytes: float | None = None,
    faces_per_second: float | None = None,
) -> pd.Series:
    """Return one model's scores, and hand them to the command that runs the notebook.

    Args:
        model: the model's name in the course's table.
        split: "Training", "PublicTest", "PrivateTest" or "PublicTest + PrivateTest".
        labels: int, shape (n,), the true classes.
        predictions: int, shape (n,), the predicted classes.
        seconds: how long training took.
        published: the accuracy that a project document printed for this model on this split,
            and where ("002, FER-2013"); None where there is none to compare with.
        megabytes: the size of the saved model; None where it was not measured.
        faces_per_second: how many images it classifies in a second, one core or more.
    """
    run = utils.profile()
    accuracy = round(float(np.mean(labels == predictions)), 4)
    scores = {
        "model": model,
        "data": run.dataset,
        "split": split,
        "images": len(labels),
        "profile": run.name,
        "accuracy": accuracy,
        "macro_f1": round(float(f1_score(labels, predictions, average="macro")), 4),
        "seconds": round(seconds, 1),
        "megabytes": None if megabytes is None else round(megabytes, 2),
        "faces_per_second": None if faces_per_second is None else round(faces_per_second),
        "published": published[0] if published else None,
        "published_source": published[1] if published else None,
    }
    utils.headline(f"{model}, accuracy on {split}", accuracy, **scores)
    return pd.Series(scores, name=model)
