"""The database of face images, on SQLite and, where it is installed, on PostgreSQL."""

import contextlib
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from facevalue.collection import database, database_schema
from facevalue.emotions import EMOTIONS

SOURCES = pd.DataFrame(
    [{"name": "album", "address": "https://example.org/album", "licence": "CC0"}]
)


# ------------------------------------------------------------------------------ two databases


def program(name):
    """Return the path of one of PostgreSQL's programs; Debian keeps them out of the way."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(found[-1]) if found else None)


@pytest.fixture(scope="session")
def postgresql():
    """Run a PostgreSQL server of our own, reached by a socket in its folder; give its address."""
    initdb, postgres = program("initdb"), program("postgres")
    if not (initdb and postgres) or os.name == "nt":
        pytest.skip("PostgreSQL's initdb and postgres are not installed")
    # not pytest's folder: the name of a socket may have 100 characters, and root's is closed
    folder = Path(tempfile.mkdtemp(prefix="fv-pg-"))
    become = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        import pwd

        names = {entry.pw_name for entry in pwd.getpwall()} & {"postgres", "nobody"}
        if not names or not shutil.which("setpriv"):
            pytest.skip("PostgreSQL does not run as root, and there is no other user to run it as")
        user = pwd.getpwnam(max(names))
        os.chown(folder, user.pw_uid, user.pw_gid)
        become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "cwd": folder}
    options = ["--no-sync", "-A", "trust", "-U", "tester", "-E", "UTF8", "--locale=C"]
    try:
        subprocess.run([*become, initdb, "-D", folder / "data", *options], check=True, **quiet)
        server = subprocess.Popen(
            [*become, postgres, "-D", folder / "data", "-k", folder, "-h", "", "-F"], **quiet
        )
        address = f"postgresql://tester@/postgres?host={folder}"
        engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
        for _ in range(300):
            with contextlib.suppress(Exception), engine.connect():
                break
            assert server.poll() is None, server.stderr.read().decode()
            time.sleep(0.05)
        engine.dispose()
        yield address
        server.send_signal(signal.SIGINT)  # the fast shutdown
        server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """Give the address of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'faces.db'}"
    address = request.getfixturevalue("postgresql")
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return address


@pytest.fixture
def engine(url):
    made = database.create(url)
    database.add_sources(made, SOURCES)
    yield made
    made.dispose()


def face(value, emotion="happy", **known):
    """One row for `add_images`: a 6 x 4 grey image of one value."""
    image = np.full((6, 4), value, np.uint8)
    return database.image_row(image, "album", emotion, f"page {value}", **known)


def many(n, first=0):
    """Rows for `add_images`, all different; no PNG reader looks at them."""
    row = face(1)
    return pd.DataFrame(
        [row | {"png": database_schema.PNG + k.to_bytes(4, "big")} for k in range(first, first + n)]
    )


def count(engine):
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM all_images"))


def content(engine):
    """All images as they are stored, ids included."""
    return pd.read_sql("SELECT * FROM all_images ORDER BY id", engine)


# ------------------------------------------------------------------------------ tables


def test_a_new_database_holds_five_tables_four_views_and_the_seven_emotions(engine):
    inspector = inspect(engine)
    assert set(inspector.get_table_names()) == {
        "all_images",
        "data_sources",
        "emotions_ids",
        "facs_emotions_units",
        "facs_single_units",
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
    database.add_sources(engine, more)
    rows = [face(value) | {"source": name} for value, name in enumerate(names)] + [face(9)]
    database.add_images(engine, pd.DataFrame(rows))
    for view, value in (("pixabay", 0), ("ddg", 1), ("kaggle", 2), ("fer2013", 3)):
        shown = pd.read_sql(f"SELECT origin, png FROM images_{view}", engine)
        assert shown["origin"].tolist() == [f"page {value}"]


def test_opening_a_database_again_keeps_its_images(url):
    first = database.create(url)
    database.add_sources(first, SOURCES)
    database.add_images(first, pd.DataFrame([face(1)]))
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
    with pytest.raises(ValueError, match="cannot be read") as error:
        database.create("postgresql//me:secret@localhost/faces")
    assert "secret" not in str(error.value)


# ------------------------------------------------------------------------------ images


def test_images_come_back_as_they_went_in(engine):
    known = {"licence": "CC BY 4.0", "author": "Ada", "address": "https://example.org/1"}
    rows = pd.DataFrame([face(10), face(20, "sad", **known)])
    assert database.add_images(engine, rows) == 2
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
    row = database.image_row(red, "album", "happy", "red")
    assert row["colour_space"] == "RGB"
    read = cv2.imdecode(np.frombuffer(row["png"], np.uint8), cv2.IMREAD_COLOR)
    assert read[0, 0].tolist() == [0, 0, 255]  # OpenCV: blue, green, red


def test_adding_again_adds_only_what_is_new(engine):
    database.add_images(engine, pd.DataFrame([face(1), face(2)]))
    assert database.add_images(engine, pd.DataFrame([face(1), face(2)])) == 0
    assert database.add_images(engine, pd.DataFrame([face(2), face(3)])) == 1
    assert database.add_sources(engine, SOURCES) == 0
    assert content(engine)["id"].tolist() == [1, 2, 3]


def test_an_image_that_comes_twice_in_one_call_is_stored_once(engine):
    assert database.add_images(engine, pd.DataFrame([face(1), face(1, "sad")])) == 1
    with Session(engine) as session:
        assert session.query(database_schema.Image).one().emotion.name == "happy"


def test_more_images_than_one_query_may_name(engine):
    rows = many(database.AT_ONCE + 7)
    assert database.add_images(engine, rows) == len(rows)
    assert database.add_images(engine, rows) == 0


@pytest.mark.parametrize("column", database.COLUMNS)
def test_a_missing_value_is_named_with_its_row_and_nothing_stored(engine, column):
    rows = pd.DataFrame([face(1), face(2) | {column: None}, face(3)])
    with pytest.raises(ValueError, match=f"row 1 of the table has no {column}"):
        database.add_images(engine, rows)
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
        database.add_images(engine, pd.DataFrame([face(1), face(2) | change]))
    assert count(engine) == 0


def test_a_missing_column_is_named(engine):
    with pytest.raises(ValueError, match="no column 'png'"):
        database.add_images(engine, pd.DataFrame([face(1)]).drop(columns="png"))


def test_a_source_that_images_refer_to_cannot_be_deleted(engine):
    database.add_images(engine, pd.DataFrame([face(1)]))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("DELETE FROM data_sources"))


