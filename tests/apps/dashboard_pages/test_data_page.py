"""The dashboard's page about the database, as a visitor uses it."""

import numpy as np
import pandas as pd
import pytest
from dashboard_helpers import (
    checked,
    flat,
    page,
    press,
    texts,
)

from apps.dashboard_pages import (
    data,
)
from facevalue import paths
from facevalue.collection import database, database_import
from facevalue.emotions import EMOTIONS


@pytest.fixture(scope="module")
def faces_db(tmp_path_factory):
    """Make a database of 210 images, 30 of each emotion, all grey and square."""
    file = tmp_path_factory.mktemp("dashboard") / "faces.db"
    engine = database.create(f"sqlite:///{file}")
    sources = pd.DataFrame({"name": ["rendered"], "address": "a", "licence": "CC0"})
    database_import.add_sources(engine, sources)
    rows = [
        database_import.image_row(flat(number), "rendered", EMOTIONS[number % 7], f"face {number}")
        for number in range(210)
    ]
    database_import.add_images(engine, pd.DataFrame(rows))
    engine.dispose()
    return file


@pytest.mark.slow
def test_the_database_is_counted_and_filtered(faces_db, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{faces_db}")
    app = page("data")
    assert app.dataframe[0].value.loc["rendered", list(EMOTIONS)].tolist() == [30] * 7
    assert "**210 images** match." in texts(app)
    assert len(app.image) == data.SAMPLES
    checked(app.selectbox(key="emotion").set_value("fear").run())
    assert "**30 images** match." in texts(app)
    captions = [image.captions[0] for image in app.image]
    assert all(caption.startswith("fear, ") for caption in captions)
    press(app, "Show others")
    assert [image.captions[0] for image in app.image] != captions
    checked(app.selectbox(key="colour").set_value("RGB").run())
    assert "**0 images** match." in texts(app)


@pytest.mark.slow
def test_images_are_filtered_by_a_range_of_aspect_ratios(tmp_path, monkeypatch):
    engine = database.create(f"sqlite:///{tmp_path / 'wide.db'}")
    sources = pd.DataFrame({"name": ["rendered"], "address": "a", "licence": "CC0"})
    database_import.add_sources(engine, sources)
    shapes = [(48, 24), (48, 48), (48, 96), (32, 48)]
    rows = [
        database_import.image_row(np.zeros(shape, np.uint8), "rendered", "happy", f"{shape}")
        for shape in shapes
    ]
    database_import.add_images(engine, pd.DataFrame(rows))
    engine.dispose()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'wide.db'}")
    app = page("data")
    assert app.slider(key="ratio").value == (0.5, 2.0)
    checked(app.slider(key="ratio").set_value((1.0, 1.6)).run())
    assert "**2 images** match." in texts(app)


@pytest.mark.slow
def test_without_a_database_the_page_says_how_to_fill_it(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "processed", lambda: tmp_path)
    assert "make run NOTEBOOK=01" in page("data").info[0].value
    assert not (tmp_path / "faces.db").exists()


@pytest.mark.parametrize(
    ("url", "said"), [("sqlite:////no/such/folder/a.db", "does not answer"), ("faces", "cannot be")]
)
@pytest.mark.slow
def test_a_database_that_does_not_open_gets_a_sentence(url, said, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", url)
    assert said in page("data").error[0].value


@pytest.mark.slow
def test_an_empty_database_gets_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'new.db'}")
    assert "is empty" in page("data").info[0].value
