"""Painted glasses sit before the eyes, and change nothing else of a face."""

from dataclasses import replace

import numpy as np
import pytest

from facevalue.drawing import drawn_set
from facevalue.drawing.appearance import Person
from facevalue.learning.worn_glasses import find_eyes, paint_glasses, wear_glasses, with_glasses

DARK = replace(Person(), frame="thick", frame_shade=0.0)
EYES = np.array([(16.0, 20.0), (32.0, 20.0)])


@pytest.fixture(scope="module")
def faces():
    return drawn_set.sample(40, 3, clean=True, progress=False).images


def test_the_eyes_are_found_left_and_right_of_the_middle_in_the_upper_half(faces):
    found = [find_eyes(face) for face in faces]
    eyes = np.array([pair for pair in found if pair is not None])
    assert len(eyes) >= 0.9 * len(faces)
    left, right = eyes.mean(axis=0)
    assert left[0] + right[0] == pytest.approx(47, abs=2)  # pixels count from 0
    assert 10 < right[0] - left[0] < 24
    assert 14 < left[1] < 26 and left[1] == pytest.approx(right[1], abs=1.5)


def test_black_frames_stand_before_the_eyes_and_nowhere_else():
    grey = np.full((48, 48), 200, np.uint8)
    painted = paint_glasses(grey, EYES, DARK)
    rows, columns = np.nonzero(painted != grey)
    assert rows.min() > 12 and rows.max() < 28
    assert painted[20, 16] == painted[20, 32] == 200  # one looks through the lenses
    assert painted.min() < 20
    # mirrored on the middle between the eyes, as far as whole pixels allow
    assert np.abs(painted[:, 1:].astype(int) - painted[:, :0:-1]).max() < 60
    assert columns.min() < 10 and columns.max() > 38


def test_frames_turn_and_grow_with_the_eyes():
    grey = np.full((48, 48), 200, np.uint8)
    upright = np.argwhere(paint_glasses(grey, np.array([(18, 24), (30, 24)]), DARK) != grey)
    turned = np.argwhere(paint_glasses(grey, np.array([(24, 18), (24, 30)]), DARK) != grey)
    assert np.ptp(upright[:, 1]) > 1.8 * np.ptp(upright[:, 0])
    assert np.ptp(turned[:, 0]) > 1.8 * np.ptp(turned[:, 1])
    larger = np.argwhere(paint_glasses(grey, EYES, DARK) != grey)
    assert np.ptp(larger[:, 0]) > np.ptp(upright[:, 0])


def test_sunglasses_hide_the_eyes():
    grey = np.full((48, 48), 200, np.uint8)
    painted = paint_glasses(grey, EYES, replace(DARK, frame="sunglasses"))
    assert painted[20, 16] < 60 and painted[40, 24] == 200


def test_who_wears_glasses_is_the_same_face_below_them(faces):
    rows, worn = wear_glasses(faces, progress=False)
    assert len(rows) >= 0.9 * len(faces) and worn.dtype == np.uint8
    changed = faces[rows] != worn
    assert changed.any(axis=(1, 2)).mean() > 0.9  # grey frames on grey skin are not seen
    assert changed[:, 40:].mean() < 0.01
    again = wear_glasses(faces, progress=False)[1]
    assert np.array_equal(worn, again)


def test_copies_follow_the_images_and_have_the_targets_of_their_originals(faces, processed):
    targets = np.eye(len(faces), dtype=np.float32)
    images, more = with_glasses(faces, targets, share=0.5)
    added = len(images) - len(faces)
    assert 0.4 * len(faces) <= added <= 0.5 * len(faces)
    assert np.array_equal(images[: len(faces)], faces)
    assert np.array_equal(more[: len(faces)], targets)
    again = with_glasses(faces, targets, share=0.5)  # from the cache
    assert np.array_equal(images, again[0]) and np.array_equal(more, again[1])
    assert len(list(processed.glob("painted-glasses-*.npz"))) == 1
    originals = faces[more[len(faces) :].argmax(axis=1)]
    assert np.array_equal(images[len(faces) :, 40:], originals[:, 40:])
