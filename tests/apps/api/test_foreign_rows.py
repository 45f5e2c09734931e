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

from apps.api import classical_guess
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
def client(file, tmp_path, monkeypatch):
    # notebook 06 may have saved a model on this machine, and then there is a guess
    monkeypatch.setattr(classical_guess, "model_file", lambda: tmp_path / "none.skops")
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


def loosen(file):
    """Make the table of images anew without its checks and types, as another program may have."""
    connection = sqlite3.connect(file, timeout=1)
    views = [name for (name,) in connection.execute("SELECT name FROM sqlite_master "
                                                    "WHERE type = 'view'")]  # fmt: skip
    names = [row[1] for row in connection.execute("PRAGMA table_info(all_images)")]
    with connection:
        for view in views:
            connection.execute(f"DROP VIEW {view}")
        connection.execute(f"CREATE TABLE loose ({', '.join(names)})")
        connection.execute("INSERT INTO loose SELECT * FROM all_images")
        connection.execute("DROP TABLE all_images")
        connection.execute("ALTER TABLE loose RENAME TO all_images")
    connection.close()


ALL = (*PATHS, "/images/?pixels=true", "/images/{}?pixels=true", "/images/{}/file",
       "/images/{}/file?size=16", "/images/aspect_ratio?aspect_ratio=1", "/faces?face=happy",
       "/images/emotions/faces?face=happy", "/images/99")  # fmt: skip


def statuses(client, number):
    """Ask for everything; return the status of each path."""
    return {path: client.get(path.format(number)).status_code for path in ALL}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change_to", "single", "listed"),
    [
        # columns that the catalogue reads: the image is not counted either
        ("emotion_id = 'happy'", 404, 31),
        ("emotion_id = x'ff'", 404, 31),
        ("emotion_id = 2.5", 404, 31),
        ("emotion_id = NULL", 404, 31),
        ("aspect_ratio = 'x'", 404, 31),
        ("aspect_ratio = NULL", 404, 31),
        ("aspect_ratio = 9e999", 404, 31),
        ("id = 'abc'", 404, 31),
        ("id = NULL", 404, 31),
        ("id = -5", 404, 31),
        ("id = 9223372036854775807", 404, 31),
        ("id = 9e999", 404, 31),
        # others: a list has one image less than it counts
        ("origin = NULL", 404, 32),
        ("origin = x'ff'", 404, 32),
        ("author = x'ff'", 404, 32),
        ("licence = x'ff'", 404, 32),
        ("height = 'x'", 404, 32),
        ("size_mb = NULL", 404, 32),
        ("size_mb = 'y'", 404, 32),
        ("size_mb = 9e999", 404, 32),
        ("sha256 = 5", 404, 32),
        ("author = cast(x'fffe' AS TEXT)", 200, 32),  # the marks of what is no character
        ("png = NULL", 200, 32),
        ("png = 'hello'", 200, 32),
        ("png = 5", 200, 32),
        ("sha256 = 'a' || char(13) || char(10) || 'X: y'", 200, 32),
        ("sha256 = '\u65e5\u672c'", 200, 32),
    ],
)
def test_a_row_of_the_wrong_types_is_left_out_and_the_others_are_shown(
    file, change_to, single, listed, caplog
):
    loosen(file)
    change(file, f"UPDATE all_images SET {change_to} WHERE id = 5")
    made = database.create(f"sqlite:///{file}")
    with TestClient(create_app(made), raise_server_exceptions=False) as client:
        found = statuses(client, 5)
        assert set(found.values()) <= {200, 404}, found
        assert found["/images/"] == found["/gallery"] == found["/"] == 200
        assert found["/images/{}"] == found["/gallery/{}"] == single
        answer = get(client, "/images/")
        assert answer["total"] == listed
        assert len(answer["images"]) == listed - (single == 404 and listed == 32)
        assert client.get("/images/6/file").status_code == 200
        assert get(client, "/images/7?pixels=true")["pixels"]
        if change_to.startswith("png"):
            assert "no file of image 5" in get(client, "/images/5/file", 404)["detail"]
        if change_to.startswith("sha256 = '"):
            assert "etag" not in client.get("/images/5/file").headers
    assert ("1 images have an unknown emotion" in caplog.text) == (listed == 31)
    made.dispose()


@pytest.mark.parametrize(
    ("change_to", "link"),
    [
        ("address = hex(zeroblob(2500))", "00" * 2500),
        ("address = 'a' || char(0) || 'b'", "a\0b"),
        ("address = 'http://['", "http://["),
        ("address = x'ff'", ""),
        ("address = ''", ""),
    ],
)
def test_an_address_of_a_source_that_is_none_leads_nowhere(file, client, change_to, link):
    change(file, f"UPDATE data_sources SET {change_to} WHERE name = 'FER-2013'")
    found = statuses(client, 5)
    assert found == dict.fromkeys(ALL, 200) | {"/images/99": 404, "/images/{}/guess": 404}
    assert get(client, "/images/5")["url link"] == link
    assert "<td>FER-2013</td>" in client.get("/gallery/5").text


@pytest.mark.parametrize("change_to", ["name = x'ff'", "licence = x'ff'"])
def test_the_images_of_a_source_without_a_name_or_a_licence_are_left_out(file, change_to):
    change(file, f"UPDATE data_sources SET {change_to} WHERE name = 'FER-2013'")
    made = database.create(f"sqlite:///{file}")
    with TestClient(create_app(made), raise_server_exceptions=False) as client:
        assert set(statuses(client, 5).values()) <= {200, 404}
        assert "broken" in get(client, "/images/5", 404)["detail"]
        assert get(client, "/images/")["total"] == 2
    made.dispose()


def test_action_units_of_the_wrong_types_are_left_out(file, client):
    before = get(client, "/images/emotions/faces?face=happy")["action_units"]
    change(file, "UPDATE facs_single_units SET description = x'ff' WHERE action_unit = 6")
    after = get(client, "/images/emotions/faces?face=happy")["action_units"]
    assert after == [unit for unit in before if unit["action_unit"] != 6]
    assert len(after) == len(before) - 1
    for path in ("/faces?face=happy", "/gallery/4"):
        assert client.get(path).status_code == 200
