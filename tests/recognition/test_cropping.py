"""Cutting out faces."""

import numpy as np
import pytest

from facevalue.recognition import cropping
from facevalue.recognition.face import Face

GRID = np.arange(100, dtype=np.uint8).reshape(10, 10)


def test_crop_without_margin_is_the_box():
    np.testing.assert_array_equal(cropping.crop(GRID, (2, 3, 4, 4), None, 0), GRID[3:7, 2:6])


def test_margin_widens_the_box_on_every_side():
    np.testing.assert_array_equal(cropping.crop(GRID, (2, 3, 4, 4), None, 0.25), GRID[2:8, 1:7])


def test_an_oblong_box_gives_a_square_around_its_centre():
    np.testing.assert_array_equal(cropping.crop(GRID, (2, 3, 2, 4), None, 0), GRID[3:7, 1:5])


def test_over_the_edge_the_last_pixels_are_repeated():
    expected = np.pad(GRID[:3, :3], ((1, 0), (1, 0)), mode="edge")
    np.testing.assert_array_equal(cropping.crop(GRID, (-1, -1, 4, 4), None, 0), expected)


def test_crop_shrinks_by_averaging_and_keeps_colours():
    image = np.zeros((8, 8, 3), np.uint8)
    image[::2, :, 1] = 200
    small = cropping.crop(image, (0, 0, 8, 8), 4, 0)
    np.testing.assert_array_equal(small, np.full((4, 4, 3), (0, 100, 0), np.uint8))


def test_a_box_beside_the_photo_is_refused():
    with pytest.raises(ValueError, match=r"\(10, 0, 4, 4\) .* outside the 10 x 10 image"):
        cropping.crop(GRID, (10, 0, 4, 4))


@pytest.mark.parametrize(("margin", "size"), [(-0.5, None), (0, 0)])
def test_margins_that_leave_nothing_and_sizes_of_zero_are_refused(margin, size):
    with pytest.raises(ValueError, match="margin must be above -0.5"):
        cropping.crop(GRID, (2, 3, 4, 4), size, margin)


def leaning(degrees):
    """Draw two eyes and a mouth on a head that leans, with their places as landmarks."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    upright = np.array([(-20, -20), (20, -20), (0, 0), (-14, 24), (14, 24)])
    landmarks = upright @ turn.T + (100, 90)
    image = np.full((180, 200), 200, np.uint8)
    for x, y in np.rint(landmarks).astype(int):
        image[y - 3 : y + 4, x - 3 : x + 4] = 0
    return image, Face((50, 40, 100, 100), 0.9, landmarks)


@pytest.mark.parametrize("degrees", [-45, -30, 30, 45])
def test_a_face_that_leans_is_cut_out_upright(degrees):
    image, face = leaning(degrees)
    cut = cropping.crop(image, face, None, 0)
    assert cut.shape == (100, 100)
    for x, y in ((30, 30), (70, 30), (36, 74), (64, 74)):
        assert cut[y - 1 : y + 2, x - 1 : x + 2].max() < 80
    assert cut[:20].min() > 150


def test_a_face_that_hardly_leans_is_cut_out_as_it_is():
    image, face = leaning(3)
    np.testing.assert_array_equal(cropping.crop(image, face, None, 0), image[40:140, 50:150])


def test_a_negative_margin_cuts_into_the_box():
    np.testing.assert_array_equal(cropping.crop(GRID, (2, 3, 4, 4), None, -0.25), GRID[4:6, 3:5])
