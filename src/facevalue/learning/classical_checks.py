"""Checks of the input of classical models."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from facevalue.data.dataset import SIZE


def check_images(images: ArrayLike) -> np.ndarray:
    """Return images as an array, or raise a ValueError that says what is wrong with them.

    Args:
        images: uint8, shape (n, 48, 48).

    >>> check_images(np.zeros((2, 64, 64), np.uint8))
    Traceback (most recent call last):
    ValueError: The images must have the shape (n, 48, 48), not (2, 64, 64): crop and resize them.
    """
    images = np.asarray(images)
    if images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise ValueError(
            f"The images must have the shape (n, {SIZE}, {SIZE}), not {images.shape}: "
            "crop and resize them."
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        row = int(np.flatnonzero(~np.isfinite(images).all(axis=(1, 2)))[0])
        raise ValueError(f"Image {row} has NaN or infinite pixels: leave it out.")
    if images.dtype != np.uint8:
        raise ValueError(
            f"The pixels must be uint8, grey levels from 0 to 255, not {images.dtype}: convert the "
            "images."
        )
    return images


def check_features(features: ArrayLike, length: int | None = None) -> np.ndarray:
    """Return features as an array, or raise a ValueError that says what is wrong with them.

    Args:
        features: float, shape (n, length): one row for each face.
        length: how many numbers the model expects for each face; None for any length.
    """
    features = np.asarray(features)
    if features.ndim != 2:
        raise ValueError(
            f"The features must have the shape (n, length), one row for each face, "
            f"not {features.shape}."
        )
    if length is not None and features.shape[1] != length:
        raise ValueError(
            f"A feature vector has {features.shape[1]} numbers, but the model was trained on "
            f"{length}: compute the features as for the training faces."
        )
    wrong = ~np.isfinite(features).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"Row {int(wrong.argmax())} of the features contains NaN or infinity (rows affected: "
            f"{int(wrong.sum())} of {len(features)}): check its image or leave it out."
        )
    return features


def check_labels(labels: ArrayLike, n: int) -> np.ndarray:
    """Return labels as an array, or raise a ValueError that says what is wrong with them.

    Args:
        labels: int, shape (n,).
        n: the number of faces.
    """
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(
            f"There must be one label for each of the {n} faces, but the labels have the shape "
            f"{labels.shape}: pass the labels of these faces."
        )
    classes = np.unique(labels)
    if len(classes) < 2:
        only = f"only class {classes[0]}" if len(classes) else "no class"
        raise ValueError(f"The labels contain {only}: a model needs faces of two emotions or more.")
    return labels
