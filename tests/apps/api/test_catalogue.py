"""Changes of the database are seen without a restart."""

import time

import pandas as pd
from api_helpers import SOURCES, get, ids, picture, rows
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database
from fastapi.testclient import TestClient
from sqlalchemy import text

from apps.api.app import create_app
from facevalue.collection import database, database_import


def seen(client, path, wanted):
    """Ask until the answer has `wanted` images: news may take a moment."""
    for _ in range(100):
        if get(client, path)["total"] == wanted:
            return True
        time.sleep(0.05)
    return False


def test_added_changed_and_deleted_images_are_visible_without_a_restart(url):  # noqa: F811
    made = database.create(url)
    database_import.add_sources(made, SOURCES)
    client = TestClient(create_app(made))
    assert get(client, "/images/")["total"] == 0
    writer = database.create(url)
    database_import.add_images(writer, pd.DataFrame([picture(1), picture(2)]))
    assert seen(client, "/images/?emotion=happy", 2)
    with writer.begin() as connection:
        connection.execute(text("UPDATE all_images SET emotion_id = 4 WHERE id = 1"))
    writer.dispose()  # PostgreSQL counts the changes of an open connection later
    assert seen(client, "/images/?emotion=sad", 1)
    assert ids(get(client, "/images/aspect_ratio?aspect_ratio=1&page_size=1")) == [1]
    assert client.get("/").status_code == 200
    with writer.begin() as connection:
        connection.execute(text("DELETE FROM all_images WHERE id = 2"))
    writer.dispose()
    assert seen(client, "/images/", 1)
    made.dispose()


def test_a_replaced_database_file_is_opened_again(tmp_path):
    # as notebook 01 does it when it is run again
    made = database.create(f"sqlite:///{tmp_path / 'faces.db'}")
    database_import.add_sources(made, SOURCES)
    database_import.add_images(made, pd.DataFrame([picture(1)]))
    client = TestClient(create_app(made))
    assert get(client, "/images/")["total"] == 1
    other = database.create(f"sqlite:///{tmp_path / 'faces.part'}")
    database_import.add_sources(other, SOURCES)
    database_import.add_images(other, rows())
    other.dispose()
    (tmp_path / "faces.part").replace(tmp_path / "faces.db")
    assert seen(client, "/images/", 32)
    assert get(client, "/images/31")["emotion"] == "surprise"
