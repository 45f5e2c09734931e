"""Classical models that learn from the same faces and are tested on the same faces."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from facevalue.data.dataset import Dataset
from facevalue.evaluation import metrics, records
from facevalue.learning import classical, classical_files

BOTH = ("PublicTest", "PrivateTest")


class Trials:
    """Trains and tests classical models, and keeps their predictions and scores.

    Args:
        train: the training faces.
        test: the faces of PublicTest and PrivateTest, in the order of the features passed to `run`.

    Attributes:
        predicted: the predictions for all test faces, int, by the model's name.
        scores: the rows of `records.record`, two for each model.
    """

    def __init__(self, train: Dataset, test: Dataset) -> None:
        self.train = train
        self.test = test
        self.predicted: dict[str, np.ndarray] = {}
        self.scores: list[pd.Series] = []

    def run(
        self,
        name: str,
        model: BaseEstimator,
        faces: ArrayLike,
        test_faces: ArrayLike,
        published: float | None = None,
    ) -> float:
        """Train a model, test it, record its scores, and return its accuracy on PrivateTest.

        Args:
            name: the model's name in the course's table.
            model: a classifier of scikit-learn, not yet trained.
            faces: the training images or their features (see `classical.fit`).
            test_faces: the same for the test faces.
            published: what project 3 reports of this model on both test splits of FER-2013.
        """
        start = time.perf_counter()
        classical.fit(model, faces, self.train.labels)
        trained = time.perf_counter()
        guesses = classical.predict(model, test_faces)
        speed = len(self.test) / (time.perf_counter() - trained)
        facts: dict[str, Any] = {
            "megabytes": classical_files.size(model) / 1e6,
            "faces_per_second": speed,
        }
        source = (published, "project 3, 7,178 images") if published else None
        for split, rows in (
            ("PublicTest + PrivateTest", np.isin(self.test.splits, BOTH)),
            ("PrivateTest", self.test.splits == "PrivateTest"),
        ):
            labels = self.test.labels[rows]
            reported = source if split != "PrivateTest" else None
            score = records.record(
                name, split, labels, guesses[rows], trained - start, reported, **facts
            )
            self.scores.append(score)
        self.predicted[name] = guesses
        return self.accuracy(name)

    def accuracy(self, name: str, split: str = "PrivateTest") -> float:
        """Return the share of a split's faces that a model has right."""
        rows = self.test.splits == split
        return float(np.mean(self.predicted[name][rows] == self.test.labels[rows]))

    def table(self) -> pd.DataFrame:
        """Return a row for each model, the best on PublicTest first.

        The columns are PublicTest, PrivateTest, the limits low and high of the latter's 95 %
        interval, and macro F1, seconds, MB and faces/s, as recorded for PrivateTest.
        """
        of = int(np.sum(self.test.splits == "PrivateTest"))
        rows = {}
        for score in self.scores:
            if score["split"] == "PrivateTest":
                name = score["model"]
                low, high = metrics.confidence_interval(round(self.accuracy(name) * of), of)
                rows[name] = {
                    "PublicTest": self.accuracy(name, "PublicTest"),
                    "PrivateTest": self.accuracy(name),
                    "low": low,
                    "high": high,
                    "macro F1": score["macro_f1"],
                    "seconds": score["seconds"],
                    "MB": score["megabytes"],
                    "faces/s": score["faces_per_second"],
                }
        table = pd.DataFrame.from_dict(rows, orient="index")
        return table.sort_values("PublicTest", ascending=False)
