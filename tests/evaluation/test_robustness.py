"""Accuracy on corrupted images, for a recogniser whose answers can be predicted."""

import numpy as np
import pytest

from facevalue.emotions import EMOTIONS
from facevalue.evaluation import robustness
from facevalue.evaluation.corruptions import CORRUPTIONS


def light_is_happy(images):
    """A simple recogniser: happy if the mean grey level is over 100, otherwise sad."""
    light = images.mean(axis=(1, 2)) > 100
    return np.eye(7)[np.where(light, EMOTIONS.index("happy"), EMOTIONS.index("sad"))]


def test_robustness_of_a_recogniser_with_known_answers():
    levels = np.array([20, 60, 150, 180, 240, 250], np.uint8)
    images = levels[:, None, None] * np.ones((48, 48), np.uint8)
    happy, sad = EMOTIONS.index("happy"), EMOTIONS.index("sad")
    labels = np.array([sad, happy, happy, happy, happy, happy])  # the second is wrong
    table = robustness.robustness(light_is_happy, images, labels)
    assert len(table) == 1 + 3 * len(CORRUPTIONS) and (table["images"] == 6).all()
    by_name = table.set_index(["corruption", "strength"])
    assert by_name.loc[("none", 0), "accuracy"] == pytest.approx(5 / 6)
    # half the light: 10 30 75 90 120 125; a quarter or a tenth: all are dark
    assert by_name.loc["dark"]["accuracy"].tolist() == pytest.approx([3 / 6, 1 / 6, 1 / 6])
    assert by_name.loc[("dark", 1), "lost"] == pytest.approx(2 / 6)
    assert by_name.loc[("dark", 1), "setting"] == "50% of the light"
    # neither changes the mean of a flat image
    for name in ("blur", "low contrast", "rotation", "JPEG"):
        assert by_name.loc[name]["lost"].tolist() == [0, 0, 0]


def test_images_and_labels_must_match():
    images = np.zeros((2, 48, 48), np.uint8)
    with pytest.raises(ValueError, match="as many labels as images"):
        robustness.robustness(light_is_happy, images, np.array([1]))
    with pytest.raises(ValueError, match="at least one"):
        robustness.robustness(light_is_happy, images[:0], np.array([]))
