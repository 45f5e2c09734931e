"""Filters and activation maps of convolutional networks."""

from __future__ import annotations

import keras
import numpy as np


def activation_maps(model: keras.Model, images: np.ndarray, layer: str) -> np.ndarray:
    """Return the output of one convolution layer for a batch of images.

    Args:
        model: a functional network; layers of a network nested in it are not found.
        images: float32, shape (n, height, width, channels), as the model takes them.
        layer: the name of a convolution layer of `model`.

    Returns:
        float32, shape (n, rows, columns, filters).

    Raises:
        ValueError: `images` does not have the model's input shape, or the model has no convolution
            layer called `layer`.

    Source: Zeiler and Fergus (2014), https://arxiv.org/abs/1311.2901

    >>> inputs = keras.Input((48, 48, 1))
    >>> model = keras.Model(inputs, keras.layers.Conv2D(4, 3, name="edges")(inputs))
    >>> activation_maps(model, np.zeros((2, 48, 48, 1), np.float32), "edges").shape
    (2, 46, 46, 4)
    """
    check_images(model, images)
    known = convolution_layers(model)
    if layer not in known:
        raise ValueError(
            f"The model has no convolution layer {layer!r}: choose from {', '.join(known)}."
        )
    probe = keras.Model(model.input, model.get_layer(layer).output)
    # a direct call, because `predict` would compile a program for each layer
    return keras.ops.convert_to_numpy(keras.ops.cast(probe(images, training=False), "float32"))


def convolution_layers(model: keras.Model) -> list[str]:
    """Return the names of the model's two-dimensional convolution layers, first to last.

    >>> convolution_layers(
    ...     keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Conv2D(4, 3, name="edges")])
    ... )
    ['edges']
    """
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]


def first_filters(model: keras.Model) -> np.ndarray:
    """Return the weights of the model's first convolution layer as images.

    Returns:
        float32, shape (filters, rows, columns). Weights of several input channels are summed: the
        sum is the filter that is applied to a grey face, whose channels are equal.

    Raises:
        ValueError: the model has no convolution layer.
    """
    kernel = model.get_layer(convolution_layer(model, 0)).get_weights()[0]
    return kernel.sum(axis=2).transpose(2, 0, 1)


def check_images(model: keras.Model, images: np.ndarray) -> None:
    """Raise a ValueError unless the images have the model's input shape."""
    if images.ndim != 4 or images.shape[1:] != model.input_shape[1:]:
        expected = ", ".join(["n", *map(str, model.input_shape[1:])])
        raise ValueError(f"Images must have the shape ({expected}), not {images.shape}.")


def convolution_layer(model: keras.Model, index: int) -> str:
    """Return the name of a convolution layer: 0 is the first, -1 the last.

    Raises:
        ValueError: the model has no convolution layer.
    """
    known = convolution_layers(model)
    if not known:
        raise ValueError(f"The model {model.name!r} has no convolution layer.")
    return known[index]
