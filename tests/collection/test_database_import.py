"""Adding sources, FACS tables and images, on SQLite and, where it runs, PostgreSQL."""

import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pandas as pd
import pytest
from databases import SOURCES, content, count, face, killed_loader, many
from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from facevalue.collection import database, database_copies, database_import, database_schema
from facevalue.emotions import EMOTIONS


def test_images_come_back_as_they_went_in(engine):
    known = {"licence": "CC BY 4.0", "author": "Ada", "address": "https://example.org/1"}
    rows = pd.DataFrame([face(10), face(20, "sad", **known)])
    assert database_import.add_images(engine, rows) == 2
    with Session(engine) as session:
        images = session.query(database_schema.Image).order_by(database_schema.Image.id).all()
        assert [image.emotion.name for image in images] == ["happy", "sad"]
        assert images[0].source.licence == "CC0"
        assert images[0].origin == "page 10"
        assert images[0].aspect_ratio == pytest.approx(2 / 3)
        assert (images[0].height, images[0].width) == (6, 4)
        assert images[0].sha256 == hashlib.sha256(rows["png"][0]).hexdigest()
        assert images[0].licence is None
        assert images[0].author is None
        assert {name: getattr(images[1], name) for name in known} == known
        pixels = cv2.imdecode(np.frombuffer(images[1].png, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(pixels, np.full((6, 4), 20, np.uint8))


def test_a_colour_image_keeps_its_colours():
    red = np.zeros((2, 3, 3), np.uint8)
    red[..., 0] = 255
    row = database_import.image_row(red, "album", "happy", "red")
    assert row["colour_space"] == "RGB"
    read = cv2.imdecode(np.frombuffer(row["png"], np.uint8), cv2.IMREAD_COLOR)
    assert read[0, 0].tolist() == [0, 0, 255]  # OpenCV: blue, green, red


def test_adding_again_adds_only_what_is_new(engine):
    database_import.add_images(engine, pd.DataFrame([face(1), face(2)]))
    assert database_import.add_images(engine, pd.DataFrame([face(1), face(2)])) == 0
    assert database_import.add_images(engine, pd.DataFrame([face(2), face(3)])) == 1
    assert database_import.add_sources(engine, SOURCES) == 0
    assert content(engine)["id"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(("column", "most"), [("name", 80), ("address", 2000)])
def test_the_texts_of_a_source_are_short(engine, column, most):
    sources = SOURCES.assign(name="other")
    with pytest.raises(ValueError, match=f"The {column} of a source, 'aaa.*more than {most:,}"):
        database_import.add_sources(engine, sources.assign(**{column: "a" * (most + 1)}))
    assert database_import.add_sources(engine, sources.assign(**{column: "a" * most})) == 1
    with pytest.raises((IntegrityError, DataError)), engine.begin() as connection:
        connection.execute(text(f"UPDATE data_sources SET {column} = {column} || 'aa'"))


def copies(engine):
    question = "SELECT image_id, origin, emotion_id, split FROM image_copies ORDER BY origin"
    with engine.connect() as connection:
        return [list(row) for row in connection.execute(text(question))]


def test_a_contradictory_label_of_an_equal_image_is_kept_and_said(engine):
    rows = pd.DataFrame([face(1, split="Training"), face(1, "sad", split="PublicTest")])
    with pytest.warns(UserWarning, match="1 copies of stored images carry another label"):
        assert database_import.add_images(engine, rows) == 1
    with Session(engine) as session:
        image = session.query(database_schema.Image).one()
        assert (image.emotion.name, image.split) == ("happy", "Training")
    sad = EMOTIONS.index("sad")
    assert copies(engine) == [[1, "page 1", sad, "PublicTest"]]
    # once is enough, and a later call may bring the next contradiction
    assert database_import.add_images(engine, rows) == 0
    assert len(copies(engine)) == 1
    with pytest.warns(UserWarning, match="1 copies"):
        database_import.add_images(engine, pd.DataFrame([face(1, "fear") | {"origin": "page 7"}]))
    assert copies(engine)[1] == [1, "page 7", EMOTIONS.index("fear"), None]


def test_a_copy_with_the_same_label_is_kept_without_a_warning(engine):
    rows = pd.DataFrame([face(1), face(1) | {"origin": "page 2"}, face(3)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert database_import.add_images(engine, rows) == 2
        assert database_import.add_images(engine, rows) == 0
    assert copies(engine) == [[1, "page 2", EMOTIONS.index("happy"), None]]


def test_more_images_than_one_query_may_name(engine):
    rows = many(database_copies.VALUES_PER_QUERY + 7)
    assert database_import.add_images(engine, rows) == len(rows)
    assert database_import.add_images(engine, rows) == 0


@pytest.mark.parametrize("column", database_import.COLUMNS)
def test_a_missing_value_is_named_with_its_row_and_nothing_stored(engine, column):
    rows = pd.DataFrame([face(1), face(2) | {column: None}, face(3)])
    with pytest.raises(ValueError, match=f"Row 1 of the table has no {column}"):
        database_import.add_images(engine, rows)
    assert count(engine) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "attic"}, "'attic' is not in data_sources"),
        ({"emotion": "bored"}, "'bored' is"),
        ({"png": b"<html>"}, "'page 2' is not a PNG file"),
    ],
)
def test_what_is_wrong_with_a_row_is_named_and_nothing_stored(engine, change, message):
    with pytest.raises(ValueError, match=message):
        database_import.add_images(engine, pd.DataFrame([face(1), face(2) | change]))
    assert count(engine) == 0


def test_a_missing_column_is_named(engine):
    with pytest.raises(ValueError, match="no column 'png'"):
        database_import.add_images(engine, pd.DataFrame([face(1)]).drop(columns="png"))


def test_a_source_that_images_refer_to_cannot_be_deleted(engine):
    database_import.add_images(engine, pd.DataFrame([face(1)]))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("DELETE FROM data_sources"))


