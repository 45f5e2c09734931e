"""Image files: decoding untrusted ones, converting pixels, resizing faces, encoding PNG."""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import ExifTags, Image, features

from facevalue.file_kinds import HEAD, content_kind, in_words, with_article
from facevalue.files import escaped, open_regular
from facevalue.jpeg_scans import check_work

HAS_AVIF = "avif" in features.modules and bool(features.check_module("avif"))
"""Whether this Pillow reads AVIF, as its own wheels do since version 11.3."""

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", *(("AVIF",) if HAS_AVIF else ()))
"""The image formats that are accepted, by Pillow's names."""

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif"),
    *((".avif",) if HAS_AVIF else ()),
)
"""The extensions of files in these formats."""

MAX_BYTES = 100_000_000
"""The size limit of a file in bytes; a larger one is rejected before it is decoded."""

MAX_PIXELS = 64_000_000
"""The size limit of an image in pixels, which take 640 MB of memory while it is decoded.

A pixel takes 4 bytes in Pillow, and 3 in each of two copies of the array. The limit is the same for
files, PIL images and arrays. Of a JPEG that is decoded in reduced size, only the pixels that are
decoded count.
"""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by its orientation in EXIF data."""

LYING = (5, 6, 7, 8)
"""The orientations in EXIF data that exchange width and height."""

FACE_SIZE = 48
"""Height and width of a face as input of the networks, in pixels, as in FER-2013."""

MAX_OPENED = 2 * (Image.MAX_IMAGE_PIXELS or MAX_PIXELS)
"""Pillow opens no image with more pixels, not even to decode it in reduced size."""

_catching = threading.Lock()
"""Held while warnings are caught, which only one thread can do at a time."""


def read_photo(
    path: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    most_pixels: int = MAX_PIXELS,
    most_bytes: int = MAX_BYTES,
) -> np.ndarray:
    """Return the image in a file; see `decode_photo`.

    Raises:
        ValueError: as in `decode_photo`, or `path` is an address, a pipe or a device.
        OSError: the file does not exist, is a folder, or cannot be read.
    """
    with _open_file(path) as file:
        return decode_photo(
            file, Path(path).name, formats=formats, most_pixels=most_pixels, most_bytes=most_bytes
        )


def _open_file(path: str | Path) -> BinaryIO:
    """Open the file of a photo for reading.

    Raises:
        ValueError, OSError: as in `read_photo`.
    """
    if "://" in str(path):
        raise ValueError(f"{path} is an address: save the photo, and name its file.")
    if "\0" in str(path):
        raise ValueError(f"{escaped(str(path))} is not the name of a file.")
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a photo in it.")
    if not path.exists():
        raise FileNotFoundError(f"There is no photo {path}: check the path.")
    return open_regular(path)


def decode_photo(
    content: bytes | BinaryIO,
    name: str,
    *,
    formats: Sequence[str] = FORMATS,
    most_pixels: int = MAX_PIXELS,
    most_bytes: int = MAX_BYTES,
) -> np.ndarray:
    """Decode an image file that may be damaged, huge, or not an image at all.

    The image is rotated upright according to its EXIF data; if these are damaged, a warning names
    the file. Only the first frame of an animation is read. 16-bit images are scaled to 8 bits, and
    transparency is ignored.

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
    >>> decode_photo(b"some text", "page.jpg", formats=("JPEG", "PNG"))
    Traceback (most recent call last):
    ValueError: page.jpg is not a JPEG or PNG image.
    >>> decode_photo(b"GIF89a", "dance.jpg", formats=("JPEG", "PNG"))
    Traceback (most recent call last):
    ValueError: dance.jpg is a GIF image, not a JPEG or PNG image: convert it to JPEG.
    """
    image = _open(content, name, formats, most_pixels, most_bytes)
    _check_size(image.size, name, most_pixels)
    return _decoded(image, name)[0]


def decode_reduced(
    content: bytes | BinaryIO,
    name: str,
    side: int,
    *,
    formats: Sequence[str] = FORMATS,
    most_pixels: int = MAX_PIXELS,
    most_bytes: int = MAX_BYTES,
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the image in a file, a large JPEG in reduced size, which takes less time and memory.

    A JPEG is decoded at a half, a quarter or an eighth of its size, as long as its longest side
    has `side` pixels then. Other kinds and smaller images are decoded whole.

    Args:
        content, name, formats, most_bytes: as in `decode_photo`.
        side: the least length of the longest side, in pixels.
        most_pixels: an image of which more pixels must be decoded is rejected. A progressive JPEG
            needs memory for all of its pixels.
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
    if image.info.get("progressive"):
        _check_size(image.size, name, most_pixels)
    share = side / max(width, height)
    # only a JPEG has drafts: it takes the smallest one that has at least this size
    image.draft(None, (math.ceil(width * share), math.ceil(height * share)))
    _check_size(image.size, name, most_pixels)
    pixels, orientation = _decoded(image, name)
    return pixels, (height, width) if orientation in LYING else (width, height)


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
    _check_size(image.size, name, most_pixels)
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
    """Open an image and check its format, without decoding its pixels."""
    data = content if isinstance(content, bytes) else content.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise ValueError(f"{name} is larger than {most_bytes:,} bytes.")
    check_work(data, name)
    try:
        with _warnings_named(name):
            return Image.open(io.BytesIO(data), formats=tuple(formats))
    except Image.DecompressionBombError:
        # more pixels of a JPEG can be read, in reduced size
        limit = MAX_OPENED if content_kind(data[:HEAD]) == "JPEG image" else most_pixels
        raise ValueError(f"{name} has more than {limit:,} pixels: use a smaller copy.") from None
    except Exception as error:  # Pillow raises many types for bytes that are not an image
        raise ValueError(_not_readable(data, name, formats)) from error


def _not_readable(data: bytes, name: str, formats: Sequence[str]) -> str:
    """Return a sentence on what a file is that Pillow cannot open as one of `formats`."""
    if not data:
        return f"{name} is an empty file."
    kind, wanted = content_kind(data[:HEAD]), _format_names(formats)
    if not kind:
        return f"{name} is not {wanted} image."
    if kind.removesuffix(" image").upper() in formats:
        return f"{name} is a broken {kind}."
    advice = ": convert it to JPEG" if kind.endswith(("image", "photo")) else ""
    return f"{name} is {with_article(kind)}, not {wanted} image{advice}."


def _check_size(size: tuple[int, int], name: str, most_pixels: int) -> None:
    """Raise ValueError for an image of more pixels than may be decoded."""
    width, height = size
    if not width * height:
        raise ValueError(f"{name} has no pixels.")
    if width * height > most_pixels:
        raise ValueError(
            f"{name} has {width:,} x {height:,} pixels, more than {most_pixels:,}: use a smaller "
            "copy."
        )


@contextmanager
def _warnings_named(name: str) -> Iterator[None]:
    """Repeat Pillow's warnings about damaged metadata as one that names the file."""
    with _catching, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    # the size is checked by this module
    damage = [w for w in caught if not issubclass(w.category, Image.DecompressionBombWarning)]
    if damage:
        reason = " ".join(str(damage[0].message).split()).rstrip(". ")
        warnings.warn(f"{name} has damaged metadata, which are ignored: {reason}.", stacklevel=4)


