"""Grad-CAM: the regions of an image that a network's answer depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from facevalue.evaluation.activations import check_images, convolution_layer

BATCH = 128
"""How many images `grad_cam` explains at a time; more would need more memory."""

_SATURATING = (keras.activations.softmax, keras.activations.sigmoid)
"""Activations that are flat where the network is sure, so that their gradients vanish."""


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Return a map of the regions of each image that increase the score of a class.

    The map is the sum of a late layer's feature maps. Each feature map is weighted by the mean
    gradient of the class score (before the softmax) with respect to it. Negative values are set to
    0.

    Args:
        model: a functional network whose last layer gives probabilities: by softmax, or by one
            sigmoid for classes 0 and 1.
        images: float32, shape (n, height, width, channels), as the model takes them.
        labels: int, shape (n,), the class to explain for each image; by default the predicted one.
        layer: the name of the layer whose feature maps are used; by default the last layer whose
            output has the shape of the last convolution's, so that batch normalisation and ReLU
            are included.

    Returns:
        float32, shape (n, height, width), from 0 to 1: the largest value of each image is 1, or all
        values are 0 if no region increases the score.

    Raises:
        ValueError: the images do not have the model's input shape, a label is not one of its
            classes, the model has no convolution layer, or `layer` does not exist, has no maps, or
            lies on one of several parallel paths.

    Source: Selvaraju and others (2017), https://arxiv.org/abs/1610.02391

    >>> x = inputs = keras.Input((48, 48, 1))
    >>> x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(x))
    >>> model = keras.Model(inputs, keras.layers.Dense(7, activation="softmax")(x))
    >>> grad_cam(model, np.zeros((2, 48, 48, 1), np.float32)).shape
    (2, 48, 48)
    """
    check_images(model, images)
    name = layer or _map_layer(model)
    maps_of, score_of = _split(model, name)
    if labels is not None:
        classes = max(2, model.output_shape[-1])
        labels = np.asarray(labels)
        if labels.shape != (len(images),):
            raise ValueError(f"Labels must have the shape ({len(images)},), not {labels.shape}.")
        if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
            raise ValueError(
                f"Labels must be from 0 to {classes - 1}, the model's classes, not from "
                f"{labels.min()} to {labels.max()}."
            )
    result = np.zeros((len(images), *images.shape[1:3]), np.float32)
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        maps = maps_of(images[part], training=False)
        wanted = None if labels is None else labels[part]
        if wanted is None:
            wanted = keras.ops.convert_to_numpy(keras.ops.argmax(score_of(maps), axis=-1))
        chosen = keras.ops.one_hot(wanted, max(2, model.output_shape[-1]))
        gradients = _gradients(score_of, maps, chosen)
        result[part] = _weighted(maps, gradients, images.shape[1:3])
    return result


def _weighted(maps: Any, gradients: Any, size: tuple[int, ...]) -> np.ndarray:
    """Return the ReLU of the weighted sum of the maps, resized to `size` and scaled to 1."""
    maps, gradients = keras.ops.cast(maps, "float32"), keras.ops.cast(gradients, "float32")
    weights = keras.ops.mean(gradients, axis=(1, 2), keepdims=True)
    heat = keras.ops.relu(keras.ops.sum(weights * maps, axis=-1, keepdims=True))
    large = keras.ops.convert_to_numpy(keras.ops.image.resize(heat, size))[..., 0]
    peak = large.max(axis=(1, 2), keepdims=True)
    return np.divide(large, peak, out=np.zeros_like(large), where=peak > 0)


def _map_layer(model: keras.Model) -> str:
    """Return the name of the last layer whose output has the shape of the last convolution's."""
    shape = tuple(model.get_layer(convolution_layer(model, -1)).output.shape)
    with_output = [layer for layer in model.layers if getattr(layer, "output", None) is not None]
    return [layer.name for layer in with_output if tuple(layer.output.shape) == shape][-1]


def _split(model: keras.Model, name: str) -> tuple[keras.Model, Callable[[Any], Any]]:
    """Return the model from the image to the layer's maps, and a function from maps to scores."""
    if name not in [layer.name for layer in model.layers]:
        raise ValueError(
            f"The model has no layer {name!r}: see model.summary() for the names of its layers."
        )
    maps = model.get_layer(name).output
    if len(maps.shape) != 4:
        raise ValueError(f"The layer {name!r} has no maps: choose a convolution layer.")
    last = model.layers[-1]
    # the score is taken before such an activation
    linear = getattr(last, "activation", None) in _SATURATING and hasattr(last, "kernel")
    try:
        head = keras.Model(maps, last.input if linear else model.output)
    except ValueError as error:
        raise ValueError(
            f"The layer {name!r} lies on one of several parallel paths: choose a layer that all "
            "paths go through."
        ) from error

    def score(x: Any) -> Any:
        x = keras.ops.cast(head(x, training=False), "float32")
        if linear:
            x = keras.ops.matmul(x, keras.ops.cast(last.kernel, "float32"))
            x = x if last.bias is None else x + last.bias
        return x if x.shape[-1] > 1 else keras.ops.concatenate([-x, x], axis=-1)

    return keras.Model(model.input, maps), score


def _gradients(score_of: Callable[[Any], Any], maps: Any, chosen: Any) -> Any:
    """Return the gradients of the chosen scores with respect to the maps.

    Keras has no function for gradients that works on all backends.
    """

    def total(x: Any) -> Any:
        return keras.ops.sum(score_of(x) * chosen)

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(maps)
            value = total(maps)
        return tape.gradient(value, maps)
    if backend == "jax":
        import jax

        return jax.grad(total)(maps)
    import torch

    maps = maps.detach().requires_grad_()
    return torch.autograd.grad(total(maps), maps)[0]
