"""Spoilt training images: badly lit, rolled, blurred, noisy, compressed, as from poor cameras."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Spoiling:
    """How often and how strongly training images are spoilt.

    A spoilt image goes through seven steps, each with probability 0.5 and a random strength, in the
    order in which they happen to a photo: side light, gamma, roll, blur, shrinking, noise, JPEG.

    Attributes:
        share: the probability that an image is spoilt, from 0 (none) to 1 (all).
        side_light: how much of the light the darker side loses at most, from 0 to 1. The light
            falls from any direction, and changes evenly across the image.
        gamma: the largest exponent of the grey levels, which darkens shadows, and the inverse of
            the smallest, which brightens them; 1 for none.
        roll: the largest rotation to the left or right, in degrees. Pixels from outside the image
            repeat its edge.
        blur: the largest standard deviation of the Gaussian blur, in pixels.
        shrink: the largest factor by which an image is shrunk, and then enlarged again.
        noise: the largest standard deviation of the noise, of 255 grey levels.
        jpeg: the lowest quality of the JPEG compression, 1 to 95; the highest is 95.

    >>> Spoiling(share=0.5).jpeg
    8
    """

    share: float = 0.0
    side_light: float = 0.5
    gamma: float = 2.0
    roll: float = 30.0
    blur: float = 2.0
    shrink: float = 2.5
    noise: float = 20.0
    jpeg: int = 8


def spoil(images: np.ndarray, spoiling: Spoiling, rng: np.random.Generator) -> np.ndarray:
    """Return copies of images of which some are spoilt at random.

    Args:
        images: float32, shape (n, height, width, 1), from 0 to 1.
        spoiling: how often and how strongly.
        rng: the random generator; a generator in the same state gives the same images.

    Returns:
        float32, the same shape, from 0 to 1.

    >>> grey = np.full((3, 48, 48, 1), 0.5, np.float32)
    >>> spoil(grey, Spoiling(share=1), np.random.default_rng(0)).shape
    (3, 48, 48, 1)
    """
    changed = images.copy()
    # all numbers are drawn for every image, so that images do not depend on each other
    chosen = rng.random(len(images)) < spoiling.share
    steps = rng.random((len(images), 4)) < 0.5
    strengths = rng.random((len(images), 4))
    grains = rng.standard_normal(images.shape[:3], np.float32)
    scene = rng.random((len(images), 3)) < 0.5, rng.uniform(-1, 1, (len(images), 4))
    for i in np.flatnonzero(chosen):
        image = _scene(images[i, ..., 0], spoiling, scene[0][i], scene[1][i])
        blur, shrink, noise, jpeg = strengths[i]
        if steps[i, 0]:
            image = cv2.GaussianBlur(image, (0, 0), max(0.1, spoiling.blur * blur))
        if steps[i, 1]:
            image = _shrunk(image, 1 + (spoiling.shrink - 1) * shrink)
        if steps[i, 2]:
            image = image + np.float32(spoiling.noise / 255 * noise) * grains[i]
        if steps[i, 3]:
            # most qualities on the web are high, but low ones are harder to learn: half are below
            # the geometric mean of the lowest and the highest
            image = _compressed(image, spoiling.jpeg * (95 / spoiling.jpeg) ** jpeg)
        np.clip(image, 0, 1, out=changed[i, ..., 0])
    return changed


def _scene(
    image: np.ndarray, spoiling: Spoiling, steps: np.ndarray, strengths: np.ndarray
) -> np.ndarray:
    """Return an image in another light and rolled, as three steps and four strengths decide."""
    direction, side, gamma, roll = strengths
    if steps[0] and spoiling.side_light:
        image = image * _side_light(image.shape, np.pi * direction, spoiling.side_light * abs(side))
    if steps[1] and spoiling.gamma != 1:
        image = image ** np.float32(spoiling.gamma**gamma)
    if steps[2] and spoiling.roll:
        image = _rolled(image, spoiling.roll * roll)
    return image


def _side_light(shape: tuple[int, int], direction: float, loss: float) -> np.ndarray:
    """Return factors that fall from 1 on one side of an image to 1 - loss on the other."""
    down, right = (np.linspace(-1, 1, length, dtype=np.float32) for length in shape)
    along = np.sin(direction) * down[:, None] + np.cos(direction) * right
    share = (along / np.abs(along).max() + 1) / 2
    return (1 - loss * share).astype(np.float32)


def _rolled(image: np.ndarray, degrees: float) -> np.ndarray:
    """Return an image rotated around its centre."""
    height, width = image.shape
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1)
    return cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _shrunk(image: np.ndarray, factor: float) -> np.ndarray:
    """Return an image that has lost its details by being shrunk and enlarged again."""
    height, width = image.shape
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _compressed(image: np.ndarray, quality: float) -> np.ndarray:
    """Return an image, float32 from 0 to 1, as JPEG of this quality gives it back."""
    levels = np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
    file = cv2.imencode(".jpg", levels, [cv2.IMWRITE_JPEG_QUALITY, round(quality)])[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_GRAYSCALE), np.float32) / 255
