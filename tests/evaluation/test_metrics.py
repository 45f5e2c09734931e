"""Metrics against scikit-learn and values computed by hand."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from facevalue.evaluation import metrics

LABELS = np.array([0, 0, 1, 2, 2, 2, 3, 4, 5, 6])
GUESSES = np.array([0, 1, 1, 2, 2, 0, 3, 4, 4, 6])


@pytest.fixture
def random_scores():
    rng = np.random.default_rng(0)
    scores = rng.random((200, 7))
    return rng.integers(0, 7, 200), scores / scores.sum(axis=1, keepdims=True)


def test_intervals_match_published_ones():
    # Brown, Cai and DasGupta (2001): n = 20
    assert metrics.confidence_interval(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)
    assert metrics.confidence_interval(15, 20) == pytest.approx((0.5313, 0.8881), abs=1e-4)


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


def test_labels_drawn_from_the_probabilities_are_calibrated():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(7, 0.3), 20_000)
    labels = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=6)
    assert metrics.calibration_error(labels, probabilities) < 0.02
    sure = np.eye(7)[probabilities.argmax(axis=1)]
    wrong = (sure.argmax(axis=1) != labels).mean()
    assert metrics.calibration_error(labels, sure) == pytest.approx(wrong)


def test_the_calibration_error_by_chance_is_that_of_a_binomial_count():
    # all are 80 % sure, so the error is the mean deviation of a binomial share from 0.8
    images, draws = 376, 2_000
    probabilities = np.tile([0.8, 0.2], (images, 1))
    found = metrics.calibration_error_by_chance(probabilities, draws=draws)
    counts = np.arange(images + 1)
    expected = (np.abs(counts / images - 0.8) * stats.binom.pmf(counts, images, 0.8)).sum()
    assert found == pytest.approx(expected, rel=0.06)


def test_the_most_wrong_come_first():
    probabilities = np.array([[0.9, 0.1], [0.3, 0.7], [0.1, 0.9], [0.4, 0.6]])
    labels = np.array([0, 0, 0, 0])
    assert metrics.most_wrong(labels, probabilities, 2).tolist() == [2, 1]
    assert metrics.most_wrong(labels, probabilities, 9).tolist() == [2, 1, 3]
    assert metrics.most_wrong(labels[:1], probabilities[:1], 3).tolist() == []


@pytest.mark.slow
def test_metrics_do_not_load_keras():
    code = "import sys, facevalue.evaluation.metrics; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
