"""Training a network with several seeds."""

import keras
import numpy as np
import pytest

from facevalue.learning import repeats


def small_net():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(4, activation="relu")(keras.layers.Flatten()(inputs))
    network = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    network.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    return network


@pytest.mark.slow
def test_each_seed_starts_anew_and_gives_the_same_again():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    labels = rng.integers(0, 2, 60)
    test = images[..., None].astype("float32") / 255
    settings = {"epochs": 3, "batch_size": 20}
    result = repeats.answers(small_net, (images, labels), test, [0, 1, 2, 0], **settings)
    assert result.shape == (4, 60)
    assert result[0].tolist() == result[3].tolist()
    assert result[0].tolist() != result[1].tolist()
