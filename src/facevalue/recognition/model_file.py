"""A model file that is checked before it is run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from facevalue.emotions import EMOTIONS
from facevalue.recognition.preparation import SIZE

SUMS = "SHA256SUMS"
"""The file beside the models that says which bytes they must have."""

LARGEST = 200_000_000
"""Bytes that a model file may have."""

MOST_SUMS = 100_000
"""Characters of SHA256SUMS that are read."""


def _session(file: Path, threads: int) -> Any:
    """Return ONNX Runtime with a model that was checked: its bytes, its input, its output."""
    content = _checked(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors only
    wrong = (
        f"{file.name} is no network from faces of {SIZE} x {SIZE} to {len(EMOTIONS)} probabilities"
    )
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        blank = np.zeros((2, SIZE, SIZE, 1), np.float32)
        (found,) = session.run(None, {given.name: blank})
    except Exception:  # ONNX Runtime has a dozen types, all of which mean the same here
        raise ValueError(f"{wrong}: ONNX Runtime cannot run it as one.") from None
    if found.shape != (2, len(EMOTIONS)) or found.dtype != np.float32:
        raise ValueError(f"{wrong}: for two faces it gives {found.dtype} of shape {found.shape}.")
    if not (np.allclose(found.sum(axis=1), 1, atol=1e-3) and found.min() >= 0):
        raise ValueError(f"{wrong}: what it gives does not add up to 1.")
    return session


def _checked(file: Path) -> bytes:
    """Return the bytes of a model file that are those in SHA256SUMS."""
    sums = file.parent / SUMS
    for needed in (file, sums):
        if not needed.is_file():
            raise FileNotFoundError(
                f"{needed.name} is not in {needed.parent}: get the project's models/ folder, or "
                "give the folder that holds it."
            )
    if file.stat().st_size > LARGEST:
        raise ValueError(f"{file.name} has more than {LARGEST // 1_000_000} MB: it is no model.")
    content = file.read_bytes()
    with sums.open(encoding="utf-8", errors="replace") as opened:
        lines = [line.split() for line in opened.read(MOST_SUMS).splitlines()]
    listed = {line[1].lstrip("*"): line[0].lower() for line in lines if len(line) == 2}
    if file.name not in listed:
        raise ValueError(f"{SUMS} beside {file.name} does not list it: it cannot be trusted.")
    if hashlib.sha256(content).hexdigest() != listed[file.name]:
        raise ValueError(
            f"{file.name} is damaged or another file than {SUMS} says: get it again from the "
            "project."
        )
    return content
