"""Cutting a face out of a photo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facevalue.image_files import resize_face
from facevalue.recognition.detection import check_photo


def crop(
    image: np.ndarray,
    box: Sequence[int] | np.ndarray,
    margin: float = 0.1,
    size: int | None = None,
) -> np.ndarray:
    """Cut a square around a box out of a photo.

    Where the square reaches beyond the photo's edge, the pixels of the edge are repeated.

    Args:
        image: uint8, shape (height, width, 3) or (height, width).
        box: x, y, width, height, as `find_faces` returns it.
        margin: how much is added on each side, as a fraction of the box's longer side.
        size: height and width of the result; None keeps the photo's resolution.
    Returns:
        uint8, shape (size, size, 3) or (size, size).
    Raises:
        ValueError: `image` is no such array, the box does not touch it, or a number is too small.

    >>> crop(np.zeros((100, 100), np.uint8), (10, 20, 40, 40), margin=0.25).shape
    (60, 60)
    """
    check_photo(image)
    x, y, width, height = (int(value) for value in box)
    rows, columns = image.shape[:2]
    if width < 1 or height < 1 or not (-width < x < columns and -height < y < rows):
        raise ValueError(
            f"The box {(x, y, width, height)} does not touch the {columns} x {rows} image."
        )
    if margin < 0 or (size is not None and size < 1):
        raise ValueError(f"margin must be 0 or more and size 1 or more, not {margin} and {size}.")
    side = round(max(width, height) * (1 + 2 * margin))
    left, top = x + (width - side) // 2, y + (height - side) // 2
    down = np.clip(np.arange(top, top + side), 0, rows - 1)
    across = np.clip(np.arange(left, left + side), 0, columns - 1)
    cut = image[np.ix_(down, across)]
    return cut if size is None else resize_face(cut, size)
