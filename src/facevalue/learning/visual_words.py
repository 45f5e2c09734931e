"""Bag of visual words: small patches of a face, described, numbered, and looked up by place.

A patch is described by dense SIFT. A vocabulary, learnt by k-means, gives each description the
number of the most similar word. A face is then the set of words that occur in each cell of a
spatial pyramid, and two faces are as similar as the number of words that they share there.

Everything here is mirror-symmetric: the words of a mirrored face follow from those of the face
(`mirrored`), so that no mirrored image is ever described.

Source: Ionescu, Popescu and Grozea (2013), Local Learning to Improve Bag of Visual Words Model for
    Facial Expression Recognition, ICML Workshop on Challenges in Representation Learning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_array
from sklearn.cluster import MiniBatchKMeans

from facevalue.data.dataset import SIZE
from facevalue.learning.classical_checks import check_images

BINS = 4
"""A patch has 4 x 4 bins, each as wide as the patch's scale in pixels."""

DIRECTIONS = 8
"""The directions of the gradient that a bin tells apart: right, then clockwise in steps of 45°."""

LENGTH = BINS * BINS * DIRECTIONS
"""The numbers of one description."""

MOST = 2**15
"""The most words of a vocabulary: their numbers are of the type int16."""

ROWS = 4_096
"""How many descriptions are compared with the vocabulary at a time."""


def centres(scale: int, step: int) -> np.ndarray:
    """Return where the centres of patches lie along one side of the image, in pixels from its edge.

    All patches lie inside the image, and the centres are symmetric around its middle.

    Args:
        scale: width of a bin in pixels; a patch is four bins wide.
        step: pixels from one centre to the next.

    Raises:
        ValueError: the patch is larger than the image, or a number is below 1.

    >>> centres(scale=6, step=8).tolist()
    [12.0, 20.0, 28.0, 36.0]
    """
    free = SIZE - BINS * scale
    if scale < 1 or step < 1 or free < 0:
        raise ValueError(
            f"Patches of scale {scale}, {step} pixels apart, do not fit into {SIZE} pixels: choose "
            f"a scale from 1 to {SIZE // BINS} and a step of 1 or more."
        )
    count = free // step + 1
    return SIZE / 2 + step * (np.arange(count) - (count - 1) / 2)


def directions(images: np.ndarray) -> np.ndarray:
    """Return the gradient of each pixel, divided between the two nearest of eight directions.

    Args:
        images: uint8, shape (n, 48, 48).

    Returns:
        float32, shape (n, 8, 48, 48); the sum over the directions is the gradient's length.
    """
    wide = np.pad(images.astype("float32"), ((0, 0), (1, 1), (1, 1)), mode="edge")
    right = wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]
    down = wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1]
    length = np.hypot(right, down)
    turn = np.arctan2(down, right) * np.float32(DIRECTIONS / (2 * np.pi))
    below = np.floor(turn)
    share, first = turn - below, below.astype(int) % DIRECTIONS
    found = np.zeros((len(images), DIRECTIONS, SIZE, SIZE), "float32")
    for k in range(DIRECTIONS):
        found[:, k] = length * (
            np.where(first == k, 1 - share, 0) + np.where((first + 1) % DIRECTIONS == k, share, 0)
        )
    return found


def dense_sift(images: np.ndarray, scale: int, step: int) -> np.ndarray:
    """Return SIFT descriptions of patches on a regular grid, upright and at one scale.

    Each of a patch's 4 x 4 bins sums the gradients around it, by direction; a pixel between bins
    counts for both (triangular weights). The 128 sums are divided by their total, and the square
    root is taken, so that every description has the length 1 or, on a plain surface, 0.

    Args:
        images: uint8, shape (n, 48, 48).
        scale: width of a bin in pixels.
        step: pixels from one patch to the next.

    Returns:
        float32, shape (n, places, 128): the places row by row, the numbers of a description by
        row of bins, column of bins and direction.

    Raises:
        ValueError: the images have another dtype or shape, or the patches do not fit.

    Source: Vedaldi and Fulkerson (2008), https://www.vlfeat.org/api/dsift.html (dense SIFT);
        Arandjelovic and Zisserman (2012), https://doi.org/10.1109/CVPR.2012.6248018 (the root).

    >>> dense_sift(np.zeros((2, 48, 48), np.uint8), scale=6, step=8).shape
    (2, 16, 128)
    """
    images = check_images(images)
    middle = centres(scale, step)
    side = len(middle)
    bins = middle[:, None] + scale * (np.arange(BINS) - (BINS - 1) / 2)
    distance = np.abs(bins.ravel()[:, None] - (np.arange(SIZE) + 0.5))
    weights = np.maximum(1 - distance / scale, 0).astype("float32")
    sums = weights @ directions(images) @ weights.T
    sums = sums.reshape(len(images), DIRECTIONS, side, BINS, side, BINS)
    found = np.ascontiguousarray(sums.transpose(0, 2, 4, 3, 5, 1))
    found = found.reshape(len(images), side * side, LENGTH)
    total = found.sum(axis=2, keepdims=True)
    found /= np.maximum(total, 1e-6)
    return np.sqrt(found, out=found)


