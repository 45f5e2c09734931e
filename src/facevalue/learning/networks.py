"""The project's networks, untrained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
from keras import layers

JIT = keras.config.backend() == "jax"
"""For `compile(jit_compile=JIT)`: on TensorFlow, XLA would compile anew for each batch size."""


def small_body(size: int = 48) -> keras.Model:
    """Return the project's own small body, untrained: images (n, size, size, 3) to 128 maps.

    Four blocks of convolution, batch normalisation and ReLU, each of which halves the image.
    """
    x = inputs = keras.Input((size, size, 3), name="image")
    for block, filters in enumerate((16, 32, 64, 128), start=1):
        shape: dict[str, Any] = {"strides": 2, "padding": "same", "use_bias": False}
        x = layers.Conv2D(filters, 3, **shape, name=f"block{block}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"block{block}_bn")(x)
        x = layers.ReLU(name=f"block{block}_relu")(x)
    return keras.Model(inputs, x, name="small_body")


class QuickBatchNormalization(layers.BatchNormalization):
    """Batch normalisation by the backend's own kernel while training, where Keras computes it
    in several steps: a network of many small maps trains twice as fast on a processor.

    The weights are those of `keras.layers.BatchNormalization`, which takes its place when a
    trained network is kept (`residual(..., quick=False)`).
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise float maps, shape (n, height, width, channels), over all but the last axis."""
        if not training or keras.config.backend() != "torch":
            return super().call(inputs, training=training, mask=mask)
        import torch

        channels_first = inputs.permute(0, 3, 1, 2)
        running = self.moving_mean.value, self.moving_variance.value
        learnt = self.gamma.value, self.beta.value
        settings = (True, 1 - self.momentum, self.epsilon)
        answer = torch.nn.functional.batch_norm(channels_first, *running, *learnt, *settings)
        return answer.permute(0, 2, 3, 1)


class QuickConvolution(layers.Conv2D):
    """A convolution that, on PyTorch, spares the two copies that Keras 3.15 makes of what comes in:
    on a processor, the recogniser's network trains a fifth faster.

    The weights are those of `keras.layers.Conv2D`, which takes its place when a trained network is
    kept (`residual(..., quick=False)`). For kernels of 1 and 3, padding "same" and even sizes
    only.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve float maps, shape (n, height, width, channels)."""
        if keras.config.backend() != "torch":
            return super().convolution_op(inputs, kernel)
        from torch.nn import functional

        channels_first = inputs.permute(0, 3, 1, 2)
        around = self.kernel_size[0] // 2
        if around and self.strides[0] > 1:  # as TensorFlow pads: right and below only
            channels_first, around = functional.pad(channels_first, (0, around, 0, around)), 0
        turned = keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
        answer = functional.conv2d(channels_first, turned, stride=self.strides, padding=around)
        return answer.permute(0, 2, 3, 1)


def residual(
    widths: Sequence[int] = (32, 64, 128, 256),
    blocks: Sequence[int] = (2, 2, 2),
    heads: Mapping[str, int] = MappingProxyType({"emotion": 7}),
    *,
    dropout: float = 0.0,
    quick: bool = False,
) -> keras.Model:
    """Return the recogniser's network, untrained: grey faces (n, 48, 48, 1) to probabilities.

    Each face is first brought to mean 0 and standard deviation 1, so that light and contrast
    count for nothing. Then come a convolution and three stages of residual blocks, each of which
    halves the maps. To let the last normalisation of each block begin at zero, as is often done,
    is of no use here: with so few blocks the network learns for epochs as if they were not there.
    Source: He and others (2016), https://arxiv.org/abs/1512.03385.

    Args:
        widths: maps of the first convolution and of the stages.
        blocks: of each stage.
        heads: by name, how many probabilities each gives; side by side in the answer.
        dropout: share of the last values that training sets to 0.
        quick: whether `QuickConvolution` and `QuickBatchNormalization` are used.
    """
    convolve = QuickConvolution if quick else layers.Conv2D
    norm = QuickBatchNormalization if quick else layers.BatchNormalization

    def convolution(x: Any, filters: int, size: int = 3, stride: int = 1) -> Any:
        how: Any = {"strides": stride, "padding": "same", "use_bias": False}
        x = convolve(filters, size, kernel_initializer="he_normal", **how)(x)
        # the running mean is for later use: the weights' own average is as slow
        return norm(momentum=0.9, autocast=False)(x)

    inputs = keras.Input((48, 48, 1), name="face")
    standard = layers.LayerNormalization(
        axis=(1, 2, 3), center=False, scale=False, epsilon=1e-5, dtype="float32", name="standard"
    )
    x = layers.ReLU()(convolution(standard(inputs), widths[0]))
    for width, number in zip(widths[1:], blocks, strict=True):
        for block in range(number):
            stride = 1 if block else 2
            shortcut = x if block else convolution(x, width, 1, stride)
            y = layers.ReLU()(convolution(x, width, 3, stride))
            y = convolution(y, width)
            x = layers.ReLU()(layers.Add()([y, shortcut]))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout", seed=0)(x) if dropout else x
    answers = [
        layers.Dense(size, "softmax", dtype="float32", name=name)(x) for name, size in heads.items()
    ]
    whole = layers.Concatenate(dtype="float32")(answers) if len(answers) > 1 else answers[0]
    return keras.Model(inputs, whole, name="residual")


def vggface(size: int = 96) -> keras.Model:
    """Return VGG16's convolutions under the names that VGGFace's weight file uses, untrained.

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


def recogniser_body(whole: keras.Model) -> keras.Model:
    """Return the recogniser's network without its last layers: (n, 48, 48, 3) to 6 x 6 maps.

    Args:
        whole: as from `residual`; its weights are shared. It takes the first of the three channels.
    """
    maps = keras.Model(whole.input, whole.get_layer("average").input)
    inputs = keras.Input((48, 48, 3), name="image")
    return keras.Model(inputs, maps(inputs[..., :1]), name="recogniser_body")
