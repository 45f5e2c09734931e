"""Checks that images and labels fit a network, before a training begins."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from facevalue.learning.batches import ArraySource, Batches, network_input


def check_data(model: keras.Model, batches: Batches, split: str) -> None:
    """Raise an error if images or labels do not fit the network.

    Of a stream, only the first two images are checked.

    Args:
        model: a network with one input and one output.
        batches: the batches of the images and labels.
        split: the name of the split in the message, for example "training".

    Raises:
        ValueError: the split is empty, or its images or labels do not fit; the message says why.
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
    if images.dtype != np.uint8:
        finite = np.isfinite(images).reshape(len(images), -1).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"Image {finite.argmin()} of the {split} split contains NaN or infinity: "
                "leave it out."
            )


def _check_augmentable(images: np.ndarray, split: str) -> None:
    if images.dtype != np.uint8 and (images.min() < 0 or images.max() > 1):
        raise ValueError(
            f"Augmentation needs grey levels from 0 to 1, but those of the {split} split are from "
            f"{images.min():.3g} to {images.max():.3g}: rescale them."
        )
    found = network_input(images[:1]).shape[1:]
    if len(found) != 3:
        raise ValueError(
            f"Augmentation needs images, but the inputs of the {split} split have the shape "
            f"{_shape(found)}."
        )


def check_labels(labels: np.ndarray, outputs: int, split: str) -> None:
    """Raise an error if labels do not fit the number of outputs of a network.

    Args:
        labels: class numbers, shape (n,) or (n, 1), or probabilities, shape (n, outputs).
        outputs: the number of outputs; 1 means two classes.
        split: the name of the split in the message, for example "training".

    Raises:
        ValueError: a label is out of range or NaN, or the labels have another number of columns.
    """
    finite = np.isfinite(labels).reshape(len(labels), -1).all(axis=1)
    if not finite.all():
        raise ValueError(
            f"The label of image {finite.argmin()} of the {split} split is NaN or infinite: "
            "leave the image out."
        )
    if labels.ndim == 2 and labels.shape[1] not in (1, outputs):
        raise ValueError(
            f"The network has {outputs} outputs, but labels of the {split} split have "
            f"{labels.shape[1]} columns."
        )
    if labels.ndim == 1 or labels.shape[1] == 1:
        largest = max(outputs, 2) - 1
        reason = f"the network has {outputs} output{'s' * (outputs > 1)}"
    else:
        largest, reason = 1, "they are probabilities"
    if labels.min() < 0 or labels.max() > largest:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(
            f"Labels of the {split} split must be from 0 to {largest}, as {reason}, but one is "
            f"{wrong}."
        )


def _shape(shape: Sequence[int | None]) -> str:
    """Return a shape without its first axis in words: (48, 48, 1) as "(n, 48, 48, 1)"."""
    return f"(n, {', '.join('any' if side is None else str(side) for side in shape)})"
