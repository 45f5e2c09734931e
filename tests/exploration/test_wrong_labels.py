"""Wrong labels: against planted ones, and the published rule."""

from __future__ import annotations

import numpy as np
import pytest
from sample_images import noise

from facevalue.data.dataset import Dataset
from facevalue.exploration import duplicates, wrong_labels


@pytest.mark.slow
def test_planted_wrong_labels_are_found(drawn: Dataset) -> None:
    groups = duplicates.near_duplicates(drawn.images)
    probabilities = wrong_labels.out_of_fold_probabilities(drawn.images, drawn.labels, groups)
    assert probabilities.shape == (600, 7)
    assert np.allclose(probabilities.sum(axis=1), 1)
    rows = wrong_labels.suspects(drawn.labels, probabilities)
    wrong = drawn.labels != drawn.truth["clean_label"].to_numpy()
    table = wrong_labels.precision_at_k(rows, wrong, k=(20,))["labelled differently"]
    assert table["first 20"] > 3 * table["all images"]
    own = probabilities[rows, drawn.labels[rows]]
    others = probabilities[rows]
    others[np.arange(len(rows)), drawn.labels[rows]] = 0
    assert (np.diff((own - others.max(axis=1)).round(6)) >= 0).all()


def test_suspects_are_those_of_the_published_rule() -> None:
    labels = np.repeat([0, 3], 20)  # emotions without an image are no obstacle
    probabilities = np.zeros((40, 7))
    probabilities[np.arange(40), labels] = 0.8
    probabilities[np.arange(40), 3 - labels] = 0.2
    probabilities[[4, 30]] = probabilities[[4, 30]][:, [3, 1, 2, 0, 4, 5, 6]]
    probabilities[4, [0, 3]] = 0.05, 0.95
    assert wrong_labels.suspects(labels, probabilities).tolist() == [4, 30]


@pytest.mark.slow
def test_copies_are_never_on_both_sides_of_a_fold() -> None:
    # labels at random: only a model that saw the copy could know them
    rng = np.random.default_rng(1)
    images, labels = noise(150), rng.integers(0, 3, 150)
    twice, both = np.concatenate([images, images]), np.concatenate([labels, labels])

    def accuracy(groups: np.ndarray) -> float:
        probabilities = wrong_labels.out_of_fold_probabilities(twice, both, groups)
        return float(np.mean(probabilities.argmax(axis=1) == both))

    assert accuracy(np.arange(300)) > 0.7
    assert accuracy(duplicates.exact_duplicates(twice)) < 0.5


@pytest.mark.filterwarnings("ignore:Only one sample")
@pytest.mark.slow
def test_out_of_fold_says_what_it_needs() -> None:
    images = noise(10)
    with pytest.raises(ValueError, match="at least 5 different images"):
        wrong_labels.out_of_fold_probabilities(images, np.arange(10) % 2, np.zeros(10, int))
    with pytest.raises(ValueError, match="two emotions"):
        wrong_labels.out_of_fold_probabilities(images, np.zeros(10, int), np.arange(10))
    # an emotion with one image is unknown to the model that must name it
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 6])
    probabilities = wrong_labels.out_of_fold_probabilities(images, labels, np.arange(10))
    assert probabilities[9, 6] == 0
    assert np.allclose(probabilities.sum(axis=1), 1)
