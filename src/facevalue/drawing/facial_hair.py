"""Beards, moustaches and stubble: the areas of the face where hair grows, in half frames."""

from __future__ import annotations

import numpy as np

from facevalue.drawing.canvas import taper
from facevalue.drawing.geometry import Mouth, both

BEARD = np.array(
    [
        (0.0, 0.36), (0.2, 0.38), (0.36, 0.52), (0.5, 0.38), (0.68, 0.1), (0.80, 0.15),
        (0.74, 0.7), (0.4, 1.05), (0.0, 1.1),
    ]
)  # fmt: skip
"""The right half of a beard's outline."""

CHIN = np.array(
    [(0.0, 0.66), (0.13, 0.66), (0.24, 0.60), (0.29, 0.76), (0.24, 0.96), (0.1, 1.06), (0.0, 1.08)]
)
"""The right half of a goatee's outline, below the lips."""


def areas(style: str, mouth: Mouth) -> list[np.ndarray]:
    """Return the outlines of a style; they move with the jaw and with the upper lip.

    Args:
        style: "stubble", "full", "moustache" or "goatee".
        mouth: the mouth that the hair grows around.
    """
    if style in ("stubble", "full"):
        return [_with_jaw(BEARD, mouth.jaw), moustache(mouth)]
    if style == "goatee":
        return [_with_jaw(CHIN, mouth.jaw), moustache(mouth)]
    return [moustache(mouth)]


def moustache(mouth: Mouth) -> np.ndarray:
    """Return the outline of a moustache, which follows the upper lip and hangs at its ends."""
    lip = mouth.upper_outer
    shape = taper(len(lip), 0.55)[:, None]
    low = lip * (1.2, 1.0) + (0, 0.07) * (1 - shape) + (0, 0.025)
    return np.vstack([low, (lip * (1.1, 1.0) - (0, 0.125) * shape)[::-1]])


def _with_jaw(half: np.ndarray, jaw: float) -> np.ndarray:
    drop = 0.95 * jaw * np.clip((half[:, 1] - 0.36) / 0.5, 0, 1)
    lowered = half + np.stack([np.zeros_like(drop), drop], 1)
    return both(lowered, lowered)
