"""Cutting a face out of a photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facevalue.recognition.detection import _check

if TYPE_CHECKING:
    pass


def crop(
    image: np.ndarray,
    box: Sequence[int] | np.ndarray,
    margin: float = 0.1,
    size: int | None = None,
) -> np.ndarray:
    """Cut a square around a box out of a photo.

    Where the square reaches over the photo's edge, the last pixels are repeated.

    Args:
        image: uint8, shape (h, w, 3) or (h, w).
        box: x, y, width, height, as `find_faces` returns it.
        margin: how much is added on each side, as a share of the box's longer side.
        size: height and width of the result; None keeps the photo's resolution.
    Returns:
        uint8, shape (size, size, 3) or (size, size).
    Raises:
        ValueError: `image` is no such array, the box does not touch it, or a number is too small.
    """
    _check(image)
    x, y, width, height = (int(value) for value in box)
    rows, columns = image.shape[:2]
    if width < 1 or height < 1 or not (-width < x < columns and -height < y < rows):
        raise ValueError(
            f"the box {(x, y, width, height)} does not touch the {columns} x {rows} image."
        )
    if margin < 0 or (size is not None and size < 1):
        raise ValueError(f"margin must be 0 or more and size 1 or more, got {margin} and {size}.")
    side = round(max(width, height) * (1 + 2 * margin))
    left, top = x + (width - side) // 2, y + (height - side) // 2
    down = np.clip(np.arange(top, top + side), 0, rows - 1)
    across = np.clip(np.arange(left, left + side), 0, columns - 1)
    cut = image[np.ix_(down, across)]
    if size is None or size == side:
        return cut
    # averaging when it shrinks, smooth when it grows
    method = cv2.INTER_AREA if size < side else cv2.INTER_CUBIC
    return cv2.resize(cut, (size, size), interpolation=method)
