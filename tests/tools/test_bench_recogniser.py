"""Measuring the recogniser, and comparing it with another one."""

import sys

import bench_recogniser
import numpy as np
import pytest

from facevalue.data.dataset import Dataset


def test_the_benchs_scores_are_those_counted_by_hand():
    labels = np.array([0, 0, 3, 3])
    probabilities = np.array(
        [
            [0.9, 0.1, 0, 0, 0, 0, 0],
            [0.1, 0.2, 0.3, 0.4, 0, 0, 0],  # wrong, and the label comes fourth
            [0, 0, 0, 0.75, 0.25, 0, 0],
            [0.3, 0, 0, 0.45, 0.25, 0, 0],
        ]
    )
    found = bench_recogniser.scores(labels, probabilities)
    assert found["images"] == 4 and found["accuracy"] == 0.75 and found["top-3"] == 0.75
    # angry: precision 1, recall 1/2; happy: 2/3 and 1
    assert found["macro F1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    # steps up to 0.9, 0.4, 0.8 and 0.5, each with one image
    assert found["calibration error"] == pytest.approx((0.1 + 0.4 + 0.25 + 0.55) / 4)


def test_the_bench_knows_copies_of_training_images():
    images = np.zeros((5, 48, 48), np.uint8)
    images[:, 0, 0] = [1, 2, 1, 3, 3]
    splits = np.array(["Training", "PublicTest", "PrivateTest", "PrivateTest", "PrivateTest"])
    data = Dataset("rendered", images, np.zeros(5, int), splits, np.arange(5))
    assert bench_recogniser.without_copies(data).tolist() == [False, True, True]


TENSORFLOW = """
class config:
    class threading:
        set_intra_op_parallelism_threads = set_inter_op_parallelism_threads = lambda n: None
"""
FER = """
import numpy as np
class FER:
    def __init__(self, use_tflite=True):
        print("noise on standard output")
        self.first = use_tflite
    def _classify_emotions(self, faces):
        assert faces.dtype == np.float32 and faces.shape[1:] == (64, 64)
        means = faces.mean(axis=(1, 2))
        return np.stack([means, means + self.first], axis=1)
"""


def test_the_bench_runs_fer_in_another_environment(tmp_path, monkeypatch):
    (tmp_path / "fer").mkdir()
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    (tmp_path / "fer" / "__init__.py").write_text("__version__ = '1.2'")
    (tmp_path / "fer" / "fer.py").write_text(FER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    images = np.stack([np.full((48, 48), level, np.uint8) for level in (0, 255, 51)] * 30)
    with bench_recogniser.peer(sys.executable, images) as (version, found, timer):
        assert version == "1.2"
        # fer takes pixels from -1 to 1
        expected = np.tile([-1, 1, -0.6], 30)
        for probabilities, first in zip(found, (1, 0), strict=True):
            np.testing.assert_allclose(probabilities[:, 0], expected, atol=1e-5)
            np.testing.assert_allclose(probabilities[:, 1], expected + first, atol=1e-5)
        table = bench_recogniser.alternate({"a": lambda: timer(0), "b": lambda: timer(1)}, 90, 2)
    assert (table.to_numpy() > 0).all() and list(table.index) == ["a", "b"]


@pytest.mark.parametrize(
    ("python", "sentence"),
    [(sys.executable, "does not run in .*: ImportError: not today"), ("nowhere", "does not start")],
)
def test_an_environment_without_fer_is_one_sentence(tmp_path, monkeypatch, python, sentence):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('not today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (
        pytest.raises(SystemExit, match=sentence),
        bench_recogniser.peer(python, np.zeros((2, 48, 48), np.uint8)),
    ):
        pass
