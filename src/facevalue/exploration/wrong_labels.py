"""Labels that are probably wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from facevalue.data.descriptors import hog
from facevalue.emotions import EMOTIONS


def out_of_fold(
    images: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    folds: int = 5,
    model: Callable[[], LinearDiscriminantAnalysis] | None = None,
) -> np.ndarray:
    """Return how probable each emotion is, by models that saw neither the image nor its copies.

    Args:
        images: uint8, shape (n, 48, 48).
        labels: int, shape (n,).
        groups: int, shape (n,): images with the same number stay in the same fold.
        folds: how many parts; each is predicted by a model of the others.
        model: makes a classifier of scikit-learn for `hog` features; by default a linear
            discriminant analysis, which takes seconds.

    Returns:
        float64, shape (n, 7). An emotion that no training image has gets probability 0.

    Raises:
        ValueError: there are fewer groups than folds, or one emotion only.
    """
    numbers, member = np.unique(groups, return_inverse=True)
    if len(numbers) < folds or len(np.unique(labels)) < 2:
        raise ValueError(
            f"out-of-fold predictions need {folds} different images or more, of two emotions or "
            f"more; got {len(numbers)} of {len(np.unique(labels))}."
        )
    make = model or (lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1))
    fold = np.random.default_rng(0).permutation(len(numbers))[member.ravel()] % folds
    features = hog(images)
    result = np.zeros((len(images), len(EMOTIONS)))
    show = len(images) > 10_000 and sys.stderr.isatty()
    for number in tqdm(range(folds), desc="out-of-fold models", disable=not show):
        held = fold == number
        with threadpool_limits(1):  # on a busy machine, threads wait for each other
            fitted = make().fit(features[~held], labels[~held])
        result[np.ix_(held, fitted.classes_)] = fitted.predict_proba(features[held])
    return result


def suspects(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the images whose labels are probably wrong, the most doubtful first.

    Confident learning counts, for each two emotions, the images labelled as the first where the
    model is as sure of the second as it usually is where that is the label. So many are
    suspected: those whose probability of another emotion exceeds that of the label most.
    Cannot see: mistakes that the model makes, too. Takes faces that are merely hard.
    Source: Northcutt, Jiang and Chuang (2021), https://doi.org/10.1613/jair.1.12125; cleanlab.

    Args:
        labels: int, shape (n,).
        probabilities: float, shape (n, 7), from `out_of_fold`.

    Returns:
        int64, shape (k,), rows in the order of that excess.
    """
    from cleanlab.filter import find_label_issues  # takes a second

    used, numbers = np.unique(labels, return_inverse=True)
    shares = probabilities[:, used] + 1e-12  # cleanlab wants every class to occur
    shares = shares / shares.sum(axis=1, keepdims=True)
    ranked = find_label_issues(
        numbers.ravel(), shares, return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    return np.asarray(ranked, "int64")


def precision_table(
    rows: np.ndarray, wrong: np.ndarray, at: tuple[int, ...] = (100, 1_000)
) -> pd.DataFrame:
    """Return how many of the first suspects others label differently, too.

    Args:
        rows: int, from `suspects`.
        wrong: shape (n,), from `differs`: whether the second opinion is another one.
        at: how many of the first to look at; more than there are means all.

    Returns:
        images and precision for each of `at`, for all suspects, and for all images: the base
        rate, which a search at random would reach.
    """
    counts = {f"first {k:,}": rows[:k] for k in at} | {"all suspects": rows}
    table = {
        name: [len(part), wrong[part].mean() if len(part) else np.nan]
        for name, part in counts.items()
    }
    table["all images"] = [len(wrong), wrong.mean() if len(wrong) else np.nan]
    columns = ["images", "otherwise labelled"]
    result = pd.DataFrame.from_dict(table, orient="index", columns=columns)
    return result.astype({"images": "int64"})
