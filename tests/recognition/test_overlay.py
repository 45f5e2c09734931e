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
