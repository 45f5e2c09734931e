"""Checks that images and labels fit a network, before a training begins."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from facevalue.learning.batches import ArraySource, Batches, network_input


def check_data(model: keras.Model, batches: Batches, split: str) -> None:
    """Raise an error where images or labels do not fit the network.

    Of a stream, only the first two images are checked.

    Args:
        model: a network with one input and one output.
        batches: of the images.
        split: how the message calls them, for example "training".

    Raises:
        ValueError: one sentence says what does not fit.
    """
    source = batches.source
    if not len(source):
        raise ValueError(f"The {split} split is empty: it needs at least one image.")
    if isinstance(source, ArraySource):
        images, labels = source.images, source.labels
    else:
        images, labels = source[np.arange(min(2, len(source)))]
    if len(images) != len(labels):
        raise ValueError(f"The {split} split has {len(images)} images but {len(labels)} labels.")
    _check_images(images, model.input_shape[1:], split)
    if batches.augmentation is not None:
        _check_augmentable(images, split)
    check_labels(np.asarray(labels), int(model.output_shape[-1]), split)


def _check_images(images: np.ndarray, expected: Sequence[int | None], split: str) -> None:
    found = network_input(images[:1]).shape[1:]
    fits = len(expected) == len(found) and all(
        side in (None, size) for side, size in zip(expected, found, strict=True)
    )
    if not fits:
        raise ValueError(
            f"The network takes images of shape {_shape(expected)}, "
            f"but those of the {split} split are {_shape(found)}."
        )
    if images.dtype != np.uint8 and not np.isfinite(images).all():
        raise ValueError(f"Some images of the {split} split contain NaN or infinity.")


def _check_augmentable(images: np.ndarray, split: str) -> None:
    if images.dtype != np.uint8 and (images.min() < 0 or images.max() > 1):
        raise ValueError(
            f"Augmentation needs grey levels from 0 to 1, but those of the {split} split are from "
            f"{images.min():.3g} to {images.max():.3g}."
        )
    found = network_input(images[:1]).shape[1:]
    if len(found) != 3:
        raise ValueError(f"Augmentation needs images, but the shape is {_shape(found)}.")


def check_labels(labels: np.ndarray, outputs: int, split: str) -> None:
    """Raise a ValueError where labels do not fit a network with so many outputs.

    Args:
        labels: class numbers, shape (n,) or (n, 1), or probabilities, shape (n, outputs).
        outputs: of the network; 1 stands for two classes.
        split: how the message calls them.
    """
    if not np.isfinite(labels).all():
        raise ValueError(f"Some labels of the {split} split are NaN or infinity.")
    if labels.ndim == 2 and labels.shape[1] not in (1, outputs):
        raise ValueError(
            f"The network has {outputs} outputs, but labels of the {split} split have "
            f"{labels.shape[1]} columns."
        )
    classes = max(outputs, 2) if labels.ndim == 1 or labels.shape[1] == 1 else 2
    if labels.min() < 0 or labels.max() > classes - 1:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(
            f"Labels of the {split} split must be from 0 to {classes - 1}, as the network has "
            f"{outputs} output{'s' * (outputs > 1)}, but one is {wrong}."
        )


def _shape(shape: Sequence[int | None]) -> str:
    return f"(n, {', '.join('any' if side is None else str(side) for side in shape)})"
