"""Images as files: the one place that turns pixels into a PNG."""

from __future__ import annotations

import cv2
import numpy as np


def png(image: np.ndarray) -> bytes:
    """Return an image as a PNG file, which keeps every pixel.

    Args:
        image: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
    """
    # OpenCV takes colours in the order blue, green, red
    ordered = image if image.ndim == 2 else image[..., ::-1]
    packed: bytes = cv2.imencode(".png", ordered)[1].tobytes()
    return packed
