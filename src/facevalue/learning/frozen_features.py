"""Features of a frozen body, computed once."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
from keras import layers
from tqdm import tqdm

from facevalue import paths
from facevalue.data.dataset import SIZE
from facevalue.files import atomic_write
from facevalue.learning import backbones, networks

MOST_KEPT = 2_000_000_000
"""Bytes of features that are kept on disk; the oldest go first."""


def extractor(body: keras.Model, name: str) -> keras.Model:
    """Return the model from grey faces (n, 48, 48, 1), 0 to 255, to a body's pooled features.

    Args:
        body: as `backbones.backbone` returns it, or cut off at a lower layer.
        name: the key in `backbones.BACKBONES` that says what it expects.
    """
    faces = keras.Input((SIZE, SIZE, 1), name="faces")
    maps = body(backbones.prepare(faces, name, body.input_shape[1]), training=False)
    return keras.Model(faces, layers.GlobalAveragePooling2D(name="pooled")(maps))


def features(
    body: keras.Model, name: str, images: np.ndarray, *, batch: int = 128, keep: bool = True
) -> np.ndarray:
    """Return the pooled features of faces, computed once and then read from disk.

    They are kept in data/processed/features under a checksum of the body's weights and of the
    faces, so that another body, or the same one trained further, never gets old features.

    Args:
        body, name: as in `extractor`.
        images: uint8, shape (n, 48, 48).
        batch: faces that are computed at a time; memory grows with it, the result does not change.
        keep: False to neither read nor write the disk.
    Returns:
        float32, shape (n, channels).
    Raises:
        ValueError: `images` is no such array, or there is no such backbone.
    """
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise ValueError(
            f"images must be uint8 of shape (n, {SIZE}, {SIZE}), "
            f"got {images.dtype} of shape {images.shape}."
        )
    target = paths.processed() / "features" / f"{name}-{_state(body, name, images)}.npy"
    if keep and (kept := _read(target, (len(images), body.output_shape[-1]))) is not None:
        return kept
    model = extractor(body, name)
    model.compile(jit_compile=networks.JIT)
    found = np.empty((len(images), model.output_shape[-1]), np.float32)
    title = f"{backbones.described(name).title}, features"
    with tqdm(total=len(images), desc=title, unit="face", disable=None) as bar:
        for start in range(0, len(images), batch):
            part = images[start : start + batch, ..., None].astype("float32")
            found[start : start + len(part)] = model.predict_on_batch(part)
            bar.update(len(part))
    if keep:
        with suppress(OSError):  # a full disk costs time, not the lesson
            _write(target, found)
    return found


def _state(body: keras.Model, name: str, images: np.ndarray) -> str:
    """Return a text that changes with anything that the features depend on."""
    spec = backbones.described(name)
    facts = (name, body.input_shape, body.layers[-1].name, spec.scale, spec.offset, images.shape)
    state = hashlib.sha256(repr(facts).encode())
    for weight in body.get_weights():
        state.update(weight.tobytes())
    state.update(images.tobytes())
    return state.hexdigest()[:16]


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    try:
        kept = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return kept if kept.shape == shape and kept.dtype == np.float32 else None


def _write(path: Path, found: np.ndarray) -> None:
    with atomic_write(path, shared=True) as part, part.open("wb") as opened:
        np.save(opened, found, allow_pickle=False)
    files = sorted(path.parent.glob("*.npy"), key=lambda file: file.stat().st_mtime)
    total = sum(file.stat().st_size for file in files)
    for file in files[:-1]:
        if total <= MOST_KEPT:
            break
        total -= file.stat().st_size
        file.unlink()
