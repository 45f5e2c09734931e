"""Finding faces in photos, and cutting them out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from facevalue import paths

if TYPE_CHECKING:
    pass

YUNET = "face_detection_yunet_2023mar.onnx"

DETECTORS = ("frontalface_default", "frontalface_alt2", "yunet")
"""Two Haar cascades, which come with OpenCV 4, and a small network, which is a download."""

BORDER = 0.2
"""How much is added around a photo before the cascades look at it, as a share of its short side.

They find only whole faces with some room around them. Of 381 real photos, most of them close-ups,
this border lets them find the face in 96 % of those with a frontal one, instead of in 80 %.
"""


@lru_cache(maxsize=16)
def _cascade(name: str, thread: int) -> Any:
    """Return one of OpenCV's Haar cascades, loaded once per thread: threads cannot share it.

    Raises:
        RuntimeError: this OpenCV has no Haar cascades.
    """
    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / f"haarcascade_{name}.xml"
    if not hasattr(cv2, "CascadeClassifier") or not path.is_file():
        raise RuntimeError(
            f"OpenCV {cv2.__version__} comes without Haar cascades, which find the faces here: "
            'install version 4 with pip install "opencv-python-headless>=4.10,<5".'
        )
    return cv2.CascadeClassifier(str(path))


@lru_cache(maxsize=8)
def _yunet(path: Path, thread: int) -> Any:
    if not path.is_file():
        raise FileNotFoundError(
            f"the detector YuNet is not on this machine: fetch {path.name} (233 kB) with "
            "facevalue.sources.fetch_yunet()."
        )
    try:
        return cv2.FaceDetectorYN.create(str(path), "", (320, 320), 0.7)
    except cv2.error:
        raise ValueError(
            f"OpenCV {cv2.__version__} cannot read {path.name}: delete it, and fetch it again with "
            "facevalue.sources.fetch_yunet()."
        ) from None


def available() -> list[str]:
    """Return the detectors that this machine can run: YuNet needs its file."""
    return [name for name in DETECTORS if name != "yunet" or paths.raw_file(YUNET).is_file()]


def find_faces(
    image: np.ndarray,
    detector: str = "frontalface_default",
    *,
    scale_factor: float = 1.1,
    min_neighbors: int = 5,
    min_size: tuple[int, int] = (40, 40),
    border: float = BORDER,
) -> np.ndarray:
    """Return where the faces in a photo are, the largest first.

    Args:
        image: uint8, shape (h, w, 3) in the order red, green, blue, or (h, w) in grey levels.
        detector: one of `DETECTORS`.
        scale_factor: by how much the search window grows from one pass to the next, over 1.
        min_neighbors: how many overlapping windows must agree before they count as a face.
        min_size: width and height of the smallest face, in pixels.
        border: how much is added around the photo, as a share of its short side; the edge's
            pixels are repeated. Without it, faces that fill a photo are missed.
    Returns:
        int, shape (k, 4): x and y of the upper left corner, width, height. k is 0 for no face. A
        box is square, unless the photo's edge cuts it.
    Raises:
        ValueError: `image` is no such array, `scale_factor` is not over 1, `border` is negative,
            or there is no such detector.
        RuntimeError: this OpenCV has no Haar cascades.
        FileNotFoundError: YuNet's file is not there; the message says how to get it.
    Source: Viola and Jones (2001), https://doi.org/10.1109/CVPR.2001.990517; Wu, Peng and Yu
        (2023), https://doi.org/10.1007/s11633-023-1423-y
    """
    _check(image)
    if scale_factor <= 1:
        raise ValueError(f"scale_factor must be over 1, got {scale_factor}.")
    if border < 0:
        raise ValueError(f"border must be 0 or more, got {border}.")
    if detector not in DETECTORS:
        raise ValueError(f"there is no detector {detector!r}: choose {', '.join(DETECTORS)}.")
    if detector == "yunet":
        found = _find_yunet(image)
    else:
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        edge = round(border * min(grey.shape))
        wide = cv2.copyMakeBorder(grey, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        found = _cascade(detector, threading.get_ident()).detectMultiScale(
            wide, scaleFactor=scale_factor, minNeighbors=min_neighbors, minSize=min_size
        )
        found = np.array(found, dtype=int).reshape(-1, 4) - (edge, edge, 0, 0)
    boxes = _inside(found, image)
    boxes = boxes[(boxes[:, 2] >= min_size[0]) & (boxes[:, 3] >= min_size[1])]
    return boxes[np.lexsort((boxes[:, 1], boxes[:, 0], -boxes[:, 2] * boxes[:, 3]))]


def _inside(boxes: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Cut boxes at the photo's edges."""
    size = image.shape[1::-1]
    corners = np.clip(np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]), 0, [*size, *size])
    return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])


LONGEST = 640
"""YuNet sees photos no larger than this: it was trained on faces of 10 to 300 pixels."""


def _find_yunet(image: np.ndarray) -> np.ndarray:
    network = _yunet(paths.raw_file(YUNET), threading.get_ident())
    colour = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    scale = min(1.0, LONGEST / max(image.shape[:2]))
    small = cv2.resize(colour, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    network.setInputSize((small.shape[1], small.shape[0]))
    _, found = network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    boxes = np.zeros((0, 4)) if found is None else found[:, :4] / scale
    return np.rint(boxes).astype(int)


def overlap(a: Sequence[int] | np.ndarray, b: Sequence[int] | np.ndarray) -> float:
    """Return what two boxes share: the area of both over the area of either, 0 to 1."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def _check(image: np.ndarray) -> None:
    fits = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not fits or image.size == 0:
        raise ValueError(
            "the image must be uint8 of shape (height, width) or (height, width, 3), "
            f"got {image.dtype} of shape {image.shape}."
        )
