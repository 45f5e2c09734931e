"""Corruptions of images like those that cameras and the web cause."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Corruption = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
"""A function from images, uint8, shape (n, height, width), a setting and a random generator to
corrupted copies, uint8, of the same shape."""


def blur(images: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Blur with a Gaussian of standard deviation `sigma`, in pixels."""
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in images])


def noise(images: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Add Gaussian noise of standard deviation `spread`, in grey levels."""
    grains = rng.standard_normal(images.shape, dtype=np.float32)
    return _to_grey_levels(images + spread * grains)


def dark(images: np.ndarray, light: float, rng: np.random.Generator) -> np.ndarray:
    """Multiply each grey level by `light`."""
    return _to_grey_levels(images * light)


def low_contrast(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Multiply each pixel's difference from its image's mean by `share`."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return _to_grey_levels(mean + share * (images - mean))


def rotation(images: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Rotate by `degrees`, to the left or right at random; pixels outside repeat the edge."""
    signs = np.where(rng.random(len(images)) < 0.5, -1, 1)
    height, width = images.shape[1:]
    centre = ((width - 1) / 2, (height - 1) / 2)
    turns = [cv2.getRotationMatrix2D(centre, float(sign * degrees), 1) for sign in signs]
    return np.stack(
        [
            cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
            for image, turn in zip(images, turns, strict=True)
        ]
    )


def occlusion(images: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Cover a square, which has this `share` of the area, at a random place with middle grey."""
    height, width = images.shape[1:]
    side = round((share * height * width) ** 0.5)
    places = rng.random((len(images), 2)) * (height - side + 1, width - side + 1)
    covered = images.copy()
    for image, (top, left) in zip(covered, places.astype(int), strict=True):
        image[top : top + side, left : left + side] = 128
    return covered


def jpeg(images: np.ndarray, quality: float, rng: np.random.Generator) -> np.ndarray:
    """Compress as JPEG with a `quality` from 1 to 100."""
    options = [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
    copies = np.empty_like(images)
    for image, copy in zip(images, copies, strict=True):
        copy[:] = cv2.imdecode(cv2.imencode(".jpg", image, options)[1], cv2.IMREAD_GRAYSCALE)
    return copies


def shifted(images: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return copies of images moved by whole pixels; pixels from outside repeat the edge.

    Args:
        images: shape (n, height, width).
        down: by how many pixels they are moved down, or up if negative.
        right: by how many pixels they are moved to the right, or to the left if negative.

    >>> shifted(np.array([[[1, 2, 3]]]), 0, 1).tolist()
    [[[1, 1, 2]]]
    """
    height, width = images.shape[1:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return images[:, rows[:, None], columns]


CORRUPTIONS: dict[str, tuple[Corruption, tuple[float, float, float], str]] = {
    "blur": (blur, (0.7, 1.2, 2.0), "standard deviation {:g} pixels"),
    "noise": (noise, (5, 10, 20), "standard deviation {:g} of 255 grey levels"),
    "dark": (dark, (0.5, 0.25, 0.1), "{:.0%} of the light"),
    "low contrast": (low_contrast, (0.5, 0.25, 0.1), "{:.0%} of the contrast"),
    "rotation": (rotation, (10, 20, 40), "{:g} degrees"),
    "occlusion": (occlusion, (0.05, 0.1, 0.2), "{:.0%} of the area"),
    "JPEG": (jpeg, (40, 20, 8), "quality {:g}"),
}
"""For each name: the function, its settings for strengths 1, 2 and 3, and a format string that
describes a setting.

Source: Hendrycks and Dietterich (2019), https://arxiv.org/abs/1903.12261. The settings are chosen
for 48 x 48 pixels, from hardly visible to hard for people.
"""

STRENGTHS = (1, 2, 3)
"""The strengths of a corruption, from weak to strong."""


def corrupt(images: np.ndarray, name: str, strength: int, seed: int = 0) -> np.ndarray:
    """Return corrupted copies of images.

    Args:
        images: uint8, shape (n, height, width), grey levels from 0 to 255.
        name: one of `CORRUPTIONS`.
        strength: 1, 2 or 3.
        seed: the seed of the random corruptions. A copy depends on its image, on the seed and on
            the index of the image, but not on the other images.

    Returns:
        uint8, the same shape.

    Raises:
        ValueError: `images` is not such an array or is empty, or the corruption or strength is
            unknown.

    >>> corrupt(np.full((1, 2, 2), 200, np.uint8), "dark", 1).tolist()
    [[[100, 100], [100, 100]]]
    """
    if images.dtype != np.uint8 or images.ndim != 3 or not images.size:
        raise ValueError(
            "Images must be uint8 of shape (n, height, width), "
            f"not {images.dtype} of shape {images.shape}."
        )
    if name not in CORRUPTIONS:
        raise ValueError(f"There is no corruption {name!r}: choose from {', '.join(CORRUPTIONS)}.")
    if strength not in STRENGTHS:
        raise ValueError(f"The strength must be 1, 2 or 3, not {strength}.")
    function, settings, _ = CORRUPTIONS[name]
    return function(images, settings[strength - 1], np.random.default_rng(seed))


def _to_grey_levels(values: np.ndarray) -> np.ndarray:
    """Round values to grey levels, uint8, from 0 to 255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
