"""Shadows on a drawn face: those that it casts on itself, and those of things around it."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing.canvas import Canvas, texture

STEP, REACH = 0.045, 12
"""Length of a step towards the lamp, in half frames, and the number of steps."""

STRAY = 0.33
"""The light that comes back from everything around: no place on a face is darker."""


def with_stray_light(light: np.ndarray) -> np.ndarray:
    """Return the light on a face, with a smooth step from places in shadow to lit ones.

    Args:
        light: float32, shape (n, n), 0 or more; 1 is full light. It is not changed.

    >>> with_stray_light(np.float32([[0.0, 1.0]])).round(2)
    array([[0.33, 1.  ]], dtype=float32)
    """
    near = np.maximum(STRAY - np.abs(light - STRAY), 0)
    return np.maximum(light, STRAY) + near * near / (4 * STRAY)


def own_shadow(height: np.ndarray, lamp: np.ndarray, unit: float) -> np.ndarray:
    """Return where a height field shades itself, as under the nose and the brows.

    Args:
        height: float32, shape (n, n), in half frames.
        lamp: the direction to the lamp: x to the right, y down, z to the viewer.
        unit: pixels per half frame.

    Returns:
        float32, shape (n, n), from 0 (lit) to 1 (in shadow).
    """
    flat = float(np.hypot(lamp[0], lamp[1]))
    if flat < 0.05:
        return np.zeros_like(height)
    rise = STEP * float(lamp[2]) / flat
    margin = int(np.ceil(REACH * STEP * unit)) + 1
    padded = cv2.copyMakeBorder(height, *(margin,) * 4, cv2.BORDER_REPLICATE)
    n = height.shape[0]
    tallest = np.full_like(height, -9)
    for k in range(1, REACH + 1):
        right = margin + round(k * STEP * unit * float(lamp[0]) / flat)
        down = margin + round(k * STEP * unit * float(lamp[1]) / flat)
        np.maximum(
            tallest, padded[down : down + n, right : right + n] - np.float32(k * rise), out=tallest
        )
    dark = np.clip((tallest - height) * 25, 0, 1)
    return cv2.GaussianBlur(dark, (0, 0), 0.018 * unit)


def foreign_shadow(canvas: Canvas, shade: str, seed: int) -> np.ndarray:
    """Return where a thing outside the picture shades the face: float32, 0 to 1.

    Args:
        shade: one of `appearance.SHADES`.
        seed: chooses place, size and direction.
    """
    rng = np.random.default_rng([seed, 3])
    x, y = canvas.axis[None, :], canvas.axis[:, None]
    if shade == "edge":
        turn = np.float32(rng.uniform(-0.9, 0.9))
        across = np.cos(turn) * x + np.sin(turn) * y
        return np.clip(0.5 + rng.choice([-1, 1]) * (across + rng.uniform(-0.25, 0.25)) / 0.12, 0, 1)
    if shade == "brim":
        edge = np.float32(rng.uniform(-0.55, 0.05)) + 0.25 * x * x
        return np.clip(0.5 - (y - edge) / 0.12, 0, 1)
    if shade == "blind":
        turn = np.float32(rng.uniform(-0.5, 0.5))
        wave = np.sin((np.cos(turn) * y + np.sin(turn) * x) * np.float32(rng.uniform(9, 16)))
        return np.clip(0.3 + wave, 0, 0.6)
    if shade == "leaves":
        blobs = texture("clouds", canvas.pixels, canvas.pixels / rng.uniform(150, 230), seed)
        return np.clip(0.5 + 2.5 * blobs, 0, 1)
    return np.zeros((canvas.pixels, canvas.pixels), np.float32)