def test_two_writers_at_once_wait_for_each_other(engine):
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda first: database.add_images(engine, many(300, first)), (0, 100))
        assert sum(done) == 400
    assert content(engine)["id"].tolist() == list(range(1, 401))


# ------------------------------------------------------------------------------ interruptions

LOADER = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from facevalue.collection import database
from facevalue.collection import database_schema
from test_database import many

database.BATCH = 10
engine = database.create(sys.argv[1])
written = 0

@event.listens_for(engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    global written
    written += "INSERT INTO all_images" in statement
    if written == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)  # after the rows were sent, before they are final

if sys.argv[2] == "rows":
    database.add_images(engine, many(100))
else:
    database.add_folder(engine, Path(sys.argv[2]), "album", progress=False)
"""


def killed_loader(url, what, insert):
    command = [sys.executable, "-c", LOADER, url, str(what), str(insert)]
    here = {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, env=os.environ | here, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_adding_rows_again_after_a_kill_ends_as_one_clean_run(engine, url, tmp_path):
    database.add_images(engine, many(3, first=50))
    killed_loader(url, "rows", 1)
    assert count(engine) == 3
    assert database.add_images(engine, many(100)) == 97
    clean = database.create(f"sqlite:///{tmp_path / 'clean.db'}")
    database.add_sources(clean, SOURCES)
    database.add_images(clean, many(3, first=50))
    database.add_images(clean, many(100))
    pd.testing.assert_frame_equal(content(engine), content(clean))
    clean.dispose()


def folder_of_faces(folder, each=20):
    for number, emotion in enumerate(("anger", "Happy")):
        (folder / emotion).mkdir(parents=True)
        for k in range(each):
            image = np.full((5, 5), 40 * number + k, np.uint8)
            cv2.imwrite(str(folder / emotion / f"{k:02}.png"), image)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_loading_a_folder_again_after_a_kill_ends_as_one_clean_run(engine, url, tmp_path):
    folder = folder_of_faces(tmp_path / "faces")
    killed_loader(url, folder, 3)
    assert count(engine) == 20, "two batches of ten were stored, the third was not"
    assert database.add_folder(engine, folder, "album", progress=False).added == 20
    clean = database.create(f"sqlite:///{tmp_path / 'clean.db'}")
    database.add_sources(clean, SOURCES)
    database.add_folder(clean, folder, "album", progress=False)
    pd.testing.assert_frame_equal(content(engine), content(clean))
    clean.dispose()


# ------------------------------------------------------------------------------ folders


def test_a_folder_of_emotions_is_loaded_and_what_fails_is_listed(engine, tmp_path, monkeypatch):
    folder = folder_of_faces(tmp_path / "faces", each=2)
    (folder / "notes").mkdir()
    (folder / "notes" / "a.png").write_bytes(b"not looked at")
    (folder / "Happy" / "page.jpg").write_text("<html>", encoding="utf-8")
    cut = (folder / "Happy" / "00.png").read_bytes()[:-30]
    (folder / "Happy" / "cut.png").write_bytes(cut)
    large = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
    cv2.imwrite(str(folder / "anger" / "large.png"), large)
    monkeypatch.setattr(database_schema, "LARGEST", 3_000)
    loaded = database.add_folder(engine, folder, "album", progress=False)
    assert loaded.added == 4
    assert set(loaded.failed) == {"Happy/page.jpg", "Happy/cut.png", "anger/large.png"}
    assert loaded.failed["Happy/page.jpg"] == "not an image"
    assert "larger than 3,000 bytes" in loaded.failed["anger/large.png"]
    rows = content(engine)
    assert rows["origin"].tolist() == [
        "Happy/00.png",
        "Happy/01.png",
        "anger/00.png",
        "anger/01.png",
    ]
    assert rows["emotion_id"].tolist() == [3, 3, 0, 0]


def test_a_photo_that_is_stored_lying_is_turned_upright(tmp_path, engine):
    from PIL import Image

    (tmp_path / "happy").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    Image.new("RGB", (8, 4)).save(tmp_path / "happy" / "a.jpg", exif=exif)
    database.add_folder(engine, tmp_path, "album", progress=False)
    row = content(engine).iloc[0]
    assert (row["height"], row["width"], row["colour_space"]) == (8, 4, "RGB")


def test_a_folder_without_emotions_is_named(engine, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no folder named after an emotion"):
        database.add_folder(engine, tmp_path, "album")


# ------------------------------------------------------------------------------ action units


def test_the_action_units_of_an_emotion_are_one_join_away(engine):
    stored = database.add_facs(engine)
    assert database.add_facs(engine) == stored
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
        database.add_facs(engine, emotion_units=pairs)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM facs_single_units")) == 0
