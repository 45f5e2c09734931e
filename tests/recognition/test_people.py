"""Numbers of the people in a video."""

import numpy as np
import pytest

from facevalue.recognition.face import Face
from facevalue.recognition.people import People


def face(x, y=100, side=80):
    return Face((round(x), round(y), side, side))


def test_people_who_move_keep_their_numbers_whatever_the_order():
    people, rng = People(), np.random.default_rng(0)
    for second in range(30):
        swing = 40 * np.sin(second)
        faces = [face(100 + swing), face(300 - swing, 120), face(520, 90 + swing)]
        order = rng.permutation(3)
        assert people([faces[k] for k in order], second) == [k + 1 for k in order]


def test_somebody_new_gets_the_next_number_and_nobody_gets_it_again():
    people = People()
    assert people([face(100)], 0) == [1]
    assert people([face(400), face(100)], 1) == [2, 1]
    assert people([face(100, 400), face(400)], 2) == [3, 2]


@pytest.mark.parametrize(("step", "missed", "same"), [(1, 4, True), (1, 9, False), (60, 2, True)])
def test_a_face_that_is_missed_for_a_while_keeps_its_number(step, missed, same):
    people = People()
    people([face(100)], 0)
    for look in range(1, missed + 1):
        assert people([], look * step) == []
    assert people([face(110)], (missed + 1) * step) == [1 if same else 2]


def test_a_face_of_another_size_is_another_person():
    people = People()
    people([face(100, 100, 40)], 0)
    assert people([face(60, 60, 120)], 1) == [2]
