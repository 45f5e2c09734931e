"""From images to what the network takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

SIZE = 48
"""Height and width of a face as the network sees it, in pixels: FER-2013's."""


BATCH = 64
"""Faces that go through the network at once: more need more memory and are not quicker."""


LONGEST = 3.0
"""How many times as long as wide, or wide as long, a face crop may be."""


def prepare(faces: Any) -> np.ndarray:
    """Return faces as the network takes them.

    Colours become grey levels as in OpenCV (0.299 red + 0.587 green + 0.114 blue). A face of
    another size is resized, by averaging where it shrinks and smoothly where it grows, as
    `detection.crop` does; one that is not square is stretched. uint8 is divided by 255, which is
    all that training does with FER-2013's pixels.

    Args, Raises: as in `Recogniser.probabilities`.
    Returns:
        float32, shape (n, 48, 48, 1), from 0 to 1.
    """
    return np.concatenate(list(_batches(faces)))


def _batches(faces: Any) -> Iterator[np.ndarray]:
    """Yield what `prepare` returns, `BATCH` faces at a time."""
    if isinstance(faces, list | tuple):
        if not faces:
            raise ValueError("there are no faces: the list is empty.")
        crops = [_array(face) for face in faces]
        for number, crop in enumerate(crops):
            if not _is_face(crop):
                raise ValueError(f"face {number} of the list {_wrong_shape(crop)}")
        for start in range(0, len(crops), BATCH):
            part = enumerate(crops[start : start + BATCH], start)
            yield np.concatenate([_prepared(crop[None], number) for number, crop in part])
        return
    array = _array(faces)
    if _is_face(array):
        array = array[None]
    elif array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[3] not in (1, 3)):
        raise ValueError(f"the array {_wrong_shape(array)}")
    for start in range(0, max(len(array), 1), BATCH):
        yield _prepared(array[start : start + BATCH], start)


def _is_one(faces: Any) -> bool:
    return not isinstance(faces, list | tuple) and _is_face(_array(faces))


def _array(image: Any) -> np.ndarray:
    """Return an image as an array; nothing but an array or a PIL image is one."""
    if isinstance(image, Image.Image):
        # turned as its camera says; in other modes than RGB the numbers may mean anything
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    if not hasattr(image, "__array__"):
        kind = type(image).__name__
        raise ValueError(
            f"an image must be a NumPy array or a PIL image, not {kind}: "
            "facevalue.detection.read(Path) reads one from a file."
        )
    return np.asarray(image)


def _is_face(array: np.ndarray) -> bool:
    """Whether an array is one face: (height, width), (height, width, 1) or (height, width, 3)."""
    return array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3))


def _wrong_shape(array: np.ndarray) -> str:
    return (
        f"has the shape {array.shape}: a face has (height, width) or (height, width, 3), several "
        "have (n, height, width) or (n, height, width, 3)."
    )


def _prepared(faces: np.ndarray, first: int) -> np.ndarray:
    """Return faces of one size, shape (n, height, width[, 1 or 3]), as the network takes them.

    The first of them is the caller's number `first`.
    """
    n, height, width = faces.shape[:3]
    if faces.size == 0:
        raise ValueError(f"there is no face in an array of shape {faces.shape}: it is empty.")
    if max(height, width) > LONGEST * min(height, width):
        raise ValueError(
            f"{width} x {height} pixels are no face crop: one side is more than {LONGEST:g} times "
            "the other."
        )
    _check_values(faces, first)
    if faces.ndim == 4 and faces.shape[3] == 3:
        # one tall image: each pixel's grey depends on that pixel alone
        tall = np.ascontiguousarray(faces).reshape(n * height, width, 3)
        faces = cv2.cvtColor(_computable(tall), cv2.COLOR_RGB2GRAY)
    faces = faces.reshape(n, height, width)
    if (height, width) != (SIZE, SIZE):
        method = cv2.INTER_AREA if max(height, width) > SIZE else cv2.INTER_CUBIC
        faces = np.stack(
            [cv2.resize(_computable(face), (SIZE, SIZE), interpolation=method) for face in faces]
        )
    if faces.dtype == np.uint8:
        return np.divide(faces, np.float32(255), dtype=np.float32)[..., None]
    # smooth growing may overshoot
    return np.clip(faces, 0, 1).astype(np.float32)[..., None]


def _computable(image: np.ndarray) -> np.ndarray:
    """Return an image in a type that OpenCV computes with: uint8 or float32."""
    return image if image.dtype == np.uint8 else image.astype(np.float32)


def _check_values(faces: np.ndarray, first: int) -> None:
    if faces.dtype == np.uint8:
        return
    if faces.dtype.kind != "f":
        raise ValueError(
            f"pixels must be uint8 from 0 to 255 or float from 0 to 1, not {faces.dtype}."
        )
    # NaN is in no range; what rounding leaves beside it is
    wrong = ~((faces >= -1e-6) & (faces <= 1 + 1e-6)).reshape(len(faces), -1).all(axis=1)
    if not wrong.any():
        return
    row = int(wrong.argmax())
    low, high = float(faces[row].min()), float(faces[row].max())
    if not np.isfinite([low, high]).all():
        raise ValueError(f"face {first + row} has pixels that are not numbers (NaN or infinite).")
    raise ValueError(
        f"float pixels must be from 0 to 1, those of face {first + row} are from {low:.3g} to "
        f"{high:.3g}: divide grey levels by 255."
    )
