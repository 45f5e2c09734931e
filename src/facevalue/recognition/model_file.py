"""Loading the file of a network, after checking that it is the expected one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime

from facevalue.emotions import EMOTIONS
from facevalue.image_files import FACE_SIZE

SUMS = "SHA256SUMS"
"""The name of the file of checksums, which is in the same folder as the models."""

MAX_BYTES = 200_000_000
"""The size of the largest model file that is read, in bytes."""

MAX_SUMS = 100_000
"""How many characters of SHA256SUMS are read."""


def load_session(
    file: Path, threads: int, sha256: str | None = None
) -> onnxruntime.InferenceSession:
    """Return an ONNX Runtime session for a model, after checking its checksum, input and output.

    Args:
        file: the .onnx file.
        threads: how many threads compute one result; 0 for one per core.
        sha256: the checksum that it must have. By default it is the one in SHA256SUMS, in the same
            folder, which finds a damaged file but not one that somebody exchanged.
    Raises:
        ValueError: the file is too large, does not have this checksum, or is not a network that
            maps faces to seven probabilities.
        FileNotFoundError: the file or SHA256SUMS is missing.
    """
    content = checked_content(file, sha256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    problem = (
        f"{file.name} is not a network that maps faces of {FACE_SIZE} x {FACE_SIZE} pixels to "
        f"{len(EMOTIONS)} probabilities"
    )
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        (network_input,) = session.get_inputs()
        faces = np.zeros((2, FACE_SIZE, FACE_SIZE, 1), np.float32)
        (output,) = session.run(None, {network_input.name: faces})
    except Exception as error:  # ONNX Runtime has a dozen types, all of which mean the same here
        raise ValueError(f"{problem}: ONNX Runtime cannot run it.") from error
    if output.shape != (2, len(EMOTIONS)) or output.dtype != np.float32:
        raise ValueError(
            f"{problem}: its output for two faces is {output.dtype} of shape {output.shape}."
        )
    if not (np.allclose(output.sum(axis=1), 1, atol=1e-3) and output.min() >= 0):
        raise ValueError(f"{problem}: its output is negative or does not add up to 1.")
    return session


def checked_content(file: Path, sha256: str | None = None) -> bytes:
    """Return the bytes of a model file, after comparing their checksum.

    Args:
        file: the model file.
        sha256: the checksum that it must have; by default the one in SHA256SUMS, in its folder.
    Raises:
        ValueError: the file is too large, or does not have this checksum.
        FileNotFoundError: the file or SHA256SUMS is missing.
    """
    _check_exists(file)
    if file.stat().st_size > MAX_BYTES:
        raise ValueError(
            f"{file} is larger than {MAX_BYTES // 1_000_000} MB, so it is not a Face Value model."
        )
    content = file.read_bytes()
    where = SUMS if sha256 is None else "this version of the package"
    if hashlib.sha256(content).hexdigest() != (sha256 or _listed_sum(file)):
        raise ValueError(
            f"{file} does not have the checksum in {where}, so it is damaged or another file: "
            "reinstall facevalue, or get the file again."
        )
    return content


def _listed_sum(file: Path) -> str:
    """Return the checksum of a file in SHA256SUMS."""
    sums = file.parent / SUMS
    _check_exists(sums)
    with sums.open(encoding="utf-8", errors="replace") as opened:
        lines = [line.split() for line in opened.read(MAX_SUMS).splitlines()]
    listed = {line[1].lstrip("*"): line[0].lower() for line in lines if len(line) == 2}
    if file.name not in listed:
        raise ValueError(
            f"{sums} does not list {file.name}, so it cannot be trusted: reinstall facevalue, or "
            "add its checksum."
        )
    return listed[file.name]


def _check_exists(file: Path) -> None:
    if not file.is_file():
        raise FileNotFoundError(
            f"{file.name} is not in {file.parent}: reinstall facevalue, or give the folder that "
            "contains it."
        )
