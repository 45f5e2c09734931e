"""Images that are changed anew each time a network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np


class Change(Protocol):
    """What a training does to a batch of images, and may do to their labels, before each step.

    Its `repr` is part of what a kept training is recognised by.
    """

    def __call__(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the changed images and their labels (see `augment` for shapes and ranges)."""


@dataclass(frozen=True)
class Augmentation:
    """How far an image is changed, at random and anew each time it is seen.

    Attributes:
        flip: every second image is mirrored, left to right.
        shift: share of the side by which it moves, in either direction.
        rotate: degrees by which it turns, either way.
        zoom: share by which it grows or shrinks.
        light: it is multiplied by 1 - light to 1 + light, and up to half of that is added or
            taken away.
        erase: probability that a square of one random grey covers 2 to 25 % of it (Zhong and
            others 2017, https://arxiv.org/abs/1708.04896).
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
        """Return changed copies of the images, and the labels as they are."""
        return augment(images, self, rng), labels


def augment(images: np.ndarray, augmentation: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Return changed copies of images, each changed in its own way.

    Flip, shift, turn and zoom are one warp, so that an image is interpolated once; what comes in
    from outside repeats the edge.

    Args:
        images: float32, shape (n, height, width, 1 or 3), from 0 to 1.
        augmentation: how far.
        rng: what decides; the same generator state gives the same images.

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
    """Return n matrices (2, 3): where each pixel of the changed image comes from."""
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
    """Cover a square of some of the images, in place."""
    n, height, width, _ = images.shape
    chosen = rng.random(n) < probability
    # every number is drawn for every image, so that the images do not depend on one another
    draws = rng.uniform(0, 1, (n, 4))
    for i in np.flatnonzero(chosen):
        area, down, right, grey = draws[i]
        side = max(1, round(min(height, width) * np.sqrt(0.02 + 0.23 * area)))
        top, left = int(down * (height - side + 1)), int(right * (width - side + 1))
        images[i, top : top + side, left : left + side] = grey


def mixup(
    images: np.ndarray, labels: np.ndarray, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Blend each image with another of the batch, and their labels by the same share.

    Source: Zhang and others (2018), https://arxiv.org/abs/1710.09412

    Args:
        images: float32, shape (n, height, width, channels).
        labels: float32, shape (n, classes), rows of probabilities.
        alpha: of the beta distribution that the share comes from; the larger, the more is blended.
        rng: what decides.
    """
    share = rng.beta(alpha, alpha, len(images)).astype(np.float32)
    share = np.maximum(share, 1 - share)  # the larger part stays
    other = rng.permutation(len(images))
    a, b = share[:, None, None, None], share[:, None]
    return a * images + (1 - a) * images[other], b * labels + (1 - b) * labels[other]


def degrade(images: np.ndarray, noise: float, blur: float, rng: np.random.Generator) -> np.ndarray:
    """Return copies of images as a poor camera would take them: each blurred, then noisy.

    Args:
        images: float32, shape (n, height, width, 1), from 0 to 1.
        noise: each image gets noise of its own standard deviation, from 0 to this.
        blur: every second image is blurred, with a standard deviation from 0 to this, in pixels.
        rng: what decides.
    """
    n = len(images)
    changed = images.copy()
    widths = rng.uniform(0, blur, n)
    for i in np.flatnonzero((rng.random(n) < 0.5) & (widths > 0.1)):
        changed[i, ..., 0] = cv2.GaussianBlur(images[i, ..., 0], None, widths[i])
    grain = rng.standard_normal(images.shape, np.float32)
    changed += grain * rng.uniform(0, noise, (n, 1, 1, 1)).astype(np.float32)
    return np.clip(changed, 0, 1, out=changed)
