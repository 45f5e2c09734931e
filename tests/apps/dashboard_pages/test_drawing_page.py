"""The dashboard's page for drawn faces, as a visitor uses it."""

import numpy as np
import pytest
from dashboard_helpers import (
    LEVELS,
    checked,
    page,
    press,
    texts,
)

from apps.dashboard_pages import (
    drawing,
)
from facevalue.drawing import appearance, expressions, faces
from facevalue.emotions import EMOTIONS


@pytest.fixture
def seen(monkeypatch):
    """Return the faces that the models are shown."""
    shown = []
    monkeypatch.setattr(
        drawing.classical_guess, "predict", lambda face: shown.append(face) or "happy"
    )
    return shown


@pytest.mark.slow
def test_a_slider_moves_the_face_and_each_model_says_what_it_sees(seen):
    app = page("drawing")
    at_rest = app.image[0].value
    checked(app.slider(key="au_12").set_value(1.0).run())
    assert app.image[0].value != at_rest
    assert np.array_equal(seen[-1], faces.draw({12: 1.0}))
    assert "AU 12." in texts(app)
    level = EMOTIONS[int(np.abs(LEVELS - faces.draw({12: 1.0}).mean()).argmin())]
    for name in ("accurate", "fast"):
        assert f"{name}: **{level}**" in texts(app)
    assert "The classical model of notebook 06: **happy**" in texts(app)


@pytest.mark.slow
def test_presets_set_the_sliders_and_neutral_puts_them_back(seen):
    app = page("drawing")
    at_rest = app.image[0].value
    drawn = {}
    for emotion in EMOTIONS:
        checked(app.button(key=f"preset_{emotion}").click().run())
        drawn[emotion] = app.image[0].value[0]
        low_and_high = next(iter(expressions.VARIANTS[emotion].values())).units
        for unit, (low, high) in low_and_high.items():
            if unit in appearance.ACTION_UNITS:
                assert low - 0.03 <= app.slider(key=f"au_{unit}").value <= high + 0.03
    assert len(set(drawn.values())) == 7
    assert [drawn["neutral"]] == at_rest


@pytest.mark.slow
def test_the_eyes_look_where_the_sliders_say(seen):
    app = page("drawing")
    checked(app.slider(key="Eyes, right to left").set_value(-0.5).run())
    assert np.array_equal(seen[-1], faces.draw({62: 0.5}))


@pytest.mark.slow
def test_another_person_has_the_same_expression(seen):
    app = page("drawing")
    checked(app.slider(key="au_4").set_value(0.5).run())
    first = app.image[0].value
    press(app, "Another person")
    assert app.image[0].value != first
    assert app.slider(key="au_4").value == 0.5


@pytest.mark.slow
def test_every_unit_of_the_drawing_has_a_named_slider(seen):
    app = page("drawing")
    units = [s.key for s in app.slider if s.key.startswith("au_")]
    assert sorted(units) == sorted(f"au_{unit}" for unit in appearance.ACTION_UNITS)
    assert app.slider(key="au_12").label == "AU 12: Lip Corner Puller"


@pytest.mark.slow
def test_without_notebook_06_the_page_says_how_to_get_its_model(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing.classical_guess, "model_file", lambda: tmp_path / "classical.skops")
    assert "make run NOTEBOOK=06" in texts(page("drawing"))
    (tmp_path / "classical.skops").write_bytes(b"no model")
    assert "The classical model cannot be used" in texts(page("drawing"))
