"""A comparison of face detectors on photos in which all faces are known."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from facevalue.recognition.detection import DETECTORS, find_faces
from facevalue.recognition.face import Box, overlap

if TYPE_CHECKING:
    from facevalue.drawing.faces import Photo


def matched(boxes: np.ndarray | Sequence[Box], truth: np.ndarray, min_overlap: float = 0.4) -> int:
    """Return how many true faces have a matching box; each box matches one face at most.

    Args:
        boxes: int, shape (k, 4), the boxes of the detected faces: left, top, width, height.
        truth: int, shape (n, 4), the boxes of the true faces.
        min_overlap: the smallest `overlap` that counts as a match.

    >>> matched(np.array([[0, 0, 10, 10], [1, 0, 10, 10]]), np.array([[0, 0, 10, 10]]))
    1
    """
    left, hits = list(boxes), 0
    for face in truth:
        best = max(range(len(left)), key=lambda k: overlap(left[k], face), default=-1)
        if best >= 0 and overlap(left[best], face) >= min_overlap:
            left.pop(best)
            hits += 1
    return hits


def compare(
    photos: Sequence[Photo], detectors: Sequence[str] | None = None, min_overlap: float = 0.4
) -> pd.DataFrame:
    """Return how many faces each detector finds in photos in which all faces are known.

    Args:
        photos: one or more photos, drawn by `faces.photo`, or others with an `image` and true
            `boxes`.
        detectors: some of `DETECTORS`; by default all of them.
        min_overlap: as in `matched`.

    Returns:
        A row per detector: the numbers of faces found, faces missed and false detections, and
        milliseconds per megapixel.
    """
    rows = []
    faces = sum(len(photo.boxes) for photo in photos)
    megapixels = sum(photo.image[..., 0].size for photo in photos) / 1e6
    for detector in DETECTORS if detectors is None else detectors:
        find_faces(photos[0].image, detector)  # loads the detector, which must not count as time
        start = time.perf_counter()
        boxes = [[face.box for face in find_faces(p.image, detector)] for p in photos]
        seconds = time.perf_counter() - start
        pairs = zip(boxes, photos, strict=True)
        found = sum(matched(some, photo.boxes, min_overlap) for some, photo in pairs)
        false = sum(map(len, boxes)) - found
        rows.append((detector, found, faces - found, false, 1000 * seconds / megapixels))
    columns = ["detector", "found", "missed", "false", "ms per megapixel"]
    return pd.DataFrame(rows, columns=columns).set_index("detector")
