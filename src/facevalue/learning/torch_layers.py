"""Keras layers that call PyTorch's own functions, for fast training on a CPU."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


class QuickBatchNormalization(layers.BatchNormalization):
    """Batch normalisation that trains with one call of PyTorch's function.

    Keras computes it in several steps, which takes twice as long in a network of many small maps.
    The weights are those of `keras.layers.BatchNormalization`. On other backends, and when it does
    not train, this layer does the same as that one.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise float maps, shape (n, height, width, channels), over all but the last axis."""
        if not training or keras.config.backend() != "torch":
            return super().call(inputs, training=training, mask=mask)
        import torch

        maps = torch.nn.functional.batch_norm(
            inputs.permute(0, 3, 1, 2),
            self.moving_mean.value,
            self.moving_variance.value,
            self.gamma.value,
            self.beta.value,
            training=True,
            momentum=1 - self.momentum,
            eps=self.epsilon,
        )
        return maps.permute(0, 2, 3, 1)


class QuickConvolution(layers.Conv2D):
    """A convolution that, on PyTorch, avoids the two copies of its input that Keras 3.15 makes.

    The recogniser's network trains a fifth faster with it on a CPU. The weights are those of
    `keras.layers.Conv2D`. On other backends, this layer does the same as that one.

    It is only for kernels of 1 and 3 pixels, padding "same", and maps with an even height and
    width.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve float maps, shape (n, height, width, channels)."""
        if keras.config.backend() != "torch":
            return super().convolution_op(inputs, kernel)
        from torch.nn import functional

        maps = inputs.permute(0, 3, 1, 2)
        padding = self.kernel_size[0] // 2
        if padding and self.strides[0] > 1:  # like TensorFlow: pad on the right and below only
            maps, padding = functional.pad(maps, (0, padding, 0, padding)), 0
        weights = keras.ops.convert_to_tensor(kernel).permute(3, 2, 0, 1)
        maps = functional.conv2d(maps, weights, stride=self.strides, padding=padding)
        return maps.permute(0, 2, 3, 1)
