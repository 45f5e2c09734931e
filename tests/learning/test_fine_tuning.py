"""Training again from given weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from facevalue.learning import fine_tuning, networks


@pytest.mark.parametrize("joined", [0, 10_000])
@pytest.mark.slow
def test_refit_trains_as_if_the_model_were_new(
    joined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine_tuning, "JOIN_ROWS", joined)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype("float32")
    y = (x[:, 0] > 0).astype(int)

    def new() -> keras.Model:
        inputs = keras.Input((3,))
        model = keras.Model(inputs, layers.Dense(2, activation="softmax")(inputs))
        loss = "sparse_categorical_crossentropy"
        model.compile(optimizer=keras.optimizers.Adam(0.02), loss=loss, jit_compile=networks.JIT)
        return model

    keras.utils.set_random_seed(0)  # else a start far from the answer fails in some runs
    used, fresh = new(), new()
    start = used.get_weights()
    results = []
    for model in (used, used, fresh):
        keras.utils.set_random_seed(5)
        assert fine_tuning.refit(model, start, x, y, epochs=40) > 0
        assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
        assert int(model.optimizer.iterations) in (50, 80)  # 1,600 rows, or 40 times 32 + 8
        results.append(model.get_weights())
    for again, first, ours in zip(results[1], results[0], results[2], strict=True):
        np.testing.assert_allclose(again, first, atol=1e-6)
        np.testing.assert_allclose(again, ours, atol=1e-6)
    assert (used.predict(x, verbose=0).argmax(1) == y).mean() > 0.9
