"""Metrics of classifiers: accuracy and its interval, a report by class, calibration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import classification_report

from facevalue.emotions import EMOTIONS


def top_k_accuracy(labels: np.ndarray, probabilities: np.ndarray, k: int = 3) -> float:
    """Return the share of images whose true label is among the `k` most probable classes.

    Args:
        labels: int, shape (n,).
        probabilities: float, shape (n, classes).
        k: how many of the most probable classes count.

    >>> top_k_accuracy(np.array([0, 1]), np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1]]), k=1)
    0.5
    """
    guesses = np.argsort(-probabilities, axis=1)[:, :k]
    return float((guesses == labels[:, None]).any(axis=1).mean())


def confidence_interval(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of the share `hits` / `n`, after Wilson.

    Source: Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953

    >>> low, high = confidence_interval(15, 20)
    >>> round(low, 2), round(high, 2)
    (0.53, 0.89)
    """
    interval = binomtest(int(hits), int(n)).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


def paired_difference(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    """Return the mean difference of two series, and its 95 % confidence interval, in pairs.

    What both have in common, such as an image that is hard for any model, does not count.

    Args:
        first, second: float or bool, shape (n,), measured on the same images or people.

    >>> paired_difference(np.array([True, True]), np.array([True, True]))
    (0.0, 0.0, 0.0)
    """
    each = np.asarray(first, float) - np.asarray(second, float)
    half = 1.96 * each.std() / np.sqrt(len(each))
    return float(each.mean()), float(each.mean() - half), float(each.mean() + half)


def report(
    labels: np.ndarray, predictions: np.ndarray, names: Sequence[str] = EMOTIONS
) -> pd.DataFrame:
    """Return precision, recall, F1 and support by class, then accuracy and macro average.

    The row "accuracy" repeats the same number three times: over all classes together, each wrong
    answer is both a false positive and a false negative, so precision, recall and F1 are equal.

    Args:
        labels: int, shape (n,), the true classes.
        predictions: int, shape (n,), the predicted classes.
        names: the names of classes 0, 1, and so on.

    Returns:
        A row per class, then the rows "accuracy" and "macro average": precision, recall, f1 and
        support (the number of images). The scores of a class that never occurs are 0.

    >>> table = report(np.array([0, 0, 1]), np.array([0, 1, 1]), ["happy", "sad"])
    >>> table["recall"].tolist()
    [0.5, 1.0, 0.6666666666666666, 0.75]
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
    """Return a classifier's accuracy by its confidence.

    Args:
        labels: int, shape (n,).
        probabilities: float, shape (n, classes), each row sums to 1. The largest probability of a
            row is the confidence.
        bins: the number of intervals of equal width from confidence 0 to 1.

    Returns:
        One row per interval, indexed by its upper end: the mean confidence, the accuracy, and the
        number of images. The first two are NaN if there is no image.

    Source: Guo and others (2017), https://arxiv.org/abs/1706.04599
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # an interval includes its upper end, as in the paper
    interval = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    images = np.bincount(interval, minlength=bins)
    sums = [np.bincount(interval, values, minlength=bins) for values in (confidence, right)]
    with np.errstate(invalid="ignore"):
        means = [values / images for values in sums]
    edges = pd.Index(np.arange(1, bins + 1) / bins, name="up to")
    return pd.DataFrame(
        {"confidence": means[0], "accuracy": means[1], "images": images}, index=edges
    )


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error: the mean difference of confidence and accuracy.

    The difference is absolute, and each interval is weighted by its number of images. 0 is perfect.

    Args:
        labels, probabilities, bins: as in `calibration`.

    >>> calibration_error(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))
    0.5
    """
    table = calibration(labels, probabilities, bins).dropna()
    gap = (table["confidence"] - table["accuracy"]).abs()
    return float(np.average(gap, weights=table["images"]))


def calibration_error_by_chance(
    probabilities: np.ndarray, bins: int = 10, draws: int = 100, seed: int = 0
) -> float:
    """Return the calibration error that a perfectly calibrated classifier would show on average.

    It is not 0: of ten images on which such a classifier is 80 % sure, rarely just eight are right.
    The fewer images, the larger it is.

    Args:
        probabilities, bins: as in `calibration`.
        draws: how many times it is drawn which answers are right.
        seed: the seed of these draws.

    >>> calibration_error_by_chance(np.tile([0.8, 0.2], (10_000, 1))) < 0.01
    True
    >>> calibration_error_by_chance(np.tile([0.8, 0.2], (10, 1))) > 0.05
    True
    """
    rng = np.random.default_rng(seed)
    guesses, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    others = (guesses + 1) % probabilities.shape[1]
    right = rng.random((draws, len(guesses))) < confidence
    labels = np.where(right, guesses, others)
    return float(np.mean([calibration_error(drawn, probabilities, bins) for drawn in labels]))


def most_wrong(labels: np.ndarray, probabilities: np.ndarray, n: int = 10) -> np.ndarray:
    """Return the indices of the `n` wrong predictions with the highest confidence.

    Args:
        labels: int, shape (m,).
        probabilities: float, shape (m, classes).
        n: how many; fewer are returned if fewer are wrong.

    Returns:
        int, shape (n,), the prediction with the highest confidence first.

    >>> most_wrong(np.array([0, 1, 1]), np.array([[0.4, 0.6], [0.9, 0.1], [0.2, 0.8]])).tolist()
    [1, 0]
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return wrong[order][:n]
