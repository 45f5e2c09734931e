"""What covers part of a drawn face: hands, hair and microphones."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing import geometry
from facevalue.drawing.appearance import View
from facevalue.drawing.canvas import Canvas, circle, mix, ribbon, taper, texture

Capsule = tuple[float, float, float, float, float, float]
"""A rounded limb: x and y of both ends, and its radii there."""

FINGERS = ((-0.165, 0.36), (-0.055, 0.43), (0.055, 0.41), (0.16, 0.31))
"""The fingers, from the index on: x of the knuckle and length, in half frames; y is 0."""


def hand(bend: float, spread: float) -> np.ndarray:
    """Return the capsules (n, 6) of a hand whose fingers point up from knuckles at y = 0.

    Args:
        bend: 0 for straight fingers to 1 for a fist.
        spread: the angle between neighbouring fingers, in radians.
    """
    parts: list[Capsule] = []
    for k, (x, length) in enumerate(FINGERS):
        turn = (k - 1.5) * spread
        reach = length * (1 - 0.62 * bend)
        joint = (x + 0.5 * reach * np.sin(turn), -0.5 * reach * np.cos(turn))
        turn += 0.25 * bend
        tip = (joint[0] + 0.5 * reach * np.sin(turn), joint[1] - 0.5 * reach * np.cos(turn))
        parts += [(x, 0.02, *joint, 0.078, 0.068), (*joint, *tip, 0.068, 0.052)]
        parts.append((x, 0.02, 0.5 * x, 0.36, 0.085, 0.13))
    thumb = -0.34 + 0.16 * bend
    parts.append((-0.1, 0.32, 0.75 * thumb - 0.03, 0.1, 0.1, 0.075))
    parts.append((0.75 * thumb - 0.03, 0.1, thumb, -0.12 + 0.1 * bend, 0.072, 0.055))
    parts.append((0.0, 0.4, 0.0, 1.6, 0.155, 0.21))  # the forearm
    return np.array(parts)


def placed(parts: np.ndarray, at: tuple[float, float], turn: float, size: float) -> np.ndarray:
    """Return capsules, enlarged, turned clockwise by `turn` degrees and moved to `at`."""
    c, s = size * np.cos(np.radians(turn)), size * np.sin(np.radians(turn))
    moved = parts.copy()
    for k in (0, 2):
        x, y = parts[:, k], parts[:, k + 1]
        moved[:, k], moved[:, k + 1] = at[0] + c * x - s * y, at[1] + s * x + c * y
    moved[:, 4:] *= size
    return moved


def pose(where: str, rng: np.random.Generator) -> list[np.ndarray]:
    """Return one or two hands at the mouth, the cheek or the brow, on the image's right side."""
    size = rng.uniform(1.35, 1.65)
    if where == "mouth":
        if rng.random() < 0.4:  # a fist at the lips
            shape, turn = hand(rng.uniform(0.7, 1), 0.02), rng.uniform(-50, -10)
            return [placed(shape, (rng.uniform(0.1, 0.3), rng.uniform(0.72, 0.85)), turn, size)]
        at = (rng.uniform(0.25, 0.45), rng.uniform(0.62, 0.8))
        return [placed(hand(0.1, rng.uniform(0, 0.1)), at, rng.uniform(-70, -40), size)]
    if where == "cheek":
        shape = hand(rng.uniform(0, 0.8), rng.uniform(0, 0.16))
        at, turn = (rng.uniform(0.66, 0.84), rng.uniform(0.4, 0.72)), rng.uniform(-25, 8)
        right = placed(shape, at, turn, size)
        if rng.random() < 0.4:  # both cheeks
            left = right.copy()
            left[:, [0, 2]] *= -1
            return [right, left]
        return [right]
    at = (rng.uniform(0.4, 0.62), rng.uniform(-0.72, -0.45))
    shape = hand(rng.uniform(0, 0.3), rng.uniform(0, 0.15))
    shape[-1, 2:4] = (-0.5, 1.5)  # the arm hangs beside the face
    return [placed(shape, at, rng.uniform(-85, -50), size)]


