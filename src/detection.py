"""Finding faces in photos, and cutting them out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CASCADE = "haarcascade_frontalface_default.xml"
"""The trained detector that comes with OpenCV 4: faces seen from the front."""


@lru_cache(maxsize=1)
def _cascade() -> Any:
    """Return OpenCV's face detector, loaded once.

    Raises:
        RuntimeError: this OpenCV has no Haar cascades.
    """
    folder = Path(getattr(getattr(cv2, "data", None), "haarcascades", ""))
    if not hasattr(cv2, "CascadeClassifier") or not (folder / CASCADE).is_file():
        raise RuntimeError(
            f"OpenCV {cv2.__version__} comes without Haar cascades, which find the faces here: "
            'install version 4 with pip install "opencv-python-headless>=4.10,<5".'
        )
    return cv2.CascadeClassifier(str(folder / CASCADE))


def find_faces(
    image: np.ndarray,
    *,
    scale_factor: float = 1.1,
    min_neighbors: int = 5,
    min_size: tuple[int, int] = (40, 40),
) -> np.ndarray:
    """Return where the faces in a photo are, the largest first.

    Args:
        image: uint8, shape (h, w, 3) in the order red, green, blue, or (h, w) in grey levels.
        scale_factor: by how much the search window grows from one pass to the next, over 1.
        min_neighbors: how many overlapping windows must agree before they count as a face.
        min_size: width and height of the smallest face, in pixels.
    Returns:
        int, shape (k, 4): x and y of the upper left corner, width, height. k is 0 for no face.
    Raises:
        ValueError: `image` is no such array, or `scale_factor` is not over 1.
        RuntimeError: this OpenCV has no Haar cascades.
    Source: Viola and Jones (2001), https://doi.org/10.1109/CVPR.2001.990517
    """
    _check(image)
    if scale_factor <= 1:
        raise ValueError(f"scale_factor must be over 1, got {scale_factor}.")
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    found = _cascade().detectMultiScale(
        grey, scaleFactor=scale_factor, minNeighbors=min_neighbors, minSize=min_size
    )
    boxes = np.array(found, dtype=int).reshape(-1, 4)
    return boxes[np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3]))]


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


def _check(image: np.ndarray) -> None:
    fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not fits or image.size == 0:
        raise ValueError(
            "the image must be uint8 of shape (height, width) or (height, width, 3), "
            f"got {image.dtype} of shape {image.shape}."
        )
