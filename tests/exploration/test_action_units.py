"""Action units: the part of the face that they move, and the emotions that they separate."""

from __future__ import annotations

import cv2
import IPython.display
import numpy as np
import pytest

from facevalue.drawing import appearance, faces
from facevalue.emotions import EMOTIONS
from facevalue.exploration import action_units


def test_units_move_the_part_of_the_face_that_facs_says() -> None:
    size = np.abs(action_units.unit_differences((2, 27)))
    brow, jaw = size
    assert brow[:24].sum() > 5 * brow[24:].sum()
    assert jaw[24:].sum() > 5 * jaw[:24].sum()


def test_separating_units_are_those_of_the_recipes() -> None:
    strengths = action_units.unit_strengths()
    happy, neutral = EMOTIONS.index("happy"), EMOTIONS.index("neutral")
    assert strengths[neutral].max() < 0.03  # faces at ease are hardly ever quite still
    column = appearance.ACTION_UNITS.index(12)
    # the means of (0.7, 1), three times, and (0.8, 1)
    assert strengths[happy, column] == pytest.approx((0.85 + 0.85 + 0.85 + 0.9) / 4)
    units, difference = action_units.separating_units()
    assert units[happy, neutral] == 12
    gap = strengths[happy, column] - strengths[neutral, column]
    assert difference[happy, neutral] == pytest.approx(gap)
    assert (units == units.T).all()
    assert np.allclose(difference, -difference.T)
    assert (np.diag(units) == 0).all()


def test_a_slider_changes_the_face(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[np.ndarray] = []
    monkeypatch.setattr(
        IPython.display,
        "display",
        lambda image: shown.append(cv2.imdecode(np.frombuffer(image.data, np.uint8), 0)),
    )
    page = action_units.sliders([6, 12])
    page.update()
    page.children[1].value = 1.0
    page.update()
    assert np.array_equal(shown[0], faces.draw({}, size=192))
    assert np.array_equal(shown[-1], faces.draw({12: 1.0}, size=192))
