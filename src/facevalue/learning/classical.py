"""Fitting classical models, with checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from facevalue.exploration import duplicates
from facevalue.learning.classical_checks import check_features, check_images, check_labels
from facevalue.learning.image_features import _Images
from facevalue.learning.mirror_ridge import MirrorRidge


def fit(model: Any, faces: Any, labels: Any) -> Any:
    """Train `model` in place and return it, after a check of what it is given.

    Args:
        model: any classifier of scikit-learn.
        faces: images, uint8 of shape (n, 48, 48), for a pipeline that begins with one of the
            transformers of this module; else features, float of shape (n, d).
        labels: int, shape (n,).

    Raises:
        ValueError: one class only, NaN, wrong shapes; the message says which.
    """
    faces = _checked(model, faces)
    labels = check_labels(labels, len(faces))
    # the threads of gradient boosting wait for each other; where a core is busy with something
    # else, two took ten times as long as one
    with threadpool_limits(1, "openmp"):
        return model.fit(faces, labels)


def predict(model: Any, faces: Any) -> np.ndarray:
    """Return the class of each face, int, shape (n,), after a check of what it is given.

    Raises:
        ValueError: a feature vector of another length than in training, NaN, wrong shapes.
    """
    return model.predict(_checked(model, faces))


def _checked(model: Any, faces: Any) -> np.ndarray:
    first = model[0] if hasattr(model, "steps") else model
    if isinstance(first, _Images | MirrorRidge):
        return check_images(faces)
    return check_features(faces, getattr(model, "n_features_in_", None))


def groups(images: np.ndarray) -> np.ndarray:
    """Number the images so that near copies, mirrored ones too, have the same number.

    Cross-validation must keep such a group in one fold: a copy of a training image in the test
    is remembered, not recognised.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (n,).
    """
    images = check_images(images)
    half = duplicates.near_copies(np.concatenate([images, images[:, :, ::-1]]))
    return np.minimum(half[: len(images)], half[len(images) :])


def folds(
    labels: np.ndarray, groups: np.ndarray, n: int = 3, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return rows to train on and rows to test on, n times; no group is on both sides.

    Each fold has about the same share of each emotion.

    Raises:
        ValueError: the rarest emotion has fewer groups than there are folds.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    rarest = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    if rarest < n:
        raise ValueError(
            f"{n} folds need {n} different faces of each emotion, but one has only {rarest}: "
            "ask for fewer folds or load more images."
        )
    splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(labels)), labels, groups))
