"""The recogniser's network, and its fast layers on PyTorch."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from facevalue.learning import frozen_features, networks


@pytest.mark.slow
def test_the_recognisers_body_and_last_layer_predict_like_the_recogniser() -> None:
    whole = networks.residual((8, 8, 12, 16), (1, 1, 1))
    grey = np.random.default_rng(0).integers(0, 256, (4, 48, 48)).astype(np.uint8)
    pooled = frozen_features.features(
        networks.recogniser_body(whole), "accurate_clean", grey, keep=False
    )
    kernel, bias = whole.get_layer("emotion").get_weights()
    odds = np.exp(pooled @ kernel + bias)
    expected = whole.predict(grey[..., None] / np.float32(255), verbose=0)
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), expected, atol=1e-5)


@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="PyTorch is not installed")
def test_the_quick_layers_learn_the_same_as_those_of_keras() -> None:
    code = """
import keras, numpy as np
from facevalue.learning import networks
rng = np.random.default_rng(0)
x, y = rng.random((24, 48, 48, 1), dtype=np.float32), np.arange(24) % 7
weights = None
for quick in (False, True):
    keras.utils.set_random_seed(1)
    model = networks.residual((4, 8, 12), (2, 1), quick=quick)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", jit_compile=False)
    if weights:
        model.set_weights(weights)
    weights = weights or model.get_weights()
    losses = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history["loss"]
    print(*losses, *model.predict(x, verbose=0)[:2].ravel())
"""
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    run: Any = {"capture_output": True, "text": True, "check": True, "env": environment}
    done = subprocess.run([sys.executable, "-c", code], **run)
    plain, quick = (np.array(line.split(), float) for line in done.stdout.strip().splitlines())
    assert plain[0] != pytest.approx(plain[2], abs=0.01)  # it does learn
    assert quick == pytest.approx(plain, abs=1e-3)
