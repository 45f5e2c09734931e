"""Cutting a face out of a photo, upright."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from facevalue.image_files import FACE_SIZE, resize_face
from facevalue.recognition.face import Face, check_photo

MARGIN = 0.0
"""What is added on each side of a face, as a fraction of the longer side of its box."""

LEAST_ROLL = 5.0
"""A face that leans by fewer degrees is cut out as it is."""


def crop(
    image: np.ndarray,
    face: Face | Sequence[int] | np.ndarray,
    size: int | None = FACE_SIZE,
    margin: float = MARGIN,
) -> np.ndarray:
    """Cut a square around a face out of a photo, turned so that the eyes are level.

    Where the square reaches beyond the photo's edge, the pixels of the edge are repeated.

    Args:
        image: uint8, shape (height, width, 3) or (height, width).
        face: as `detection.find_faces` returns it, or a box alone: x, y, width, height in pixels,
            which is not turned.
        size: height and width of the result; None keeps the photo's resolution.
        margin: how much is added on each side, as a fraction of the box's longer side.
    Returns:
        uint8, shape (size, size, 3) or (size, size).
    Raises:
        ValueError: `image` is no such array, the box does not touch it, or a number is too small.

    >>> crop(np.zeros((100, 100), np.uint8), (10, 20, 40, 40), None, margin=0.25).shape
    (60, 60)
    """
    check_photo(image)
    box, roll = (face.box, face.roll) if isinstance(face, Face) else (face, 0.0)
    x, y, width, height = (int(value) for value in box)
    rows, columns = image.shape[:2]
    if width < 1 or height < 1 or not (-width < x < columns and -height < y < rows):
        raise ValueError(
            f"The box {(x, y, width, height)} does not touch the {columns} x {rows} image."
        )
    if margin <= -0.5 or (size is not None and size < 1):
        raise ValueError(f"margin must be above -0.5 and size 1 or more, not {margin} and {size}.")
    side = max(1, round(max(width, height) * (1 + 2 * margin)))
    if abs(roll) >= LEAST_ROLL:
        cut = _turned(image, (x + width / 2, y + height / 2), side, roll)
    else:
        left, top = x + (width - side) // 2, y + (height - side) // 2
        down = np.clip(np.arange(top, top + side), 0, rows - 1)
        across = np.clip(np.arange(left, left + side), 0, columns - 1)
        cut = image[np.ix_(down, across)]
    return cut if size is None else resize_face(cut, size)


def _turned(
    image: np.ndarray, centre: tuple[float, float], side: int, degrees: float
) -> np.ndarray:
    """Return the square around a point whose upper side leans by an angle, clockwise."""
    matrix = cv2.getRotationMatrix2D((centre[0] - 0.5, centre[1] - 0.5), degrees, 1.0)
    matrix[0, 2] += (side - 1) / 2 - (centre[0] - 0.5)
    matrix[1, 2] += (side - 1) / 2 - (centre[1] - 0.5)
    return cv2.warpAffine(
        image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
