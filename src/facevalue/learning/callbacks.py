"""Keras callbacks of `training.fit`: the learning curve, averaged weights, the time left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from facevalue.learning.batches import Batches

AVERAGE_EVERY = 8
"""Steps between two updates of the average; updating it at every step would slow training down."""


class Curve(keras.callbacks.Callback):
    """Records a row per epoch, and sets the epoch of the batches.

    Attributes:
        rows: one per finished epoch: epoch (from 1), the loss and metrics of Keras, learning_rate,
            seconds.
    """

    ADDED = ("epoch", "learning_rate", "seconds")
    """The columns that are added to those of Keras."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches
        self.rows: list[dict[str, Any]] = []
        self.began = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self.batches.epoch = epoch
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Add a row."""
        row = {"epoch": epoch + 1} | {key: float(value) for key, value in (logs or {}).items()}
        row["learning_rate"] = learning_rate(self.model)
        row["seconds"] = time.perf_counter() - self.began
        self.rows.append(row)


class AveragedWeights(keras.callbacks.Callback):
    """Keeps a moving average of all weights, those of batch normalisation included.

    While the steps of an epoch run, the model has the trained weights. From the validation on, it
    has the averaged weights. So the average is validated, is passed to the callbacks that follow,
    and remains in the model at the end. A checkpoint of the model contains both sets, because the
    other set is an attribute of the optimizer.

    `keras.callbacks.SwapEMAWeights`, by contrast, averages only the trainable weights.

    Source: Polyak and Juditsky (1992), https://doi.org/10.1137/0330046

    Args:
        decay: the share of the old average that remains at each step, for example 0.999.
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.step = 0
        self.average_in_model = True
        self.other = keras.layers.Layer()  # the weights that are not in the model

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin with the weights of the model."""
        self.other = keras.layers.Layer(name="averaged_weights")
        for weight in self.model.weights:
            self.other.add_weight(weight.shape, "zeros", weight.dtype, trainable=False)
        self.other.built = True
        assign(self.other.weights, values(self.model.weights))
        self.model.optimizer.averaged_weights = self.other
        self.average_in_model = True  # at first, both sets of weights are the same

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take the average out of the model."""
        self.step = epoch * self.params["steps"]
        self._swap(average_in_model=False)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Update the average."""
        self.step += 1
        if self.step % AVERAGE_EVERY:
            return
        if keras.config.backend() == "jax":
            self.model.jax_state_sync()  # without it, the model gets its weights after the epoch
        # the decay is smaller at first, so that the initial weights soon lose their influence
        share = 1 - min(self.decay, self.step / (9 + self.step)) ** AVERAGE_EVERY
        for average, weight in zip(self.other.weights, self.model.weights, strict=True):
            average.assign(average + share * (weight - average))

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Put the average into the model, so that it is validated."""
        self._swap(average_in_model=True)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put the average into the model, if there was no validation."""
        self._swap(average_in_model=True)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Remove the other weights from the optimizer."""
        del self.model.optimizer.averaged_weights

    def _swap(self, average_in_model: bool) -> None:
        if self.average_in_model != average_in_model:
            before = values(self.model.weights)
            assign(self.model.weights, values(self.other.weights))
            assign(self.other.weights, before)
            self.average_in_model = average_in_model


class TimeLeft(keras.callbacks.Callback):
    """Prints after each epoch how long the rest will take at the speed of this run."""

    def __init__(self) -> None:
        super().__init__()
        self.began: tuple[float, int] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Store the time and the epoch at which this run began."""
        self.began = self.began or (time.perf_counter(), epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Print the time left, but not after the last epoch or an epoch of an earlier run."""
        if self.began is None or epoch + 1 >= self.params["epochs"]:
            return
        start, first = self.began
        each = (time.perf_counter() - start) / (epoch + 1 - first)
        left = each * (self.params["epochs"] - epoch - 1)
        print(f"about {left:.0f} s left" if left < 100 else f"about {left / 60:.0f} min left")


def learning_rate(model: keras.Model) -> float:
    """Return the current learning rate, even if a schedule sets it."""
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))


def values(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Return copies of the variables: the arrays of PyTorch and JAX may share their memory."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def assign(variables: Sequence[keras.Variable], arrays: Sequence[np.ndarray]) -> None:
    """Give each variable its value."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
