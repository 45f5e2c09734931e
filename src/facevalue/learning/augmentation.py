"""Random changes to training images: warps, light, erased squares, mixup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np


class BatchTransform(Protocol):
    """A callable that changes each batch of images, and perhaps its labels, before a training step.

    Its `repr` must show all its settings: `training.fit` resumes from a checkpoint only if the
    settings are equal.
    """

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the changed images and their labels (see `augment` for shapes and ranges)."""


@dataclass(frozen=True)
class Augmentation:
    """How much images are changed. Each time an image is used, it is changed at random.

    Attributes:
        flip: whether each image is mirrored, left to right, with probability 0.5.
        shift: the largest shift, as a share of the width and of the height.
        rotate: the largest rotation to the left or right, in degrees.
        zoom: the largest change of the visible part: 0.15 shows 85 to 115 % of width and height.
        light: grey levels are multiplied by a factor from 1 - light to 1 + light; then a number
            from -light / 2 to light / 2 is added.
        erase: the probability that a square of one random grey level covers 2 to 25 % of the image
            (Zhong and others 2017, https://arxiv.org/abs/1708.04896).

    >>> batch, labels = np.full((4, 48, 48, 1), 0.5, np.float32), np.array([0, 1, 2, 3])
    >>> changed, same = Augmentation(rotate=5)(batch, labels, np.random.default_rng(0))
    >>> changed.shape, same is labels
    ((4, 48, 48, 1), True)
    """

    flip: bool = True
    shift: float = 0.1
    rotate: float = 15.0
    zoom: float = 0.15
    light: float = 0.3
    erase: float = 0.5

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return changed copies of the images, and the labels unchanged."""
        return augment(images, self, rng), labels


def augment(images: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Return randomly changed copies of images.

    Flip, shift, rotation and zoom are one warp, so each image is interpolated only once. Pixels
    from outside the image repeat its edge.

    Args:
        images: float32, shape (n, height, width, 1 or 3), from 0 to 1.
        augmentation: how much they are changed.
        rng: the random generator; a generator in the same state gives the same images.

    Returns:
        float32, the same shape, from 0 to 1.
    """
    n, height, width, channels = images.shape
    changed = np.empty(images.shape, np.float32)
    for image, matrix, out in zip(
        images, _warps(n, height, width, augmentation, rng), changed, strict=True
    ):
        warped = cv2.warpAffine(
            np.ascontiguousarray(image, np.float32),
            matrix,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        out[:] = warped.reshape(height, width, channels)
    light = augmentation.light
    changed *= rng.uniform(1 - light, 1 + light, (n, 1, 1, 1)).astype(np.float32)
    changed += rng.uniform(-light / 2, light / 2, (n, 1, 1, 1)).astype(np.float32)
    np.clip(changed, 0, 1, out=changed)
    _erase(changed, augmentation.erase, rng)
    return changed


def _warps(
    n: int, height: int, width: int, augmentation: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Return matrices, shape (n, 2, 3), that map the changed images to the originals."""
    angle = np.deg2rad(rng.uniform(-1, 1, n) * augmentation.rotate)
    scale = 1 + rng.uniform(-1, 1, n) * augmentation.zoom
    side = np.where((rng.random(n) < 0.5) & augmentation.flip, -1.0, 1.0)
    move = rng.uniform(-1, 1, (n, 2)) * augmentation.shift * np.array([width, height])
    matrices = np.empty((n, 2, 3))
    matrices[:, 0, 0] = side * np.cos(angle) * scale
    matrices[:, 0, 1] = np.sin(angle) * scale
    matrices[:, 1, 0] = -side * np.sin(angle) * scale
    matrices[:, 1, 1] = np.cos(angle) * scale
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    matrices[:, :, 2] = centre + move - matrices[:, :, :2] @ centre
    return matrices


def _erase(images: np.ndarray, probability: float, rng: np.random.Generator) -> None:
    """Cover a square in some of the images, in place."""
    n, height, width, _ = images.shape
    chosen = rng.random(n) < probability
    # all numbers are drawn for every image, so that images do not depend on each other
    draws = rng.uniform(0, 1, (n, 4))
    for i in np.flatnonzero(chosen):
        area, down, right, grey = draws[i]
        side = max(1, round(min(height, width) * np.sqrt(0.02 + 0.23 * area)))
        top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
        images[i, top : top + side, left : left + side] = grey


def mixup(
    images: np.ndarray, labels: np.ndarray, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Blend each image with another one of the batch, and their labels in the same proportion.

    Source: Zhang and others (2018), https://arxiv.org/abs/1710.09412

    Args:
        images: float32, shape (n, height, width, channels).
        labels: float32, shape (n, classes), rows of probabilities.
        alpha: the parameter of the beta distribution of the proportions; a larger one blends more.
        rng: the random generator.

    Returns:
        The blended images and labels, with the dtypes and shapes of the arguments.

    >>> images, labels = np.ones((4, 48, 48, 1), np.float32), np.eye(4, dtype=np.float32)
    >>> blended, shares = mixup(images, labels, 0.2, np.random.default_rng(0))
    >>> blended.shape, shares.sum(axis=1).tolist()
    ((4, 48, 48, 1), [1.0, 1.0, 1.0, 1.0])
    """
    share = rng.beta(alpha, alpha, len(images)).astype(np.float32)
    share = np.maximum(share, 1 - share)  # each image keeps the larger part
    other = rng.permutation(len(images))
    a, b = share[:, None, None, None], share[:, None]
    return a * images + (1 - a) * images[other], b * labels + (1 - b) * labels[other]
