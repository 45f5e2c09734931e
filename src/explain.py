"""What a network does inside: the maps that its convolution layers compute."""

from __future__ import annotations

import keras
import numpy as np


def activation_maps(model: keras.Model, images: np.ndarray, layer: str) -> np.ndarray:
    """Return what one convolution layer computes for a batch of faces.

    Args:
        model: a functional `keras.Model` (no nested backbone).
        images: float32, shape (n, 48, 48, 1), grey levels from 0 to 1.
        layer: the name of a convolution layer of `model`.

    Returns:
        float32, shape (n, rows, columns, filters).

    Raises:
        ValueError: `images` has another shape than the model takes, or the model has no
            convolution layer called `layer`.

    Source: Zeiler and Fergus (2014), https://arxiv.org/abs/1311.2901
    """
    if images.ndim != 4 or images.shape[1:] != model.input_shape[1:]:
        expected = ", ".join(["n", *map(str, model.input_shape[1:])])
        raise ValueError(f"images must have the shape ({expected}), not {images.shape}.")
    known = convolution_layers(model)
    if layer not in known:
        raise ValueError(
            f"the model has no convolution layer {layer!r}: choose from {', '.join(known)}."
        )
    probe = keras.Model(model.input, model.get_layer(layer).output)
    # a direct call: `predict` would compile a new program for every layer
    return keras.ops.convert_to_numpy(probe(images, training=False))


def convolution_layers(model: keras.Model) -> list[str]:
    """Return the names of the model's two-dimensional convolution layers, first to last."""
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
