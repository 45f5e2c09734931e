"""Converting faces to the input of the network."""

import numpy as np
import pytest

from facevalue.data.dataset import Dataset
from facevalue.recognition import preparation


def test_the_networks_input_is_what_training_sees():
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48)).astype(np.uint8)
    data = Dataset("rendered", images, np.zeros(5, int), np.array(["Training"] * 5), np.arange(5))
    np.testing.assert_array_equal(preparation.prepare(images), data.x)
    np.testing.assert_array_equal(preparation.prepare(list(images)), data.x)


def test_red_green_and_blue_weigh_as_the_eye_sees_them():
    colours = np.zeros((3, 48, 48, 3), np.uint8)
    for channel in range(3):
        colours[channel, ..., channel] = 255
    levels = preparation.prepare(colours)[:, 0, 0, 0]
    assert levels == pytest.approx([0.299, 0.587, 0.114], abs=0.5 / 255)
    assert preparation.prepare(colours / 255.0)[:, 0, 0, 0] == pytest.approx(
        [0.299, 0.587, 0.114], abs=1e-3
    )


def test_shrinking_averages_and_growing_stays_in_range():
    large = np.random.default_rng(1).integers(0, 256, (2, 96, 144)).astype(np.uint8)
    means = large.reshape(2, 48, 2, 48, 3).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(preparation.prepare(large)[..., 0], means, atol=0.51 / 255)
    small = np.random.default_rng(2).integers(0, 2, (3, 16, 16)).astype(float)
    grown = preparation.prepare(small)
    assert grown.min() == 0 and grown.max() == 1  # smooth growing overshoots