def relief(u: np.ndarray, v: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return the height of rounded limbs above the plane; below 0 outside them."""
    height = np.full(np.broadcast_shapes(u.shape, v.shape), -1, np.float32)
    for x, y, to_x, to_y, first, last in parts.astype(np.float32):
        dx, dy = to_x - x, to_y - y
        along = ((u - x) * dx + (v - y) * dy) * (1 / (dx * dx + dy * dy))
        along = np.clip(along, 0, 1)
        radius = first + (last - first) * along
        square = (u - x - along * dx) ** 2 + (v - y - along * dy) ** 2
        np.maximum(height, (radius * radius - square) / radius, out=height)
    return height


def frame_axes(pixels: int, view: View, extent: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates of the frame's pixels in the plane of the tilted head."""
    axis = ((np.arange(pixels, dtype=np.float32) + 0.5) / pixels * 2 - 1) * np.float32(extent)
    across, down = axis[None, :] - view.shift_x, axis[:, None] - view.shift_y
    roll = np.radians(view.roll)
    c, s = np.float32(np.cos(roll) / view.scale), np.float32(np.sin(roll) / view.scale)
    return c * across + s * down, c * down - s * across


def on_frame(outline: np.ndarray, view: View) -> np.ndarray:
    """Return points (n, 2) of the plane of the tilted head in coordinates of the frame."""
    roll = np.radians(view.roll)
    c, s = view.scale * np.cos(roll), view.scale * np.sin(roll)
    return outline @ np.array([[c, s], [-s, c]]) + (view.shift_x, view.shift_y)


def occlude(image: np.ndarray, view: View, skin: float = 0.6, hair: float = 0.2) -> None:
    """Paint a hand, loose hair or a microphone over the image, in place.

    Args:
        image: float32, shape (n, n), grey levels from 0 to 1.
        skin: the grey level of the person's skin.
        hair: the grey level of the person's hair.
    """
    if view.occlusion == "none":
        return
    rng = np.random.default_rng(view.texture + 1)
    side = int(rng.choice([-1, 1]))
    paint = {"hand": paint_hands, "hair": paint_hair, "microphone": paint_microphone}
    paint[view.occlusion](image, view, skin if view.occlusion == "hand" else hair, side, rng)


def paint_hands(
    image: np.ndarray, view: View, skin: float, side: int, rng: np.random.Generator
) -> None:
    """Paint hands with rounded, lit fingers, and their soft shadow on the face."""
    u, v = frame_axes(image.shape[0], view)
    unit = image.shape[0] / 2 * view.scale
    for parts in pose(view.hand_at, rng):
        height = relief(side * u, v, parts)
        cover = np.clip(height * unit / 1.5 + 0.5, 0, 1)
        near = cv2.GaussianBlur(cover, (0, 0), 0.05 * unit)
        image *= 1 - 0.45 * near
        rounded = np.sqrt(np.maximum(height, 1e-4) * 0.11)
        dx = cv2.Sobel(rounded, cv2.CV_32F, 1, 0, scale=unit / 8)
        dy = cv2.Sobel(rounded, cv2.CV_32F, 0, 1, scale=unit / 8)
        lamp = np.array([view.light_x, -view.light_y, 1.0], np.float32)
        lamp /= np.linalg.norm(lamp)
        lambert = np.maximum((lamp[2] - lamp[0] * dx - lamp[1] * dy), 0)
        lambert = lambert / np.sqrt(1 + dx * dx + dy * dy)
        key = np.float32(view.hardness)
        crease = np.clip(0.55 + 9 * height, 0, 1)
        mix(image, cover, 0.88 * skin * ((1 - key) + 1.4 * key * lambert) * crease)


def paint_hair(
    image: np.ndarray, view: View, tone: float, side: int, rng: np.random.Generator
) -> None:
    """Paint loose strands of hair from the top of the head over one side of the face."""
    canvas = Canvas(image.shape[0], 1.0)
    strands = texture("strands", image.shape[0], canvas.unit / 50, view.texture)
    mask = canvas.blank()
    start, end = rng.uniform(-0.3, 0.5), rng.uniform(0.3, 0.75)
    low, width = rng.uniform(-0.15, 1.0), rng.uniform(0.1, 0.35)
    for part in rng.uniform(-1, 1, int(rng.integers(18, 45))):
        bow, far = 0.05 * rng.normal(), low - 0.5 * rng.random()
        lock = geometry.curve(
            (start + 0.8 * width * part, -1.15),
            (0.55 * start + 0.45 * end + width * part + 0.15 + bow, -0.55),
            (0.2 * start + 0.8 * end + width * part + 0.1 + bow, 0.4 * far - 0.3),
            (end + 0.9 * width * part + 0.05 * rng.normal(), far),
        )
        half = rng.uniform(0.01, 0.045) * taper(2 * len(lock), 0.3)[len(lock) :]
        canvas.fill_into(mask, on_frame(ribbon(lock * (side, 1), half), view))
    cover = canvas.soften(mask, 0.012)
    near = cv2.GaussianBlur(cover, (0, 0), 0.05 * canvas.unit)
    image *= 1 - 0.3 * near
    mix(image, 0.93 * cover, np.clip(tone * (1 + 0.45 * strands), 0.02, 1))


def paint_microphone(
    image: np.ndarray, view: View, tone: float, side: int, rng: np.random.Generator
) -> None:
    """Paint a microphone before the chin."""
    canvas = Canvas(image.shape[0], 1.0)
    centre = np.array([side * rng.uniform(0.0, 0.3), 0.66])
    stick = np.array([centre, centre * (1.4, 2.0)])
    mix(image, canvas.fill(ribbon(stick, 0.07)), 0.12)
    gloss = canvas.fill(centre - 0.03 + 0.1 * circle(), blur=0.06)
    mix(image, canvas.fill(centre + 0.17 * circle()), 0.16 + 0.16 * gloss)
