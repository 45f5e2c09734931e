"""Hairstyles: outlines around a head from the front, in half frames, as in `geometry`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facevalue.drawing.appearance import Person
from facevalue.drawing.canvas import circle, ribbon, taper
from facevalue.drawing.geometry import curve, mirror


@dataclass(frozen=True)
class Hairstyle:
    """The shapes of a hairstyle.

    Attributes:
        outer: the outer outline from the crown to the ear, with x >= 0; None for no front hair.
        low, high: the hairline from the ear to the middle, on the side to which the hair falls and
            on the other side, with x >= 0.
        back: the outline of the hair behind the head, with x >= 0; without it the ears are seen.
        cover: the opacity of the front hair.
        grain: the texture: "strands", "curls" or "rows".
    """

    outer: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    back: np.ndarray | None = None
    cover: float = 1.0
    grain: str = "strands"


_SHORT = curve((0, -1.56), (0.5, -1.47), (0.77, -1.1), (0.81, -0.6), (0.79, -0.15))
_SLICK = curve((0, -1.5), (0.48, -1.42), (0.74, -1.1), (0.79, -0.6), (0.775, -0.2))
_FULL = curve((0, -1.6), (0.55, -1.5), (0.9, -1.0), (0.97, -0.2), (0.98, 0.5))
_WAVES = curve(
    (0, -1.6), (0.55, -1.5), (0.88, -1.1), (1.02, -0.7), (0.93, -0.35), (1.06, 0.05), (0.95, 0.5)
)
_CLOUD = curve((0, -1.85), (0.6, -1.75), (1.05, -1.35), (1.2, -0.8), (1.1, -0.3), (0.8, 0.05))
_TEMPLE = curve((0.745, -0.15), (0.715, -0.42), (0.63, -0.72), (0.36, -0.93), (0, -0.96))
_SWEEP = curve((0.745, -0.15), (0.70, -0.45), (0.60, -0.70), (0.30, -0.82), (0, -0.94))
_PART = curve((0.745, -0.15), (0.72, -0.45), (0.62, -0.85), (0.42, -1.06), (0, -0.98))
_BANGS = curve((0.73, -0.1), (0.69, -0.4), (0.62, -0.66), (0.30, -0.70), (0, -0.71))
_BROW = curve((0.745, -0.1), (0.71, -0.3), (0.62, -0.42), (0.36, -0.52), (0, -0.86))
_BACKWARDS = curve(
    (0.755, -0.2), (0.74, -0.5), (0.64, -0.85), (0.5, -1.18), (0.25, -1.1), (0, -1.02)
)
_PEAKS = np.array(
    [
        (0.75, -0.15), (0.71, -0.42), (0.65, -0.62), (0.55, -0.5), (0.48, -0.76), (0.36, -0.58),
        (0.28, -0.8), (0.15, -0.62), (0.06, -0.82), (0, -0.74),
    ]
)  # fmt: skip
_SIDES = curve((0.80, 0.5), (0.745, 0.0), (0.70, -0.45), (0.58, -0.78), (0.30, -0.98), (0, -1.04))
_FALL = curve((0.74, 0.5), (0.69, 0.0), (0.62, -0.45), (0.45, -0.78), (0.20, -0.97), (0, -1.06))
_WAVY = curve(
    (0.82, 0.5), (0.71, 0.2), (0.76, -0.1), (0.67, -0.4), (0.58, -0.75), (0.3, -0.95), (0, -1.04)
)
_CURTAIN = curve((0.74, 0.8), (0.62, 0.3), (0.57, -0.2), (0.46, -0.62), (0.2, -0.92), (0, -1.1))

_LONG_BACK = curve(
    (0, -1.6), (0.55, -1.5), (0.9, -1.1), (1.0, -0.3), (1.04, 0.6), (1.0, 1.5), (0, 1.6)
)
_CURLY_BACK = curve(
    (0, -1.75), (0.65, -1.6), (1.05, -1.1), (1.2, -0.3), (1.15, 0.5), (0.9, 1.0), (0, 1.0)
)
_BOB_BACK = curve(
    (0, -1.6), (0.6, -1.48), (0.95, -1.0), (1.0, -0.2), (0.98, 0.5), (0.8, 0.75), (0, 0.75)
)
_WAVY_BACK = curve(
    (0, -1.6), (0.55, -1.5), (0.88, -1.1), (1.02, -0.7), (0.93, -0.35), (1.08, 0.05), (0.98, 0.5),
    (1.12, 1.0), (0.95, 1.5), (0, 1.6),
)  # fmt: skip

STYLES = {
    "bald": Hairstyle(),
    "short": Hairstyle(_SHORT, _TEMPLE, _TEMPLE),
    "buzz": Hairstyle(_SLICK, _TEMPLE, _TEMPLE, cover=0.6, grain="curls"),
    "parted": Hairstyle(_SHORT, _SWEEP, _PART),
    "receding": Hairstyle(_SHORT, _BACKWARDS, _BACKWARDS),
    "messy": Hairstyle(_SHORT, _PEAKS, _PEAKS),
    "fringe": Hairstyle(_SHORT, _BANGS, _BANGS),
    "swept": Hairstyle(_SHORT, _BROW, curve(*_PART[:-1], (0, -0.86))),
    "long": Hairstyle(_FULL, _SIDES, _SIDES, _LONG_BACK),
    "curtains": Hairstyle(_FULL, _CURTAIN, _CURTAIN, _LONG_BACK),
    "curly": Hairstyle(_FULL, _SIDES, _FALL, _CURLY_BACK, grain="curls"),
    "wavy": Hairstyle(_WAVES, _WAVY, _WAVY, _WAVY_BACK),
    "bob": Hairstyle(_FULL, _FALL, _SIDES, _BOB_BACK),
    "afro": Hairstyle(_CLOUD, _TEMPLE, _TEMPLE, grain="curls"),
    "braids": Hairstyle(_SLICK, _TEMPLE, _TEMPLE, grain="rows"),
    "ponytail": Hairstyle(_SLICK, _TEMPLE, _TEMPLE),
    "bun": Hairstyle(_SLICK, _TEMPLE, _PART),
}
"""The hairstyles that a person can have."""


def behind(person: Person) -> list[np.ndarray]:
    """Return outlines of a tail, a bun or braids, which lie behind the head."""
    if person.hairstyle == "ponytail":
        line = curve((0.5, -1.2), (0.98, -0.8), (1.1, 0.1), (1.0, 1.2)) * (person.hair_side, 1)
        return [ribbon(line, 0.17 * taper(len(line), 0.5))]
    if person.hairstyle == "bun":
        return [(0, -1.62) + 0.34 * circle()]
    if person.hairstyle == "braids":
        line = curve((0.76, -0.6), (0.86, 0.1), (0.88, 1.3))
        knots = 0.075 * (1 + 0.25 * np.sin(np.arange(len(line)) * 2.1))
        braid = ribbon(line, knots)
        return [braid, mirror(braid), braid * (1.2, 1) + (0, 0.06), mirror(braid) * (1.2, 1)]
    return []


def locks(person: Person) -> list[np.ndarray]:
    """Return outlines of thin locks that hang over the brow."""
    rng = np.random.default_rng(person.texture)
    found = []
    for _ in range(3 + int(5 * person.hair_locks)):
        x = rng.uniform(-0.55, 0.55)
        end = x + person.hair_side * rng.uniform(-0.05, 0.3)
        tip = rng.uniform(-0.62, -0.62 + 0.4 * person.hair_locks)
        line = curve((x, -1.05), ((x + end) / 2 + 0.06, -0.8), (end, tip))
        found.append(ribbon(line, rng.uniform(0.03, 0.09) * np.linspace(1, 0.1, len(line))))
    return found
