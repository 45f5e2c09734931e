"""Scenes without people: the backgrounds of drawn photos."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing.appearance import View
from facevalue.drawing.canvas import mix, noise_field, texture


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


def backdrop(pixels: int, view: View) -> np.ndarray:
    """Return the background of a face: float32, shape (pixels, pixels), 0 to 1."""
    clouds = texture("clouds", pixels, pixels / 100, view.texture)
    image: np.ndarray = np.float32(view.background) + np.float32(0.12) * clouds
    if view.scene != "clouds":
        rng = np.random.default_rng([view.texture, 5])
        image = image * np.float32(0.4) + np.float32(0.6 * view.background)
        paint = {
            "stripes": _stripes, "room": _boxes, "lights": _spots, "leaves": _leaves,
            "crowd": _crowd,
        }.get(view.scene)  # fmt: skip
        if paint:
            paint(image, view.background, rng)
            image = cv2.GaussianBlur(image, (0, 0), pixels * rng.uniform(0.004, 0.02))
    return np.clip(image, 0.02, 1.0)


def _near(tone: float, rng: np.random.Generator, spread: float = 0.25) -> float:
    """Return a grey level around another."""
    return float(np.clip(tone + spread * rng.normal(), 0.02, 1))


def _stripes(image: np.ndarray, tone: float, rng: np.random.Generator) -> None:
    n = image.shape[0]
    turn, width = float(rng.choice([0, np.pi / 2, rng.uniform(0, 3)])), n * rng.uniform(0.05, 0.3)
    axis = np.arange(n, dtype=np.float32)
    wave = np.cos(turn) * axis[None, :] + np.sin(turn) * axis[:, None]
    band = np.clip(3 * np.sin(wave * np.float32(2 * np.pi / width) + rng.uniform(0, 6)), -1, 1)
    image += np.float32(rng.uniform(0.06, 0.22)) * band


def _boxes(image: np.ndarray, tone: float, rng: np.random.Generator) -> None:
    n = image.shape[0]
    for _ in range(int(rng.integers(3, 9))):
        x, y = (int(v) for v in rng.uniform(-0.2, 0.9, 2) * n)
        wide, high = (int(v) for v in rng.uniform(0.1, 0.6, 2) * n)
        cv2.rectangle(image, (x, y), (x + wide, y + high), _near(tone, rng), -1)
        if rng.random() < 0.6:
            edge = _near(tone, rng, 0.35)
            cv2.rectangle(image, (x, y), (x + wide, y + high), edge, max(1, n // 40))


def _spots(image: np.ndarray, tone: float, rng: np.random.Generator) -> None:
    n = image.shape[0]
    image *= np.float32(rng.uniform(0.3, 0.8))
    for _ in range(int(rng.integers(6, 18))):
        at = (int(rng.uniform(0, n)), int(rng.uniform(0, n)))
        glow = float(np.clip(tone + rng.uniform(0, 0.5), 0, 1))
        cv2.circle(image, at, int(n * rng.uniform(0.02, 0.09)), glow, -1, cv2.LINE_AA)


def _leaves(image: np.ndarray, tone: float, rng: np.random.Generator) -> None:
    n = image.shape[0]
    image *= np.float32(0.7)
    for _ in range(int(rng.integers(30, 80))):
        at = (int(rng.uniform(0, n)), int(rng.uniform(0, n)))
        axes = (int(n * rng.uniform(0.02, 0.07)) + 1, int(n * rng.uniform(0.01, 0.03)) + 1)
        leaf = _near(tone, rng, 0.2)
        cv2.ellipse(image, at, axes, float(rng.uniform(0, 180)), 0, 360, leaf, -1, cv2.LINE_AA)


def _crowd(image: np.ndarray, tone: float, rng: np.random.Generator) -> None:
    """Paint people: shoulders, a head, and hair that leaves the lower face free."""
    n = image.shape[0]
    for _ in range(int(rng.integers(1, 4))):
        x = n * (rng.uniform(-0.05, 0.25) if rng.random() < 0.5 else rng.uniform(0.75, 1.05))
        y, size = n * rng.uniform(0.1, 0.6), n * rng.uniform(0.1, 0.22)

        def blob(dx: float, dy: float, wide: float, high: float, grey: float) -> None:
            at = (int(x + dx * size), int(y + dy * size))  # noqa: B023
            axes = (int(wide * size) + 1, int(high * size) + 1)  # noqa: B023
            cv2.ellipse(image, at, axes, 0, 0, 360, grey, -1, cv2.LINE_AA)

        clothes, skin, hair = rng.uniform(0.08, 0.9), rng.uniform(0.3, 0.75), rng.uniform(0.05, 0.4)
        blob(0, 3.2, 2.1, 2.1, clothes)
        blob(0, 1.0, 0.45, 0.8, 0.7 * skin)
        blob(0, -0.2, 1.05, 1.25, hair)
        blob(0, 0.15, 0.8, 1.1, skin)
