"""Descriptors of images: histograms of oriented gradients, and a perceptual hash."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.fft import dctn

from facevalue.data.dataset import SIZE

BATCH = 1_000
"""Images per call of the transform, which needs four times their memory."""


def perceptual_hash(images: np.ndarray) -> np.ndarray:
    """Return a hash of 64 bits for each image; similar images have similar hashes.

    Each bit says whether one of the 8 x 8 lowest frequencies of the cosine transform is above
    their median. A few bits change when an image is saved again as JPEG; two different images
    differ in about half of the bits.
    Source: pHash. The hash of imagehash.phash, which first shrinks the image to 32 x 32, differs
    in 0 to 2 bits.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        bool, shape (n, 64).

    >>> images = np.random.default_rng(0).integers(0, 256, (2, 48, 48), np.uint8)
    >>> bool((perceptual_hash(images) == perceptual_hash(images // 2)).mean() > 0.9)
    True
    """
    low = np.concatenate(
        [
            dctn(images[start : start + BATCH].astype("float32"), axes=(1, 2))[:, :8, :8]
            for start in range(0, max(len(images), 1), BATCH)
        ]
    ).reshape(len(images), 64)
    return low > np.median(low, axis=1, keepdims=True)


def hog(images: np.ndarray, cell: int = 8, step: int = 8) -> np.ndarray:
    """Return histograms of oriented gradients (HOG): the directions of edges, cell by cell.

    Source: Dalal and Triggs (2005), https://doi.org/10.1109/CVPR.2005.177

    Args:
        images: uint8, shape (n, 48, 48).
        cell: width and height of a cell in pixels; a block has 2 x 2 cells.
        step: distance from one block to the next, in pixels.

    Returns:
        float32, shape (n, d), from 0 to 1.

    >>> hog(np.zeros((3, 48, 48), np.uint8)).shape
    (3, 900)
    """
    descriptor = cv2.HOGDescriptor((SIZE, SIZE), (2 * cell,) * 2, (step,) * 2, (cell,) * 2, 9)
    rows = [np.ravel(descriptor.compute(np.ascontiguousarray(image))) for image in images]
    return np.array(rows, "float32").reshape(len(images), descriptor.getDescriptorSize())
