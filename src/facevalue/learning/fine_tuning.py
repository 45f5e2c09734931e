"""Training a compiled network again from given weights."""

from __future__ import annotations

import time

import keras
import numpy as np

JOIN_ROWS = 10_000
"""Epochs of up to this many rows in total are joined into one; they are 92 MB of 48x48 faces."""


def refit(
    model: keras.Model,
    weights: list[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    epochs: int,
    batch_size: int = 32,
) -> float:
    """Train a compiled model from the given weights, as if it were new.

    A new model would have to be compiled, which takes longer than training on a hundred faces.
    This function keeps the compiled training step, and resets only the state of the optimizer.
    Short epochs are joined into one long epoch, which saves the pauses between them.

    Args:
        model: a compiled model.
        weights: the weights to start from, as `model.get_weights` returns them.
        x: the inputs, shape (n, ...), as the model takes them.
        y: the targets, shape (n, ...), as the loss of the model takes them.
        epochs: how many times each row is used.
        batch_size: the number of rows in a training step.

    Returns:
        How long the training took, in seconds.
    """
    model.set_weights(weights)
    model.optimizer.build(model.trainable_variables)
    for value in model.optimizer.variables:
        if not value.path.endswith("learning_rate"):
            value.assign(keras.ops.zeros_like(value))
    start = time.perf_counter()
    if len(x) * epochs <= JOIN_ROWS:
        rows = np.tile(np.arange(len(x)), epochs)  # `fit` shuffles them
        x, y, epochs = x[rows], y[rows], 1
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
    return time.perf_counter() - start
