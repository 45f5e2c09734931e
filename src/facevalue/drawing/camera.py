"""Photographing a drawn face: turning the head, adding background, occlusions and image faults."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing import geometry
from facevalue.drawing.appearance import Intensities, Person, View
from facevalue.drawing.canvas import Canvas, circle, mix, ribbon, texture
from facevalue.drawing.painter import Painter

NOSE = (0.16, 0.02, 0.03)
"""The height of the nose, and twice its variance across and down, in half frames."""


def crop(units: Intensities, person: Person, view: View, size: int) -> np.ndarray:
    """Return a drawn face, cropped as in FER-2013: uint8, shape (size, size)."""
    over = 2 if size <= 64 else 1
    canvas = Canvas(round(size * over * 1.3), 1.3)
    grey, cover = Painter(canvas, units, person, view).render()
    frame = turned(canvas, cv2.merge([grey, cover]), view, size * over, 1.0)
    image = background(size * over, view)
    mix(image, frame[..., 1], frame[..., 0])
    occlude(image, view)
    if over > 1:
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    if view.text:
        add_watermark(image, view)
    return developed(image, view)


def turned(
    canvas: Canvas, layers: np.ndarray, view: View, pixels: int, extent: float
) -> np.ndarray:
    """Return `layers` (n, n, c), painted on the head, as a camera sees the turned head.

    For each pixel of the frame, the visible point of the head is computed by three rounds of
    fixed-point iteration. The head is approximated by a paraboloid with a nose.

    Args:
        pixels: height and width of the frame.
        extent: half the height and width of the frame, in half frames of a tight crop.
    """
    axis = ((np.arange(pixels, dtype=np.float32) + 0.5) / pixels * 2 - 1) * np.float32(extent)
    across, down = axis[None, :] - view.shift_x, axis[:, None] - view.shift_y
    roll = np.radians(view.roll)
    c, s = np.float32(np.cos(roll) / view.scale), np.float32(np.sin(roll) / view.scale)
    u, v = c * across + s * down, c * down - s * across
    x, y = u, v
    yaw, pitch = np.radians(view.yaw), np.radians(view.pitch)
    if abs(yaw) + abs(pitch) > 0.002:
        height, wide, high = NOSE
        for _ in range(3):
            square = x * x
            z = np.maximum(0.2 - 0.62 * square - 0.25 * y * y, -0.6)
            z += height * np.exp(square * (-1 / wide) - (y - 0.1) ** 2 * (1 / high))
            x = (u - z * np.float32(np.sin(yaw))) * np.float32(1 / np.cos(yaw))
            y = (v + z * np.float32(np.sin(pitch))) * np.float32(1 / np.cos(pitch))
    to_pixel = np.float32(canvas.unit)
    offset = np.float32(canvas.extent * canvas.unit - 0.5)
    return cv2.remap(
        layers,
        (x * to_pixel + offset).astype(np.float32),
        (y * to_pixel + offset).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def background(pixels: int, view: View) -> np.ndarray:
    """Return a blurred grey background: float32, shape (pixels, pixels), 0 to 1."""
    clouds = texture("clouds", pixels, pixels / 100, view.texture)
    return np.clip(np.float32(view.background) + np.float32(0.12) * clouds, 0.02, 1.0)


def developed(image: np.ndarray, view: View) -> np.ndarray:
    """Return the finished image, uint8, after exposure, blur, noise and JPEG compression."""
    image = (image - 0.5) * view.contrast + (0.5 + view.brightness)
    if view.blur > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), view.blur)
    if view.noise > 0:
        rng = np.random.default_rng(view.texture)
        image = image + view.noise * rng.standard_normal(image.shape, dtype=np.float32)
    image = np.clip(image * 255, 0, 255)
    if view.jpeg < 100:
        image = np.clip(compressed(image, view.jpeg), 0, 255)
    return np.rint(image).astype(np.uint8)


LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)  # fmt: skip
"""JPEG's luminance quantisation table at quality 50. Source: ITU-T T.81, table K.1."""