def _orientation(image: Image.Image, name: str) -> int:
    """Return the orientation in an image's EXIF data, 1 if there is none."""
    try:
        with _warnings_named(name):
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow raises many types for damaged EXIF data
        warnings.warn(f"{name} has damaged EXIF data, so it may not be upright.", stacklevel=4)
        return 1


def _decoded(image: Image.Image, name: str) -> tuple[np.ndarray, int]:
    """Return the pixels of an opened image, as from `decode_photo`, and its EXIF orientation."""
    try:
        image.load()  # a PNG may have its EXIF data at the end
        orientation = _orientation(image, name)
        return _rgb(image, orientation), orientation
    except Exception as error:  # Pillow raises many types for broken images
        raise ValueError(f"{name} is a broken image.") from error


def _format_names(formats: Sequence[str]) -> str:
    """Return names of formats in words, with the article of the first."""
    names = ["WebP" if name == "WEBP" else name for name in formats]
    return with_article(in_words(names, "or"))


def _rgb(image: Image.Image, orientation: int) -> np.ndarray:
    """Return a Pillow image of any mode upright, as uint8, shape (height, width, 3), RGB."""
    turn = UPRIGHT.get(orientation)
    upright = image if turn is None else image.transpose(turn)
    if upright.mode[0] in "IF":  # Pillow's own conversion clips 16 bits to white
        return cv2.cvtColor(_scaled(np.asarray(upright)), cv2.COLOR_GRAY2RGB)
    if upright.mode == "P":  # direct conversion to RGB warns about transparency in a palette
        upright = upright.convert("RGBA")
    return np.array(upright if upright.mode == "RGB" else upright.convert("RGB"))


def _scaled(levels: np.ndarray) -> np.ndarray:
    """Scale grey levels of more than 8 bits to uint8: from 0 to 1, to 255, or to 65,535."""
    if levels.dtype.kind == "u":
        return to_uint8(levels.astype(np.uint16))  # in this machine's order of bytes
    ranges = (1, 255, 65_535) if levels.dtype.kind == "f" else (255, 65_535)
    whole = next((high for high in ranges if levels.max(initial=0) <= high), 65_535)
    return to_uint8(np.clip(levels.astype(np.float32) / whole, 0, 1))


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
        return decode_photo(image, "The image")
    if isinstance(image, Image.Image):
        name = Path(str(getattr(image, "filename", ""))).name or "The image"
        _check_size(image.size, name, MAX_PIXELS)
        return _decoded(image, name)[0]
    array = to_array(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    colours = array.ndim == 3 and array.shape[2] in (3, 4)
    if array.size == 0 or not (array.ndim == 2 or colours):
        raise ValueError(
            "An image must be of shape (height, width) or (height, width, 1, 3 or 4), "
            f"not {array.shape}."
        )
    _check_size((array.shape[1], array.shape[0]), "The image", MAX_PIXELS)
    pixels = np.ascontiguousarray(to_uint8(array))
    if not colours:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    return np.ascontiguousarray(pixels[..., 2::-1] if bgr else pixels[..., :3])


def as_reduced_photo(
    image: Any, side: int, *, bgr: bool = False
) -> tuple[np.ndarray, tuple[int, int]]:
    """Convert a photo to an array as `as_photo` does, a file of a large JPEG in reduced size.

    Args:
        image, bgr: as in `as_photo`.
        side: as in `decode_reduced`.
    Returns, Raises: as in `decode_reduced`.
    """
    if isinstance(image, bytes):
        return decode_reduced(image, "The image", side)
    if isinstance(image, str | Path):
        with _open_file(image) as file:
            return decode_reduced(file, Path(image).name, side)
    pixels = as_photo(image, bgr=bgr)
    return pixels, (pixels.shape[1], pixels.shape[0])


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
            "The float pixels of an image must be from 0 to 1, and none may be NaN: divide grey "
            "levels by 255."
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
