"""Cross-validation that keeps all duplicates of a face in one fold."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from facevalue.exploration import duplicates
from facevalue.learning.classical_checks import check_images


def groups(images: np.ndarray) -> np.ndarray:
    """Return a group number for each image; near duplicates and mirror images have the same number.

    Cross-validation must keep such a group in one fold: a model may have memorised the duplicate
    of a training image, so recognising it proves nothing.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (n,).

    Raises:
        ValueError: `images` has another dtype or shape.

    >>> face = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint8)
    >>> groups(np.stack([face, face.T, face[:, ::-1]])).tolist()
    [0, 1, 0]
    """
    images = check_images(images)
    both = duplicates.near_duplicates(np.concatenate([images, images[:, :, ::-1]]))
    return np.minimum(both[: len(images)], both[len(images) :])


def folds(
    labels: np.ndarray, groups: np.ndarray, n: int = 3, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split the rows into n folds, each of which is the test set once.

    All rows of a group are in the same fold. Each fold has about the same share of each emotion.

    Args:
        labels: int, shape (n,).
        groups: int, shape (n,), for example from `groups`.
        n: the number of folds.
        seed: the seed of the folds.

    Returns:
        For each fold, the rows to train on and the rows to test on, int.

    Raises:
        ValueError: an emotion has fewer groups than there are folds.

    >>> for train, test in folds(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3]), n=2):
    ...     print(train, test)
    [0 3] [1 2]
    [1 2] [0 3]
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    for label in np.unique(labels):
        found = len(np.unique(groups[labels == label]))
        if found < n:
            raise ValueError(
                f"{n} folds need {n} different faces of each emotion, but class {label} has only "
                f"{found}: use fewer folds or load more images."
            )
    splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(labels)), labels, groups))
