"""A face, and how boxes overlap."""

import numpy as np
import pytest

from facevalue.recognition.face import Face, overlap, shared_area


def test_overlap_by_hand():
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == 0
    assert overlap((3, 4, 5, 6), (3, 4, 5, 6)) == 1


def test_shared_area_by_hand():
    assert shared_area((0, 0, 10, 10), (2, 3, 4, 5)) == 20
    assert shared_area((0, 0, 10, 10), (20, 20, 4, 5)) == 0


@pytest.mark.parametrize(
    ("left_eye", "degrees"), [((20, 10), 0), ((20, 20), 45), ((20, 0), -45), ((10, 20), 90)]
)
def test_the_roll_is_the_lean_of_the_line_of_the_eyes(left_eye, degrees):
    landmarks = np.array([(10, 10), left_eye, (0, 0), (0, 0), (0, 0)], float)
    assert Face((0, 0, 30, 30), 0.9, landmarks).roll == pytest.approx(degrees)


def test_without_landmarks_a_face_is_upright():
    assert Face((0, 0, 30, 30)).roll == 0
