"""OpenCV's Haar cascade for faces, read from its file and evaluated step by step in NumPy.

A cascade is a sequence of stages. Each stage sums the outputs of weak classifiers; a weak
classifier compares one Haar feature, a difference of grey-level sums in rectangles, with a
threshold. A window that fails a stage is rejected. `detection.find_faces` groups the few windows
that pass all stages into faces.

Source: Viola and Jones (2001), https://doi.org/10.1109/CVPR.2001.990517, and Lienhart and Maydt
(2002), https://doi.org/10.1109/ICIP.2002.1038171, for the normalisation in OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

FLAT = 10.0
"""OpenCV rejects windows whose grey levels have a smaller standard deviation than this."""


@dataclass(frozen=True)
class Rectangle:
    """A rectangle in a window, in pixels, and the weight (-1, 2 or 3) of the grey levels in it."""

    x: int
    y: int
    width: int
    height: int
    weight: float


@dataclass(frozen=True)
class Weak:
    """A weak classifier: outputs `below` if its feature is under `threshold`, else `above`.

    The first rectangle covers the whole feature, with weight -1. The others lie inside it, with
    weights that balance the areas: the sum of weight times area is 0, so that an even surface
    gives 0.
    """

    rectangles: tuple[Rectangle, ...]
    threshold: float
    below: float
    above: float


@dataclass(frozen=True)
class Stage:
    """Weak classifiers, and the sum of their outputs that a window needs to pass."""

    threshold: float
    weak: tuple[Weak, ...]


@dataclass(frozen=True)
class Cascade:
    """A trained detector for square windows of `window` pixels."""

    name: str
    window: int
    stages: tuple[Stage, ...]


@lru_cache(maxsize=2)
def load(name: str = "frontalface_default") -> Cascade:
    """Read a cascade that is installed with OpenCV: "frontalface_default" or "frontalface_alt".

    Raises:
        FileNotFoundError: the installed OpenCV has no such cascade.
        ValueError: the cascade has tilted features, decision trees or oblong windows.

    >>> cascade = load()
    >>> cascade.window, len(cascade.stages)
    (24, 25)
    """
    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / f"haarcascade_{name}.xml"
    if not path.is_file():
        raise FileNotFoundError(
            f"OpenCV {cv2.__version__} has no cascade {name!r}: use frontalface_default."
        )
    try:
        root = ElementTree.parse(path).getroot()[0]
        rectangles = [_parse_rectangles(entry) for entry in root.iterfind("features/_")]
        stages = [
            Stage(
                float(entry.findtext("stageThreshold", "")),
                tuple(_parse_weak(row, rectangles) for row in entry.iterfind("weakClassifiers/_")),
            )
            for entry in root.iterfind("stages/_")
        ]
        (window,) = {int(root.findtext(side, "")) for side in ("width", "height")}
    except ValueError as error:
        raise ValueError(
            f"The cascade {name!r} has tilted features, decision trees or oblong windows, which "
            "are not supported: use frontalface_alt."
        ) from error
    return Cascade(name, window, tuple(stages))


def _parse_rectangles(entry: ElementTree.Element) -> tuple[Rectangle, ...]:
    if entry.findtext("tilted", "0").strip() != "0":
        raise ValueError("a tilted feature")
    rows = [(each.text or "").split() for each in entry.iterfind("rects/_")]
    return tuple(Rectangle(int(x), int(y), int(w), int(h), float(k)) for x, y, w, h, k in rows)


def _parse_weak(entry: ElementTree.Element, rectangles: list[tuple[Rectangle, ...]]) -> Weak:
    _, _, feature, threshold = entry.findtext("internalNodes", "").split()
    below, above = entry.findtext("leafValues", "").split()
    return Weak(rectangles[int(feature)], float(threshold), float(below), float(above))


def integral_image(grey: np.ndarray) -> np.ndarray:
    """Return, for each corner between pixels, the sum of all grey levels above and left of it.

    Args:
        grey: integers, shape (h, w).

    Returns:
        int64, shape (h + 1, w + 1); the first row and column are 0.

    >>> integral_image(np.array([[1, 2], [3, 4]])).tolist()
    [[0, 0, 0], [0, 1, 3], [0, 4, 10]]
    """
    return np.pad(grey.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def rectangle_sum(
    integral: np.ndarray, x: np.ndarray | int, y: np.ndarray | int, width: int, height: int
) -> np.ndarray:
    """Return the sum of the grey levels in a rectangle: four look-ups, whatever its size.

    With arrays `x` and `y`, return the sums for one rectangle at many positions.
    """
    right, bottom = x + width, y + height
    return integral[bottom, right] - integral[y, right] - integral[bottom, x] + integral[y, x]


def feature_value(
    weak: Weak, integral: np.ndarray, x: np.ndarray | int = 0, y: np.ndarray | int = 0
) -> np.ndarray:
    """Return the weighted sum of a feature's rectangles, for windows at (x, y)."""
    values = [
        r.weight * rectangle_sum(integral, x + r.x, y + r.y, r.width, r.height)
        for r in weak.rectangles
    ]
    return np.sum(values, axis=0)


