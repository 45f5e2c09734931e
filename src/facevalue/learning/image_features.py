"""Features of faces for classical models."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA

from facevalue.data import descriptors
from facevalue.data.dataset import SIZE
from facevalue.learning.classical_checks import check_features, check_images

AT_ONCE = 500
"""Images whose features are computed together: more would only need more memory."""

BLOCK = 2_000
"""Rows of the equations that are solved together; five blocks or more show their progress."""


class _Images(TransformerMixin, BaseEstimator):
    """What the transformers below share: nothing to learn, images in, rows of numbers out."""

    def fit(self, images: np.ndarray, labels: np.ndarray | None = None) -> Any:
        check_images(images)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, images: np.ndarray) -> np.ndarray:
        """Return float32 features, shape (n, d), of images, uint8, shape (n, 48, 48)."""
        images = check_images(images)
        starts = range(0, max(len(images), 1), AT_ONCE)
        return np.concatenate([self._rows(images[k : k + AT_ONCE]) for k in starts])

    def _rows(self, images: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class Pixels(_Images):
    """The grey levels themselves: 2,304 numbers from 0 to 1, row by row."""

    def _rows(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), SIZE * SIZE).astype("float32") / 255


class Gradients(_Images):
    """Histograms of oriented gradients (HOG): which way edges run, by cell of the face.

    Source: Dalal and Triggs (2005), https://doi.org/10.1109/CVPR.2005.177, computed by OpenCV:
    nine directions, blocks of 2 x 2 cells, each normalised to length 1 with a limit of 0.2.

    Args:
        cell: width and height of a cell in pixels; it must divide 48.
        step: pixels from one block to the next, a divisor of `cell`; None for one cell.
    """

    def __init__(self, cell: int = 8, step: int | None = None) -> None:
        self.cell = cell
        self.step = step

    def _rows(self, images: np.ndarray) -> np.ndarray:
        cell = self.cell
        if cell < 2 or SIZE % cell or SIZE // cell < 2:
            raise ValueError(f"a cell of {cell} pixels does not fit: choose 4, 6, 8, 12, 16 or 24.")
        step = cell if self.step is None else self.step
        if step < 1 or cell % step:
            raise ValueError(f"a step of {step} pixels does not fit: it must divide {cell}.")
        return descriptors.hog(images, cell, step)


def _uniform() -> np.ndarray:
    """Return for each of 256 codes its bin: 58 codes with at most two changes, 1 for the rest."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    return np.where(uniform, np.cumsum(uniform) - 1, 58)


UNIFORM = _uniform()
AROUND = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""The eight neighbours of a pixel, clockwise: steps down and to the right."""


class BinaryPatterns(_Images):
    """Local binary patterns (LBP): histograms, by block of the face, of tiny patterns.

    Each pixel is compared with its eight neighbours; the eight answers, as bits, are a pattern.
    The 58 patterns that change at most twice around the circle (edges, corners, spots) have a
    bin each, all others share one. Square roots of shares are returned, so that the distance of
    two rows is the Hellinger distance of the histograms.
    Source: Ahonen, Hadid and Pietikainen (2006), https://doi.org/10.1109/TPAMI.2006.244.

    Args:
        block: width and height of a block in pixels; it must divide 48.
    """

    def __init__(self, block: int = 8) -> None:
        self.block = block

    def _rows(self, images: np.ndarray) -> np.ndarray:
        if self.block < 2 or SIZE % self.block:
            raise ValueError(f"a block of {self.block} pixels does not divide {SIZE}.")
        n, side = len(images), SIZE // self.block
        wide = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
        codes = np.zeros((n, SIZE, SIZE), np.uint8)
        for bit, (down, right) in enumerate(AROUND):
            shifted = wide[:, 1 + down : 1 + down + SIZE, 1 + right : 1 + right + SIZE]
            codes |= (shifted >= images).astype(np.uint8) << np.uint8(bit)
        place = np.arange(SIZE) // self.block
        cell = np.arange(n)[:, None, None] * side**2 + place[:, None] * side + place
        bins = np.bincount((cell * 59 + UNIFORM[codes]).ravel(), minlength=n * side**2 * 59)
        return np.sqrt(bins.reshape(n, side**2 * 59) / self.block**2).astype("float32")


def pca(features: np.ndarray, components: int, whiten: bool = False) -> PCA:
    """Return a PCA of training features.

    Args:
        features: float, shape (n, d), of training faces only.
        components: how many directions to keep.
        whiten: divide each component by its standard deviation.

    Raises:
        ValueError: fewer faces or numbers than components, NaN.
    """
    features = check_features(features)
    least = min(features.shape)
    if not 1 <= components <= least:
        n, d = features.shape
        raise ValueError(
            f"{components} components cannot be found in {n} faces of {d} numbers: "
            f"ask for 1 to {least}, or give more faces."
        )
    n, d = features.shape
    solver = "full" if 2 * n < d else "covariance_eigh"  # whichever decomposes the smaller matrix
    return PCA(components, whiten=whiten, svd_solver=solver).fit(features)
