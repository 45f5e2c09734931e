"""The learning curve of `training.fit`, its labels and class weights, and unsuitable models."""

import keras
import numpy as np
import pytest
from keras import layers
from tiny_training import faces, fit, network

from facevalue import paths
from facevalue.learning import networks, training
from facevalue.learning.augmentation import Augmentation

MIRROR = Augmentation(shift=0, rotate=0, zoom=0, light=0, erase=0)


@pytest.mark.slow
def test_the_curve_has_a_row_per_epoch_and_the_model_learns(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    curve = fit(network(), keep=False, epochs=8, augmentation=MIRROR)
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "seconds"]
    assert set(curve) == set(columns)
    assert list(curve["epoch"]) == list(range(1, 9))
    assert curve["learning_rate"].to_numpy() == pytest.approx(0.05)
    assert (curve["seconds"] > 0).all()
    assert curve["val_accuracy"].max() > 0.9
    assert not list(tmp_path.iterdir())  # keep=False leaves no trace


@pytest.mark.slow
def test_without_validation_there_are_no_such_columns():
    curve = training.fit(network(), faces(), epochs=1, verbose=0)
    assert not [column for column in curve if column.startswith("val_")]


@pytest.mark.slow
def test_labels_may_be_rows_of_probabilities():
    images, labels = faces()
    model = network()
    model.compile(optimizer="sgd", loss="categorical_crossentropy", jit_compile=networks.JIT)
    soft = np.eye(2)[labels] * 0.8 + 0.1
    curve = training.fit(model, (images, soft), epochs=1, verbose=0)
    assert np.isfinite(curve["loss"]).all()


@pytest.mark.slow
def test_class_weights_reach_the_loss():
    heavy = fit(network(), keep=False, epochs=1, class_weight={0: 10.0, 1: 10.0})
    light = fit(network(), keep=False, epochs=1)
    assert heavy["loss"][0] > 3 * light["loss"][0]


def test_a_model_that_cannot_be_trained_says_what_is_missing():
    with pytest.raises(ValueError, match="not compiled"):
        training.fit(keras.Sequential([keras.Input((4,)), layers.Dense(2)]), faces(), epochs=1)
    unbuilt = keras.Sequential([layers.Dense(2)])
    unbuilt.compile(loss="mse")
    with pytest.raises(ValueError, match="keras.Input"):
        training.fit(unbuilt, faces(), epochs=1)
    with pytest.raises(ValueError, match="use_ema"):
        training.fit(network(optimizer=keras.optimizers.SGD(use_ema=True)), faces(), epochs=1)


def test_the_cosine_rises_for_a_tenth_and_ends_at_0():
    rate = training.cosine(0.001, epochs=10, images=640)  # 100 steps
    at = [float(rate(step)) for step in (0, 10, 55, 100)]
    assert at == pytest.approx([0.0001, 0.001, 0.0005, 0], abs=1e-6)
