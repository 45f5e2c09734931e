"""Scenes without people: the backgrounds of drawn photos."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing.canvas import mix, noise_field


def muted(rng: np.random.Generator, low: float = 40, high: float = 220) -> np.ndarray:
    """Return a random colour (RGB, 0 to 255) of low saturation, like those of most things."""
    grey = rng.uniform(low, high)
    return np.clip(grey * (1 + 0.13 * np.clip(rng.normal(size=3), -2, 2)), 0, 255)


def landscape(width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random scene: hills under a sky, a room with furniture, or blurred lights.

    Returns:
        float32, shape (height, width, 3), RGB, 0 to 255.
    """
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    top, bottom = muted(rng, 110, 230), muted(rng, 110, 230)
    image = np.empty((height, width, 3), np.float32)
    image[:] = top + (bottom - top) * down
    clouds = cv2.resize(noise_field("clouds"), (width, height), interpolation=cv2.INTER_CUBIC)
    image += 12 * clouds[..., None]
    (_hills, _room, _lights)[rng.integers(3)](image, rng)
    sharpness = width * rng.uniform(0.0015, 0.006)
    return cv2.GaussianBlur(image, (0, 0), max(0.6, sharpness))


def _hills(image: np.ndarray, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    colour = muted(rng, 60, 140) * (0.9, 1.1, 0.8)
    x = np.linspace(0, 1, 60)
    for level in (0.55, 0.68, 0.83):
        first, second = rng.uniform(0, 6.28, 2)
        ridge = level + 0.05 * np.sin(5 * x + first) + 0.02 * np.sin(13 * x + second)
        outline = np.vstack([np.stack([x, ridge], 1), [[1, 1], [0, 1]]]) * (width, height)
        cv2.fillPoly(image, [np.rint(outline).astype(np.int32)], (colour * (1.5 - level)).tolist())
        for _ in range(int(rng.integers(0, 9))):  # trees
            column = rng.uniform(0, 1)
            base = np.array([column, np.interp(column, x, ridge)]) * (width, height)
            size = width * rng.uniform(0.01, 0.03)
            centre = np.rint(base - (0, size)).astype(int).tolist()
            axes = np.rint([0.7 * size, 1.6 * size]).astype(int).tolist()
            tone = (colour * (1.1 - level) * rng.uniform(0.7, 1.1)).tolist()
            cv2.ellipse(image, centre, axes, 0, 0, 360, tone, -1, cv2.LINE_AA)


def _room(image: np.ndarray, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    floor = int(height * rng.uniform(0.75, 0.9))
    cv2.rectangle(image, (0, floor), (width, height), muted(rng, 40, 120).tolist(), -1)
    for _ in range(int(rng.integers(2, 6))):
        x, y = int(rng.uniform(0, width)), int(rng.uniform(0.05, 0.6) * height)
        far = (x + int(rng.uniform(0.08, 0.3) * width), y + int(rng.uniform(0.15, 0.5) * height))
        far = (far[0], min(floor, far[1]))
        cv2.rectangle(image, (x, y), far, muted(rng).tolist(), -1)
        cv2.rectangle(image, (x, y), far, muted(rng, 30, 90).tolist(), max(1, width // 150))
        if rng.random() < 0.4:  # shelves or panes
            for part in np.linspace(y, far[1], int(rng.integers(3, 6)))[1:-1]:
                cv2.line(
                    image, (x, int(part)), (far[0], int(part)), (50, 45, 40), max(1, width // 200)
                )


def _lights(image: np.ndarray, rng: np.random.Generator) -> None:
    height, width = image.shape[:2]
    image *= rng.uniform(0.3, 0.9)
    for _ in range(int(rng.integers(6, 18))):
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        radius = int(rng.uniform(0.015, 0.07) * width)
        cover = np.zeros((height, width), np.uint8)
        cv2.circle(cover, centre, radius, 150, -1, cv2.LINE_AA)
        mix(image, cover * np.float32(1 / 255), muted(rng, 120, 250).astype(np.float32))
