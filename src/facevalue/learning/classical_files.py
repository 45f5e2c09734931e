"""Saving and loading classical models safely."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import skops.io

from facevalue.files import atomic_write

LARGEST = 400_000_000
"""Bytes that a saved model may have, packed or unpacked."""

_OWN = ("Pixels", "Gradients", "BinaryPatterns", "MirrorRidge")
TRUSTED = tuple(f"facevalue.classical.{name}" for name in _OWN)
"""The classes of this module that a saved model may contain, besides scikit-learn's own."""


def save(model: Any, path: Path) -> int:
    """Write a trained model with skops, which stores no code, and return its size in bytes.

    The file appears only when it is complete.

    Args:
        model: a scikit-learn model, also with this module's classes in it.
        path: where to; by custom it ends in .skops.

    Raises:
        ValueError: the model contains something that `load` would refuse.
    """
    data = skops.io.dumps(model)
    _refuse(data, path)
    with atomic_write(path) as part:
        part.write_bytes(data)
    return len(data)


def load(path: Path) -> Any:
    """Return a model that `save` wrote; nothing of an unknown type is loaded, no code is run.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is too large, damaged, holds unknown types, or is no classifier.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no model {path.name}: run notebook 06, which saves one.")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} has more than {LARGEST:,} bytes: it is no model of ours.")
    data = path.read_bytes()
    _refuse(data, path)
    try:
        model = skops.io.loads(data, trusted=list(TRUSTED))
    except Exception as error:  # skops raises whatever the damaged part leads to
        raise ValueError(f"{path.name} is damaged: {error}; save the model again.") from error
    if not hasattr(model, "predict"):
        raise ValueError(f"{path.name} holds a {type(model).__name__}, which cannot predict.")
    return model


def _refuse(data: bytes, path: Path) -> None:
    """Raise a ValueError if a saved model is no zip, unpacks to too much, or is not trusted."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        types = skops.io.get_untrusted_types(data=data) if unpacked <= LARGEST else []
    except Exception as error:
        raise ValueError(f"{path.name} is no model saved with skops: {error}.") from error
    if unpacked > LARGEST:
        raise ValueError(f"{path.name} unpacks to {unpacked:,} bytes: it is no model of ours.")
    unknown = sorted(set(types) - set(TRUSTED))
    if unknown:
        raise ValueError(
            f"{path.name} holds types that are not loaded: {', '.join(unknown)}; "
            "save a model made of scikit-learn's and facevalue.classical's parts."
        )


def size(model: Any) -> int:
    """Return how many bytes `save` would write."""
    return len(skops.io.dumps(model))
