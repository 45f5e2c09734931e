"""The database of face images."""

import hashlib
import sqlite3

import cv2
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from facevalue import database
from facevalue.emotions import EMOTIONS

SOURCES = pd.DataFrame(
    [{"name": "album", "address": "https://example.org/album", "licence": "CC0"}]
)


def face(value, emotion="happy"):
    """One row for `add_images`: a 6 x 4 grey image of one value."""
    png = cv2.imencode(".png", np.full((6, 4), value, np.uint8))[1].tobytes()
    return {
        "source": "album",
        "emotion": emotion,
        "origin": f"page {value}",
        "height": 6,
        "width": 4,
        "aspect_ratio": 4 / 6,
        "format": "PNG",
        "colour_space": "Grayscale",
        "size_mb": len(png) / 2**20,
        "png": png,
    }


@pytest.fixture
def engine():
    made = database.create("sqlite://")
    database.add_sources(made, SOURCES)
    yield made
    made.dispose()


def count(engine):
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM all_images"))


def test_a_new_database_holds_three_tables_and_the_seven_emotions(tmp_path):
    database.create(f"sqlite:///{tmp_path / 'new.db'}").dispose()
    # read without SQLAlchemy
    with sqlite3.connect(tmp_path / "new.db") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {row[0] for row in tables} == {"data_sources", "emotions_ids", "all_images"}
        names = connection.execute("SELECT name FROM emotions_ids ORDER BY id").fetchall()
    connection.close()
    assert tuple(row[0] for row in names) == EMOTIONS


def test_images_come_back_as_they_went_in(engine):
    rows = pd.DataFrame([face(10), face(20, "sad")])
    assert database.add_images(engine, rows) == 2
    with Session(engine) as session:
        images = session.query(database.Image).order_by(database.Image.id).all()
        assert [image.emotion.name for image in images] == ["happy", "sad"]
        assert images[0].source.licence == "CC0"
        assert images[0].origin == "page 10" and images[0].aspect_ratio == pytest.approx(2 / 3)
        assert images[0].sha256 == hashlib.sha256(rows["png"][0]).hexdigest()
        pixels = cv2.imdecode(np.frombuffer(images[1].png, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(pixels, np.full((6, 4), 20, np.uint8))


def test_adding_again_adds_only_what_is_new(engine):
    database.add_images(engine, pd.DataFrame([face(1), face(2)]))
    assert database.add_images(engine, pd.DataFrame([face(1), face(2)])) == 0
    assert database.add_images(engine, pd.DataFrame([face(2), face(3)])) == 1
    assert database.add_sources(engine, SOURCES) == 0
    assert count(engine) == 3


def test_an_image_that_comes_twice_in_one_call_is_stored_once(engine):
    assert database.add_images(engine, pd.DataFrame([face(1), face(1, "sad")])) == 1
    with Session(engine) as session:
        assert session.query(database.Image).one().emotion.name == "happy"


def test_more_images_than_one_query_may_name(engine):
    many = [face(1) | {"png": bytes([k % 256, k // 256])} for k in range(database.AT_ONCE + 7)]
    assert database.add_images(engine, pd.DataFrame(many)) == len(many)
    assert database.add_images(engine, pd.DataFrame(many)) == 0


def test_a_call_that_fails_in_the_middle_stores_nothing(engine):
    broken = face(2) | {"origin": None}
    with pytest.raises(IntegrityError):
        database.add_images(engine, pd.DataFrame([face(1), broken, face(3)]))
    assert count(engine) == 0
    assert database.add_images(engine, pd.DataFrame([face(1), face(2), face(3)])) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [({"source": "attic"}, "'attic' is not in data_sources"), ({"emotion": "bored"}, "'bored' is")],
)
def test_an_unknown_source_or_emotion_is_named_and_nothing_stored(engine, change, message):
    with pytest.raises(ValueError, match=message):
        database.add_images(engine, pd.DataFrame([face(1), face(2) | change]))
    assert count(engine) == 0


def test_a_missing_column_is_named(engine):
    with pytest.raises(ValueError, match="no column 'png'"):
        database.add_images(engine, pd.DataFrame([face(1)]).drop(columns="png"))


def test_opening_an_existing_file_keeps_its_images(tmp_path):
    url = f"sqlite:///{tmp_path / 'faces.db'}"
    first = database.create(url)
    database.add_sources(first, SOURCES)
    database.add_images(first, pd.DataFrame([face(1)]))
    first.dispose()
    second = database.create(url)
    assert count(second) == 1
    second.dispose()


def test_a_source_that_images_refer_to_cannot_be_deleted(engine):
    database.add_images(engine, pd.DataFrame([face(1)]))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("DELETE FROM data_sources"))
