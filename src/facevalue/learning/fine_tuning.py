"""Training a transferred network again."""

from __future__ import annotations

import time

import keras
import numpy as np

STRUNG = 10_000
"""Up to this number of rows, epochs are strung together: 92 MB of faces."""


def refit(
    model: keras.Model,
    weights: list[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    epochs: int,
    batch: int = 32,
) -> float:
    """Train a compiled model from the given weights, as if it were new; return the seconds.

    A new model is a new program, and making that takes longer than training on a hundred faces.
    This uses the old program, with the optimizer's memory wiped. Short epochs are strung together
    into one long one, which saves the time between them.
    """
    model.set_weights(weights)
    model.optimizer.build(model.trainable_variables)
    for value in model.optimizer.variables:
        if not value.path.endswith("learning_rate"):
            value.assign(keras.ops.zeros_like(value))
    start = time.perf_counter()
    if len(x) * epochs <= STRUNG:
        order = np.tile(np.arange(len(x)), epochs)  # `fit` shuffles them
        x, y, epochs = x[order], y[order], 1
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return time.perf_counter() - start
