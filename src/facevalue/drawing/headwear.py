"""Hats, caps, headbands and headscarves: parts laid over a head, in half frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facevalue.drawing.appearance import Person
from facevalue.drawing.canvas import ribbon
from facevalue.drawing.geometry import both, curve


@dataclass(frozen=True)
class Part:
    """A piece of cloth: its outline, and its brightness as a factor of the cloth's."""

    outline: np.ndarray
    shade: float = 1.0


@dataclass(frozen=True)
class Headwear:
    """The pieces of headwear from back to front, and what they shade.

    Attributes:
        parts: the pieces, which lie over face and hair.
        shadow: the outline of the shadow on the face, or None.
        ribs: whether the cloth is knitted.
    """

    parts: list[Part]
    shadow: np.ndarray | None = None
    ribs: bool = False


_SCARF = curve(
    (0, -1.52), (0.5, -1.42), (0.85, -1.0), (0.96, -0.3), (0.95, 0.4), (0.98, 0.9), (1.25, 1.5)
)
_CAP = curve((0, -1.6), (0.5, -1.5), (0.8, -1.1), (0.85, -0.62), (0.8, -0.5))
_BEANIE = curve((0, -1.72), (0.5, -1.62), (0.82, -1.2), (0.86, -0.6), (0.83, -0.4))


def _symmetric(*points: tuple[float, float]) -> np.ndarray:
    line = curve(*points)
    return both(line, line)


def headwear(person: Person, outline: np.ndarray) -> Headwear:
    """Return what a person wears on the head.

    Args:
        person: who wears it; `person.headwear` is not "none".
        outline: half the head's outline, from the crown to the chin.
    """
    wide = np.array([person.face_width, 1.0])
    kind = person.headwear
    if kind == "hijab":
        return _hijab(wide, float(outline[-1, 1]))
    if kind == "headband":
        top = curve((0.76, -0.72), (0.6, -1.0), (0.3, -1.1), (0, -1.12))
        low = curve((0, -0.9), (0.3, -0.88), (0.6, -0.76), (0.79, -0.52))
        half = np.vstack([low, top]) * wide
        return Headwear([Part(both(half, half))], both(half, half) + (0, 0.05))
    if kind == "beanie":
        edge = curve((0.83, -0.4), (0.6, -0.57), (0.3, -0.63), (0, -0.64))
        dome = np.vstack([_BEANIE, edge]) * wide
        fold = np.vstack([edge[::-1], edge - (0, 0.24)]) * wide * (1.02, 1)
        pieces = [Part(both(dome, dome), 0.85), Part(both(fold, fold), 1.1)]
        return Headwear(pieces, both(fold, fold) + (0, 0.08), ribs=True)
    edge = curve((0.8, -0.5), (0.6, -0.66), (0.3, -0.74), (0, -0.76))
    dome = np.vstack([_CAP, edge]) * wide
    if kind == "cap":
        peak = _symmetric((0, -0.82), (0.35, -0.8), (0.66, -0.66), (0.74, -0.46), (0.5, -0.54),
                          (0.25, -0.6), (0, -0.61))  # fmt: skip
        pieces = [Part(both(dome, dome)), Part(peak * wide, 0.6)]
        return Headwear(pieces, peak * wide + (0, 0.2))
    brim = _symmetric((0, -1.0), (0.6, -0.95), (1.2, -0.78), (1.35, -0.66), (1.0, -0.62),
                      (0.5, -0.66), (0, -0.68))  # fmt: skip
    band = ribbon(np.array([(-0.84, -0.86), (-0.4, -0.97), (0, -1), (0.4, -0.97), (0.84, -0.86)]),
                  0.09)  # fmt: skip
    pieces = [Part(both(dome, dome)), Part(band * wide, 0.35), Part(brim * wide, 0.9)]
    return Headwear(pieces, brim * (0.8, 1) + (0, 0.24))


def _hijab(wide: np.ndarray, chin: float) -> Headwear:
    opening = curve(
        (0, chin - 0.05), (0.3, chin - 0.1), (0.55, chin - 0.32), (0.69, 0.2), (0.705, -0.2),
        (0.64, -0.6), (0.4, -0.8), (0, -0.86),
    )  # fmt: skip
    outer = np.vstack([_SCARF, [(1.35, 2.0), (0, 2.0)]])
    half = np.vstack([outer, opening]) * wide
    inner = np.vstack([opening, (opening * (1.06, 1.04) + (0, -0.03))[::-1]]) * wide
    fold = curve((0.93, -0.1), (0.8, 0.6), (0.45, chin + 0.1), (-0.3, chin + 0.3))
    pieces = [
        Part(both(half, half)),
        Part(both(inner, inner), 0.72),
        Part(ribbon(fold * wide, 0.03), 0.6),
        Part(ribbon(fold * wide * (-0.95, 1.06) + (0.05, 0.1), 0.03), 0.75),
    ]
    return Headwear(pieces, both(inner, inner) * (0.97, 0.97))
