"""Numbers that describe an image: its edges, and a hash of its broad shapes."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.fft import dctn

from facevalue.data.dataset import SIZE

AT_ONCE = 1_000
"""Images that are transformed at a time: the transform needs four times their memory."""


def perceptual_hash(images: np.ndarray) -> np.ndarray:
    """Return 64 bits for each image that say where its broad shapes are light and dark.

    The 8 x 8 lowest frequencies of the cosine transform, each compared with their median: a few
    bits change where an image is saved again, about half where it is another one.
    Source: pHash; imagehash.phash, which shrinks to 32 x 32 first, differs in 0 to 2 bits.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        bool, shape (n, 64).
    """
    low = np.concatenate(
        [
            dctn(images[start : start + AT_ONCE].astype("float32"), axes=(1, 2))[:, :8, :8]
            for start in range(0, max(len(images), 1), AT_ONCE)
        ]
    ).reshape(len(images), 64)
    return low > np.median(low, axis=1, keepdims=True)


def hog(images: np.ndarray, cell: int = 8, step: int = 8) -> np.ndarray:
    """Return histograms of oriented gradients: which way the edges run, place by place.

    Args:
        images: uint8, shape (n, 48, 48).
        cell: width and height of a cell in pixels; a block has 2 x 2 of them.
        step: pixels from one block to the next.

    Returns:
        float32, shape (n, d): with the defaults, d is 900.
    Source: Dalal and Triggs (2005), https://doi.org/10.1109/CVPR.2005.177
    """
    descriptor = cv2.HOGDescriptor((SIZE, SIZE), (2 * cell,) * 2, (step,) * 2, (cell,) * 2, 9)
    rows = [np.ravel(descriptor.compute(np.ascontiguousarray(image))) for image in images]
    return np.array(rows, "float32").reshape(len(images), descriptor.getDescriptorSize())
