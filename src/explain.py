"""What a network does inside, and what it looks at: activation maps, filters, Grad-CAM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import cv2
import keras
import numpy as np
import pandas as pd

from facevalue import faces
from facevalue.dataset import Dataset
from facevalue.face_model import Person, View

TOGETHER = 128
"""Images that `grad_cam` explains at once."""


# ------------------------------------------------------------------------------ activations


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
    _check_images(model, images)
    known = convolution_layers(model)
    if layer not in known:
        raise ValueError(
            f"the model has no convolution layer {layer!r}: choose from {', '.join(known)}."
        )
    probe = keras.Model(model.input, model.get_layer(layer).output)
    # a direct call: `predict` would compile a new program for every layer
    return keras.ops.convert_to_numpy(keras.ops.cast(probe(images, training=False), "float32"))


def convolution_layers(model: keras.Model) -> list[str]:
    """Return the names of the model's two-dimensional convolution layers, first to last."""
    return [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]


def first_filters(model: keras.Model) -> np.ndarray:
    """Return the filters of the model's first convolution layer, as images to look at.

    Returns:
        float32, shape (filters, rows, columns): the weights. Where the layer takes colour, they
        are summed over the channels, which is the filter that a grey face meets.

    Raises:
        ValueError: the model has no convolution layer.
    """
    kernel = model.get_layer(_last_or_first(model, 0)).get_weights()[0]
    return kernel.sum(axis=2).transpose(2, 0, 1)


def _check_images(model: keras.Model, images: np.ndarray) -> None:
    if images.ndim != 4 or images.shape[1:] != model.input_shape[1:]:
        expected = ", ".join(["n", *map(str, model.input_shape[1:])])
        raise ValueError(f"images must have the shape ({expected}), not {images.shape}.")


def _last_or_first(model: keras.Model, which: int) -> str:
    known = convolution_layers(model)
    if not known:
        raise ValueError(f"the model {model.name!r} has no convolution layer to look into.")
    return known[which]


# ------------------------------------------------------------------------------ Grad-CAM


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


# ------------------------------------------------------------------------------ the truth


def inside_share(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return which share of each map lies inside a region; `masks.mean()` of it is chance.

    Args:
        maps: float, shape (n, H, W), 0 or more, as `grad_cam` makes them.
        masks: bool, shape (n, H, W), or (H, W) for the same region in all.

    Returns:
        float32, shape (n,), from 0 to 1; NaN where a map is zero everywhere.

    Raises:
        ValueError: the shapes do not fit.
    """
    if maps.ndim != 3 or masks.shape not in (maps.shape, maps.shape[1:]):
        raise ValueError(f"masks must have the shape of maps {maps.shape}, not {masks.shape}.")
    total = maps.sum(axis=(1, 2), dtype=np.float64)
    inside = (maps * masks).sum(axis=(1, 2), dtype=np.float64)
    nothing = np.full(len(maps), np.nan)
    return np.divide(inside, total, out=nothing, where=total > 0).astype(np.float32)


def moved_region(face: Mapping[Any, Any], threshold: float = 10) -> np.ndarray:
    """Return where a drawn face differs from the same face at rest.

    It is drawn twice, with its action units and without, both without noise and JPEG, so that
    nothing but the expression can differ; what a hand or a microphone hides did not move.

    Args:
        face: a row of `Dataset.truth` of drawn faces: the columns au_N and the fields of `Person`
            and `View`. What is missing is taken as it is by default.
        threshold: grey levels of 255 by which a pixel and those around it must differ.

    Returns:
        bool, shape (48, 48); all False for a neutral face.

    Raises:
        ValueError: the row has no columns au_N.
    """
    units = {int(str(k)[3:]): float(v) for k, v in face.items() if str(k).startswith("au_")}
    if not units:
        raise ValueError("face must be a row of the truth of drawn faces: it has no columns au_N.")
    person = Person(**{f.name: face[f.name] for f in fields(Person) if f.name in face})
    view = View(**{f.name: face[f.name] for f in fields(View) if f.name in face})
    view = replace(view, noise=0.0, jpeg=100)
    moved, rest = (faces.draw(shown, person, view) for shown in (units, {}))
    # blurred by a pixel, so that a region has no holes
    return cv2.GaussianBlur(cv2.absdiff(moved, rest), (0, 0), 1.0) >= threshold


def moved_shares(model: keras.Model, drawn: Dataset, least: float = 0.02) -> pd.DataFrame:
    """Return for drawn faces how much of Grad-CAM for the model's answer lies where they moved.

    Args:
        model: a network that takes faces of 48 x 48, one channel, from 0 to 1.
        drawn: faces with their truth, from `faces.sample` or `datasets.load("rendered")`.
        least: faces of which a smaller share moved, such as neutral ones, are left out.

    Returns:
        One row per face: inside, the share of its map in the region that moved; chance, the
        region's share of the image; right, whether the model's answer is the label.

    Raises:
        ValueError: `drawn` has no truth.
    """
    if drawn.truth is None:
        raise ValueError("drawn must be drawn faces: of others it is not known what moved.")
    regions = np.stack([moved_region(face) for face in drawn.truth.to_dict("records")])
    right = model.predict(drawn.x, verbose=0).argmax(axis=1) == drawn.labels
    inside = inside_share(grad_cam(model, drawn.x), regions)
    table = pd.DataFrame({"inside": inside, "chance": regions.mean(axis=(1, 2)), "right": right})
    return table[table["chance"] >= least].dropna()