def mirror_order() -> np.ndarray:
    """Return the order, int, shape (128,), that turns a description into that of a mirrored patch.

    >>> face = np.random.default_rng(0).integers(0, 256, (1, 48, 48)).astype(np.uint8)
    >>> patch, image = (dense_sift(x, scale=12, step=1)[0, 0] for x in (face, face[:, :, ::-1]))
    >>> bool(np.allclose(patch[mirror_order()], image, atol=1e-5))
    True
    """
    places = np.arange(LENGTH).reshape(BINS, BINS, DIRECTIONS)
    turned = (DIRECTIONS // 2 - np.arange(DIRECTIONS)) % DIRECTIONS
    return places[:, ::-1][:, :, turned].ravel()


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words for the patches of one scale.

    Of a patch and its mirror image, one lies on the positive side of `axis`. Only that one is
    compared with the words, so half of all words are kept: word k + len(words) is the mirror image
    of word k.

    Attributes:
        scale: width of a bin in pixels.
        step: pixels from one patch to the next.
        axis: float32, shape (128,), the direction in which patches and mirror images differ most.
        words: float32, shape (k, 128), descriptions on the positive side of the axis.
    """

    scale: int
    step: int
    axis: np.ndarray
    words: np.ndarray

    def __len__(self) -> int:
        return 2 * len(self.words)


def learn(images: np.ndarray, scale: int, step: int, words: int, seed: int = 0) -> Vocabulary:
    """Return a vocabulary that k-means finds in the patches of some Training images.

    Args:
        images: uint8, shape (n, 48, 48); 50 patches per word are enough.
        scale: width of a bin in pixels.
        step: pixels from one patch to the next.
        words: how many words, an even number.
        seed: of k-means.

    Raises:
        ValueError: `words` is odd, above 32,768, or more than twice the patches of the images; or
            the images have another dtype or shape, or the patches do not fit.

    >>> images = np.random.default_rng(0).integers(0, 256, (9, 48, 48)).astype(np.uint8)
    >>> len(learn(images, scale=6, step=8, words=20))
    20
    """
    patches = dense_sift(images, scale, step).reshape(-1, LENGTH)
    most = min(2 * len(patches), MOST)
    if words % 2 or not 2 <= words <= most:
        raise ValueError(
            f"{len(patches)} patches cannot give {words} words: choose an even number from 2 to "
            f"{most}, or use more images."
        )
    difference = patches - patches[:, mirror_order()]
    axis = np.linalg.eigh(difference.T @ difference)[1][:, -1].astype("float32")
    _turn(patches, axis)
    means = MiniBatchKMeans(
        words // 2, batch_size=8_192, max_iter=20, n_init=1, random_state=seed
    ).fit(patches)
    return Vocabulary(scale, step, axis, means.cluster_centers_.astype("float32"))


def _turn(patches: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Mirror, in place, the patches on the negative side of an axis, and return which they are."""
    negative = patches @ axis < 0
    patches[negative] = patches[negative][:, mirror_order()]
    return negative


def numbers(images: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Return the number of the word of each patch.

    Args:
        images: uint8, shape (n, 48, 48).
        vocabulary: the words and the grid of patches.

    Returns:
        int16, shape (n, places), row by row, from 0 to `len(vocabulary)` - 1.

    Raises:
        ValueError: the images have another dtype or shape.

    >>> images = np.random.default_rng(0).integers(0, 256, (9, 48, 48)).astype(np.uint8)
    >>> numbers(images, learn(images, scale=6, step=8, words=20)).shape
    (9, 16)
    """
    patches = dense_sift(images, vocabulary.scale, vocabulary.step)
    flat = patches.reshape(-1, LENGTH)
    negative = _turn(flat, vocabulary.axis)
    words = np.ascontiguousarray(vocabulary.words.T)
    offset = (vocabulary.words**2).sum(axis=1) / 2
    found = np.empty(len(flat), "int16")
    for start in range(0, len(flat), ROWS):
        scores = flat[start : start + ROWS] @ words
        scores -= offset
        found[start : start + ROWS] = scores.argmax(axis=1)
    found += negative * np.int16(len(vocabulary.words))
    return found.reshape(patches.shape[:2])


def mirrored(found: np.ndarray, vocabulary: Vocabulary) -> np.ndarray:
    """Return the words of mirrored images, which follow from the words of the images.

    Args:
        found: int16, shape (n, places), from `numbers`.
        vocabulary: the words that were found.

    Returns:
        int16, shape (n, places).

    >>> vocabulary = Vocabulary(6, 24, np.zeros(128, "f"), np.zeros((10, 128), "f"))
    >>> mirrored(np.array([[3, 14, 5, 6]], "int16"), vocabulary).tolist()
    [[4, 13, 16, 15]]
    """
    side = int(found.shape[1] ** 0.5)
    grid = found.reshape(len(found), side, side)[:, :, ::-1]
    turned = (grid + len(vocabulary.words)) % len(vocabulary)
    return turned.reshape(found.shape).astype(found.dtype)


def inside(middle: np.ndarray, cells: int) -> np.ndarray:
    """Return which places lie in which cell of a level of the pyramid.

    A place on a line between cells lies in both, so that the cells stay mirror-symmetric.

    Args:
        middle: float, shape (side,), `centres` along one side.
        cells: how many cells along a side.

    Returns:
        bool, shape (cells * cells, side * side), both row by row.

    >>> inside(centres(scale=6, step=12), cells=2).astype(int).tolist()
    [[1, 1, 0, 1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 1, 1, 0, 0, 0], \
[0, 0, 0, 1, 1, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1, 0, 1, 1]]
    """
    edges = SIZE / cells * np.arange(cells + 1)
    one = (middle >= edges[:-1, None]) & (middle <= edges[1:, None])
    return np.kron(one, one)


def presence(
    found: list[np.ndarray], vocabularies: list[Vocabulary], pyramid: tuple[int, ...]
) -> csr_array:
    """Return which words occur in each cell of a spatial pyramid.

    Args:
        found: words of `numbers`, one array for each scale.
        vocabularies: the vocabulary of each scale.
        pyramid: the cells along a side in each level: (1, 2) is the whole face and its quarters.

    Returns:
        bool, shape (n, d), sparse: True where a word occurs in a cell.

    >>> vocabulary = Vocabulary(6, 24, np.zeros(128, "f"), np.zeros((2, 128), "f"))
    >>> presence([np.array([[3, 1, 1, 3]])], [vocabulary], (1,)).toarray().tolist()
    [[False, True, False, True]]
    """
    columns, width = [], 0
    for words, vocabulary in zip(found, vocabularies, strict=True):
        middle = centres(vocabulary.scale, vocabulary.step)
        for cells in pyramid:
            cell, place = (x.astype("int32") for x in np.nonzero(inside(middle, cells)))
            columns.append(width + cell * len(vocabulary) + words[:, place].astype("int32"))
            width += cells**2 * len(vocabulary)
    every = np.concatenate(columns, axis=1)
    every.sort(axis=1)
    first = np.ones(every.shape, bool)
    first[:, 1:] = every[:, 1:] != every[:, :-1]
    ends = np.concatenate([[0], np.cumsum(first.sum(axis=1))])
    chosen = every[first]
    return csr_array((np.ones(len(chosen), bool), chosen, ends), shape=(len(every), width))


def shared(first: csr_array, second: csr_array) -> Iterator[np.ndarray]:
    """Yield, image by image, how many words it shares, cell by cell, with each of other images.

    Args:
        first: bool, shape (m, d), sparse, from `presence`.
        second: bool, shape (n, d), sparse, from `presence`.

    Yields:
        uint16, shape (n,), for one of the m images after the other.

    >>> some = csr_array([[True, True, False], [False, True, True]])
    >>> np.array(list(shared(some, some))).tolist()
    [[2, 1], [1, 2]]
    """
    # for each word, the images that have it; NumPy counts images much faster than SciPy multiplies
    index = second.tocsc()
    images, ends = index.indices.astype(np.intp), index.indptr
    for row in range(first.shape[0]):
        words = first.indices[first.indptr[row] : first.indptr[row + 1]]
        lists = [images[ends[word] : ends[word + 1]] for word in words]
        found = np.concatenate([images[:0], *lists])
        yield np.bincount(found, minlength=second.shape[0]).astype("uint16")


@dataclass(frozen=True, eq=False)
class Comparisons:
    """A kernel between images: how similar the words of two faces are, from 0 to 1.

    The words that two images share are divided by the geometric mean of what each has (the cosine
    of the angle between them); a Gaussian of the distance sharpens that.

    Attributes:
        counts: uint16, shape (m, n), `shared` of m images and n Training images.
        sizes: float, shape (m,), `shared` of each of the m images and itself.
        trained: float, shape (n,), the same of each Training image.
        width: how fast the similarity falls with the distance; 0 for the cosine itself.
    """

    counts: np.ndarray
    sizes: np.ndarray
    trained: np.ndarray
    width: float = 0.0

    def block(self, rows: np.ndarray, columns: np.ndarray | None = None) -> np.ndarray:
        """Return the similarities, float32, of some rows and some columns, or all columns."""
        counts = self.counts[rows] if columns is None else self.counts[np.ix_(rows, columns)]
        trained = self.trained if columns is None else self.trained[columns]
        found = counts.astype("float32")
        for sizes in (self.sizes[rows, None], trained):
            found /= np.sqrt(np.maximum(sizes, 1)).astype("float32")
        if self.width:
            found -= 1
            found *= self.width
            np.exp(found, out=found)
        return found


def solved(kernel: np.ndarray, labels: np.ndarray, classes: int, penalty: float) -> np.ndarray:
    """Train a least-squares SVM, one class versus the rest, and return its weights.

    Args:
        kernel: float32, shape (n, n), similarities of the training images; it is overwritten.
        labels: int, shape (n,), from 0 to classes - 1.
        classes: how many classes.
        penalty: what is added to the diagonal; more gives smoother boundaries.

    Returns:
        float32, shape (n, classes): a test image's similarities times these are its scores.

    Raises:
        numpy.linalg.LinAlgError: two training images are the same, and the penalty is 0.

    Source: Suykens and Vandewalle (1999), https://doi.org/10.1023/A:1018628609742

    >>> solved(np.eye(2, dtype="float32"), np.array([0, 1]), classes=2, penalty=3).round(2).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    kernel.flat[:: len(kernel) + 1] += penalty
    targets = np.where(labels[:, None] == np.arange(classes), 1, -1).astype(kernel.dtype)
    return cho_solve(
        cho_factor(kernel.T, overwrite_a=True, check_finite=False), targets, check_finite=False
    )


def local_scores(
    tests: Comparisons,
    training: Comparisons,
    labels: np.ndarray,
    classes: int,
    neighbours: int,
    penalty: float,
) -> Iterator[np.ndarray]:
    """Learn a model for each test image, from the Training images most like it, and yield scores.

    Args:
        tests: of test images with the Training images.
        training: of the Training images with each other.
        labels: int, shape (n,), of the Training images, from 0 to classes - 1.
        classes: how many classes.
        neighbours: how many Training images each model learns from.
        penalty: as in `solved`.

    Yields:
        float32, shape (classes,), for one test image after the other.

    Raises:
        ValueError: there are fewer Training images than neighbours.

    Source: Bottou and Vapnik (1992), https://doi.org/10.1162/neco.1992.4.6.888

    >>> same = Comparisons(np.array([[9, 1], [1, 9]], "uint16"), np.full(2, 9), np.full(2, 9))
    >>> scores = local_scores(same, same, np.array([0, 1]), classes=2, neighbours=1, penalty=0.1)
    >>> [int(one.argmax()) for one in scores]
    [0, 1]
    """
    if not 1 <= neighbours <= len(labels):
        raise ValueError(
            f"{neighbours} neighbours cannot be found among {len(labels)} Training images: choose "
            f"1 to {len(labels)}."
        )
    for row in range(len(tests.counts)):
        similar = tests.block(np.array([row]))[0]
        near = np.argpartition(-similar, neighbours - 1)[:neighbours]
        near.sort()
        yield similar[near] @ solved(training.block(near, near), labels[near], classes, penalty)
