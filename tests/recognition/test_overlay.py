"""Drawing boxes and bars over a picture."""

import numpy as np
import pytest
from live_helpers import sighting

from facevalue.emotions import COLOURS
from facevalue.recognition import overlay


def test_the_box_is_drawn_in_the_colour_of_the_emotion_and_the_frame_stays_as_it_was():
    image = np.full((480, 640, 3), 90, np.uint8)
    made = overlay.draw(image, [sighting((200, 150, 120, 120), fear=0.8)])
    colour = tuple(bytes.fromhex(COLOURS["fear"][1:]))
    assert tuple(made[200, 200]) == colour
    assert (image == 90).all()
    assert (made != image).any(axis=2).sum() > 5000  # the name and the bars


@pytest.mark.parametrize("box", [(-20, -20, 60, 60), (600, 440, 80, 80), (0, 0, 640, 480)])
def test_faces_at_the_edge_are_drawn_too(box):
    image = np.full((480, 640, 3), 90, np.uint8)
    assert (overlay.draw(image, [sighting(box)]) != image).any()


def changed(image, made, box):
    """Return the share of the pixels of a box that were drawn on, without its outline."""
    x, y, width, height = box
    inside = slice(y + 5, y + height - 5), slice(x + 5, x + width - 5)
    return (made[inside] != image[inside]).any(axis=2).mean()


def test_bars_never_stand_on_another_person():
    image = np.full((480, 640, 3), 90, np.uint8)
    faces = [sighting((40 + 150 * k, 150, 110, 130), happy=0.9) for k in range(4)]
    made = overlay.draw(image, faces)
    for face in faces:  # side by side: there is room at the edge only
        assert changed(image, made, face.box) == 0
    alone = overlay.draw(image, faces[1:2])
    assert changed(image, alone, (303, 155, 35, 100)) > 0.9
    assert changed(image, made, (303, 155, 35, 100)) < 0.1


def test_a_face_that_fills_the_frame_has_its_bars_over_itself():
    image = np.full((480, 640, 3), 90, np.uint8)
    made = overlay.draw(image, [sighting((60, 40, 520, 430), sad=0.7)])
    assert (made != image).any(axis=2).sum() > 12_000


def test_a_crowd_has_numbers_that_cover_no_other_face_and_no_bars():
    image = np.full((400, 2000, 3), 90, np.uint8)
    faces = [sighting((100 + 90 * k, 150, 60, 60), surprise=0.95) for k in range(12)]
    made = overlay.draw(image, faces, numbered=True)
    for face in faces:
        assert changed(image, made, face.box) == 0
        x, y, *_ = face.box
        assert (made[y - 20 : y, x : x + 60] != image[y - 20 : y, x : x + 60]).any()
    assert (made[230:] == image[230:]).all() and (made[:, 1200:] == image[:, 1200:]).all()
