"""Measuring a model, and passing its scores to the command that runs the notebook."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from facevalue.data import dataset
from facevalue.evaluation import records, results

LABELS = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 6])
GUESSES = np.array([0, 1, 1, 2, 2, 0, 3, 4, 4, 6])


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for variable in ("FACEVALUE_DATASET", "FACEVALUE_PROFILE", "FACEVALUE_HEADLINES"):
        monkeypatch.delenv(variable, raising=False)


def test_record_passes_on_one_line(tmp_path, monkeypatch):
    file = tmp_path / "headlines.jsonl"
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(file))
    monkeypatch.setenv("FACEVALUE_DATASET", "fer2013")
    monkeypatch.setenv("FACEVALUE_PROFILE", "full")
    scores = records.record("cnn6", "PrivateTest", LABELS, GUESSES, 12.34, (0.615, "project 2"))
    (text,) = file.read_text(encoding="utf-8").splitlines()
    line = json.loads(text)
    assert line["label"] == "cnn6, accuracy on PrivateTest"
    assert line["value"] == line["accuracy"] == scores["accuracy"] == 0.7
    assert line["macro_f1"] == round(sklearn_metrics.f1_score(LABELS, GUESSES, average="macro"), 5)
    assert line["images"] == 10
    assert (line["data"], line["profile"], line["seconds"]) == ("fer2013", "full", 12.3)
    assert (line["published"], line["published_source"]) == (0.615, "project 2")


def test_a_learning_curve_goes_with_the_scores(tmp_path, monkeypatch):
    file = tmp_path / "headlines.jsonl"
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(file))
    curve = pd.DataFrame({"epoch": [1, 2], "loss": [1.5, 1.25], "val_accuracy": [0.25, np.nan]})
    scores = records.record("cnn6, 20 epochs", "PublicTest", LABELS, GUESSES, 1, curve=curve)
    assert "curve" not in scores
    monkeypatch.setattr(results.paths, "root", lambda: tmp_path)
    results.add_scores([json.loads(file.read_text(encoding="utf-8"))])
    kept = tmp_path / "reports" / "curves" / "cnn6-20-epochs_rendered_fast.csv"
    pd.testing.assert_frame_equal(pd.read_csv(kept), curve)
    assert "curve" not in results.read()


def test_record_without_a_published_number():
    scores = records.record("tree", "PublicTest", LABELS, GUESSES, 1.0)
    assert scores["published"] is None
    assert scores.name == "tree"


@pytest.mark.slow
def test_size_and_speed_of_a_network_go_into_its_scores(tmp_path):
    import keras

    entry = keras.Input((8, 8, 1))
    hidden = keras.layers.Dense(1000, activation="relu")(keras.layers.Flatten()(entry))
    model = keras.Model(entry, keras.layers.Dense(7, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    images = np.random.default_rng(0).random((5, 8, 8, 1), dtype="float32")
    model.optimizer.build(model.trainable_variables)  # a state of twice the weights' size
    before = model.get_weights()
    found = records.size_and_speed(model, images)
    assert found["megabytes"] == pytest.approx(4 * model.count_params() / 1e6, rel=0.2)
    assert found["faces_per_second"] > 0
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    scores = records.record("net", "PublicTest", LABELS, GUESSES, 1.0, **found)
    assert scores["megabytes"] == round(found["megabytes"], 2)


class Reader:
    """A network of five emotions that answers with the grey level of the first pixel."""

    input_shape, output_shape = (None, 48, 48, 3), (None, 5)

    def count_params(self):
        return 12

    def predict(self, images, verbose):
        assert images.shape[1:] == (48, 48, 3) and images.dtype == np.float32
        return np.eye(5)[np.rint(images[:, 0, 0, 0] * 255).astype(int)]


def test_measure_scores_private_and_both(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(tmp_path / "lines"))
    monkeypatch.setattr(records, "size_and_speed", lambda model, images: {"megabytes": 1.0})
    splits = np.array(["PublicTest"] * 3 + ["PrivateTest"] * 4)
    labels = np.array([0, 2, 3, 0, 4, 5, 6])  # angry fear happy, angry sad surprise neutral
    answers = np.array([0, 1, 0, 0, 3, 0, 0])  # happy and surprise are predicted as angry
    images = np.repeat(answers.astype(np.uint8), 48 * 48).reshape(7, 48, 48)
    data = dataset.Dataset("rendered", images, labels, splits, np.array(["drawn"] * 7))
    curve = pd.DataFrame({"epoch": [1, 2, 3], "seconds": [4.0, 3.0, 100.0]})  # a pause
    row, p, report = records.measure("five", Reader(), data, curve, (0.5, "a project"))
    assert (row["top-1 of 3"], row["top-1 of 6"]) == pytest.approx((2 / 3, 4 / 6))
    assert (row["parameters"], row["epochs"], row["seconds per epoch"]) == (12, 3, 4)
    assert p.shape == (3, 5)
    assert list(report.index[:5]) == ["angry", "fear", "happy", "sad", "surprise"]
    assert report.loc["surprise", "recall"] == 0
    private, both = map(json.loads, (tmp_path / "lines").read_text().splitlines())
    assert (private["images"], private["published"]) == (3, None)
    assert (both["images"], both["published"], both["seconds"]) == (6, 0.5, 12)


def test_record_rounds_the_scores(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(tmp_path / "lines.jsonl"))
    labels, predictions = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0])
    facts = {"megabytes": 0.126, "faces_per_second": 99.6}
    source = (0.3, "project 3")
    row = records.record("tree", "PrivateTest", labels, predictions, 1.0, source, **facts)
    assert (row["megabytes"], row["faces_per_second"]) == (0.13, 100)
    # macro F1 by hand: class 0 has 2*2/(2*2+1), class 1 has 2*1/(2*1+1)
    assert row["accuracy"] == 0.75
    assert row["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2, abs=1e-4)
    line = pd.read_json(tmp_path / "lines.jsonl", lines=True).iloc[0]
    assert line["label"] == "tree, accuracy on PrivateTest" and line["value"] == 0.75


def test_headlines_are_passed_on_in_order(tmp_path, monkeypatch):
    file = tmp_path / "headlines.jsonl"
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(file))
    records.headline("accuracy", 0.5, model="cnn6")
    records.headline("faces found", "38 of 40")
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert lines == [
        {"label": "accuracy", "value": 0.5, "model": "cnn6"},
        {"label": "faces found", "value": "38 of 40"},
    ]


def test_headlines_go_nowhere_without_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records.headline("accuracy", 0.5)
    assert list(tmp_path.iterdir()) == []
