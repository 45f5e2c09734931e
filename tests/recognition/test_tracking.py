"""Faces from frame to frame: found quickly, and kept steady."""

import cv2
import numpy as np
import pytest
from live_helpers import frame, sighting, small_model

from facevalue.evaluation import detectors
from facevalue.recognition import tracking


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("models"))["fast"]


@pytest.mark.parametrize("seed", [20, 21, 25])
@pytest.mark.slow
def test_faces_of_a_frame_are_found_where_they_were_drawn(recogniser, seed):
    image, boxes = frame(("happy", "sad"), seed)
    found = tracking.recognise_frame(image, recogniser)
    assert detectors.matched(np.array([face.box for face in found]), boxes) == len(boxes)
    assert found[0].emotion == "happy"


@pytest.mark.slow
def test_a_grey_frame_and_a_colour_one_show_the_same_faces(recogniser):
    image, boxes = frame()
    found = tracking.recognise_frame(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), recogniser)
    assert detectors.matched([face.box for face in found], boxes) == len(boxes) == len(found)


@pytest.mark.slow
def test_a_face_is_found_wherever_it_goes(recogniser):
    image, boxes = frame(("happy", "sad"), 21)
    for k in range(0, 40, 4):
        found = tracking.recognise_frame(np.roll(image, 4 * k, axis=1), recogniser)
        shown = boxes + (4 * k, 0, 0, 0)
        shown = shown[shown[:, 0] + shown[:, 2] < 640]
        assert detectors.matched([face.box for face in found], shown) == len(shown), k


def test_a_smoothed_face_keeps_its_score():
    smooth = tracking.Smoother()
    first = sighting()
    smooth([first], 0)
    (shown,) = smooth([first], 0.1)
    assert shown.face.score == first.face.score and shown.box == first.box


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4000, 3), (3000, 2, 3), (24, 24), (480, 640, 3)])
def test_a_frame_without_a_face_has_none_whatever_its_shape(recogniser, shape):
    assert tracking.recognise_frame(np.full(shape, 128, np.uint8), recogniser) == []


def test_a_change_is_shown_little_by_little():
    smooth = tracking.Smoother()
    for k in range(10):
        smooth([sighting(happy=1.0)], k / 30)
    first = smooth([sighting(sad=1.0)], 10 / 30)[0]
    assert first.emotion == "happy"
    assert first.probabilities["sad"] == pytest.approx(
        1 - np.exp(-1 / 30 / tracking.PROBABILITY_SECONDS)
    )
    for k in range(11, 41):
        last = smooth([sighting(sad=1.0)], k / 30)[0]
    assert last.probabilities["sad"] > 0.95
    assert sum(last.probabilities.values()) == pytest.approx(1)


def test_a_slow_video_is_smoothed_over_the_same_time():
    fast, slow = tracking.Smoother(), tracking.Smoother()
    fast([sighting(happy=1.0)], 0), slow([sighting(happy=1.0)], 0)
    for k in range(1, 13):
        ends = fast([sighting(sad=1.0)], k / 60)
    assert slow([sighting(sad=1.0)], 0.2)[0].probabilities == pytest.approx(ends[0].probabilities)


def test_what_is_found_once_is_not_shown_and_what_is_missed_once_stays():
    smooth = tracking.Smoother()
    assert smooth([sighting()], 0) == []
    assert len(smooth([sighting()], 0.1)) == 1
    assert len(smooth([], 0.2)) == 1
    assert smooth([], 0.2 + tracking.KEEP_SECONDS) == []


def test_two_faces_are_not_mixed_up():
    smooth = tracking.Smoother()
    left, right = (100, 100, 80, 80), (300, 100, 80, 80)
    for k in range(5):
        pair = [sighting(left, happy=0.9), sighting(right, sad=0.9)]
        shown = smooth(pair if k % 2 else pair[::-1], k / 30)
    assert {(face.box, face.emotion) for face in shown} == {(left, "happy"), (right, "sad")}
