"""Measures of image quality that need no labels: brightness, sharpness, symmetry and others."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.sparse.linalg import eigsh

from facevalue.data.dataset import SIZE
from facevalue.exploration.duplicates import standardise

BLOCK = 1_000
"""The number of images that are measured at once."""

COMPONENTS = 10
"""The number of eigenfaces for the reconstruction error."""


def measure(images: np.ndarray) -> pd.DataFrame:
    """Measure each image without a model of faces.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        One row per image, with the columns
        brightness: mean grey level. Cannot distinguish a dark room from dark skin.
        contrast: standard deviation of the grey levels. A bright background raises it.
        sharpness: variance of the Laplacian. Noise raises it like detail does.
        side_light: difference in brightness between the left and right half. A turned head or
        an uneven background raises it, too.
        symmetry: correlation of the edges with those of the mirrored image, -1 to 1. Low if the
        head is turned, tilted or off centre, or something covers one side.
        flatness: share of neighbouring pixels with the same grey level. High in line drawings
        and placeholders, but also in photos with black or white areas.
        reconstruction_error: share of the image's variance that the first ten principal
        components of this set do not explain (eigenfaces, Turk and Pentland 1991). High for
        images that are not faces, and for covered or tilted faces; low for anything that is
        frequent in the set.
    """
    starts = range(0, max(len(images), 1), BLOCK)
    local = pd.concat([_local_measures(images[start : start + BLOCK]) for start in starts])
    error = _reconstruction_error(images)
    return local.reset_index(drop=True).assign(reconstruction_error=error)


def _local_measures(images: np.ndarray) -> pd.DataFrame:
    """Return the measures that depend on one image alone."""
    pixels = images.astype("float32")
    half = SIZE // 2
    left, right = pixels[:, :, :half].mean(axis=(1, 2)), pixels[:, :, half:].mean(axis=(1, 2))
    across = (np.diff(images, axis=2) == 0).mean(axis=(1, 2))
    down = (np.diff(images, axis=1) == 0).mean(axis=(1, 2))
    sharpness = [cv2.Laplacian(image, cv2.CV_32F).var() for image in images]
    edges = np.hypot(*np.gradient(pixels, axis=(1, 2)))
    edges = ndimage.gaussian_filter(edges, (0, 1.5, 1.5))
    edges -= edges.mean(axis=(1, 2), keepdims=True)
    total = np.maximum((edges**2).sum(axis=(1, 2)), 1)
    columns = {
        "brightness": pixels.mean(axis=(1, 2)),
        "contrast": pixels.std(axis=(1, 2)),
        "sharpness": np.array(sharpness, "float32"),
        "side_light": np.abs(left - right),
        "symmetry": (edges * edges[:, :, ::-1]).sum(axis=(1, 2)) / total,
        "flatness": (across + down) / 2,
    }
    return pd.DataFrame(columns)


def _reconstruction_error(images: np.ndarray) -> np.ndarray:
    """Return the variance that the first components do not explain; 0 for very few images."""
    if len(images) <= COMPONENTS:
        return np.zeros(len(images))
    pixels = standardise(images) * SIZE
    pixels -= pixels.mean(axis=0)
    start = np.ones(SIZE * SIZE)  # a fixed start gives the same result on every machine
    _, eigenfaces = eigsh((pixels.T @ pixels).astype("float64"), k=COMPONENTS, v0=start)
    eigenfaces = eigenfaces.astype("float32")
    return np.square(pixels - (pixels @ eigenfaces) @ eigenfaces.T).mean(axis=1)
