"""Glasses: the outlines of frames and lenses on a face, in half frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facevalue.drawing.appearance import Person
from facevalue.drawing.canvas import circle, ribbon
from facevalue.drawing.geometry import mirror


@dataclass(frozen=True)
class Glasses:
    """Outlines of the frame's parts, of the lenses, and of the reflections in them."""

    frame: list[np.ndarray]
    lenses: list[np.ndarray]
    glare: list[np.ndarray]


@dataclass(frozen=True)
class Shape:
    """The shape of a lens.

    Attributes:
        size: half its width and height.
        power: 1 for an ellipse; lower powers give corners.
        rim: half the thickness of the rim above and below.
    """

    size: tuple[float, float]
    power: float
    rim: tuple[float, float]


SHAPES = {
    "round": Shape((0.215, 0.205), 1.0, (0.013, 0.013)),
    "square": Shape((0.25, 0.155), 0.6, (0.013, 0.013)),
    "thick": Shape((0.25, 0.17), 0.55, (0.036, 0.024)),
    "rimless": Shape((0.235, 0.145), 0.7, (0.004, 0.004)),
    "half": Shape((0.245, 0.15), 0.6, (0.03, 0.004)),
    "sunglasses": Shape((0.285, 0.215), 0.75, (0.02, 0.016)),
}
"""The frames that a person can wear."""


def glasses(person: Person) -> Glasses:
    """Return the outlines of the glasses of a person, who sees through the lenses' middle."""
    shape = SHAPES[person.frame]
    middle = 0.37 * person.eye_distance
    y = -0.21 if person.frame != "sunglasses" else -0.19
    turn = circle(33)
    lens = np.sign(turn) * np.abs(turn) ** shape.power * shape.size + (middle, y)
    above, below = shape.rim
    rim = ribbon(lens, np.interp(turn[:, 1], (-0.4, 0.4), (above, below)))
    inner, outer = middle - shape.size[0], middle + shape.size[0]
    top = y - 0.3 * shape.size[1]
    half = max(0.011, 0.7 * above)
    bridge = ribbon(np.array([(-inner, top), (0, top - 0.02), (inner, top)]), half)
    arm = ribbon(np.array([(outer, top), (0.8 * person.face_width, top - 0.02)]), half)
    wide, high = shape.size
    glare = np.array([(-0.75, 0.7), (-0.35, 0.85), (0.45, -0.85), (0.0, -0.9)]) * (wide, high)
    return Glasses(
        [rim, mirror(rim), bridge, arm, mirror(arm)],
        [lens, mirror(lens)],
        [glare + (middle, y), glare + (-middle, y)],
    )
