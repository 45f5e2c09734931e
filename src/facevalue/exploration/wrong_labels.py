"""Labels that are probably wrong, found by confident learning."""

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


def out_of_fold_probabilities(
    images: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    folds: int = 5,
    seed: int = 0,
    model: Callable[[], LinearDiscriminantAnalysis] | None = None,
) -> np.ndarray:
    """Return each emotion's probability, from models trained without the image and its duplicates.

    Args:
        images: uint8, shape (n, 48, 48).
        labels: int, shape (n,).
        groups: int, shape (n,): images with the same number stay in the same fold.
        folds: number of folds; each is predicted by a model that was trained on the others.
        seed: for dealing the groups out to the folds.
        model: makes a scikit-learn classifier for `hog` features; by default a linear
            discriminant analysis, which takes seconds.

    Returns:
        float64, shape (n, 7). An emotion without a training image has probability 0.

    Raises:
        ValueError: there are fewer groups than folds, or there is only one emotion.
    """
    numbers, member = np.unique(groups, return_inverse=True)
    if len(numbers) < folds or len(np.unique(labels)) < 2:
        raise ValueError(
            f"Out-of-fold predictions need at least {folds} different images and two emotions, "
            f"got {len(numbers)} and {len(np.unique(labels))}: use more images."
        )
    make = model or (lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1))
    fold = np.random.default_rng(seed).permutation(len(numbers))[member.ravel()] % folds
    features = hog(images)
    result = np.zeros((len(images), len(EMOTIONS)))
    show = len(images) > 10_000 and sys.stderr.isatty()
    for number in tqdm(range(folds), desc="out-of-fold models", disable=not show):
        held = fold == number
        with threadpool_limits(1):  # on a busy machine, more threads are slower
            fitted = make().fit(features[~held], labels[~held])
        result[np.ix_(held, fitted.classes_)] = fitted.predict_proba(features[held])
    return result


def suspects(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the images whose labels are probably wrong, the most suspicious first.

    For each pair of emotions, confident learning counts the images labelled as the first for which
    the model is at least as confident of the second as it is, on average, for images labelled as
    the second. This count is the number of suspects: the images for which another emotion's
    probability exceeds the label's by most.
    It misses mistakes that the model makes as well, and includes faces that are merely difficult.
    Source: Northcutt, Jiang and Chuang (2021), https://doi.org/10.1613/jair.1.12125; cleanlab.

    Args:
        labels: int, shape (n,).
        probabilities: float, shape (n, classes), for example from `out_of_fold_probabilities`.

    Returns:
        int64, shape (k,), rows in the order of that excess.
    """
    from cleanlab.filter import find_label_issues  # imports in about a second

    used, numbers = np.unique(labels, return_inverse=True)
    shares = probabilities[:, used] + 1e-12  # cleanlab requires every class to occur
    shares = shares / shares.sum(axis=1, keepdims=True)
    ranked = find_label_issues(
        numbers.ravel(), shares, return_indices_ranked_by="normalized_margin", n_jobs=1
    )
    return np.asarray(ranked, "int64")


def precision_at_k(
    rows: np.ndarray, disagrees: np.ndarray, k: tuple[int, ...] = (100, 1_000)
) -> pd.DataFrame:
    """Return how many of the first suspects a second opinion labels differently as well.

    Args:
        rows: int, from `suspects`.
        disagrees: shape (n,), from `second_opinion.disagrees`.
        k: the numbers of first suspects to check; numbers above that of the suspects are left out.

    Returns:
        images and the share that is labelled differently, for each k, for all suspects, and for
        all images: the base rate, which a random search would reach.

    >>> precision_at_k(np.array([2, 0]), np.array([1.0, 0, 1, 0]), k=(1,))["images"].to_dict()
    {'first 1': 1, 'all suspects': 2, 'all images': 4}
    """
    parts = {f"first {count:,}": rows[:count] for count in k if count <= len(rows)}
    parts["all suspects"] = rows
    table = {
        name: [len(part), disagrees[part].mean() if len(part) else np.nan]
        for name, part in parts.items()
    }
    table["all images"] = [len(disagrees), disagrees.mean() if len(disagrees) else np.nan]
    columns = ["images", "labelled differently"]
    result = pd.DataFrame.from_dict(table, orient="index", columns=columns)
    return result.astype({"images": "int64"})
