"""Cropping a face from a photo, upright."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from facevalue.image_files import FACE_SIZE, resize_face
from facevalue.recognition.face import Face, photo_pixels

MARGIN = 0.0
"""How much is added on each side of a face, as a fraction of the longer side of its box."""

MAX_MARGIN = 10
"""The largest margin: a crop of 21 times the face."""

MAX_SIZE = 4096
"""The largest height and width of a crop, in pixels."""

MIN_ROLL = 5.0
"""A face that is tilted by fewer degrees is cropped without being rotated."""


def crop(
    image: Any,
    face: Face | Sequence[int] | np.ndarray,
    size: int | None = FACE_SIZE,
    margin: float = MARGIN,
) -> np.ndarray:
    """Crop a square around a face from a photo, rotated so that the eyes are level.

    Where the square extends beyond the photo, the pixels of the photo's edge are repeated.

    Args:
        image: a photo in any of the forms that `image_files.as_photo` takes.
        face: as `detection.find_faces` returns it; or only a box (x, y, width and height in
            pixels), which is cropped without being rotated.
        size: height and width of the result, in pixels; None keeps the photo's resolution.
        margin: how much is added on each side, as a fraction of the box's longer side.
    Returns:
        uint8, shape (size, size, 3) or (size, size); without `size`, a square of the photo's
        resolution.
    Raises:
        ValueError: `image` is none of these, the box is empty or lies outside it, or `margin` or
            `size` is out of range.
        OSError: the file of the photo cannot be read.

    >>> crop(np.zeros((100, 100), np.uint8), (10, 20, 40, 40), None, margin=0.25).shape
    (60, 60)
    """
    pixels = photo_pixels(image)
    box, roll = (face.box, face.roll) if isinstance(face, Face) else (face, 0.0)
    x, y, width, height = (int(value) for value in box)
    rows, columns = pixels.shape[:2]
    if width < 1 or height < 1 or not (-width < x < columns and -height < y < rows):
        raise ValueError(
            f"The box {(x, y, width, height)} is empty or lies outside the {columns} x {rows} "
            "image: give x, y, width and height in pixels."
        )
    if not -0.5 < margin <= MAX_MARGIN or not (size is None or 0 < size <= MAX_SIZE):
        raise ValueError(
            f"margin must be above -0.5 and at most {MAX_MARGIN}, and size 1 to {MAX_SIZE:,} "
            f"pixels, not {margin} and {size}."
        )
    side = max(1, round(max(width, height) * (1 + 2 * margin)))
    if abs(roll) >= MIN_ROLL:
        cut = _rotated_square(pixels, (x + width / 2, y + height / 2), side, roll)
    else:
        left, top = x + (width - side) // 2, y + (height - side) // 2
        down = np.clip(np.arange(top, top + side), 0, rows - 1)
        across = np.clip(np.arange(left, left + side), 0, columns - 1)
        cut = pixels[np.ix_(down, across)]
    return cut if size is None else resize_face(cut, size)


def _rotated_square(
    image: np.ndarray, centre: tuple[float, float], side: int, degrees: float
) -> np.ndarray:
    """Return the square around a point, after a rotation that undoes a clockwise tilt."""
    matrix = cv2.getRotationMatrix2D((centre[0] - 0.5, centre[1] - 0.5), degrees, 1.0)
    matrix[0, 2] += (side - 1) / 2 - (centre[0] - 0.5)
    matrix[1, 2] += (side - 1) / 2 - (centre[1] - 0.5)
    return cv2.warpAffine(
        image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
