"""Metrics against scikit-learn and values computed by hand; the published tables as printed."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sklearn_metrics

from facevalue.data import dataset, reference
from facevalue.evaluation import metrics, records, results

LABELS = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 6])
GUESSES = np.array([0, 1, 1, 2, 2, 0, 3, 4, 4, 6])


@pytest.fixture
def random_scores():
    rng = np.random.default_rng(0)
    scores = rng.random((200, 7))
    return rng.integers(0, 7, 200), scores / scores.sum(axis=1, keepdims=True)


def test_top_k_by_hand():
    probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.2, 0.7, 0.1]])
    labels = np.array([0, 1, 2])
    assert metrics.top_k_accuracy(labels, probabilities, k=1) == pytest.approx(1 / 3)
    assert metrics.top_k_accuracy(labels, probabilities, k=2) == pytest.approx(2 / 3)
    assert metrics.top_k_accuracy(labels, probabilities, k=3) == 1


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_top_k_is_scikit_learns(random_scores, k):
    labels, probabilities = random_scores
    expected = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=k)
    assert metrics.top_k_accuracy(labels, probabilities, k) == pytest.approx(expected)


def test_report_is_scikit_learns():
    table = metrics.report(LABELS, GUESSES)
    precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(
        LABELS, GUESSES, labels=range(7), zero_division=0
    )
    classes = table.iloc[:7]
    np.testing.assert_allclose(classes["precision"], precision)
    np.testing.assert_allclose(classes["recall"], recall)
    np.testing.assert_allclose(classes["f1"], f1)
    assert classes["support"].tolist() == support.tolist()
    # 7 of 10 are right
    assert table.loc["accuracy", "f1"] == pytest.approx(0.7)
    assert table.loc["macro average", "f1"] == pytest.approx(f1.mean())


def test_over_all_classes_precision_and_recall_are_the_accuracy():
    table = metrics.report(LABELS, GUESSES)
    precision, recall, f1, _ = sklearn_metrics.precision_recall_fscore_support(
        LABELS, GUESSES, average="micro"
    )
    row = table.loc["accuracy"]
    assert row[["precision", "recall", "f1"]].tolist() == pytest.approx([precision, recall, f1])
    assert {str(table[name].dtype) for name in ("precision", "recall", "f1")} == {"float64"}


def test_report_by_hand():
    happy = metrics.report(np.array([3, 3, 3, 4]), np.array([3, 3, 4, 3])).loc["happy"]
    assert happy["precision"] == pytest.approx(2 / 3)
    assert happy["recall"] == pytest.approx(2 / 3)
    assert happy["support"] == 3


def test_report_names_a_class_that_never_occurs():
    table = metrics.report(np.array([0, 0]), np.array([0, 0]))
    assert table.loc["disgust", "support"] == 0
    assert table.loc["disgust", "f1"] == 0


def test_record_hands_over_one_line(tmp_path, monkeypatch):
    file = tmp_path / "headlines.jsonl"
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(file))
    monkeypatch.setenv("FACEVALUE_DATASET", "fer2013")
    monkeypatch.setenv("FACEVALUE_PROFILE", "full")
    scores = records.record("cnn6", "PrivateTest", LABELS, GUESSES, 12.34, (0.615, "project 2"))
    (line,) = file.read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert told["label"] == "cnn6, accuracy on PrivateTest"
    assert told["value"] == told["accuracy"] == scores["accuracy"] == 0.7
    assert told["macro_f1"] == round(sklearn_metrics.f1_score(LABELS, GUESSES, average="macro"), 4)
    assert told["images"] == 10
    assert (told["data"], told["profile"], told["seconds"]) == ("fer2013", "full", 12.3)
    assert (told["published"], told["published_source"]) == (0.615, "project 2")


def test_a_learning_curve_goes_with_the_scores(tmp_path, monkeypatch):
    file = tmp_path / "headlines.jsonl"
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(file))
    curve = pd.DataFrame({"epoch": [1, 2], "loss": [1.5, 1.25], "val_accuracy": [0.25, np.nan]})
    scores = records.record("cnn6, 20 epochs", "PublicTest", LABELS, GUESSES, 1, curve=curve)
    assert "curve" not in scores
    monkeypatch.setattr(results.paths, "root", lambda: tmp_path)
    results.record([json.loads(file.read_text(encoding="utf-8"))])
    kept = tmp_path / "reports" / "curves" / "cnn6-20-epochs_rendered_fast.csv"
    pd.testing.assert_frame_equal(pd.read_csv(kept), curve)
    assert "curve" not in results.read()


def test_record_without_a_published_number(monkeypatch):
    monkeypatch.delenv("FACEVALUE_HEADLINES", raising=False)
    scores = records.record("tree", "PublicTest", LABELS, GUESSES, 1.0)
    assert scores["published"] is None
    assert scores.name == "tree"


def test_published_dense_sweep_is_the_printed_one():
    sweep = reference.published("dense_sweep").set_index("id")
    assert list(sweep.index) == [f"P{n}" for n in range(1, 15)] + [f"S{n}" for n in range(1, 6)]
    # the best row, as project 1 prints it
    assert sweep["test_accuracy"].idxmax() == "P13"
    assert sweep.loc["P13", "test_accuracy"] == 0.29
    assert sweep.loc["P13", "neurons_per_layer"] == "1024/512/256/128/64"


def test_published_epochs_end_at_the_printed_top_3():
    epochs = reference.published("cnn6_epochs")
    assert len(epochs) == 20
    assert epochs["val_top3_accuracy"].iloc[-1] == 0.8877


def test_an_unknown_table_names_the_known_ones():
    with pytest.raises(FileNotFoundError, match="'sweep': choose one of .*dense_sweep"):
        reference.published("sweep")


# ------------------------------------------------------------------------------ calibration


def test_calibration_by_hand():
    # confidences 0.6 (right), 0.8 (wrong), 0.8 (right), 1.0 (right)
    probabilities = np.array([[0.6, 0.4], [0.2, 0.8], [0.8, 0.2], [0.0, 1.0]])
    labels = np.array([0, 0, 0, 1])
    table = metrics.calibration(labels, probabilities, bins=5)
    assert table["images"].tolist() == [0, 0, 1, 2, 1]
    assert table.index.tolist() == [0.2, 0.4, 0.6, 0.8, 1.0]
    np.testing.assert_allclose(table["confidence"], [np.nan, np.nan, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(table["accuracy"], [np.nan, np.nan, 1.0, 0.5, 1.0])
    # (0.4 * 1 + 0.3 * 2 + 0 * 1) / 4
    assert metrics.calibration_error(labels, probabilities, bins=5) == pytest.approx(0.25)


def test_calibration_is_scikit_learns(random_scores):
    from sklearn.calibration import calibration_curve

    labels, probabilities = random_scores
    right = probabilities.argmax(axis=1) == labels
    accuracy, confidence = calibration_curve(right, probabilities.max(axis=1), n_bins=10)
    table = metrics.calibration(labels, probabilities).dropna()
    np.testing.assert_allclose(table["accuracy"], accuracy)
    np.testing.assert_allclose(table["confidence"], confidence)
    assert table["images"].sum() == len(labels)


def test_a_forecast_that_comes_true_is_calibrated():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(7, 0.3), 20_000)
    labels = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=6)
    assert metrics.calibration_error(labels, probabilities) < 0.02
    sure = np.eye(7)[probabilities.argmax(axis=1)]
    wrong = (sure.argmax(axis=1) != labels).mean()
    assert metrics.calibration_error(labels, sure) == pytest.approx(wrong)


def test_the_most_wrong_come_first():
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9], [0.4, 0.6]])
    labels = np.array([0, 0, 0, 0])
    assert metrics.most_wrong(labels, probabilities, 2).tolist() == [2, 1]
    assert metrics.most_wrong(labels, probabilities, 9).tolist() == [2, 1, 3]
    assert metrics.most_wrong(labels[:1], probabilities[:1], 3).tolist() == []


# ------------------------------------------------------------------------------ facts


def test_facts_of_a_network_go_into_its_scores(tmp_path):
    import keras

    entry = keras.Input((8, 8, 1))
    hidden = keras.layers.Dense(1000, activation="relu")(keras.layers.Flatten()(entry))
    model = keras.Model(entry, keras.layers.Dense(7, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    images = np.random.default_rng(0).random((5, 8, 8, 1), dtype="float32")
    model.optimizer.build(model.trainable_variables)  # a state of twice the weights' size
    before = model.get_weights()
    found = records.facts(model, images)
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
    monkeypatch.setattr(records, "facts", lambda model, images: {"megabytes": 1.0})
    splits = np.array(["PublicTest"] * 3 + ["PrivateTest"] * 4)
    labels = np.array([0, 2, 3, 0, 4, 5, 6])  # angry fear happy, angry sad surprise neutral
    answers = np.array([0, 1, 0, 0, 3, 0, 0])  # happy and surprise are taken for angry
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


def test_metrics_do_not_load_keras():
    code = "import sys, facevalue.evaluation; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
