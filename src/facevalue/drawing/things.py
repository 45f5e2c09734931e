"""Drawn objects that are not faces, for training networks to distinguish faces from them."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.data.dataset import SIZE

Place = tuple[int, int]
"""x and y, in pixels."""


def _ball(
    image: np.ndarray, at: Place, r: int, light: float, dark: float, rng: np.random.Generator
) -> None:
    cv2.circle(image, at, r, light, -1, cv2.LINE_AA)
    for turn in rng.uniform(0, 6.28, 4):
        spot = int(at[0] + 0.6 * r * np.cos(turn)), int(at[1] + 0.6 * r * np.sin(turn))
        cv2.circle(image, spot, max(2, r // 5), dark, -1, cv2.LINE_AA)


def _clock(
    image: np.ndarray, at: Place, r: int, light: float, dark: float, rng: np.random.Generator
) -> None:
    cv2.circle(image, at, r, light, -1, cv2.LINE_AA)
    cv2.circle(image, at, r, dark, 3, cv2.LINE_AA)
    for turn, length in zip(rng.uniform(0, 6.28, 2), (0.5, 0.8), strict=True):
        tip = int(at[0] + length * r * np.cos(turn)), int(at[1] + length * r * np.sin(turn))
        cv2.line(image, at, tip, dark, 2, cv2.LINE_AA)
    for turn in np.arange(12) * np.pi / 6:
        mark = int(at[0] + 0.85 * r * np.cos(turn)), int(at[1] + 0.85 * r * np.sin(turn))
        cv2.circle(image, mark, 1, dark, -1, cv2.LINE_AA)


def _house(
    image: np.ndarray, at: Place, r: int, light: float, dark: float, rng: np.random.Generator
) -> None:
    x, y = at
    cv2.rectangle(image, (x - r, y - r // 3), (x + r, y + r), light, -1)
    roof = np.array([(x - r - 4, y - r // 3), (x, y - r - 6), (x + r + 4, y - r // 3)], np.int32)
    cv2.fillPoly(image, [roof], (light + dark) / 2, cv2.LINE_AA)
    for left in (x - 2 * r // 3, x + r // 4):  # two windows and a door, as eyes and mouth
        cv2.rectangle(image, (left, y), (left + r // 3, y + r // 3), dark, -1)
    door = x + int(rng.integers(-r // 3, r // 4))
    cv2.rectangle(image, (door, y + r // 2), (door + r // 4, y + r), dark, -1)


def _mug(
    image: np.ndarray, at: Place, r: int, light: float, dark: float, rng: np.random.Generator
) -> None:
    x, y = at
    side = int(rng.choice([-1, 1]))
    cv2.ellipse(image, (x + side * 2 * r // 3, y), (r // 2, r // 2), 0, 0, 360, light, 5)
    cv2.rectangle(image, (x - 2 * r // 3, y - r), (x + 2 * r // 3, y + r), light, -1)
    cv2.ellipse(image, (x, y - r), (2 * r // 3, r // 4), 0, 0, 360, dark, -1, cv2.LINE_AA)


def _flower(
    image: np.ndarray, at: Place, r: int, light: float, dark: float, rng: np.random.Generator
) -> None:
    petals = int(rng.integers(5, 10))
    for turn in np.arange(petals) * 2 * np.pi / petals + rng.uniform(0, 1):
        middle = int(at[0] + 0.6 * r * np.cos(turn)), int(at[1] + 0.6 * r * np.sin(turn))
        axes = (r // 2, max(3, r // 4))
        cv2.ellipse(image, middle, axes, np.degrees(turn), 0, 360, light, -1, cv2.LINE_AA)
    cv2.circle(image, at, r // 3, dark, -1, cv2.LINE_AA)


OBJECTS = (_ball, _clock, _house, _mug, _flower)
"""Functions that draw an object of radius r into a float image, in a light and a dark tone."""


def photographed(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a float image as a 48 x 48 photo (uint8), slightly blurred and with grain."""
    small = cv2.resize(grey.astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 1.2))
    small = small + rng.uniform(0, 6) * rng.standard_normal(small.shape)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)