COSINES = np.cos(np.pi / 8 * np.outer(np.arange(8), np.arange(8) + 0.5)) / 2
COSINES[0] /= np.sqrt(2)
"""The discrete cosine transform of 8 values, as a matrix."""


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """Return grey levels after JPEG compression at a quality from 1 to 99.

    A smooth staircase function replaces rounding. With true rounding, differences between machines
    in the last bit of a number could change a coefficient by a whole step; this way the same seed
    gives the same face everywhere.
    """
    rows, columns = image.shape
    border = (0, -rows % 8, 0, -columns % 8)
    padded = cv2.copyMakeBorder(image, *border, cv2.BORDER_REPLICATE) - 128
    blocks = padded.reshape(padded.shape[0] // 8, 8, -1, 8).transpose(0, 2, 1, 3)
    scale = 50 / quality if quality < 50 else 2 - quality / 50
    step = np.maximum(LUMINANCE * scale, 1)
    levels = COSINES @ blocks @ COSINES.T / step
    levels = levels - np.sin(2 * np.pi * levels) / (2 * np.pi)
    blocks = COSINES.T @ (levels * step) @ COSINES
    return blocks.transpose(0, 2, 1, 3).reshape(padded.shape)[:rows, :columns] + 128


def occlude(image: np.ndarray, view: View) -> None:
    """Paint a hand, a lock of hair or a microphone over the image, in place."""
    if view.occlusion == "none":
        return
    canvas = Canvas(image.shape[0], 1.0)
    rng = np.random.default_rng(view.texture + 1)
    side = int(rng.choice([-1, 1]))
    if view.occlusion == "hand":
        for k in range(4):
            x = side * (0.25 + 0.16 * k)
            tip = (x - side * 0.2, 0.42 + 0.04 * abs(k - 1))
            finger = geometry.curve((x, 1.1), (x - side * 0.1, 0.75), tip)
            shape = ribbon(finger, 0.085)
            mix(image, canvas.fill(shape), 0.25 + 0.45 * canvas.fill(shape, blur=0.06))
    elif view.occlusion == "hair":
        lock = geometry.curve((0.1, -1.1), (0.35, -0.6), (0.45, -0.1), (0.6, 0.5)) * (side, 1)
        strands = texture("strands", image.shape[0], canvas.unit / 50, view.texture)
        mix(image, 0.95 * canvas.fill(ribbon(lock, 0.16), blur=0.03), 0.15 + 0.08 * strands)
    else:
        centre = np.array([side * rng.uniform(0.0, 0.3), 0.66])
        stick = np.array([centre, centre * (1.4, 2.0)])
        mix(image, canvas.fill(ribbon(stick, 0.07)), 0.12)
        gloss = canvas.fill(centre - 0.03 + 0.1 * circle(), blur=0.06)
        mix(image, canvas.fill(centre + 0.17 * circle()), 0.16 + 0.16 * gloss)


def add_watermark(image: np.ndarray, view: View) -> None:
    """Write a stock photo's watermark over the image, in place."""
    rng = np.random.default_rng(view.texture + 2)
    pixels = image.shape[0]
    word = str(rng.choice(["stockphoto", "sample", "preview", "picture.com"]))
    mask = np.zeros((pixels, pixels), np.uint8)
    place = (int(rng.integers(-10, pixels // 4)), int(rng.integers(pixels // 3, pixels)))
    cv2.putText(mask, word, place, cv2.FONT_HERSHEY_SIMPLEX, pixels / 110, 255, 1, cv2.LINE_AA)
    mix(image, mask * np.float32(0.5 / 255), 0.9)


def paste(
    image: np.ndarray,
    units: Intensities,
    person: Person,
    view: View,
    centre: tuple[float, float],
    side: int,
    clothes: np.ndarray,
) -> tuple[int, int, int, int]:
    """Draw a person into a colour photo (float32, RGB, 0 to 255), in place.

    Args:
        centre: the centre of the face in the photo, x and y in pixels.
        side: height and width of the face in pixels.
        clothes: a colour, RGB, 0 to 255.

    Returns:
        The box of the face: x, y, width, height.
    """
    extent = 2.6
    canvas = Canvas(round(side * 0.52 * 2 * extent), extent)
    painter = Painter(canvas, units, person, view, colour=True)
    grey, cover = painter.render()
    colour = grey[..., None] * painter.tint * 255
    shirt = canvas.fill(geometry.both(geometry.SHIRT, geometry.SHIRT), blur=0.01)
    weave = 1 + 0.12 * texture("clouds", canvas.pixels, canvas.pixels / 200, person.texture)
    mix(colour, shirt, weave[..., None] * clothes.astype(np.float32))
    layers = np.dstack([colour, np.maximum(cover, shirt)])
    frame = turned(canvas, layers, view, canvas.pixels, extent)
    left, top = (round(c - canvas.pixels / 2) for c in centre)
    rows = slice(max(top, 0), min(top + canvas.pixels, image.shape[0]))
    columns = slice(max(left, 0), min(left + canvas.pixels, image.shape[1]))
    part = frame[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    mix(image[rows, columns], part[..., 3], part[..., :3])
    below = image[rows.stop :, columns]
    below += part[-1:, :, 3:] * (part[-1:, :, :3] - below)  # the clothes continue to the lower edge
    return round(centre[0] - side / 2), round(centre[1] - side / 2), side, side
