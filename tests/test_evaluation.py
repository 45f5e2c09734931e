"""Metrics against scikit-learn and values computed by hand; the published tables as printed."""

import json

import numpy as np
import pytest
from sklearn import metrics

from facevalue import evaluation

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
    assert evaluation.top_k_accuracy(labels, probabilities, k=1) == pytest.approx(1 / 3)
    assert evaluation.top_k_accuracy(labels, probabilities, k=2) == pytest.approx(2 / 3)
    assert evaluation.top_k_accuracy(labels, probabilities, k=3) == 1


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_top_k_is_scikit_learns(random_scores, k):
    labels, probabilities = random_scores
    expected = metrics.top_k_accuracy_score(labels, probabilities, k=k)
    assert evaluation.top_k_accuracy(labels, probabilities, k) == pytest.approx(expected)


def test_report_is_scikit_learns():
    table = evaluation.report(LABELS, GUESSES)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
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


def test_report_by_hand():
    happy = evaluation.report(np.array([3, 3, 3, 4]), np.array([3, 3, 4, 3])).loc["happy"]
    assert happy["precision"] == pytest.approx(2 / 3)
    assert happy["recall"] == pytest.approx(2 / 3)
    assert happy["support"] == 3


def test_report_names_a_class_that_never_occurs():
    table = evaluation.report(np.array([0, 0]), np.array([0, 0]))
    assert table.loc["disgust", "support"] == 0
    assert table.loc["disgust", "f1"] == 0


def test_record_hands_over_one_line(tmp_path, monkeypatch):
    file = tmp_path / "headlines.jsonl"
    monkeypatch.setenv("FACEVALUE_HEADLINES", str(file))
    monkeypatch.setenv("FACEVALUE_DATASET", "fer2013")
    monkeypatch.setenv("FACEVALUE_PROFILE", "full")
    scores = evaluation.record("cnn6", "PrivateTest", LABELS, GUESSES, 12.34, (0.615, "project 2"))
    (line,) = file.read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert told["label"] == "cnn6, accuracy on PrivateTest"
    assert told["value"] == told["accuracy"] == scores["accuracy"] == 0.7
    assert told["macro_f1"] == round(metrics.f1_score(LABELS, GUESSES, average="macro"), 4)
    assert told["images"] == 10
    assert (told["data"], told["profile"], told["seconds"]) == ("fer2013", "full", 12.3)
    assert (told["published"], told["published_source"]) == (0.615, "project 2")


def test_record_without_a_published_number(monkeypatch):
    monkeypatch.delenv("FACEVALUE_HEADLINES", raising=False)
    scores = evaluation.record("tree", "PublicTest", LABELS, GUESSES, 1.0)
    assert scores["published"] is None
    assert scores.name == "tree"


def test_published_dense_sweep_is_the_printed_one():
    sweep = evaluation.published("dense_sweep").set_index("id")
    assert list(sweep.index) == [f"P{n}" for n in range(1, 15)] + [f"S{n}" for n in range(1, 6)]
    # the best row, as project 1 prints it
    assert sweep["test_accuracy"].idxmax() == "P13"
    assert sweep.loc["P13", "test_accuracy"] == 0.29
    assert sweep.loc["P13", "neurons_per_layer"] == "1024/512/256/128/64"


def test_published_epochs_end_at_the_printed_top_3():
    epochs = evaluation.published("cnn6_epochs")
    assert len(epochs) == 20
    assert epochs["val_top3_accuracy"].iloc[-1] == 0.8877


def test_an_unknown_table_names_the_known_ones():
    with pytest.raises(FileNotFoundError, match="'sweep': choose one of .*dense_sweep"):
        evaluation.published("sweep")
