"""Converting faces to the input of the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from facevalue.image_files import resize_face, to_array, to_grey, to_uint8

BATCH_SIZE = 64
"""How many faces the network takes at once: more would use more memory and not be faster."""

MIN_WIDTH = 8
"""The last number of the shape of several grey faces, their width in pixels, is not smaller."""

MAX_ASPECT_RATIO = 3.0
"""The largest ratio of the longer to the shorter side of a face crop."""


def prepare(faces: Any, *, bgr: bool = False) -> np.ndarray:
    """Return faces as an array that the network accepts.

    Colours become grey levels (see `to_grey`), and a face of another size is resized (see
    `resize_face`). uint8 is divided by 255, as in training.

    Args, Raises: as in `Recogniser.probabilities`.

    Returns:
        float32, shape (n, 48, 48, 1), from 0 to 1.

    >>> prepare(np.zeros((96, 80, 3), np.uint8)).shape
    (1, 48, 48, 1)
    """
    return np.concatenate(list(prepared_batches(faces, bgr=bgr)))


def prepared_batches(faces: Any, *, bgr: bool = False) -> Iterator[np.ndarray]:
    """Yield what `prepare` returns, at most `BATCH_SIZE` faces at a time."""
    if isinstance(faces, list | tuple):
        if not faces:
            raise ValueError("There are no faces: the list is empty.")
        for start in range(0, len(faces), BATCH_SIZE):
            part = enumerate(faces[start : start + BATCH_SIZE], start)
            yield np.concatenate([_listed_face(face, number, bgr) for number, face in part])
        return
    array, channels_bgr = _array(faces, bgr)
    if _is_face_shape(array):
        array = array[None]
    elif not _is_shape_of_several(array):
        raise ValueError(f"The array {_wrong_shape(array)}")
    for start in range(0, max(len(array), 1), BATCH_SIZE):
        yield _prepared(array[start : start + BATCH_SIZE], start, channels_bgr)


def is_one_face(faces: Any) -> bool:
    """Return whether `faces` is a single face, and not several."""
    if isinstance(faces, list | tuple):
        return False
    # files and PIL images hold one face each
    return not hasattr(faces, "ndim") or _is_face_shape(np.asarray(faces))


def _is_face_shape(array: np.ndarray) -> bool:
    """Return whether an array has the shape of one face: (height, width), or 1, 3 or 4 channels."""
    return array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))


def _is_shape_of_several(array: np.ndarray) -> bool:
    """Return whether an array has the shape of several faces."""
    if array.ndim == 3:
        return array.shape[2] >= MIN_WIDTH  # fewer columns are rather a wrong number of channels
    return array.ndim == 4 and array.shape[3] in (1, 3, 4)


def _array(image: Any, bgr: bool) -> tuple[np.ndarray, bool]:
    """Return an image as an array, and whether its channels are in the order BGR."""
    # `bgr` applies to arrays only: files and PIL images become RGB
    return to_array(image), bgr and hasattr(image, "ndim")


def _listed_face(face: Any, number: int, bgr: bool) -> np.ndarray:
    array, channels_bgr = _array(face, bgr)
    if not _is_face_shape(array):
        raise ValueError(f"Face {number} of the list {_wrong_shape(array)}")
    return _prepared(array[None], number, channels_bgr)


def _wrong_shape(array: np.ndarray) -> str:
    return (
        f"has the shape {array.shape}: a face has (height, width), or a third number for 1, 3 or 4 "
        "channels; several have (n, height, width), or a fourth number for channels."
    )


def _prepared(faces: np.ndarray, first: int, bgr: bool) -> np.ndarray:
    """Return faces of one size, shape (n, height, width[, channels]), as the network accepts them.

    Args:
        first: the number of the first face, for error messages.
    """
    n, height, width = faces.shape[:3]
    if faces.size == 0:
        raise ValueError(f"There is no face in an array of shape {faces.shape}: it is empty.")
    if max(height, width) > MAX_ASPECT_RATIO * min(height, width):
        raise ValueError(
            f"An image of {width} x {height} pixels is not a face crop, because one side is more "
            f"than {MAX_ASPECT_RATIO:g} times the other: crop the face, or use Recogniser.photo."
        )
    if faces.dtype.kind == "f":
        _check_floats(faces, first)
        faces = faces.astype(np.float32, copy=False)
    else:
        faces = to_uint8(faces)
    if faces.ndim == 4 and faces.shape[3] >= 3:
        faces = faces[..., 2::-1] if bgr else faces[..., :3]
        # as one tall image: each pixel's grey level depends on that pixel alone
        faces = to_grey(np.ascontiguousarray(faces).reshape(n * height, width, 3))
    faces = faces.reshape(n, height, width)
    faces = np.stack([resize_face(face) for face in faces])
    if faces.dtype == np.uint8:
        return np.divide(faces, np.float32(255), dtype=np.float32)[..., None]
    # bicubic interpolation may overshoot
    return np.clip(faces, 0, 1)[..., None]


def _check_floats(faces: np.ndarray, first: int) -> None:
    """Raise ValueError if float pixels are not numbers from 0 to 1."""
    # NaN fails both comparisons; rounding errors are tolerated
    wrong = ~((faces >= -1e-6) & (faces <= 1 + 1e-6)).reshape(len(faces), -1).all(axis=1)
    if not wrong.any():
        return
    row = int(wrong.argmax())
    low, high = float(faces[row].min()), float(faces[row].max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"Face {first + row} has NaN or infinite pixels: give floats from 0 to 1.")
    raise ValueError(
        f"Float pixels must be from 0 to 1, but those of face {first + row} are from {low:.3g} to "
        f"{high:.3g}: divide grey levels by 255."
    )
