"""How OpenCV's face detector decides: its trained Haar cascade, read from its file and run openly.

A cascade is a row of stages. A stage adds up the answers of weak classifiers; each compares one
Haar feature, a difference of grey-level sums in rectangles, with a threshold. A window that fails
a stage is no face; the few that pass all stages are what `detection.find_faces` groups.

Source: Viola and Jones (2001), https://doi.org/10.1109/CVPR.2001.990517, and Lienhart and Maydt
(2002), https://doi.org/10.1109/ICIP.2002.1038171, whose normalisation OpenCV uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

FLAT = 10.0
"""OpenCV takes a window whose grey levels have a smaller standard deviation for no face."""


@dataclass(frozen=True)
class Rectangle:
    """A rectangle of a window, in pixels, and the weight (-1, 2, 3) of the grey levels in it."""

    x: int
    y: int
    width: int
    height: int
    weight: float


@dataclass(frozen=True)
class Weak:
    """A weak classifier: `below` if its feature's value is under `threshold`, else `above`.

    The first rectangle is all of the feature, with weight -1; the others lie in it, and count so
    often that the weights over the areas come to 0: light there against dark around it.
    """

    rectangles: tuple[Rectangle, ...]
    threshold: float
    below: float
    above: float


@dataclass(frozen=True)
class Stage:
    """Weak classifiers, and the sum of their answers that a window needs to pass."""

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
    """Read a cascade that comes with OpenCV: "frontalface_default" or "frontalface_alt".

    Raises:
        FileNotFoundError: this OpenCV has no such cascade.
        ValueError: the cascade is built in another way than is explained here.
    """
    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / f"haarcascade_{name}.xml"
    if not path.is_file():
        raise FileNotFoundError(f"OpenCV {cv2.__version__} has no cascade {name!r}.")
    try:
        root = ElementTree.parse(path).getroot()[0]
        rectangles = [_rectangles(entry) for entry in root.iterfind("features/_")]
        stages = [
            Stage(
                float(entry.findtext("stageThreshold", "")),
                tuple(_weak(weak, rectangles) for weak in entry.iterfind("weakClassifiers/_")),
            )
            for entry in root.iterfind("stages/_")
        ]
        (window,) = {int(root.findtext(side, "")) for side in ("width", "height")}
    except ValueError:  # trees of features, tilted features, oblong windows
        raise ValueError(f"the cascade {name!r} is not as simple: use frontalface_alt.") from None
    return Cascade(name, window, tuple(stages))


def _rectangles(entry: ElementTree.Element) -> tuple[Rectangle, ...]:
    if entry.findtext("tilted", "0").strip() != "0":
        raise ValueError
    rows = [(each.text or "").split() for each in entry.iterfind("rects/_")]
    return tuple(Rectangle(int(x), int(y), int(w), int(h), float(k)) for x, y, w, h, k in rows)


def _weak(entry: ElementTree.Element, rectangles: list[tuple[Rectangle, ...]]) -> Weak:
    _, _, feature, threshold = entry.findtext("internalNodes", "").split()
    below, above = entry.findtext("leafValues", "").split()
    return Weak(rectangles[int(feature)], float(threshold), float(below), float(above))


def integral_image(grey: np.ndarray) -> np.ndarray:
    """Return, for each corner between pixels, the sum of all grey levels above and left of it.

    Args:
        grey: shape (h, w), whole numbers.
    Returns:
        int64, shape (h + 1, w + 1); the first row and column are 0.
    """
    return np.pad(grey.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def rectangle_sum(
    integral: np.ndarray, x: np.ndarray | int, y: np.ndarray | int, width: int, height: int
) -> np.ndarray:
    """Return the sum of the grey levels in a rectangle: four look-ups, whatever its size is.

    `x` and `y` may be arrays: the sums of one rectangle at many places.
    """
    right, bottom = x + width, y + height
    return integral[bottom, right] - integral[y, right] - integral[bottom, x] + integral[y, x]


def feature_value(
    weak: Weak, integral: np.ndarray, x: np.ndarray | int = 0, y: np.ndarray | int = 0
) -> np.ndarray:
    """Return the weighted sum of a feature's rectangles, for windows with their corner at x, y."""
    values = [
        r.weight * rectangle_sum(integral, x + r.x, y + r.y, r.width, r.height)
        for r in weak.rectangles
    ]
    return np.sum(values, axis=0)


def _contrast(cascade: Cascade, grey: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the standard deviation of windows x their area, which makes dim faces like bright."""
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


def stage_sums(cascade: Cascade, window: np.ndarray) -> np.ndarray:
    """Return what each stage adds up for one window, also after one that it fails.

    Args:
        window: uint8, shape (cascade.window, cascade.window); resize a face to it.
    Returns:
        float, one sum per stage: it passes with `stage.threshold` or more. NaN for a window with
        hardly any contrast, which passes none.
    Raises:
        ValueError: `window` has another shape.
    """
    if window.shape != (cascade.window, cascade.window):
        side = cascade.window
        raise ValueError(f"the window must be {side} x {side} grey pixels, got {window.shape}.")
    corner = np.zeros(1, int)
    contrast, integral = _contrast(cascade, window, corner, corner), integral_image(window)
    sums = [_stage_sum(stage, integral, contrast, corner, corner) for stage in cascade.stages]
    return np.concatenate(sums) + 0 * contrast


def stages_passed(cascade: Cascade, grey: np.ndarray, step: int = 1) -> np.ndarray:
    """Return how many stages the window at each place of an image passes: a heat map.

    Args:
        grey: uint8, shape (h, w), both at least `cascade.window`.
        step: pixels from one window to the next, across and down.
    Returns:
        int, shape (rows, columns): entry (i, j) for the window with its upper left corner at
        x = j * step, y = i * step. `len(cascade.stages)` means that it is taken for a face.
    Raises:
        ValueError: `grey` is no such image, or `step` is under 1.
    """
    if grey.ndim != 2 or min(grey.shape) < cascade.window or step < 1:
        raise ValueError(
            f"the image must be grey, {cascade.window} pixels high and wide or more, and step 1 "
            f"or more; got shape {grey.shape} and step {step}."
        )
    rows, columns = (np.arange(0, side - cascade.window + 1, step) for side in grey.shape)
    y, x = (places.ravel() for places in np.meshgrid(rows, columns, indexing="ij"))
    integral, contrast = integral_image(grey), _contrast(cascade, grey, x, y)
    passed = np.zeros(len(x), int)
    left = np.flatnonzero(~np.isnan(contrast))
    for stage in cascade.stages:  # most windows fail early, so most stages see few of them
        sums = _stage_sum(stage, integral, contrast[left], x[left], y[left])
        left = left[sums >= stage.threshold - 1e-5]  # OpenCV's allowance for rounding
        passed[left] += 1
    return passed.reshape(len(rows), len(columns))


def windows(cascade: Cascade, grey: np.ndarray, scale_factor: float = 1.1) -> np.ndarray:
    """Return every window, of every size, that passes all stages: many for each face.

    The window keeps its size; the image shrinks from pass to pass. As in OpenCV, windows are two
    pixels apart while the image is over half its size, then one.

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
