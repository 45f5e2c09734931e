"""Image files: decoding untrusted ones, converting pixels, resizing faces, encoding PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageOps

from facevalue.jpeg_scans import check_work

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
"""The image formats that are accepted, by Pillow's names."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""The extensions of files in these formats."""

MAX_BYTES = 50_000_000
"""The size limit of a file in bytes; a larger one is rejected before it is decoded."""

MAX_PIXELS = 40_000_000
"""The size limit of an image in pixels; a larger one is rejected before it is decoded."""

LYING = (5, 6, 7, 8)
"""The orientations in EXIF data that exchange width and height."""

FACE_SIZE = 48
"""Height and width of a face as input of the networks, in pixels, as in FER-2013."""


def read_photo(
    path: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    most_pixels: int = MAX_PIXELS,
    most_bytes: int = MAX_BYTES,
) -> np.ndarray:
    """Return the image in a file; see `decode_photo`.

    Raises:
        ValueError: as in `decode_photo`.
        OSError: the file does not exist or cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        return decode_photo(
            file, path.name, formats=formats, most_pixels=most_pixels, most_bytes=most_bytes
        )


def decode_photo(
    content: bytes | BinaryIO,
    name: str,
    *,
    formats: Sequence[str] = FORMATS,
    most_pixels: int = MAX_PIXELS,
    most_bytes: int = MAX_BYTES,
) -> np.ndarray:
    """Decode an image file that may be damaged, huge, or not an image at all.

    The image is rotated upright according to its EXIF data. Only the first frame of an animation
    is read. 16-bit images are scaled to 8 bits, and transparency is ignored.

    Args:
        content: the bytes of the file, or the opened file.
        name: the file's name in error messages.
        formats: the formats to accept, a subset of `FORMATS`.
        most_pixels: an image with more pixels is rejected before it is decoded.
        most_bytes: a file with more bytes is rejected.
    Returns:
        uint8, shape (height, width, 3), RGB.
    Raises:
        ValueError: the file is not an image in one of these formats, is damaged, or is too large.

    >>> decode_photo(encode_png(np.zeros((2, 3), np.uint8)), "black.png").shape
    (2, 3, 3)
    >>> decode_photo(b"<html>", "page.jpg", formats=("JPEG", "PNG"))
    Traceback (most recent call last):
    ValueError: page.jpg is not a JPEG or PNG image.
    """
    image = _open(content, name, formats, most_pixels, most_bytes)
    try:
        return _rgb(image)
    except Exception as error:  # Pillow raises many types for broken images
        raise ValueError(f"{name} is a broken image.") from error


def decode_reduced(
    content: bytes | BinaryIO,
    name: str,
    side: int,
    *,
    formats: Sequence[str] = FORMATS,
    most_pixels: int = MAX_PIXELS,
    most_bytes: int = MAX_BYTES,
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the image in a file, a large JPEG in reduced size, which takes less time to decode.

    A JPEG is decoded at a half, a quarter or an eighth of its size, as long as its longest side
    has `side` pixels then. Other kinds and smaller images are decoded whole.

    Args:
        content, name, formats, most_pixels, most_bytes: as in `decode_photo`.
        side: the least length of the longest side, in pixels.
    Returns:
        The pixels, as from `decode_photo`, and width and height of the whole image, upright.
    Raises:
        ValueError: as in `decode_photo`.

    >>> photo = io.BytesIO()
    >>> Image.new("RGB", (4000, 3000)).save(photo, "JPEG")
    >>> pixels, size = decode_reduced(photo.getvalue(), "photo.jpg", 1500)
    >>> pixels.shape, size
    ((1500, 2000, 3), (4000, 3000))
    """
    image = _open(content, name, formats, most_pixels, most_bytes)
    width, height = image.size
    try:
        share = side / max(width, height)
        # only a JPEG has drafts: it takes the smallest one that has at least this size
        image.draft(None, (math.ceil(width * share), math.ceil(height * share)))
        lies = image.getexif().get(ExifTags.Base.Orientation, 1) in LYING
        return _rgb(image), (height, width) if lies else (width, height)
    except Exception as error:  # Pillow raises many types for broken images
        raise ValueError(f"{name} is a broken image.") from error


def photo_suffix(
    content: bytes,
    name: str,
    *,
    formats: Sequence[str] = FORMATS,
    most_pixels: int = MAX_PIXELS,
    most_bytes: int = MAX_BYTES,
) -> str:
    """Return the extension for an image file, such as ".jpg", after checking that it decodes.

    Args, Raises: as in `decode_photo`.

    >>> photo_suffix(encode_png(np.zeros((2, 3), np.uint8)), "black")
    '.png'
    """
    image = _open(content, name, formats, most_pixels, most_bytes)
    try:
        image.load()
    except Exception as error:  # Pillow raises many types for broken images
        raise ValueError(f"{name} is a broken image.") from error
    # MPO is a JPEG file with several pictures, which some phones write
    return {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif"}.get(
        image.format or "", f".{image.format}".lower()
    )


def _open(
    content: bytes | BinaryIO, name: str, formats: Sequence[str], most_pixels: int, most_bytes: int
) -> Image.Image:
    """Open an image and check its format and size, without decoding its pixels."""
    data = content if isinstance(content, bytes) else content.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"{name} is larger than {most_bytes:,} bytes.")
    check_work(data, name)
    try:
        image = Image.open(io.BytesIO(data), formats=tuple(formats))
    except Image.DecompressionBombError:
        raise ValueError(f"{name} has more than {most_pixels:,} pixels.") from None
    except Exception as error:  # Pillow raises many types for bytes that are not an image
        raise ValueError(f"{name} is not a {_format_names(formats)} image.") from error
    if image.width * image.height > most_pixels:
        raise ValueError(
            f"{name} has {image.width:,} x {image.height:,} pixels, more than {most_pixels:,}."
        )
    return image


