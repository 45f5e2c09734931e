"""Average faces, and a permutation test of the differences between them."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from tqdm import tqdm

from facevalue.data.dataset import SIZE
from facevalue.emotions import EMOTIONS

CLASSES = len(EMOTIONS)
BLOCK = 25
"""Permutations per matrix product."""


def averages(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the average face of each emotion.

    Args:
        images: any number type, shape (n, 48, 48).
        labels: int, shape (n,).

    Returns:
        float64, shape (7, 48, 48); NaN where an emotion has no image.
    """
    sums = (_members(labels).astype("float32") @ images.reshape(len(images), SIZE * SIZE)).astype(
        "float64"
    )
    counts = np.bincount(labels, minlength=CLASSES)[:, None]
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means.reshape(CLASSES, SIZE, SIZE)


@dataclass(frozen=True, eq=False)
class Contrasts:
    """The difference between each pair of average faces, and its significance.

    Attributes:
        difference: float64, shape (7, 7, 48, 48), in grey levels: [a, b] is the average of
            emotion a minus that of b, after the mean of each image was subtracted. NaN if one
            of the two has no image.
        statistic: float64, same shape: the difference divided by its standard error.
        threshold: the 95th percentile, over random permutations of the labels, of the largest
            absolute statistic of all pixels and pairs.
        counts: int, shape (7,), images of each emotion.
    """

    difference: np.ndarray
    statistic: np.ndarray
    threshold: float
    counts: np.ndarray

    @property
    def significant(self) -> np.ndarray:
        """Which pixels differ significantly (family-wise error 5 %), bool, (7, 7, 48, 48)."""
        return np.nan_to_num(np.abs(self.statistic)) > self.threshold

    @property
    def share(self) -> np.ndarray:
        """The share of significant pixels, float, shape (7, 7); NaN where emotions lack images."""
        known = ~np.isnan(self.difference).any(axis=(2, 3))
        return np.where(known, self.significant.mean(axis=(2, 3)), np.nan)


def contrasts(
    images: np.ndarray, labels: np.ndarray, permutations: int = 500, seed: int = 0
) -> Contrasts:
    """Compare the average faces of all pairs of emotions, and test each pixel by permutation.

    If emotions made no difference, random labels would give similar statistics. So the labels
    are permuted many times, and each time the largest statistic of all pixels and pairs is kept.
    A pixel is significant if its statistic exceeds 95 % of these maxima. Using the maximum keeps
    the chance of even one false positive at 5 %, although 48,384 pixels are tested (Nichols and
    Holmes 2002, https://doi.org/10.1002/hbm.1058).

    Args:
        images: uint8, shape (n, 48, 48).
        labels: int, shape (n,).
        permutations: how often the labels are permuted; 0 makes the threshold infinite.
        seed: for the permutations.
    """
    pixels = images.reshape(len(images), SIZE * SIZE).astype("float32")
    pixels -= pixels.mean(axis=1, keepdims=True)
    counts = np.bincount(labels, minlength=CLASSES)
    with np.errstate(divide="ignore"):
        spread = np.sqrt(1 / counts[:, None] + 1 / counts[None, :])
    means = averages(pixels.reshape(-1, SIZE, SIZE), labels)
    difference = means[:, None] - means[None, :]
    deviation = pixels.std(axis=0) if len(pixels) else np.zeros(SIZE * SIZE)
    # a pixel that is the same in all images carries no information
    scale = np.where(deviation > 0, deviation, np.inf)
    pixels /= scale
    return Contrasts(
        difference,
        difference / (scale.reshape(SIZE, SIZE) * spread[:, :, None, None]),
        _threshold(pixels, labels, spread, permutations, seed),
        counts,
    )


def _threshold(
    pixels: np.ndarray, labels: np.ndarray, spread: np.ndarray, permutations: int, seed: int
) -> float:
    """Return the 95th percentile of the largest absolute statistic under random labels."""
    used = np.unique(labels)
    pairs = [(a, b) for a in range(len(used)) for b in range(a)]
    if not pairs or not permutations:
        return float("inf")
    a, b = np.array(pairs).T
    error = spread[used[a], used[b]].astype("float32")
    rng = np.random.default_rng(seed)
    largest = []
    show = permutations * len(labels) > 5_000_000 and sys.stderr.isatty()
    with tqdm(total=permutations, desc="permutations", disable=not show) as bar:
        for start in range(0, permutations, BLOCK):
            size = min(BLOCK, permutations - start)
            members = np.stack([_members(rng.permutation(labels))[used] for _ in range(size)])
            weights = members / members.sum(axis=2, keepdims=True, dtype="float32")
            means = weights.reshape(size * len(used), -1) @ pixels
            means = means.reshape(size, len(used), -1)
            for permuted in means:
                gaps = np.abs(permuted[a] - permuted[b]).max(axis=1) / error
                largest.append(gaps.max())
            bar.update(size)
    return float(np.quantile(largest, 0.95))


def _members(labels: np.ndarray) -> np.ndarray:
    """Return which images have which label, bool, shape (7, n)."""
    return np.asarray(labels)[None, :] == np.arange(CLASSES)[:, None]


def overlay(contrast: Contrasts, face: np.ndarray, limit: float) -> np.ndarray:
    """Draw the significant differences in colour over a pale face.

    Red marks pixels that are brighter in the emotion of the row, and blue those that are darker.
    The result is white for an emotion without images.

    Args:
        contrast: from `contrasts`.
        face: float, shape (48, 48), for example the average of all images.
        limit: the difference in grey levels for the strongest red or blue.

    Returns:
        float, shape (7, 7, 48, 48, 3), RGB from 0 to 1.
    """
    low, high = float(face.min()), float(face.max())
    pale = 0.72 + 0.26 * (face - low) / max(high - low, 1)
    colours = colormaps["RdBu_r"](0.5 + np.nan_to_num(contrast.difference) / (2 * limit))
    result = np.where(contrast.significant[..., None], colours[..., :3], pale[..., None])
    return np.where(np.isnan(contrast.difference)[..., None], 1.0, result)


def mosaic(images: np.ndarray, gap: int = 3) -> np.ndarray:
    """Arrange images as a grid in one image.

    Args:
        images: float, shape (rows, columns, height, width) or (..., 3) for RGB.
        gap: pixels between neighbours.

    Returns:
        float, shape (rows * (height + gap) - gap, columns * (width + gap) - gap), or (..., 3).
        The gaps are NaN, which Matplotlib draws in white, or 1 with RGB.
    """
    rows, columns, height, width, *rest = images.shape
    empty = np.nan if not rest else 1.0
    wide = np.full((rows, columns, height + gap, width + gap, *rest), empty)
    wide[:, :, :height, :width] = images
    wide = np.moveaxis(wide, 2, 1)
    whole = wide.reshape(rows * (height + gap), columns * (width + gap), *rest)
    return whole[: whole.shape[0] - gap, : whole.shape[1] - gap]
