"""OpenCV's Haar cascade as a face detector."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facevalue.image_files import to_grey
from facevalue.recognition.face import Face, photo_pixels

CASCADE = "haarcascade_frontalface_default.xml"
"""The cascade's file in OpenCV 4."""

BORDER = 0.2
"""How much is added around a photo before the search, as a fraction of its shorter side.

The cascade finds only whole faces that have some space around them.
"""

MIN_FACE = 40
"""The height and width of the smallest face that is searched for, in pixels."""

_loaded = threading.local()
"""Holds a cascade for each thread, because threads cannot share one."""


def find_faces(
    image: Any,
    *,
    min_face: int = MIN_FACE,
    scale_factor: float = 1.1,
    min_neighbors: int = 5,
    border: float = BORDER,
) -> list[Face]:
    """Return the faces that the cascade finds in a photo, the largest first.

    Args:
        image: a photo in any of the forms that `image_files.as_photo` takes.
        min_face: height and width of the smallest face, in pixels.
        scale_factor: how much the window grows from one pass to the next; above 1.
        min_neighbors: how many overlapping windows make a face.
        border: how much is added around the photo, as a fraction of its shorter side, by repeating
            the pixels of the edge. Without a border, faces that fill a photo are missed.
    Returns:
        Faces without landmarks. Their boxes are square, unless the photo's edge cuts them.
    Raises:
        ValueError: `image` is none of these, `scale_factor` is not above 1, or `border` is
            negative.
        OSError: the file of the photo cannot be read.
        RuntimeError: this OpenCV has no Haar cascades, or the cascade's file is damaged.
    Source: Viola and Jones (2001), https://doi.org/10.1109/CVPR.2001.990517

    >>> find_faces(np.zeros((100, 100), np.uint8))
    []
    """
    pixels = photo_pixels(image)
    if scale_factor <= 1:
        raise ValueError(f"scale_factor must be above 1, not {scale_factor}.")
    if border < 0:
        raise ValueError(f"border must be 0 or more, not {border}.")
    grey = to_grey(pixels)
    edge = round(border * min(grey.shape))
    wide = cv2.copyMakeBorder(grey, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    windows = _cascade().detectMultiScale(
        wide, scaleFactor=scale_factor, minNeighbors=min_neighbors, minSize=(min_face, min_face)
    )
    found = np.array(windows, dtype=int).reshape(-1, 4)  # no window is an empty tuple
    low = found[:, :2] - edge
    high = low + found[:, 2:]
    size = grey.shape[::-1]
    low, high = np.clip(low, 0, size), np.clip(high, 0, size)
    boxes = np.hstack([low, high - low])
    boxes = boxes[(boxes[:, 2:] >= min_face).all(axis=1)]
    order = np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3]))
    return [Face((x, y, width, height)) for x, y, width, height in boxes[order].tolist()]


def _cascade() -> cv2.CascadeClassifier:
    """Return the cascade, loaded once per thread.

    Raises:
        RuntimeError: this OpenCV has no Haar cascade, or a damaged one.
    """
    if not hasattr(_loaded, "cascade"):
        folder = Path(getattr(getattr(cv2, "data", None), "haarcascades", ""))
        path = folder / CASCADE
        if not hasattr(cv2, "CascadeClassifier") or not path.is_file():
            raise RuntimeError(
                f"OpenCV {cv2.__version__} contains no Haar cascades: install version 4 with pip "
                'install "opencv-python-headless>=4.10,<5", or choose the detector "yunet".'
            )
        cascade = cv2.CascadeClassifier()
        with suppress(cv2.error):  # raised if it is not XML; other faults leave the cascade empty
            cascade.load(str(path))
        if cascade.empty():
            raise RuntimeError(
                f"{path} is damaged: reinstall OpenCV with pip install --force-reinstall "
                '--no-deps "opencv-python-headless>=4.10,<5".'
            )
        _loaded.cascade = cascade
    loaded: cv2.CascadeClassifier = _loaded.cascade
    return loaded
