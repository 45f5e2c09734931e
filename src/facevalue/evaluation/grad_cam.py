"""Grad-CAM: where a network looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from facevalue.evaluation.activations import _check_images, _last_or_first

TOGETHER = 128
"""Images that `grad_cam` explains at once."""


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    layer: str | None = None,
) -> np.ndarray:
    """Return where in each image a network saw what speaks for a class.

    The maps of a late layer are added up, each with the weight that the class score (before the
    softmax) would change by if the whole map grew; what speaks against the class counts nothing.

    Args:
        model: a functional `keras.Model` whose last layer gives probabilities: softmax, or one
            sigmoid for classes 0 and 1.
        images: float32, shape (n, H, W, channels), as the model takes them.
        labels: int, shape (n,), the class to explain for each image; None: the predicted one.
        layer: the layer whose maps are taken; None: the last one that has maps as large as those
            of the last convolution, so that its batch normalisation and ReLU are included.

    Returns:
        float32, shape (n, H, W), from 0 to 1: the largest value of each image is 1, or all are 0
        where nothing speaks for the class.

    Raises:
        ValueError: the images have another shape than the model takes, a label is outside its
            classes, or `layer` is no layer with maps that everything after it depends on.

    Source: Selvaraju and others (2017), https://arxiv.org/abs/1610.02391
    """
    _check_images(model, images)
    name = layer or _map_layer(model)
    maps_of, score_of = _split(model, name)
    if labels is not None:
        classes = max(2, model.output_shape[-1])
        labels = np.asarray(labels)
        if labels.shape != (len(images),):
            raise ValueError(f"labels must have the shape ({len(images)},), not {labels.shape}.")
        if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
            raise ValueError(f"labels must be from 0 to {classes - 1}, the model's classes.")
    result = np.zeros((len(images), *images.shape[1:3]), np.float32)
    for start in range(0, len(images), TOGETHER):
        part = slice(start, start + TOGETHER)
        maps = maps_of(images[part], training=False)
        wanted = None if labels is None else labels[part]
        if wanted is None:
            wanted = keras.ops.convert_to_numpy(keras.ops.argmax(score_of(maps), axis=-1))
        chosen = keras.ops.one_hot(wanted, max(2, model.output_shape[-1]))
        slopes = _slopes(score_of, maps, chosen)
        result[part] = _weighted(maps, slopes, images.shape[1:3])
    return result


def _weighted(maps: Any, slopes: Any, size: tuple[int, ...]) -> np.ndarray:
    """Return ReLU of the maps' sum, weighted by their mean slopes, at the size of the image."""
    maps, slopes = keras.ops.cast(maps, "float32"), keras.ops.cast(slopes, "float32")
    weights = keras.ops.mean(slopes, axis=(1, 2), keepdims=True)
    heat = keras.ops.relu(keras.ops.sum(weights * maps, axis=-1, keepdims=True))
    large = keras.ops.convert_to_numpy(keras.ops.image.resize(heat, size))[..., 0]
    peak = large.max(axis=(1, 2), keepdims=True)
    return np.divide(large, peak, out=np.zeros_like(large), where=peak > 0)


def _map_layer(model: keras.Model) -> str:
    """Return the last layer whose maps have the shape of the last convolution's."""
    shape = model.get_layer(_last_or_first(model, -1)).output.shape
    last = [layer.name for layer in model.layers if getattr(layer, "output", None) is not None]
    return [name for name in last if tuple(model.get_layer(name).output.shape) == tuple(shape)][-1]


def _split(model: keras.Model, name: str) -> tuple[keras.Model, Callable[[Any], Any]]:
    """Return a network from the image to the layer's maps, and a function from these to scores."""
    if name not in [layer.name for layer in model.layers]:
        raise ValueError(f"the model has no layer {name!r}.")
    maps = model.get_layer(name).output
    if len(maps.shape) != 4:
        raise ValueError(f"the layer {name!r} has no maps: choose a convolution layer.")
    last = model.layers[-1]
    # softmax and sigmoid flatten the slopes where the network is sure, so the score is taken before
    linear = getattr(last, "activation", None) in _SQUASHES and hasattr(last, "kernel")
    try:
        head = keras.Model(maps, last.input if linear else model.output)
    except ValueError:
        raise ValueError(
            f"the layer {name!r} lies on one of several paths: choose one that all pass through."
        ) from None

    def score(x: Any) -> Any:
        x = keras.ops.cast(head(x, training=False), "float32")
        if linear:
            x = keras.ops.matmul(x, keras.ops.cast(last.kernel, "float32"))
            x = x if last.bias is None else x + last.bias
        return x if x.shape[-1] > 1 else keras.ops.concatenate([-x, x], axis=-1)

    return keras.Model(model.input, maps), score


_SQUASHES = (keras.activations.softmax, keras.activations.sigmoid)


def _slopes(score_of: Callable[[Any], Any], maps: Any, chosen: Any) -> Any:
    """Return how each number of the maps changes the chosen scores; Keras has no call for it."""

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
