"""Small networks whose activations and maps can be computed by hand."""

import keras
import numpy as np
import pytest


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    face = keras.Input((48, 48, 1), name="face")
    x = keras.layers.Conv2D(3, 5, activation="relu", name="conv1")(face)
    x = keras.layers.MaxPooling2D(name="pool1")(x)
    x = keras.layers.Conv2D(2, 3, padding="same", name="conv2")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.Model(face, keras.layers.Dense(7, activation="softmax", name="emotion")(x))


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((4, 48, 48, 1), dtype="float32")
