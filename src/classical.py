"""Features and pipelines of classical machine learning: HOG, binary patterns, visual words, PCA.

The transformers take images, uint8 of shape (n, 48, 48), and return one row of numbers for each,
so that a scikit-learn pipeline goes from faces to emotions and can be saved whole.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from facevalue import paths, quality
from facevalue.dataset import SIZE

AT_ONCE = 500
"""Images whose features are computed together: more would only need more memory."""

BLOCK = 2_000
"""Rows of the equations that are solved together; five blocks or more show their progress."""

LARGEST = 400_000_000
"""Bytes that a saved model may have, packed or unpacked."""

_OWN = ("Pixels", "Gradients", "BinaryPatterns", "MirrorRidge")
TRUSTED = tuple(f"facevalue.classical.{name}" for name in _OWN)
"""The classes of this module that a saved model may contain, besides scikit-learn's own."""


# ----------------------------------------------------------------------------------- checks


def check_images(images: Any) -> np.ndarray:
    """Return `images` as an array, or raise a ValueError that says what is wrong with them."""
    images = np.asarray(images)
    if images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise ValueError(
            f"images must have the shape (n, {SIZE}, {SIZE}), not {images.shape}: "
            "cut out the faces and resize them first."
        )
    if images.dtype.kind == "f" and not np.isfinite(images).all():
        row = int(np.flatnonzero(~np.isfinite(images).all(axis=(1, 2)))[0])
        raise ValueError(f"image {row} has pixels that are not numbers: leave it out.")
    if images.dtype != np.uint8:
        raise ValueError(f"pixels must be uint8, grey levels from 0 to 255, not {images.dtype}.")
    return images


def check_features(features: Any, length: int | None = None) -> np.ndarray:
    """Return `features` as an array, or raise a ValueError that says what is wrong with them.

    Args:
        features: float, shape (n, length): one row for each face.
        length: how many numbers a model expects for a face; None for any.
    """
    features = np.asarray(features)
    if features.ndim != 2:
        raise ValueError(
            f"features must have one row for each face, not the shape {features.shape}."
        )
    if length is not None and features.shape[1] != length:
        raise ValueError(
            f"a feature vector has {features.shape[1]} numbers, but the model was trained on "
            f"{length}: compute it as for the training faces."
        )
    wrong = ~np.isfinite(features).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"row {int(wrong.argmax())} of the features holds NaN or infinity "
            f"({int(wrong.sum())} such rows): look at its image and leave it out."
        )
    return features


def check_labels(labels: Any, n: int) -> np.ndarray:
    """Return `labels` as an array, or raise a ValueError that says what is wrong with them.

    Args:
        labels: int, shape (n,).
        n: how many faces they belong to.
    """
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"there must be one label for each of the {n} faces, not {labels.shape}.")
    classes = np.unique(labels)
    if len(classes) < 2:
        only = f"only class {classes[0]} is" if len(classes) else "no class is"
        raise ValueError(f"{only} among the labels: a model needs faces of at least two emotions.")
    return labels


def fit(model: Any, faces: Any, labels: Any) -> Any:
    """Train `model` in place and return it, after a check of what it is given.

    Args:
        model: any classifier of scikit-learn.
        faces: images, uint8 of shape (n, 48, 48), for a pipeline that begins with one of the
            transformers of this module; else features, float of shape (n, d).
        labels: int, shape (n,).

    Raises:
        ValueError: one class only, NaN, wrong shapes; the message says which.
    """
    faces = _checked(model, faces)
    labels = check_labels(labels, len(faces))
    # the threads of gradient boosting wait for each other; where a core is busy with something
    # else, two took ten times as long as one
    with threadpool_limits(1, "openmp"):
        return model.fit(faces, labels)


def predict(model: Any, faces: Any) -> np.ndarray:
    """Return the class of each face, int, shape (n,), after a check of what it is given.

    Raises:
        ValueError: a feature vector of another length than in training, NaN, wrong shapes.
    """
    return model.predict(_checked(model, faces))


def _checked(model: Any, faces: Any) -> np.ndarray:
    first = model[0] if hasattr(model, "steps") else model
    if isinstance(first, _Images | MirrorRidge):
        return check_images(faces)
    return check_features(faces, getattr(model, "n_features_in_", None))


# --------------------------------------------------------------------------------- features


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
        return quality.hog(images, cell, step)


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


# -------------------------------------------------------------------------------------- PCA


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


# ------------------------------------------------------------------- several views of a face

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


# ------------------------------------------------------------------------- cross-validation


def groups(images: np.ndarray) -> np.ndarray:
    """Number the images so that near copies, mirrored ones too, have the same number.

    Cross-validation must keep such a group in one fold: a copy of a training image in the test
    is remembered, not recognised.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        int64, shape (n,).
    """
    images = check_images(images)
    half = quality.near_copies(np.concatenate([images, images[:, :, ::-1]]))
    return np.minimum(half[: len(images)], half[len(images) :])


def folds(
    labels: np.ndarray, groups: np.ndarray, n: int = 3, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return rows to train on and rows to test on, n times; no group is on both sides.

    Each fold has about the same share of each emotion.

    Raises:
        ValueError: the rarest emotion has fewer groups than there are folds.
    """
    labels, groups = np.asarray(labels), np.asarray(groups)
    rarest = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    if rarest < n:
        raise ValueError(
            f"{n} folds need {n} different faces of each emotion, but one has only {rarest}: "
            "ask for fewer folds or load more images."
        )
    splitter = StratifiedGroupKFold(n, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(labels)), labels, groups))


# ------------------------------------------------------------------------------------ files


def save(model: Any, path: Path) -> int:
    """Write a trained model with skops, which stores no code, and return its size in bytes.

    The file appears only when it is complete.

    Args:
        model: a scikit-learn model, also with this module's classes in it.
        path: where to; by custom it ends in .skops.

    Raises:
        ValueError: the model contains something that `load` would refuse.
    """
    data = skops.io.dumps(model)
    _refuse(data, path)
    with paths.beside(path) as part:
        part.write_bytes(data)
    return len(data)


def load(path: Path) -> Any:
    """Return a model that `save` wrote; nothing of an unknown type is loaded, no code is run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is too large, damaged, holds unknown types, or is no classifier.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no model {path.name}: run notebook 06, which saves one.")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} has more than {LARGEST:,} bytes: it is no model of ours.")
    data = path.read_bytes()
    _refuse(data, path)
    try:
        model = skops.io.loads(data, trusted=list(TRUSTED))
    except Exception as error:  # skops raises whatever the damaged part leads to
        raise ValueError(f"{path.name} is damaged: {error}; save the model again.") from error
    if not hasattr(model, "predict"):
        raise ValueError(f"{path.name} holds a {type(model).__name__}, which cannot predict.")
    return model


def _refuse(data: bytes, path: Path) -> None:
    """Raise a ValueError if a saved model is no zip, unpacks to too much, or is not trusted."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        types = skops.io.get_untrusted_types(data=data) if unpacked <= LARGEST else []
    except Exception as error:
        raise ValueError(f"{path.name} is no model saved with skops: {error}.") from error
    if unpacked > LARGEST:
        raise ValueError(f"{path.name} unpacks to {unpacked:,} bytes: it is no model of ours.")
    unknown = sorted(set(types) - set(TRUSTED))
    if unknown:
        raise ValueError(
            f"{path.name} holds types that are not loaded: {', '.join(unknown)}; "
            "save a model made of scikit-learn's and facevalue.classical's parts."
        )


def size(model: Any) -> int:
    """Return how many bytes `save` would write."""
    return len(skops.io.dumps(model))
