"""The ablation of what the last layer learns."""

import bench_targets
import keras
import numpy as np
import pytest

from facevalue.data.dataset import Dataset


@pytest.mark.slow
def test_features_and_answers_are_those_of_the_network():
    inputs = keras.Input((48, 48, 1))
    maps = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D(name="average")(maps)
    model = keras.Model(inputs, keras.layers.Dense(7, "softmax", name="emotion")(pooled))
    images = np.random.default_rng(0).integers(0, 256, (6, 48, 48), np.uint8)
    x = images[..., None] / np.float32(255)
    features = bench_targets.Features(model)
    expected = keras.Model(inputs, pooled).predict(x, verbose=0)
    assert features(images) == pytest.approx(expected, abs=1e-5)
    assert features(x) == pytest.approx(expected, abs=1e-5)
    splits, origins = np.array(["PublicTest"] * 6), np.array(["x"] * 6)
    public = Dataset("fer2013", images, np.array([0, 1, 2, 3, 4, 5]), splits, origins)
    kernel, bias = model.get_layer("emotion").get_weights()
    answers = bench_targets.predictor(features, (kernel, bias), public)(images)
    assert answers.sum(axis=1) == pytest.approx(1)
    ranks = model.predict(x, verbose=0).argsort(axis=1)
    assert (answers.argsort(axis=1) == ranks).all()  # calibration changes no order
