"""Checks of what classical models are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from facevalue.data.dataset import SIZE


def check_images(images: Any) -> np.ndarray:
    """Return `images` as an array, or raise a ValueError that says what is wrong with them."""
    images = np.asarray(images)
    if images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise ValueError(
            f"images must have the shape (n, {SIZE}, {SIZE}), not {images.shape}: "
            "cut out the faces and resize them first."
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        row = int(np.flatnonzero(~np.isfinite(images).all(axis=(1, 2)))[0])
        raise ValueError(f"image {row} has pixels that are not numbers: leave it out.")
    if images.dtype != np.uint8:
        raise ValueError(f"pixels must be uint8, grey levels from 0 to 255, not {images.dtype}.")
    return images


def check_features(features: Any, length: int | None = None) -> np.ndarray:
    """Return `features` as an array, or raise a ValueError that says what is wrong with them.

    Args:
        features: float, shape (n, length): one row for each face.
        length: how many numbers a model expects for a face; None for any.
    """
    features = np.asarray(features)
    if features.ndim != 2:
        raise ValueError(
            f"features must have one row for each face, not the shape {features.shape}."
        )
    if length is not None and features.shape[1] != length:
        raise ValueError(
            f"a feature vector has {features.shape[1]} numbers, but the model was trained on "
            f"{length}: compute it as for the training faces."
        )
    wrong = ~np.isfinite(features).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"row {int(wrong.argmax())} of the features holds NaN or infinity "
            f"({int(wrong.sum())} such rows): look at its image and leave it out."
        )
    return features


def check_labels(labels: Any, n: int) -> np.ndarray:
    """Return `labels` as an array, or raise a ValueError that says what is wrong with them.

    Args:
        labels: int, shape (n,).
        n: how many faces they belong to.
    """
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"there must be one label for each of the {n} faces, not {labels.shape}.")
    classes = np.unique(labels)
    if len(classes) < 2:
        only = f"only class {classes[0]} is" if len(classes) else "no class is"
        raise ValueError(f"{only} among the labels: a model needs faces of at least two emotions.")
    return labels
