"""Ridge regression on several views of a face and its mirror image."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from tqdm import tqdm

from facevalue.learning.classical_checks import check_images, check_labels
from facevalue.learning.image_features import (
    AT_ONCE,
    BLOCK,
    BinaryPatterns,
    Gradients,
    _Images,
    pca,
)

VIEWS: tuple[tuple[str, int], ...] = (
    ("overlapping gradients", 8),
    ("patterns", 8),
    ("patterns", 12),
)
"""What `MirrorRidge` looks at: gradients by cell, binary patterns by block, and their sizes."""


class MirrorRidge(ClassifierMixin, BaseEstimator):
    """Kernel ridge regression on several views of a face, trained on each face and its mirror.

    Each view is shortened by PCA and brought to the same scale; a Gaussian kernel compares faces
    by all views together. Summed over both faces and their mirror images, the kernel gives the
    same borders as twice the training images would, at the price of once: the equations have one
    unknown for each face and class.
    Source: Haasdonk and Burkhardt (2007), https://doi.org/10.1007/s10994-007-5009-7 (invariant
    kernels); squared errors in place of the SVM's: Suykens and Vandewalle (1999).

    Memory: 4 n^2 bytes, 3.3 GB for FER-2013's 28,709 training images.

    Args:
        views: pairs of a kind ("gradients", "overlapping gradients", "patterns") and the size of
            a cell or block.
        components: most components of a view that are kept.
        width: how fast the kernel falls with the distance; at the median squared distance of two
            faces it is exp(-width).
        penalty: what is added to the kernel's diagonal: more gives smoother borders.
    """

    def __init__(
        self,
        views: tuple[tuple[str, int], ...] = VIEWS,
        components: int = 300,
        width: float = 4.0,
        penalty: float = 0.15,
    ) -> None:
        self.views = views
        self.components = components
        self.width = width
        self.penalty = penalty

    def fit(self, images: np.ndarray, labels: np.ndarray) -> MirrorRidge:
        """Train on images, uint8, shape (n, 48, 48), and labels, shape (n,)."""
        images = check_images(images)
        labels = check_labels(labels, len(images))
        self.classes_ = np.unique(labels)
        self.axes_, self.scales_ = [], []
        for view in self.views:
            rows = _view(view).transform(images)
            axes = pca(rows, min(self.components, *rows.shape))
            short = axes.transform(rows)
            typical = float(np.median(_squared_distances(short[:300], short)))
            self.axes_.append(axes)
            self.scales_.append(1 / np.sqrt(max(typical, 1e-12) * len(self.views)))
        self.faces_ = self._describe(images)
        self.mirrored_ = self._describe(images[:, :, ::-1])
        kernel = np.empty((len(images), len(images)), "float32")
        starts = range(0, len(images), AT_ONCE)
        for start in tqdm(starts, desc="comparisons", disable=len(images) < 5 * BLOCK):
            part = slice(start, start + AT_ONCE)
            kernel[part] = self._kernel(self.faces_[part], self.mirrored_[part])
        kernel.flat[:: len(images) + 1] += self.penalty
        targets = np.where(labels[:, None] == self.classes_, 1, -1).astype("float32")
        self.weights_ = _solved(kernel, targets)
        return self

    def decision_function(self, images: np.ndarray) -> np.ndarray:
        """Return float32, shape (n, classes): about 1 for the likely class, -1 for the others."""
        images = check_images(images)
        scores = [np.zeros((0, len(self.classes_)), "float32")]
        for start in range(0, len(images), AT_ONCE):
            part = images[start : start + AT_ONCE]
            kernel = self._kernel(self._describe(part), self._describe(part[:, :, ::-1]))
            scores.append(kernel @ self.weights_)
        return np.concatenate(scores)

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Return the class of each image, shape (n,)."""
        return self.classes_[self.decision_function(images).argmax(axis=1)]

    def _describe(self, images: np.ndarray) -> np.ndarray:
        """Return the components of all views, side by side and to scale."""
        parts = zip(self.views, self.axes_, self.scales_, strict=True)
        rows = [axes.transform(_view(v).transform(images)) * scale for v, axes, scale in parts]
        return np.hstack(rows).astype("float32")

    def _kernel(self, faces: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
        """Return how alike faces and training faces are, mirrored or not, shape (k, n)."""
        kernel = np.zeros((len(faces), len(self.faces_)), "float32")
        for left in (faces, mirrored):
            for right in (self.faces_, self.mirrored_):
                distance = _squared_distances(left, right)
                distance *= np.float32(-self.width)
                kernel += np.exp(distance, out=distance)
        kernel /= 2
        return kernel


def _view(view: tuple[str, int]) -> _Images:
    kind, size = view
    if kind == "overlapping gradients":
        return Gradients(size, step=max(size // 2, 1))
    kinds = {"gradients": Gradients, "patterns": BinaryPatterns}
    if kind not in kinds:
        raise ValueError(f"there is no view {kind!r}: choose {', '.join(kinds)}.")
    return kinds[kind](size)


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return x with `matrix @ x = right`, by Cholesky's method in blocks; destroys `matrix`.

    LAPACK's own, on two threads and 28,709 rows, has crashed Python (OpenBLAS 0.3.30).

    Args:
        matrix: symmetric, positive definite, shape (n, n).
        right: shape (n, k).
    """
    blocks = [slice(start, start + BLOCK) for start in range(0, len(matrix), BLOCK)]
    x, inverses = right.copy(), []
    for i, here in enumerate(tqdm(blocks, desc="equations", disable=len(blocks) < 5)):
        inverses.append(np.linalg.inv(np.linalg.cholesky(matrix[here, here])))
        x[here] = inverses[i] @ x[here]
        for below in blocks[i + 1 :]:
            matrix[below, here] = matrix[below, here] @ inverses[i].T
            x[below] -= matrix[below, here] @ x[here]
        for j, column in enumerate(blocks[i + 1 :], i + 1):
            for below in blocks[j:]:
                matrix[below, column] -= matrix[below, here] @ matrix[column, here].T
    for i in reversed(range(len(blocks))):
        for below in blocks[i + 1 :]:
            x[blocks[i]] -= matrix[below, blocks[i]].T @ x[below]
        x[blocks[i]] = inverses[i].T @ x[blocks[i]]
    return x


def _squared_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return float32, shape (len(first), len(second))."""
    result = first @ second.T
    result *= np.float32(-2)
    result += (first * first).sum(axis=1)[:, None]
    result += (second * second).sum(axis=1)
    return np.maximum(result, 0, out=result)
