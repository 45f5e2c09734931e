"""Images as files: reading photos that may be anything, and writing PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageOps


def png(image: np.ndarray) -> bytes:
    """Return an image as a PNG file, which keeps every pixel.

    Args:
        image: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
    """
    # OpenCV takes colours in the order blue, green, red
    ordered = image if image.ndim == 2 else image[..., ::-1]
    packed: bytes = cv2.imencode(".png", ordered)[1].tobytes()
    return packed


if TYPE_CHECKING:
    pass


SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
MOST_BYTES = 50_000_000
MOST_PIXELS = 40_000_000


def read(file: Path) -> np.ndarray:
    """Return a photo from disk, turned as its camera says: uint8, shape (h, w, 3), RGB.

    Raises:
        ValueError: the file is no JPEG, PNG or WebP image, a broken one, or too large.
        OSError: it is not there, or this user may not read it.
    """
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"{file.name} is larger than {MOST_BYTES // 1_000_000} MB.")
    with file.open("rb") as opened:
        return decode(opened, file.name)


def decode(opened: BinaryIO, name: str, most_pixels: int = MOST_PIXELS) -> np.ndarray:
    """Return an opened photo, turned as its camera says: uint8, shape (h, w, 3), RGB.

    Args:
        opened: a file, or bytes in an `io.BytesIO`; the caller has looked at its length.
        name: what the messages call it.
        most_pixels: a larger photo is refused before it is decoded.
    Raises:
        ValueError: it is no JPEG, PNG or WebP image, a broken one, or has too many pixels.
    """
    large = f"{name} has more than {most_pixels // 1_000_000} megapixels."
    try:
        image = Image.open(opened, formats=("JPEG", "PNG", "WEBP"))
    except Image.DecompressionBombError:
        raise ValueError(large) from None
    except Exception:  # Pillow raises many types for bytes that are no image
        raise ValueError(f"{name} is not a JPEG, PNG or WebP image.") from None
    if image.width * image.height > most_pixels:
        raise ValueError(large)
    try:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception:
        raise ValueError(f"{name} is a broken image.") from None