def test_two_writers_at_once_wait_for_each_other(engine):
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(
            lambda first: database_import.add_images(engine, many(300, first)), (0, 100)
        )
        assert sum(done) == 400
    assert content(engine)["id"].tolist() == list(range(1, 401))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.slow
def test_adding_rows_again_after_a_kill_ends_as_one_clean_run(engine, url, tmp_path):
    database_import.add_images(engine, many(3, first=50))
    killed_loader(url, "rows", 1)
    assert count(engine) == 3
    assert database_import.add_images(engine, many(100)) == 97
    clean = database.create(f"sqlite:///{tmp_path / 'clean.db'}")
    database_import.add_sources(clean, SOURCES)
    database_import.add_images(clean, many(3, first=50))
    database_import.add_images(clean, many(100))
    pd.testing.assert_frame_equal(content(engine), content(clean))
    clean.dispose()


def test_the_action_units_of_an_emotion_are_one_join_away(engine):
    stored = database_import.add_facs(engine)
    assert database_import.add_facs(engine) == stored
    rows = pd.read_sql(
        "SELECT emotion, emotion_id, action_unit, description, one_side FROM facs_emotions_units "
        "JOIN facs_single_units USING (action_unit) ORDER BY emotion, action_unit",
        engine,
    )
    # the table of the iMotions guide
    surprise = rows[rows["emotion"] == "surprise"]
    assert surprise["action_unit"].tolist() == [1, 2, 5, 26]
    assert surprise["description"].tolist()[-1] == "Jaw Drop"
    assert set(surprise["emotion_id"]) == {EMOTIONS.index("surprise")}
    contempt = rows[rows["emotion"] == "contempt"]
    assert contempt["action_unit"].tolist() == [12, 14]
    assert contempt["one_side"].all()
    assert contempt["emotion_id"].isna().all()
    assert not rows.loc[rows["emotion"] != "contempt", "one_side"].any()
    assert "neutral" not in set(rows["emotion"])


def test_a_unit_that_nothing_describes_is_refused(engine):
    pairs = pd.DataFrame([{"emotion": "happy", "action_unit": 99, "one_side": False}])
    with pytest.raises(IntegrityError):
        database_import.add_facs(engine, emotion_units=pairs)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM facs_single_units")) == 0
