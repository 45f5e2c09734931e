"""The accuracy of a recogniser by groups of people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from facevalue.drawing import appearance, expressions, faces
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS
from facevalue.evaluation.metrics import confidence_interval, paired_difference
from facevalue.evaluation.robustness import Predict

GROUPS: dict[str, dict[str, Any]] = {
    "skin": {"very dark": 0.05, "dark": 0.25, "medium": 0.5, "light": 0.75, "very light": 0.95},
    "age": {"20": 20.0, "35": 35.0, "50": 50.0, "65": 65.0, "75": 75.0},
    "glasses": {"no": False, "yes": True},
    "beard": {"no": 0.0, "yes": 0.8},
    "headwear": {"none": "none", "headscarf": "hijab"},
}
"""The fields of `appearance.Person` that are varied, and their values by group."""


def drawn_groups(
    n: int = 350, seed: int = 0, progress: bool = True
) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw n faces several times, each time with one attribute of the person changed.

    For example, the same people with the same expressions in the same light are drawn once with
    dark skin and once with light skin: if a recogniser answers differently, the skin alone is the
    reason. As in `drawn_set.sample(clean=True)`, expressions are clear and nothing is covered. All
    emotions are equally frequent if n is a multiple of 7.

    Args:
        n: the number of people in each group.
        seed: the seed of the people, their expressions and the light.
        progress: whether to show a progress bar on a terminal.

    Returns:
        Images, uint8, shape (m, 48, 48), for m = 16 n; and a table with a row for each image:
        attribute, group, label.

    Raises:
        ValueError: `n` is below 1.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")
    images, rows = [], []
    for index in tqdm(range(n), desc="drawing faces", disable=None if progress else True):
        rng = np.random.default_rng([seed, index])
        label = index % len(EMOTIONS)
        person = appearance.Person.random(rng, MILD)
        view = appearance.View.random(rng, MILD)
        units = expressions.expression(EMOTIONS[label], rng)
        for attribute, groups in GROUPS.items():
            for group, value in groups.items():
                other = replace(person, **{attribute: value})
                images.append(faces.draw(units, other, view))
                rows.append((attribute, group, label))
    return np.stack(images), pd.DataFrame(rows, columns=["attribute", "group", "label"])


def fairness(predict: Predict, n: int = 350, seed: int = 0, progress: bool = True) -> pd.DataFrame:
    """Return a recogniser's accuracy on drawn people who differ in one attribute only.

    Args:
        predict: as in `robustness`.
        n, seed, progress: as in `drawn_groups`.

    Returns:
        A row per group, in the order of `GROUPS`: attribute, group, faces, accuracy, and the
        limits of the 95 % Wilson interval, low and high.

    Raises:
        ValueError: `n` is below 1.
    """
    images, table = drawn_groups(n, seed, progress)
    right = predict(images).argmax(axis=1) == table["label"].to_numpy()
    return by_group(right, table[["attribute", "group"]])


def gaps(right: np.ndarray, groups: pd.DataFrame) -> pd.DataFrame:
    """Return how far the worst group of each attribute is below the best one.

    Each person is in every group, so the groups are compared person by person: that tells smaller
    differences from chance than comparing two intervals does.

    Args:
        right: bool, shape (n,): which faces were named rightly.
        groups: n rows with the columns attribute and group, and in each group the same people in
            the same order, as `drawn_groups` returns them.

    Returns:
        A row per attribute: attribute, best, worst (groups), difference (of their accuracies), and
        the limits of its 95 % interval, low and high.

    >>> table = pd.DataFrame({"attribute": "glasses", "group": ["no", "yes"] * 3})
    >>> gaps(np.array([True, False, True, True, True, True]), table)["difference"].round(2).item()
    0.33
    """
    rows = []
    for attribute, part in groups.assign(right=right).groupby("attribute", sort=False):
        answers = {name: given["right"].to_numpy(float) for name, given in part.groupby("group")}
        best = max(answers, key=lambda name: answers[name].mean())
        worst = min(answers, key=lambda name: answers[name].mean())
        rows.append((attribute, best, worst, *paired_difference(answers[best], answers[worst])))
    columns = ["attribute", "best", "worst", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def by_group(right: np.ndarray, groups: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy in each group, with its confidence interval.

    Args:
        right: bool, shape (n,).
        groups: n rows; rows that are equal in all columns form a group.

    Returns:
        A row per group, in the order of first appearance: the columns of `groups`, faces, accuracy,
        and the limits of the 95 % Wilson interval, low and high.

    Source: Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953

    >>> by_group(np.array([True, True, False]), pd.DataFrame({"sex": ["f", "f", "m"]}))[
    ...     ["sex", "faces", "accuracy"]
    ... ]
      sex  faces  accuracy
    0   f      2       1.0
    1   m      1       0.0
    """
    columns = list(groups.columns)
    counts = groups.assign(right=right).groupby(columns, sort=False)["right"]
    table = counts.agg(["size", "sum"]).reset_index()
    table.columns = pd.Index([*columns, "faces", "right"])
    intervals = [
        confidence_interval(hits, faces)
        for hits, faces in zip(table["right"], table["faces"], strict=True)
    ]
    table["accuracy"] = table.pop("right") / table["faces"]
    table["low"] = [low for low, _ in intervals]
    table["high"] = [high for _, high in intervals]
    return table
