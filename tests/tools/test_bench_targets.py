"""The ablation of targets: the last layer learns what another library learns."""

import bench_targets
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression


def test_the_last_layer_is_that_of_logistic_regression():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    x = rng.normal(size=(300, 4)) + np.eye(3, 4)[labels]
    kernel, bias = bench_targets.last_layer(x, np.eye(3)[labels], (np.zeros((4, 3)), np.zeros(3)))
    # scikit-learn's loss is the sum over the images plus half of the squares divided by C
    other = LogisticRegression(C=1 / (2 * bench_targets.DECAY * 300), tol=1e-8, max_iter=1000)
    expected = other.fit(x, labels).predict_proba(x)
    assert softmax(x @ kernel + bias, axis=1) == pytest.approx(expected, abs=2e-3)


def test_a_target_of_twice_the_weight_counts_as_two_images():
    x = np.array([[0.0], [1.0], [1.0]])
    targets = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    twice = bench_targets.last_layer(x, targets * [[1], [2], [1]], (np.zeros((1, 2)), np.zeros(2)))
    share = softmax(np.array([1.0]) @ twice[0] + twice[1])
    assert share[1] == pytest.approx(2 / 3, abs=0.01)