def _contrast(cascade: Cascade, grey: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return each window's standard deviation times its area, to normalise for lighting.

    It is NaN for windows with hardly any contrast.
    """
    side = cascade.window - 2  # without the outermost pixels, as in training
    total = rectangle_sum(integral_image(grey), x + 1, y + 1, side, side)
    squares = rectangle_sum(integral_image(grey.astype(np.int64) ** 2), x + 1, y + 1, side, side)
    contrast = np.sqrt(side**2 * squares - total**2)
    return np.where(contrast > FLAT * side**2, contrast, np.nan)


def _stage_sum(
    stage: Stage, integral: np.ndarray, contrast: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    total = np.zeros(len(x))
    for weak in stage.weak:
        value = feature_value(weak, integral, x, y)
        total += np.where(value < weak.threshold * contrast, weak.below, weak.above)
    return total


def stages_passed(cascade: Cascade, grey: np.ndarray, step: int = 1) -> np.ndarray:
    """Return how many stages the window at each position of an image passes: a heat map.

    Args:
        grey: uint8, shape (h, w), both at least `cascade.window`.
        step: pixels from one window to the next, across and down.

    Returns:
        int, shape (rows, columns): entry (i, j) for the window with its upper left corner at
        x = j * step, y = i * step. `len(cascade.stages)` means that it is accepted as a face.

    Raises:
        ValueError: `grey` is not grey or smaller than the window, or `step` is under 1.

    >>> stages_passed(load(), np.zeros((24, 30), np.uint8)).tolist()
    [[0, 0, 0, 0, 0, 0, 0]]
    """
    if grey.ndim != 2 or min(grey.shape) < cascade.window or step < 1:
        raise ValueError(
            f"The image must be grey and at least {cascade.window} pixels high and wide, and step "
            f"at least 1; got shape {grey.shape} and step {step}."
        )
    rows, columns = (np.arange(0, side - cascade.window + 1, step) for side in grey.shape)
    y, x = (places.ravel() for places in np.meshgrid(rows, columns, indexing="ij"))
    integral, contrast = integral_image(grey), _contrast(cascade, grey, x, y)
    passed = np.zeros(len(x), int)
    remaining = np.flatnonzero(~np.isnan(contrast))
    for stage in cascade.stages:  # most windows fail early, so later stages evaluate only a few
        sums = _stage_sum(stage, integral, contrast[remaining], x[remaining], y[remaining])
        remaining = remaining[sums >= stage.threshold - 1e-5]  # OpenCV's tolerance for rounding
        passed[remaining] += 1
    return passed.reshape(len(rows), len(columns))


def windows(cascade: Cascade, grey: np.ndarray, scale_factor: float = 1.1) -> np.ndarray:
    """Return every window, of any size, that passes all stages: many for each face.

    The window keeps its size, and the image is scaled down step by step. As in OpenCV, windows
    are two pixels apart while the scale is under 2, then one.

    Returns:
        int, shape (k, 4): x, y, width, height in `grey`, the smallest windows first.
    """
    found, scale = [np.zeros((0, 4), int)], 1.0
    while round(cascade.window * scale) <= min(grey.shape):
        size = round(grey.shape[1] / scale), round(grey.shape[0] / scale)
        small = cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR_EXACT)
        step = 1 if scale >= 2 else 2
        places = np.argwhere(stages_passed(cascade, small, step) == len(cascade.stages))
        side = np.full((len(places), 2), round(cascade.window * scale))
        found.append(np.hstack([np.rint(places[:, ::-1] * step * scale).astype(int), side]))
        scale *= scale_factor
    boxes = np.concatenate(found)
    # rounding may put a window a few pixels over the edge
    boxes[:, 2:] = np.minimum(boxes[:, 2:], np.array(grey.shape[::-1]) - boxes[:, :2])
    return boxes
