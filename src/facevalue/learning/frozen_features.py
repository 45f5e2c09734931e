"""Features of faces from a frozen network, computed once and then read from a cache on disk."""

from __future__ import annotations

import hashlib

import keras
import numpy as np
from keras import layers
from tqdm import tqdm

from facevalue import paths
from facevalue.data.cache import load_or_make
from facevalue.data.dataset import SIZE
from facevalue.learning import backbones, networks

CACHE_BYTES = 2_000_000_000
"""How many bytes of earlier features are kept on disk; the oldest are removed first."""


def extractor(body: keras.Model, name: str, *, pool: bool = True) -> keras.Model:
    """Return a model from grey faces to features.

    Args:
        body: a network from `backbones.backbone`, or its lower layers.
        name: the key in `backbones.BACKBONES` that determines which input `body` expects.
        pool: whether each feature map is averaged.

    Returns:
        A model from faces, float, shape (n, 48, 48, 1), from 0 to 255, to the mean of each feature
        map, float32, shape (n, channels), or to the maps, shape (n, rows, columns, channels).

    Raises:
        ValueError: there is no such backbone.
    """
    faces = keras.Input((SIZE, SIZE, 1), name="faces")
    maps = body(backbones.prepare(faces, name, body.input_shape[1]), training=False)
    return keras.Model(faces, layers.GlobalAveragePooling2D(name="pooled")(maps) if pool else maps)


def features(
    body: keras.Model,
    name: str,
    images: np.ndarray,
    *,
    pool: bool = True,
    batch_size: int = 128,
    keep: bool = True,
) -> np.ndarray:
    """Return the features of faces.

    They are cached in data/processed/features. The cache key is a checksum of the weights and the
    images, so they are computed again if the network was trained further.

    Args:
        body, name, pool: as in `extractor`.
        images: uint8, shape (n, 48, 48).
        batch_size: how many faces are computed at a time. A larger batch needs more memory; the
            result is the same.
        keep: whether the cache is read and written.

    Returns:
        float32, shape (n, channels), or (n, rows, columns, channels) without `pool`.

    Raises:
        ValueError: `images` has another dtype or shape, or there is no such backbone.

    >>> body = backbones.backbone("rendered", weights=False)
    >>> features(body, "rendered", np.zeros((5, 48, 48), np.uint8), keep=False).shape
    (5, 128)
    """
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise ValueError(
            f"The images must be uint8 of shape (n, {SIZE}, {SIZE}), "
            f"not {images.dtype} of shape {images.shape}."
        )
    if not keep:
        return _compute(body, name, images, pool, batch_size)
    cached = load_or_make(
        "features",
        _cache_key(body, name, images, pool),
        lambda: {"features": _compute(body, name, images, pool, batch_size)},
        folder=paths.processed() / "features",
        keep_bytes=CACHE_BYTES,
    )
    return cached["features"]


def _compute(
    body: keras.Model, name: str, images: np.ndarray, pool: bool, batch_size: int
) -> np.ndarray:
    model = extractor(body, name, pool=pool)
    model.compile(jit_compile=networks.JIT)
    found = np.empty((len(images), *model.output_shape[1:]), np.float32)
    title = f"{backbones.backbone_spec(name).title}, features"
    with tqdm(total=len(images), desc=title, unit="face", disable=None) as bar:
        for start in range(0, len(images), batch_size):
            part = images[start : start + batch_size, ..., None].astype("float32")
            found[start : start + len(part)] = model.predict_on_batch(part)
            bar.update(len(part))
    return found


def _cache_key(body: keras.Model, name: str, images: np.ndarray, pool: bool) -> str:
    """Return a checksum of the weights, the images, and what the network expects as input."""
    spec = backbones.backbone_spec(name)
    last = body.layers[-1].name
    facts = (name, body.input_shape, last, spec.scale, spec.offset, images.shape, pool)
    key = hashlib.sha256(repr(facts).encode())
    for weight in body.get_weights():
        key.update(weight.tobytes())
    key.update(images.tobytes())
    return key.hexdigest()[:16]
