"""Networks that were trained on photos only read the drawn faces."""

from pathlib import Path

import numpy as np
import pytest

from facevalue.drawing import drawn_set

JUDGES = Path(__file__).parents[2] / "models" / "judges"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_a_network_trained_on_photos_reads_the_drawn_emotions(name):
    import keras

    judge = keras.models.load_model(JUDGES / f"{name}.keras", compile=False)
    data = drawn_set.sample(420, seed=99, clean=True, progress=False)
    right = judge.predict(data.x, verbose=0).argmax(1) == data.labels
    assert right.mean() > 0.9
    recall = [right[data.labels == label].mean() for label in range(7)]
    assert np.min(recall) > 0.7
