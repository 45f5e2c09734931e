"""Loading a model file, which is checked before it is run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime

from facevalue.emotions import EMOTIONS
from facevalue.image_files import FACE_SIZE

SUMS = "SHA256SUMS"
"""The file next to the models that holds their checksums."""

MOST_BYTES = 200_000_000
"""The size of the largest model file that is read."""

MOST_SUMS = 100_000
"""How many characters of SHA256SUMS are read."""


def load_session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    """Return ONNX Runtime with a model whose checksum, input and output were checked.

    Args:
        file: the .onnx file, next to SHA256SUMS.
        threads: how many threads compute one result; 0 for one per core.
    Raises:
        ValueError: the file does not have its checksum, or is no network from faces to seven
            probabilities.
        FileNotFoundError: the file or SHA256SUMS is missing.
    """
    content = _checked_content(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    wrong = (
        f"{file.name} is no network from faces of {FACE_SIZE} x {FACE_SIZE} pixels to "
        f"{len(EMOTIONS)} probabilities"
    )
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        blank = np.zeros((2, FACE_SIZE, FACE_SIZE, 1), np.float32)
        (found,) = session.run(None, {given.name: blank})
    except Exception as error:  # ONNX Runtime has a dozen types, all of which mean the same here
        raise ValueError(f"{wrong}: ONNX Runtime cannot run it.") from error
    if found.shape != (2, len(EMOTIONS)) or found.dtype != np.float32:
        raise ValueError(f"{wrong}: its output for two faces is {found.dtype} of {found.shape}.")
    if not (np.allclose(found.sum(axis=1), 1, atol=1e-3) and found.min() >= 0):
        raise ValueError(f"{wrong}: its output does not add up to 1.")
    return session


def _checked_content(file: Path) -> bytes:
    """Return the bytes of a model file that has the checksum in SHA256SUMS."""
    sums = file.parent / SUMS
    for needed in (file, sums):
        if not needed.is_file():
            raise FileNotFoundError(
                f"{needed.name} is not in {needed.parent}: reinstall facevalue, or name the folder "
                "that holds it."
            )
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"{file} has more than {MOST_BYTES // 1_000_000} MB: it is no model.")
    content = file.read_bytes()
    with sums.open(encoding="utf-8", errors="replace") as opened:
        lines = [line.split() for line in opened.read(MOST_SUMS).splitlines()]
    listed = {line[1].lstrip("*"): line[0].lower() for line in lines if len(line) == 2}
    if file.name not in listed:
        raise ValueError(f"{sums} does not list {file.name}, so it cannot be trusted.")
    if hashlib.sha256(content).hexdigest() != listed[file.name]:
        raise ValueError(
            f"{file} does not have the checksum that {SUMS} lists: it is damaged or another file. "
            "Reinstall facevalue, or get the file again."
        )
    return content
