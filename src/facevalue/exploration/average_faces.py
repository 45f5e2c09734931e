"""Average faces, the differences between them, and which of these are more than chance."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colormaps
from tqdm import tqdm

import utils
from facevalue.data.dataset import SIZE
from facevalue.drawing import appearance, faces
from facevalue.emotions import EMOTIONS

CLASSES = len(EMOTIONS)
TOGETHER = 25
"""Permutations that are computed in one matrix product."""


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


def captions(labels: np.ndarray) -> list[str]:
    """Return a caption for each emotion that says so where it has no image."""
    counts = np.bincount(labels, minlength=CLASSES)
    return [
        name if count else f"{name}:\nno image"
        for name, count in zip(EMOTIONS, counts, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Contrasts:
    """Every average face minus every other.

    Attributes:
        difference: float64, shape (7, 7, 48, 48), in grey levels: [a, b] is the average of
            emotion a minus that of b, after the mean of each image was taken from it. NaN where
            one of the two has no image.
        statistic: float64, same shape: the difference divided by its standard error.
        threshold: how large the statistic gets by chance, in 95 % of all permutations, at the
            largest of all pixels of all pairs.
        counts: int, shape (7,), images of each emotion.
    """

    difference: np.ndarray
    statistic: np.ndarray
    threshold: float
    counts: np.ndarray

    @property
    def significant(self) -> np.ndarray:
        """Which pixels differ more than chance makes any pixel differ, bool, (7, 7, 48, 48)."""
        return np.nan_to_num(np.abs(self.statistic)) > self.threshold

    @property
    def share(self) -> np.ndarray:
        """The share of pixels that differ, float, shape (7, 7); NaN where nothing is known."""
        known = ~np.isnan(self.difference).any(axis=(2, 3))
        return np.where(known, self.significant.mean(axis=(2, 3)), np.nan)


def contrasts(
    images: np.ndarray, labels: np.ndarray, permutations: int = 500, seed: int = 0
) -> Contrasts:
    """Compare the average faces of all pairs of emotions, and test each pixel by permutation.

    If the emotions made no difference, the labels could as well be dealt at random. So they
    are, many times, and each time the largest statistic of all pixels and pairs is kept: where
    the real one is larger than 95 % of these, the pixel differs. With the largest instead of
    each pixel's own, the chance that any pixel at all is marked wrongly is 5 %, although 48,384
    are tested (Nichols and Holmes 2002, https://doi.org/10.1002/hbm.1058).

    Args:
        images: uint8, shape (n, 48, 48).
        labels: int, shape (n,).
        permutations: how often the labels are dealt; 0 makes the threshold infinite.
        seed: of the dealing.
    """
    pixels = images.reshape(len(images), SIZE * SIZE).astype("float32")
    pixels -= pixels.mean(axis=1, keepdims=True)
    counts = np.bincount(labels, minlength=CLASSES)
    with np.errstate(divide="ignore"):
        spread = np.sqrt(1 / counts[:, None] + 1 / counts[None, :])
    means = averages(pixels.reshape(-1, SIZE, SIZE), labels)
    difference = means[:, None] - means[None, :]
    deviation = pixels.std(axis=0) if len(pixels) else np.zeros(SIZE * SIZE)
    # a pixel that is the same everywhere says nothing
    pixels /= np.where(deviation > 0, deviation, np.inf)
    scale = np.where(deviation > 0, deviation, np.inf).reshape(SIZE, SIZE)
    return Contrasts(
        difference,
        difference / (scale * spread[:, :, None, None]),
        _threshold(pixels, labels, spread, permutations, seed),
        counts,
    )


def _threshold(
    pixels: np.ndarray, labels: np.ndarray, spread: np.ndarray, permutations: int, seed: int
) -> float:
    """Return the 95th percentile of the largest statistic under random labels."""
    used = np.unique(labels)
    pairs = [(a, b) for a in range(len(used)) for b in range(a)]
    if not pairs or not permutations:
        return float("inf")
    a, b = np.array(pairs).T
    error = spread[used[a], used[b]].astype("float32")[None, :]
    rng = np.random.default_rng(seed)
    largest = []
    show = permutations * len(labels) > 5_000_000 and sys.stderr.isatty()
    with tqdm(total=permutations, desc="permutations", disable=not show) as bar:
        for start in range(0, permutations, TOGETHER):
            size = min(TOGETHER, permutations - start)
            members = np.stack([_members(rng.permutation(labels))[used] for _ in range(size)])
            weights = members / members.sum(axis=2, keepdims=True, dtype="float32")
            means = weights.reshape(size * len(used), -1) @ pixels
            means = means.reshape(size, len(used), -1)
            # the largest |a - b| of a pair is the larger of its largest and its smallest a - b
            for one in means:
                gaps = np.abs(one[a] - one[b]).max(axis=1) / error[0]
                largest.append(gaps.max())
            bar.update(size)
    return float(np.quantile(largest, 0.95))


def _members(labels: np.ndarray) -> np.ndarray:
    """Return which images have which label, bool, shape (7, n)."""
    return np.asarray(labels)[None, :] == np.arange(CLASSES)[:, None]


def painted(contrast: Contrasts, face: np.ndarray, limit: float) -> np.ndarray:
    """Return each contrast image in colours over a pale face, which shows where on it one looks.

    Only significant pixels are coloured: red where the row's emotion is brighter. White where an
    emotion has no image.

    Args:
        contrast: from `contrasts`.
        face: float, shape (48, 48), for example the average of all images.
        limit: the difference in grey levels that gets the strongest red or blue.

    Returns:
        float, shape (7, 7, 48, 48, 3), RGB from 0 to 1.
    """
    low, high = float(face.min()), float(face.max())
    pale = 0.72 + 0.26 * (face - low) / max(high - low, 1)
    colours = colormaps["RdBu_r"](0.5 + np.nan_to_num(contrast.difference) / (2 * limit))
    result = np.where(contrast.significant[..., None], colours[..., :3], pale[..., None])
    return np.where(np.isnan(contrast.difference)[..., None], 1.0, result)


def mosaic(images: np.ndarray, gap: int = 3) -> np.ndarray:
    """Put a square of images into one image.

    Args:
        images: float, shape (rows, columns, height, width) or (..., 3) for RGB.
        gap: pixels between two of them.

    Returns:
        float, shape (rows * (height + gap) - gap, columns * (width + gap) - gap), or (..., 3).
        The gaps are NaN, which is drawn white; with RGB, they are 1, which is white.
    """
    rows, columns, height, width, *rest = images.shape
    empty = np.nan if not rest else 1.0
    wide = np.full((rows, columns, height + gap, width + gap, *rest), empty)
    wide[:, :, :height, :width] = images
    wide = np.moveaxis(wide, 2, 1)
    whole = wide.reshape(rows * (height + gap), columns * (width + gap), *rest)
    return whole[: whole.shape[0] - gap, : whole.shape[1] - gap]


def unit_differences(units: Sequence[int] = appearance.ACTION_UNITS) -> np.ndarray:
    """Return each action unit at full strength minus the face at rest, as drawn.

    Returns:
        int64, shape (number of units, 48, 48), grey levels from -255 to 255.
    """
    rest = faces.draw({}).astype("int64")
    return np.stack([faces.draw({unit: 1.0}).astype("int64") - rest for unit in units])


def sliders(units: Sequence[int]) -> Any:
    """Return a slider for each action unit and, below them, the face that they make.

    Returns:
        an `ipywidgets.interactive`: a notebook shows it where it is a cell's last value.
    """
    import ipywidgets  # only a notebook needs it

    def face(**strengths: float) -> None:
        drawn = faces.draw(
            {int(name.split()[-1]): value for name, value in strengths.items()}, size=192
        )
        utils.show_images([drawn], columns=1, size=2.4)
        plt.show()

    from_0_to_1 = {f"unit {unit}": ipywidgets.FloatSlider(0, max=1, step=0.05) for unit in units}
    return ipywidgets.interactive(face, **from_0_to_1)


def unit_strengths() -> np.ndarray:
    """Return how strongly each emotion shows each action unit in its recipes, on average.

    Returns:
        float, shape (7, number of `appearance.ACTION_UNITS`), from 0 to 1.
    """
    table = np.zeros((CLASSES, len(appearance.ACTION_UNITS)))
    for row, name in enumerate(EMOTIONS):
        variants = faces.RECIPES[name]
        for recipe in variants:
            for unit, (low, high) in recipe.items():
                if unit in appearance.ACTION_UNITS:
                    column = appearance.ACTION_UNITS.index(unit)
                    table[row, column] += (low + high) / 2 / len(variants)
    return table


def separating_units() -> tuple[np.ndarray, np.ndarray]:
    """Return the action unit that separates each two emotions best, and by how much.

    Returns:
        int, shape (7, 7), the unit whose average strength differs most (0 on the diagonal), and
        float, shape (7, 7), that difference: row minus column, from -1 to 1.
    """
    strengths = unit_strengths()
    gaps = strengths[:, None] - strengths[None, :]
    best = np.abs(gaps).argmax(axis=2)
    difference = np.take_along_axis(gaps, best[..., None], axis=2)[..., 0]
    units = np.array(appearance.ACTION_UNITS)[best]
    np.fill_diagonal(units, 0)
    return units, difference
