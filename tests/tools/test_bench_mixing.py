"""Mixing the weights of two trainings."""

import bench_mixing
import keras
import numpy as np
import pandas as pd
import pytest

from facevalue.data.dataset import Dataset
from facevalue.learning import train_recogniser


@pytest.mark.slow
def test_the_ends_are_the_two_networks_and_the_middle_is_between(tmp_path, monkeypatch):
    monkeypatch.setattr(
        train_recogniser, "trained_file", lambda name, _: tmp_path / f"{name}.keras"
    )
    monkeypatch.setattr(bench_mixing.paths, "root", lambda: tmp_path)
    (tmp_path / "models").mkdir()
    for name, bias in (("models/a_clean", [2.0] + [0.0] * 6), ("a_unmixed", [0.0] * 6 + [2.0])):
        model = keras.Sequential(
            [
                keras.Input((48, 48, 1)),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(7, activation="softmax", name="emotion"),
            ]
        )
        model.set_weights([np.zeros((1, 7)), np.array(bias)])
        model.save(tmp_path / f"{name}.keras")
    images = np.full((4, 48, 48), 128, np.uint8)
    splits = np.array(["PublicTest"] * 4)
    public = Dataset("fer2013", images, np.array([0, 6, 0, 6]), splits, np.array(["x"] * 4), None)

    def measure(predict):
        return dict(zip(("first", "last"), predict(images[:1])[0, [0, 6]], strict=True))

    found = bench_mixing.mixtures("a", (1.0, 0.5, 0.0), measure, public)
    assert isinstance(found, pd.DataFrame)
    assert found["keep 1"]["first"] > found["keep 1"]["last"]
    assert found["keep 0.5"]["first"] == pytest.approx(found["keep 0.5"]["last"], abs=1e-5)
    assert found["keep 0"]["first"] < found["keep 0"]["last"]
