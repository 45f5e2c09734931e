"""Weights in the layout of Keras 2, which the published weight files have."""

from __future__ import annotations

import io

import h5py
import keras
import numpy as np


def published_file(model: keras.Model, nested: bool = False) -> bytes:
    """Return weights in the layout of the published files: a group for each layer, by name.

    A file of `save_weights` has the groups at its top, one of `save` in model_weights.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        top = file.create_group("model_weights") if nested else file
        top.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        top.attrs["backend"] = b"tensorflow"
        top.attrs["keras_version"] = b"2.2.4"
        for layer in model.layers:
            group = top.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group.create_dataset(name, data=keras.ops.convert_to_numpy(weight))
    return content.getvalue()


def same(ours: keras.Model, theirs: keras.Model) -> bool:
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)
