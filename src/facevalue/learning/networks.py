"""The project's networks, with random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
from keras import layers

from facevalue.learning.torch_layers import QuickBatchNormalization, QuickConvolution

JIT = keras.config.backend() == "jax"
"""The value of `jit_compile` for `compile`: only with JAX, because TensorFlow's XLA would compile
again for each batch size."""


def small_body(size: int = 48) -> keras.Model:
    """Return a small convolutional network without a classifier.

    Four blocks of convolution, batch normalisation and ReLU, each of which halves the image.

    Args:
        size: height and width of the images in pixels.

    Returns:
        A model from images, float, shape (n, size, size, 3), to feature maps, float, shape
        (n, size / 16, size / 16, 128).

    >>> small_body(48).output_shape
    (None, 3, 3, 128)
    """
    x = inputs = keras.Input((size, size, 3), name="image")
    for block, filters in enumerate((16, 32, 64, 128), start=1):
        options: dict[str, Any] = {"strides": 2, "padding": "same", "use_bias": False}
        x = layers.Conv2D(filters, 3, **options, name=f"block{block}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"block{block}_bn")(x)
        x = layers.ReLU(name=f"block{block}_relu")(x)
    return keras.Model(inputs, x, name="small_body")


def dense_net() -> keras.Model:
    """Return notebook 03's best dense network, which ignores which pixels are neighbours.

    Returns:
        A model from faces, float, shape (n, 48, 48, 1), to probabilities, float32, shape (n, 7).

    >>> dense_net().count_params()
    3023623
    """
    x = inputs = keras.Input((48, 48, 1), name="face")
    x = layers.Flatten(name="pixels")(x)
    x = layers.LayerNormalization(center=False, scale=False, name="standard")(x)
    for place, width in enumerate((1024, 512, 256), start=1):
        x = layers.Dense(width, use_bias=False, name=f"dense{place}")(x)
        x = layers.BatchNormalization(name=f"norm{place}")(x)
        x = layers.ReLU(name=f"relu{place}")(x)
        x = layers.Dropout(0.2, name=f"dropout{place}")(x)
    outputs = layers.Dense(7, "softmax", dtype="float32", name="emotion")(x)
    return keras.Model(inputs, outputs, name="dense_net")


def residual(
    widths: Sequence[int] = (32, 64, 128, 256),
    blocks: Sequence[int] = (2, 2, 2),
    heads: Mapping[str, int] = MappingProxyType({"emotion": 7}),
    *,
    dropout: float = 0.0,
    quick: bool = False,
) -> keras.Model:
    """Return the recogniser's network: a residual network from grey faces to probabilities.

    First, each face is standardised to mean 0 and standard deviation 1, so that brightness and
    contrast do not matter. Then come a convolution and the stages of residual blocks; each stage
    halves the height and width of the maps. The scale of the last normalisation in each block is
    not initialised to 0, as is often done: with so few blocks, the network would train for the
    first epochs as if it had none.

    Args:
        widths: the number of maps of the first convolution, then that of each stage.
        blocks: the number of residual blocks in each stage.
        heads: the number of classes of each head, by its name. The probabilities of all heads are
            concatenated.
        dropout: the share of the pooled features that is set to 0 during training.
        quick: whether to use the layers of `torch_layers`, which train faster on PyTorch and have
            the same weights as those of Keras.

    Returns:
        A model from faces, float, shape (n, 48, 48, 1), to probabilities, float32, shape
        (n, classes).

    Source: He and others (2016), https://arxiv.org/abs/1512.03385

    >>> model = residual((8, 8, 16), (1, 1), {"emotion": 7, "votes": 10})
    >>> model.input_shape, model.output_shape
    ((None, 48, 48, 1), (None, 17))
    """
    convolve = QuickConvolution if quick else layers.Conv2D
    normalise = QuickBatchNormalization if quick else layers.BatchNormalization

    def convolution(x: Any, filters: int, size: int = 3, stride: int = 1) -> Any:
        options: Any = {"strides": stride, "padding": "same", "use_bias": False}
        x = convolve(filters, size, kernel_initializer="he_normal", **options)(x)
        # a larger momentum is not needed, because training averages these statistics too
        return normalise(momentum=0.9, autocast=False)(x)

    inputs = keras.Input((48, 48, 1), name="face")
    standardise = layers.LayerNormalization(
        axis=(1, 2, 3), center=False, scale=False, epsilon=1e-5, dtype="float32", name="standard"
    )
    x = layers.ReLU()(convolution(standardise(inputs), widths[0]))
    for width, number in zip(widths[1:], blocks, strict=True):
        for block in range(number):
            stride = 1 if block else 2
            shortcut = x if block else convolution(x, width, 1, stride)
            y = layers.ReLU()(convolution(x, width, 3, stride))
            y = convolution(y, width)
            x = layers.ReLU()(layers.Add()([y, shortcut]))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout", seed=0)(x) if dropout else x
    outputs = [
        layers.Dense(size, "softmax", dtype="float32", name=name)(x) for name, size in heads.items()
    ]
    output = layers.Concatenate(dtype="float32")(outputs) if len(outputs) > 1 else outputs[0]
    return keras.Model(inputs, output, name="residual")


def vggface(size: int = 96) -> keras.Model:
    """Return VGG16's convolutions with the layer names of VGGFace's weight file.

    Args:
        size: height and width of the images in pixels, 32 or more.

    Returns:
        A model from images, float, shape (n, size, size, 3), to feature maps, float, shape
        (n, size // 32, size // 32, 512).

    Source: Parkhi and others (2015), https://doi.org/10.5244/C.29.41; the names are those of
        rcmalli/keras-vggface.
    """
    x = inputs = keras.Input((size, size, 3), name="input_1")
    stages = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    for stage, (filters, convolutions) in enumerate(stages, start=1):
        for number in range(1, convolutions + 1):
            name = f"conv{stage}_{number}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    return keras.Model(inputs, x, name="vggface")


def recogniser_body(recogniser: keras.Model) -> keras.Model:
    """Return the recogniser's network without pooling and classifier.

    Args:
        recogniser: a network from `residual` with three stages. The body shares its weights.

    Returns:
        A model from images, float, shape (n, 48, 48, 3), to feature maps, float, shape
        (n, 6, 6, channels). It uses only the first channel of the images.

    >>> recogniser_body(residual((8, 8, 12, 16), (1, 1, 1))).output_shape
    (None, 6, 6, 16)
    """
    maps = keras.Model(recogniser.input, recogniser.get_layer("average").input)
    inputs = keras.Input((48, 48, 3), name="image")
    return keras.Model(inputs, maps(inputs[..., :1]), name="recogniser_body")
