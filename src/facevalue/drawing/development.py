"""From a drawn scene to the stored image: exposure, blur, resolution, noise, JPEG, borders."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.drawing.appearance import View
from facevalue.drawing.canvas import mix

NATIVE = 48
"""The size of FER-2013's images, in pixels, in which blurs and resolutions are given."""


def developed(scene: np.ndarray, view: View, size: int) -> np.ndarray:
    """Return the finished image: uint8, shape (size, size).

    Args:
        scene: float32, shape (n, n), grey levels from 0 to 1, at least as large as the image.
    """
    image = exposed(scene, view)
    pixels = max(8, round(view.resolution * size / NATIVE))
    image = scaled(image, pixels)
    image = blurred(image, view, pixels / size)
    if view.noise > 0:
        rng = np.random.default_rng(view.texture)
        image = image + view.noise * rng.standard_normal(image.shape, dtype=np.float32)
    image = np.clip(image * 255, 0, 255).astype(np.float32)
    if view.jpeg < 100:
        image = np.clip(compressed(image, view.jpeg), 0, 255)
    image = scaled(image.astype(np.float32), size)
    if view.sharpening:
        soft = cv2.GaussianBlur(image, (0, 0), size / NATIVE)
        image = image + np.float32(view.sharpening) * (image - soft)
    if view.text:
        add_text(image, view)
    if view.border != "none":
        add_border(image, view)
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


def exposed(image: np.ndarray, view: View) -> np.ndarray:
    """Return grey levels after exposure (a sensor clips at 1), gamma, contrast and brightness."""
    if view.metering:
        image = image * np.float32((0.58 / max(_middle(image), 0.05)) ** view.metering)
    if view.exposure:
        image = np.minimum(image * np.float32(2.0**view.exposure), 1)
    if view.gamma != 1:
        image = np.maximum(image, 0) ** np.float32(view.gamma)
    # in a dark picture, contrast and brightness keep the shadows from turning black
    middle = min(0.5, _middle(image))
    return (image - middle) * np.float32(view.contrast) + np.float32(
        middle * (1 + 2 * view.brightness)
    )


def _middle(image: np.ndarray) -> float:
    """Return the mean grey level of the middle, where the face is."""
    quarter = image.shape[0] // 4
    return float(image[quarter:-quarter, quarter:-quarter].mean())


def scaled(image: np.ndarray, pixels: int) -> np.ndarray:
    """Return a square image with another number of pixels across."""
    if image.shape[0] == pixels:
        return image
    way = cv2.INTER_AREA if pixels < image.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(image, (pixels, pixels), interpolation=way)


def blurred(image: np.ndarray, view: View, zoom: float) -> np.ndarray:
    """Return the image out of focus and in motion; `zoom` magnifies the blurs of the view."""
    if view.blur > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), max(0.15, view.blur * zoom))
    length = view.motion * zoom
    if length > 0.5:
        turn = np.radians(view.motion_angle)
        reach = int(np.ceil(length / 2)) + 1
        axis = np.arange(-reach, reach + 1, dtype=np.float32)
        along = np.cos(turn) * axis[None, :] + np.sin(turn) * axis[:, None]
        aside = np.cos(turn) * axis[:, None] - np.sin(turn) * axis[None, :]
        kernel = np.clip(length / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(aside), 0, 1)
        kernel = (kernel / kernel.sum()).astype(np.float32)
        image = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return image


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


def add_text(image: np.ndarray, view: View) -> None:
    """Write a stock photo's watermark, or a caption, over the image (0 to 255), in place."""
    rng = np.random.default_rng([view.texture, 2])
    pixels = image.shape[0]
    caption = rng.random() < 0.12
    words = ("NEWS 24", "what?!", "me today") if caption else ("stockphoto", "sample", "preview")
    word = str(rng.choice(words))
    mask = np.zeros((pixels, pixels), np.uint8)
    low = pixels * 9 // 10 if caption else pixels // 3
    place = (int(rng.integers(-pixels // 5, pixels // 4)), int(rng.integers(low, pixels)))
    size = pixels / rng.uniform(75, 120)
    if caption:
        cv2.putText(mask, word, place, cv2.FONT_HERSHEY_DUPLEX, size, 255, 3, cv2.LINE_AA)
        mix(image, mask * np.float32(0.8 / 255), 15)
        mask[:] = 0
    cv2.putText(mask, word, place, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    shown, tone = (1.0, 240) if caption else (rng.uniform(0.25, 0.6), rng.choice([240, 240, 40]))
    mix(image, mask * np.float32(shown / 255), float(tone))


def add_border(image: np.ndarray, view: View) -> None:
    """Paint a border, black or white, over the edge of the image (0 to 255), in place."""
    rng = np.random.default_rng([view.texture, 4])
    pixels = image.shape[0]
    tone = float(rng.choice([0, 255]))
    axis = (np.arange(pixels, dtype=np.float32) + 0.5) / pixels * 2 - 1
    x, y = np.abs(axis)[None, :], np.abs(axis)[:, None]
    if view.border == "bar":
        width = max(1, round(pixels * rng.uniform(0.03, 0.16)))
        turns = int(rng.integers(4))
        np.rot90(image, turns)[:width] = tone
        if rng.random() < 0.4:
            np.rot90(image, turns)[-width:] = tone
    elif view.border == "frame":
        width = max(1, round(pixels * rng.uniform(0.02, 0.07)))
        image[:width], image[-width:], image[:, :width], image[:, -width:] = (tone,) * 4
    else:
        power = np.float32(rng.uniform(3, 8))
        edge = np.clip((x**power + y**power - 1.05) * pixels / 8, 0, 1)
        mix(image, edge, tone)
