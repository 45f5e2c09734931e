"""Average faces and contrasts: against plain arithmetic, and against effects that were planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from facevalue.exploration import average_faces


def images(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(40, 200, (n, 48, 48), dtype=np.uint8)


def test_averages_are_plain_means_and_an_empty_class_is_nan() -> None:
    pictures, labels = images(40), np.arange(40) % 3
    result = average_faces.averages(pictures, labels)
    for label in range(3):
        assert np.allclose(result[label], pictures[labels == label].mean(axis=0), atol=1e-3)
    assert np.isnan(result[3:]).all()


def test_contrasts_are_differences_and_statistics_those_of_a_pooled_test() -> None:
    pictures, labels = images(300), np.arange(300) % 7
    result = average_faces.contrasts(pictures, labels, permutations=20)
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    a, b = centred[labels == 3], centred[labels == 5]
    assert np.allclose(result.difference[3, 5], a.mean(axis=0) - b.mean(axis=0), atol=1e-3)
    assert np.allclose(result.difference[3, 5], -result.difference[5, 3])
    # without an effect, the statistic is nearly Student's t
    expected = stats.ttest_ind(a, b).statistic
    assert np.corrcoef(expected.ravel(), result.statistic[3, 5].ravel())[0, 1] > 0.99


def test_a_planted_difference_is_found_where_it_was_planted() -> None:
    pictures, labels = images(400).astype(float), np.arange(400) % 2
    pictures[labels == 1, 30:36, 20:28] += 40
    result = average_faces.contrasts(pictures.astype(np.uint8), labels, permutations=100)
    marked = result.significant[1, 0]
    assert marked[30:36, 20:28].all()
    assert marked.sum() == 48
    assert (result.difference[1, 0][marked] > 0).all()
    assert result.share[1, 0] == pytest.approx(48 / 2304)
    assert np.isnan(result.share[3, 0])


@pytest.mark.slow
def test_labels_that_mean_nothing_mark_nothing_in_most_sets() -> None:
    marked = 0
    for seed in range(20):
        rng = np.random.default_rng([seed, 1])
        labels = rng.integers(0, 3, 90)
        result = average_faces.contrasts(images(90, seed), labels, permutations=100, seed=seed)
        marked += result.significant.any()
    # 5 % are expected: of 20 sets, more than 4 would be an event of one in 400
    assert marked <= 4


def test_the_test_is_the_same_on_every_run() -> None:
    pictures, labels = images(60), np.arange(60) % 4
    first, second = (average_faces.contrasts(pictures, labels, 30, seed=4) for _ in range(2))
    assert first.threshold == second.threshold


@pytest.mark.parametrize("labels", [np.zeros(5, int), np.zeros(0, int)])
def test_one_emotion_or_no_image_marks_nothing_and_raises_nothing(labels: np.ndarray) -> None:
    result = average_faces.contrasts(images(len(labels)), labels)
    assert not result.significant.any()
    assert result.threshold == float("inf")
    assert np.isnan(result.difference[1, 2]).all()


def test_mosaic_puts_each_image_in_its_place() -> None:
    parts = np.arange(6, dtype=float)[:, None, None] * np.ones((6, 4, 5))
    whole = average_faces.mosaic(parts.reshape(2, 3, 4, 5), gap=2)
    assert whole.shape == (10, 19)
    assert (whole[6:, 14:] == 5).all()
    assert np.isnan(whole[4:6]).all()
    assert np.isnan(whole[:, 5:7]).all()


def test_painted_faces_are_red_where_brighter_and_pale_grey_elsewhere() -> None:
    pictures, labels = images(400).astype(float), np.arange(400) % 2
    pictures[labels == 1, 30:36, 20:28] += 40
    result = average_faces.contrasts(pictures.astype(np.uint8), labels, permutations=50)
    whole = average_faces.overlay(result, pictures.mean(axis=0), limit=30)
    assert whole.shape == (7, 7, 48, 48, 3)
    assert whole.min() >= 0 and whole.max() <= 1
    red, green, blue = np.moveaxis(whole[1, 0, 30:36, 20:28], -1, 0)
    assert (red > blue + 0.2).all()
    outside = whole[1, 0, :28]
    assert np.ptp(outside, axis=-1).max() == 0
    assert outside.min() > 0.7
    assert (whole[1, 4] == 1).all()  # there is no sad face
    assert average_faces.mosaic(whole).shape == (7 * 51 - 3, 7 * 51 - 3, 3)
