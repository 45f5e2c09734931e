"""Cutting out faces."""

import numpy as np
import pytest

from facevalue.recognition import cropping

GRID = np.arange(100, dtype=np.uint8).reshape(10, 10)


def test_crop_without_margin_is_the_box():
    np.testing.assert_array_equal(cropping.crop(GRID, (2, 3, 4, 4), 0), GRID[3:7, 2:6])


def test_margin_widens_the_box_on_every_side():
    np.testing.assert_array_equal(cropping.crop(GRID, (2, 3, 4, 4), 0.25), GRID[2:8, 1:7])


def test_an_oblong_box_gives_a_square_around_its_centre():
    np.testing.assert_array_equal(cropping.crop(GRID, (2, 3, 2, 4), 0), GRID[3:7, 1:5])


def test_over_the_edge_the_last_pixels_are_repeated():
    expected = np.pad(GRID[:3, :3], ((1, 0), (1, 0)), mode="edge")
    np.testing.assert_array_equal(cropping.crop(GRID, (-1, -1, 4, 4), 0), expected)


def test_crop_shrinks_by_averaging_and_keeps_colours():
    image = np.zeros((8, 8, 3), np.uint8)
    image[::2, :, 1] = 200
    small = cropping.crop(image, (0, 0, 8, 8), 0, 4)
    np.testing.assert_array_equal(small, np.full((4, 4, 3), (0, 100, 0), np.uint8))


def test_a_box_beside_the_photo_is_refused():
    with pytest.raises(ValueError, match=r"\(10, 0, 4, 4\) does not touch the 10 x 10 image"):
        cropping.crop(GRID, (10, 0, 4, 4))


@pytest.mark.parametrize(("margin", "size"), [(-0.1, None), (0, 0)])
def test_negative_margins_and_sizes_of_zero_are_refused(margin, size):
    with pytest.raises(ValueError, match="margin must be 0 or more"):
        cropping.crop(GRID, (2, 3, 4, 4), margin, size)