def _format_names(formats: Sequence[str]) -> str:
    names = ["WebP" if name == "WEBP" else name for name in formats]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _rgb(image: Image.Image) -> np.ndarray:
    """Return a Pillow image of any mode upright, as uint8, shape (height, width, 3), RGB."""
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
    upright = ImageOps.exif_transpose(image) if turned else image  # it copies what is upright
    if upright.mode.startswith("I"):  # 16 bits: Pillow's own conversion clips them to white
        grey = np.clip(np.asarray(upright), 0, 65_535).astype(np.uint16)
        return cv2.cvtColor(to_uint8(grey), cv2.COLOR_GRAY2RGB)
    if upright.mode == "F":
        return cv2.cvtColor(to_uint8(np.asarray(upright)), cv2.COLOR_GRAY2RGB)
    if upright.mode == "P":  # direct conversion to RGB warns about transparency in a palette
        upright = upright.convert("RGBA")
    return np.array(upright if upright.mode == "RGB" else upright.convert("RGB"))


def as_photo(image: Any, *, bgr: bool = False) -> np.ndarray:
    """Convert a photo in any of the usual forms to an array.

    Args:
        image: the path of an image file, or its bytes; a PIL image, which is rotated upright
            according to its EXIF data; or an array, shape (height, width) or (height, width,
            channels) with 1, 3 or 4 channels: uint8 from 0 to 255, uint16 from 0 to 65,535, bool,
            or float from 0 to 1. A fourth channel, transparency, is ignored.
        bgr: whether an array has its channels in the order blue, green, red, as in OpenCV.
    Returns:
        uint8, shape (height, width, 3), RGB.
    Raises:
        ValueError: `image` is none of these; see `decode_photo` for files.
        OSError: the file cannot be read.

    >>> as_photo(np.full((1, 1), 65_535, np.uint16)).tolist()
    [[[255, 255, 255]]]
    """
    if isinstance(image, str | Path):
        return read_photo(image)
    if isinstance(image, bytes):
        return decode_photo(image, "the image")
    if isinstance(image, Image.Image):
        return _rgb(image)
    array = to_array(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    colours = array.ndim == 3 and array.shape[2] in (3, 4)
    if array.size == 0 or not (array.ndim == 2 or colours):
        raise ValueError(
            "An image must be of shape (height, width) or (height, width, 1, 3 or 4), "
            f"not {array.shape}."
        )
    pixels = np.ascontiguousarray(to_uint8(array))
    if not colours:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    return np.ascontiguousarray(pixels[..., 2::-1] if bgr else pixels[..., :3])


def to_array(image: Any) -> np.ndarray:
    """Return an array unchanged, and a file or a PIL image as a uint8 RGB array.

    Raises:
        ValueError: `image` is neither an array, a PIL image, a path nor bytes, or is a file that
            `decode_photo` rejects.
    """
    if isinstance(image, str | Path | bytes | Image.Image):
        return as_photo(image)
    if not hasattr(image, "__array__"):
        raise ValueError(
            "An image must be a NumPy array or a PIL image, or a file's path or bytes, not "
            f"{type(image).__name__}."
        )
    return np.asarray(image)


def to_uint8(array: np.ndarray) -> np.ndarray:
    """Convert pixels to uint8, from 0 to 255.

    Args:
        array: uint8 (returned unchanged), uint16 from 0 to 65,535, bool, or float from 0 to 1.
    Raises:
        ValueError: the type is not one of these, or floats are NaN or not from 0 to 1.

    >>> to_uint8(np.array([0, 257, 65_535], np.uint16)).tolist()
    [0, 1, 255]
    >>> to_uint8(np.array([False, True])).tolist()
    [0, 255]
    """
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind != "f":
        raise ValueError(
            "An image must be uint8 from 0 to 255, uint16 from 0 to 65,535, bool, or float from 0 "
            f"to 1, not {array.dtype}."
        )
    if not ((array >= -1e-6) & (array <= 1 + 1e-6)).all():  # NaN fails both comparisons
        raise ValueError(
            "The float pixels of an image must be from 0 to 1: divide grey levels by 255."
        )
    return np.rint(255 * np.clip(array, 0, 1)).astype(np.uint8)


def to_grey(image: np.ndarray) -> np.ndarray:
    """Convert an image to grey levels: 0.299 red + 0.587 green + 0.114 blue.

    Args:
        image: uint8 or float32, shape (height, width, 3), RGB, or (height, width), returned
            unchanged.
    """
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def resize_face(image: np.ndarray, size: int = FACE_SIZE) -> np.ndarray:
    """Resize a face to a square: area averaging to shrink it, bicubic interpolation to enlarge it.

    A face that is not square is stretched.

    Args:
        image: uint8 or float, shape (height, width) or (height, width, 3).
        size: height and width of the result, in pixels.
    Returns:
        The same type, shape (size, size) or (size, size, 3). Enlarging may take floats out of the
        range of the input.

    >>> resize_face(np.zeros((96, 80), np.uint8)).shape
    (48, 48)
    """
    if image.shape[:2] == (size, size):
        return image
    method = cv2.INTER_AREA if max(image.shape[:2]) > size else cv2.INTER_CUBIC
    return cv2.resize(image, (size, size), interpolation=method)


def encode_png(image: np.ndarray) -> bytes:
    """Encode an image as a PNG file, without loss, and return its bytes.

    Args:
        image: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
    """
    # OpenCV expects the channels in the order blue, green, red
    ordered = image if image.ndim == 2 else image[..., ::-1]
    content: bytes = cv2.imencode(".png", ordered)[1].tobytes()
    return content
