"""The averaged weights, and the time left."""

import keras
import numpy as np
import pytest
from tiny_training import faces, fit, network

from facevalue.learning import callbacks


class Seen(keras.callbacks.Callback):
    """Keeps the weights after each step."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_train_batch_end(self, batch, logs=None):
        if keras.config.backend() == "jax":
            self.model.jax_state_sync()
        self.weights.append(self.model.get_weights())


@pytest.mark.slow
def test_the_average_is_measured_and_left_in_the_model(monkeypatch):
    monkeypatch.setattr(callbacks, "AVERAGE_EVERY", 2)
    model, seen = network(), Seen()
    expected = model.get_weights()
    curve = fit(model, keep=False, epochs=2, average=0.9, callbacks=[seen])
    for step, weights in enumerate(seen.weights, start=1):
        if step % 2:
            continue
        old = min(0.9, step / (9 + step)) ** 2
        expected = [old * a + (1 - old) * b for a, b in zip(expected, weights, strict=True)]
    assert len(expected) == 8  # two of them are batch normalisation's statistics
    for ours, truth in zip(model.get_weights(), expected, strict=True):
        assert ours == pytest.approx(truth, abs=1e-5)
    images, labels = faces(16)
    loss, _ = model.evaluate(images[..., None] / 255.0, labels, verbose=0)
    assert curve["val_loss"].iloc[-1] == pytest.approx(loss, abs=1e-4)
    assert not np.allclose(model.get_weights()[0], seen.weights[-1][0], atol=1e-4)


@pytest.mark.slow
def test_the_averaged_weights_are_not_saved_with_a_finished_model(tmp_path):
    model = network()
    fit(model, keep=False, epochs=1, average=0.9)
    model.save(tmp_path / "a.keras")
    again = keras.models.load_model(tmp_path / "a.keras")
    assert not hasattr(again.optimizer, "averaged_weights")
    assert not hasattr(model.optimizer, "averaged_weights")


@pytest.mark.slow
def test_early_stopping_restores_the_best_average():
    model, seen = network(), []
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    curve = fit(model, keep=False, epochs=12, average=0.8, callbacks=[stop, *seen])
    images, labels = faces(16)
    loss, _ = model.evaluate(images[..., None] / 255.0, labels, verbose=0)
    assert loss == pytest.approx(curve["val_loss"].min(), abs=1e-4)


def test_the_time_left_counts_the_epochs_of_this_run(monkeypatch, capsys):
    """Two epochs were trained before, the next two take 60 s each, and six more follow."""
    clock = iter([1_000.0, 1_060.0, 1_120.0])
    monkeypatch.setattr(callbacks.time, "perf_counter", lambda: next(clock))
    left = callbacks.TimeLeft()
    left.set_params({"epochs": 10})
    for epoch in (0, 1):
        left.on_epoch_end(epoch)
    for epoch in (2, 3):
        left.on_epoch_begin(epoch)
        left.on_epoch_end(epoch)
    left.on_epoch_end(9)
    assert capsys.readouterr().out == "about 7 min left\nabout 6 min left\n"
