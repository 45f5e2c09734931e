"""Opening, creating and querying the image database, on SQLite and, where it runs, PostgreSQL."""

import contextlib
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
from databases import SOURCES, count, face
from sqlalchemy import inspect

from facevalue.collection import database, database_import
from facevalue.emotions import EMOTIONS


def test_a_new_database_holds_its_tables_four_views_and_the_seven_emotions(engine):
    inspector = inspect(engine)
    assert set(inspector.get_table_names()) == {
        "all_images",
        "data_sources",
        "emotions_ids",
        "everyday_felt",
        "everyday_reports",
        "everyday_words",
        "facs_emotions_units",
        "facs_single_units",
        "image_copies",
    }
    assert set(inspector.get_view_names()) == {
        "images_ddg",
        "images_fer2013",
        "images_kaggle",
        "images_pixabay",
    }
    names = pd.read_sql("SELECT name FROM emotions_ids ORDER BY id", engine)["name"]
    assert tuple(names) == EMOTIONS


def test_other_programs_can_read_the_file(tmp_path):
    database.create(f"sqlite:///{tmp_path / 'new.db'}").dispose()
    connection = sqlite3.connect(tmp_path / "new.db")
    assert connection.execute("SELECT count(*) FROM images_pixabay").fetchone() == (0,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_each_view_shows_the_images_of_its_source(engine):
    names = ["Pixabay", "Duck Duck Go", "Kaggle", "FER-2013"]
    more = pd.DataFrame({"name": names, "address": "a", "licence": "b"})
    database_import.add_sources(engine, more)
    rows = [face(value) | {"source": name} for value, name in enumerate(names)] + [face(9)]
    database_import.add_images(engine, pd.DataFrame(rows))
    for view, value in (("pixabay", 0), ("ddg", 1), ("kaggle", 2), ("fer2013", 3)):
        shown = pd.read_sql(f"SELECT origin, png FROM images_{view}", engine)
        assert shown["origin"].tolist() == [f"page {value}"]


def test_opening_a_database_again_keeps_its_images(url):
    first = database.create(url)
    database_import.add_sources(first, SOURCES)
    database_import.add_images(first, pd.DataFrame([face(1)]))
    first.dispose()
    second = database.create(url)
    assert count(second) == 1
    second.dispose()


def test_a_database_of_an_earlier_version_is_refused_in_a_sentence(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        connection.execute("CREATE TABLE all_images (id INTEGER PRIMARY KEY, png BLOB)")
    with pytest.raises(ValueError, match="old.db comes from an earlier version .* notebook 01"):
        database.create(f"sqlite:///{tmp_path / 'old.db'}")


def test_the_address_comes_from_the_environment_or_is_a_file_of_the_course(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/faces")
    assert database.url() == "postgresql://localhost/faces"
    monkeypatch.delenv("DATABASE_URL")
    assert database.url().startswith("sqlite:///")
    assert database.url().endswith("faces.db")


def test_an_address_that_cannot_be_read_is_not_repeated_with_its_password():
    with pytest.raises(ValueError, match="cannot be parsed") as error:
        database.create("postgresql//me:secret@localhost/faces")
    assert "secret" not in str(error.value)


def test_a_server_that_does_not_answer_is_an_error_in_a_sentence():
    with pytest.raises(OSError, match=r"The database x cannot be used .*refused") as error:
        database.create("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(error.value)
    assert "sqlalche.me" not in str(error.value)


def test_a_locked_file_is_waited_for(tmp_path: Path) -> None:
    engine = database.create(f"sqlite:///{tmp_path / 'faces.db'}")
    with engine.connect() as connection:
        milliseconds = connection.exec_driver_sql("PRAGMA busy_timeout").scalar()
    engine.dispose()
    assert milliseconds == 60_000
