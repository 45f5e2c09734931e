"""The reason why no face was found in a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facevalue.image_files import to_grey

NONE_FOUND = "none found"
TOO_DARK = "too dark"
TOO_SMALL = "too small"

REASONS = (NONE_FOUND, TOO_DARK, TOO_SMALL)
"""The beginnings of the reasons that `why` returns."""

DARK = 10
"""A picture whose 99th percentile of grey levels is lower is called too dark."""

MIN_SIDE = 24
"""A picture with a shorter side, in pixels, is called too small."""


def why(image: np.ndarray, size: tuple[int, int], smaller: Sequence[int] = ()) -> str:
    """Return why no face was found: one of `REASONS`, with the measured value.

    Args:
        image: uint8, shape (height, width, 3), RGB.
        size: width and height of the file, in pixels: `image` may be a reduced copy.
        smaller: the heights of the faces that are too small, in pixels of the file.

    >>> why(np.full((200, 300, 3), 128, np.uint8), (300, 200))
    'none found'
    >>> why(np.full((200, 300, 3), 128, np.uint8), (300, 200), [15, 12])
    'too small: the largest face is 15 pixels high'
    >>> why(np.full((200, 300, 3), 5, np.uint8), (300, 200))
    'too dark: its brightest parts have a grey level of 5 of 255'
    >>> why(np.full((12, 16, 3), 128, np.uint8), (16, 12))
    'too small: the picture has 16 x 12 pixels'
    """
    if smaller:
        return f"{TOO_SMALL}: the largest face is {max(smaller)} pixels high"
    if min(size) < MIN_SIDE:
        return f"{TOO_SMALL}: the picture has {size[0]} x {size[1]} pixels"
    brightest = round(float(np.percentile(to_grey(image[::4, ::4]), 99)))
    if brightest < DARK:
        return f"{TOO_DARK}: its brightest parts have a grey level of {brightest} of 255"
    return NONE_FOUND
