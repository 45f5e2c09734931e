"""A database that another program has filled: what is wrong in it does not stop a server."""

import io
import sqlite3
import time

import numpy as np
import pytest
from api_helpers import SOURCES, get, rows
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from apps.api.app import create_app
from facevalue.collection import database, database_import

PATHS = ("/", "/gallery", "/gallery/{}", "/images/", "/images/{}", "/images/{}/guess", "/docs")


def png(size):
    stream = io.BytesIO()
    Image.new("L", size).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def file(tmp_path):
    """The file of a small database, as an earlier version made it: without checks."""
    file = tmp_path / "faces.db"
    made = database.create(f"sqlite:///{file}")
    database_import.add_sources(made, SOURCES)
    database_import.add_facs(made)
    database_import.add_images(made, rows())
    made.dispose()
    return file


def change(file, sql, *values):
    """Change the database as another program does, which enforces nothing."""
    connection = sqlite3.connect(file, timeout=1)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    with connection:
        connection.execute(sql, values)
    connection.close()


@pytest.fixture
def client(file):
    made = database.create(f"sqlite:///{file}")
    with TestClient(create_app(made), raise_server_exceptions=False) as running:
        yield running
    made.dispose()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE all_images SET emotion_id = 9 WHERE id = 5",
        "UPDATE all_images SET source_id = 99 WHERE id = 5",
        "UPDATE all_images SET emotion_id = -1 WHERE id = 5",
    ],
)
def test_an_image_of_an_unknown_emotion_or_source_is_left_out(file, client, sql):
    before = get(client, "/images/")["total"]
    change(file, sql)
    for path in PATHS:
        answer = client.get(path.format(5))
        assert answer.status_code == (404 if "{}" in path else 200), path
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert client.get(path.format(6)).status_code in (200, 404)
    deadline = time.monotonic() + 30  # the catalogue may be that of a moment ago
    while get(client, "/images/")["total"] == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert get(client, "/images/")["total"] == before - 1
    change(file, "DELETE FROM all_images WHERE id = 5")  # nothing keeps the database locked


def test_the_size_of_an_image_is_that_of_its_file(file, client):
    change(
        file, "UPDATE all_images SET height = 1, width = 1, png = ? WHERE id = 5", png((7000, 7000))
    )
    answer = client.get("/images/5?pixels=true")
    assert answer.status_code == 422
    assert "49,000,000 pixel values" in answer.json()["detail"]
    assert "pixels, more than" in client.get("/images/5/file?size=64").json()["detail"]


def test_an_unforeseen_error_has_a_page_and_the_security_headers(client, monkeypatch):
    monkeypatch.setattr("apps.api.queries.entries", lambda *_, **__: 1 // 0)
    for path in ("/gallery", "/images/"):
        answer = client.get(path)
        assert answer.status_code == 500
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "The server made a mistake" in answer.text
        assert "ZeroDivisionError" not in answer.text


@pytest.mark.parametrize("wrong", ["emotion_id = 9", "height = 0", "sha256 = 'short'"])
def test_the_schema_refuses_such_rows(url, wrong):  # noqa: F811 - the fixture
    made = database.create(url)
    database_import.add_sources(made, SOURCES)
    database_import.add_images(made, rows())
    with pytest.raises(IntegrityError), made.begin() as connection:
        connection.execute(text(f"UPDATE all_images SET {wrong} WHERE id = 1"))
    made.dispose()


def test_a_row_that_gives_another_size_than_its_file_is_refused(file):
    made = database.create(f"sqlite:///{file}")
    row = database_import.image_row(np.zeros((5, 7), np.uint8), "FER-2013", "happy", "small")
    table = rows().head(0)
    table.loc[0] = row | {"height": 48, "width": 48}
    with pytest.raises(ValueError, match="'small' has 7 x 5 pixels, and not 48 x 48"):
        database_import.add_images(made, table)
    made.dispose()
