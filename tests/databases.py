"""What the tests with a database share: an empty one on SQLite or PostgreSQL, and rows for it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from facevalue.collection import database, database_import

SOURCES = pd.DataFrame(
    [{"name": "album", "address": "https://example.org/album", "licence": "CC0"}]
)


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


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
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
    database_import.add_sources(made, SOURCES)
    yield made
    made.dispose()


def face(value, emotion="happy", **known):
    """One row for `add_images`: a 6 x 4 grey image of one value."""
    image = np.full((6, 4), value, np.uint8)
    return database_import.image_row(image, "album", emotion, f"page {value}", **known)


def many(n, first=0):
    """Rows for `add_images`, all different; no PNG reader looks at what follows the image."""
    row = face(1)
    return pd.DataFrame(
        [row | {"png": row["png"] + k.to_bytes(4, "big")} for k in range(first, first + n)]
    )


def count(engine):
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM all_images"))


def content(engine):
    """All images as they are stored, ids included."""
    return pd.read_sql("SELECT * FROM all_images ORDER BY id", engine)


LOADER = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from facevalue.collection import database, database_folders, database_import
from databases import many

database_folders.BATCH = 10
engine = database.create(sys.argv[1])
written = 0

@event.listens_for(engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    global written
    written += "INSERT INTO all_images" in statement
    if written == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)  # after the rows were sent, before they are final

if sys.argv[2] == "rows":
    database_import.add_images(engine, many(100))
else:
    database_folders.add_folder(engine, Path(sys.argv[2]), "album", progress=False)
"""


def killed_loader(url, what, insert):
    command = [sys.executable, "-c", LOADER, url, str(what), str(insert)]
    here = {"PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(command, env=os.environ | here, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
