"""Features of faces for classical models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA

from facevalue.data import descriptors
from facevalue.data.dataset import SIZE
from facevalue.learning.classical_checks import check_features, check_images

BATCH = 500
"""How many images are computed at a time: more would need more memory and save no time."""


class ImageFeatures(TransformerMixin, BaseEstimator, ABC):
    """A scikit-learn transformer from images to features, which learns nothing from them."""

    def fit(self, images: np.ndarray, labels: np.ndarray | None = None) -> Self:
        """Check the images, uint8, shape (n, 48, 48), and return the transformer."""
        check_images(images)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def transform(self, images: np.ndarray) -> np.ndarray:
        """Return the features, float32, shape (n, d), of images, uint8, shape (n, 48, 48).

        Raises:
            ValueError: `images` has another dtype or shape.
        """
        images = check_images(images)
        starts = range(0, max(len(images), 1), BATCH)
        return np.concatenate([self.compute(images[k : k + BATCH]) for k in starts])

    @abstractmethod
    def compute(self, images: np.ndarray) -> np.ndarray:
        """Return the features, float32, shape (n, d), of one batch of images, as in `transform`."""


class Pixels(ImageFeatures):
    """The grey levels themselves: 2,304 numbers from 0 to 1, row by row.

    >>> Pixels().transform(np.full((1, 48, 48), 255, np.uint8)).shape
    (1, 2304)
    """

    def compute(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), SIZE * SIZE).astype("float32") / 255


class Gradients(ImageFeatures):
    """Histograms of oriented gradients (HOG): the directions of the edges in each cell of the face.

    OpenCV computes them, with nine directions and blocks of 2 x 2 cells. Each block is normalised
    to length 1, its values are limited to 0.2, and it is normalised again (L2-Hys).

    Args:
        cell: width and height of a cell in pixels, a divisor of 48 from 2 to 24.
        step: pixels from one block to the next, a divisor of `cell`; None for one cell.

    Raises:
        ValueError: in `transform`, if `cell` or `step` is not such a divisor.

    Source: Dalal and Triggs (2005), https://doi.org/10.1109/CVPR.2005.177

    >>> Gradients(cell=8).transform(np.zeros((1, 48, 48), np.uint8)).shape
    (1, 900)
    """

    def __init__(self, cell: int = 8, step: int | None = None) -> None:
        self.cell = cell
        self.step = step

    def compute(self, images: np.ndarray) -> np.ndarray:
        cell = self.cell
        if cell < 2 or SIZE % cell or SIZE // cell < 2:
            raise ValueError(
                f"A cell of {cell} pixels does not fit: choose 2, 3, 4, 6, 8, 12, 16 or 24."
            )
        step = cell if self.step is None else self.step
        if step < 1 or cell % step:
            raise ValueError(f"A step of {step} pixels does not fit: it must divide {cell}.")
        return descriptors.hog(images, cell, step)


def _uniform_bins() -> np.ndarray:
    """Return the bin of each of the 256 codes: 58 bins for the uniform codes, one for the rest."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    return np.where(uniform, np.cumsum(uniform) - 1, 58)


UNIFORM_BINS = _uniform_bins()
"""The bin of each code, int, shape (256,)."""

NEIGHBOURS = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
"""The eight neighbours of a pixel, clockwise: rows down and columns to the right."""


class BinaryPatterns(ImageFeatures):
    """Local binary patterns (LBP): a histogram of patterns of 3 x 3 pixels for each block.

    Each pixel is compared with its eight neighbours; the eight results, as bits, are its pattern.
    The 58 uniform patterns, which change at most twice around the circle (edges, corners, spots),
    have one bin each; all others share one. The features are the square roots of the shares of the
    bins, so the Euclidean distance between two rows is proportional to the Hellinger distance
    between the histograms.

    Args:
        block: width and height of a block in pixels, a divisor of 48 from 2 to 48.

    Raises:
        ValueError: in `transform`, if `block` is not such a divisor.

    Source: Ahonen, Hadid and Pietikainen (2006), https://doi.org/10.1109/TPAMI.2006.244

    >>> BinaryPatterns(block=12).transform(np.zeros((1, 48, 48), np.uint8)).shape
    (1, 944)
    """

    def __init__(self, block: int = 8) -> None:
        self.block = block

    def compute(self, images: np.ndarray) -> np.ndarray:
        if self.block < 2 or SIZE % self.block:
            raise ValueError(
                f"A block of {self.block} pixels does not fit: choose a divisor of {SIZE} above 1."
            )
        n, side = len(images), SIZE // self.block
        wide = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="edge")
        codes = np.zeros((n, SIZE, SIZE), np.uint8)
        for bit, (down, right) in enumerate(NEIGHBOURS):
            shifted = wide[:, 1 + down : 1 + down + SIZE, 1 + right : 1 + right + SIZE]
            codes |= (shifted >= images).astype(np.uint8) << np.uint8(bit)
        place = np.arange(SIZE) // self.block
        cell = np.arange(n)[:, None, None] * side**2 + place[:, None] * side + place
        bins = np.bincount((cell * 59 + UNIFORM_BINS[codes]).ravel(), minlength=n * side**2 * 59)
        return np.sqrt(bins.reshape(n, side**2 * 59) / self.block**2).astype("float32")


def pca(features: np.ndarray, components: int, whiten: bool = False) -> PCA:
    """Fit a principal component analysis (PCA) to training features.

    Args:
        features: float, shape (n, d), of training faces only.
        components: how many components to keep.
        whiten: whether to divide each component by its standard deviation.

    Returns:
        The fitted `sklearn.decomposition.PCA`.

    Raises:
        ValueError: the features contain NaN, or `components` is larger than n or d.

    >>> rows = np.random.default_rng(0).normal(size=(20, 5))
    >>> pca(rows, 2).transform(rows).shape
    (20, 2)
    """
    features = check_features(features)
    n, d = features.shape
    if not 1 <= components <= min(n, d):
        raise ValueError(
            f"{components} components cannot be found in {n} faces of {d} numbers: "
            f"choose 1 to {min(n, d)}, or use more faces."
        )
    solver = "full" if 2 * n < d else "covariance_eigh"  # whichever decomposes the smaller matrix
    return PCA(components, whiten=whiten, svd_solver=solver).fit(features)
