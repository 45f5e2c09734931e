"""Security headers, host names, and the start of the API."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from api_helpers import get
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database
from fastapi.testclient import TestClient

from apps.api.__main__ import main, worker_app
from apps.api.app import create_app
from apps.api.demo import create_demo_database
from facevalue.collection import database


@pytest.mark.parametrize("path", ["/", "/images/1", "/images/1/file", "/images/x", "/nowhere"])
def test_all_answers_carry_the_security_headers(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_pages_contain_nothing_from_other_servers_and_nothing_inline(client):
    for path in ("/", "/gallery", "/gallery/31", "/faces?face=fear", "/docs", "/nowhere"):
        page = client.get(path).text
        assert not re.search(r'(?:src|action|<link[^>]*href)="(?:https?:)?//', page)
        assert not re.search(r"<script(?![^>]* src=)|<style|\bstyle=|\bon\w+=", page)


def test_only_the_documentation_may_run_scripts_and_only_those_of_this_server(client):
    (policy,) = client.get("/docs").headers.get_list("content-security-policy")
    assert "script-src 'self';" in policy and "style-src 'self';" in policy
    assert "connect-src 'self';" in policy and "unsafe" not in policy
    scripts = re.findall(r'<script src="([^"]+)"', client.get("/docs").text)
    assert len(scripts) == 2
    for script in scripts:
        assert client.get(script).headers["content-type"].startswith("text/javascript")
    for path in ("/", "/gallery", "/nowhere", "/images/"):
        assert "script" not in client.get(path).headers["content-security-policy"]


def test_head_is_answered_without_a_body(client):
    answer = client.head("/images/1")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_server_for_this_machine_answers_under_its_names_only(engine, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", str(engine.url))
    client = TestClient(worker_app(), base_url="http://127.0.0.1:8080")
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"Host": "attacker.example"}).status_code == 400


@pytest.mark.slow
def test_without_a_database_a_few_faces_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("apps.api.demo.IMAGES", 14)
    file = create_demo_database(tmp_path / "demo.db")
    made = file.stat().st_mtime_ns
    assert create_demo_database(file).stat().st_mtime_ns == made
    client = TestClient(create_app(database.create(f"sqlite:///{file}"), note="Only a demo."))
    assert get(client, "/images/")["total"] == 14
    assert len(get(client, "/images/emotions/faces?face=sad")["action_units"]) == 3
    assert "Only a demo." in client.get("/").text


def test_a_port_in_use_is_reported(engine, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", str(engine.url))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        monkeypatch.setattr("sys.argv", ["apps.api", "--port", port])
        assert main() == 1
    assert f"Port {port} of 127.0.0.1 cannot be opened" in capsys.readouterr().err


def test_an_error_at_the_start_is_reported(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("sys.argv", ["apps.api"])
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'no' / 'folder.db'}")
    assert main() == 1
    assert "unable to open database file" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_does_not_exist_is_reported(engine, monkeypatch, capsys, port):
    monkeypatch.setenv("DATABASE_URL", str(engine.url))
    monkeypatch.setattr("sys.argv", ["apps.api", "--port", port])
    assert main() == 1
    assert f"There is no port {port}: choose one from 0 to 65535." in capsys.readouterr().err


IN_MEMORY = [
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite:///file::memory:?uri=true",
    "sqlite:///file::memory:?cache=shared&uri=true",
    "sqlite:///file:%3Amemory%3A?uri=true",
    "sqlite:///file:faces?mode=memory&cache=shared&uri=true",
    "sqlite:///file:/faces?vfs=memdb&uri=true",
]


@pytest.mark.parametrize("address", IN_MEMORY)
def test_a_database_in_memory_is_refused(monkeypatch, capsys, tmp_path, address):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setattr("sys.argv", ["apps.api"])
    assert main() == 1
    assert "names a database in memory" in capsys.readouterr().err
    database.create(address).dispose()
    assert list(tmp_path.iterdir()) == []  # no file of a lock


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("sqlite:///file:faces.db?uri=true", "name the file itself"),
        ("mysql://me:secret@localhost/x", "names mysql, but only SQLite and PostgreSQL work"),
        ("nosuch://me:secret@localhost/x", "names nosuch, but only SQLite and PostgreSQL work"),
        ("sqlite+nosuch:///x.db", "not take (sqlite+nosuch)"),
        ("postgresql+psycopg2cffi://me:secret@localhost/x", "psycopg2cffi, the driver"),
        ("sqlite:///x.db?foo=secret", "something that sqlite does not take (foo): leave it out"),
        ("sqlite:///x.db?timeout=secret", "something that sqlite does not take (timeout)"),
        ("postgresql://me:secret@127.0.0.1:1/x", "Check that its server runs"),
    ],
)
def test_what_is_no_database_of_ours_is_refused_in_a_sentence(
    monkeypatch, capsys, tmp_path, address, says
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setattr("sys.argv", ["apps.api"])
    assert main() == 1
    printed = capsys.readouterr().err
    assert says in printed
    assert not re.search("secret|Traceback|Warning|sqlalche.me", printed)
    assert printed.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", ["0", "-1"])
def test_a_server_needs_a_process(monkeypatch, capsys, number):
    monkeypatch.setattr("sys.argv", ["apps.api", "--workers", number])
    assert main() == 1
    assert f"--workers is {number}: give a number from 1." in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["postgresql://me:top@secret@localhost/x", "postgresql://me:top@sec:ret@localhost/x"]
)
def test_no_part_of_a_password_is_printed(monkeypatch, capsys, address):
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setattr("sys.argv", ["apps.api"])
    assert main() == 1
    printed = capsys.readouterr().err
    assert "contains the character @: write it as %40" in printed
    assert not re.search("top|sec|ret", printed)


@pytest.mark.parametrize("path", ["/images", "/gallery/", "/faces/?face=sad"])
def test_a_redirect_stays_on_this_server(client, path):
    answer = client.get(path, headers={"Host": "evil.example"}, follow_redirects=False)
    assert answer.is_redirect
    assert re.match("/[a-z]", answer.headers["location"])


@pytest.mark.parametrize(
    "path",
    [
        "/images/1%0A", "/images/1%0A/file", "/images/+1", "/images/%201", "/images/1.0",
        "/images/1_0", "/images/%D9%A1", "/images/?page=1%0A", "/images/?page=+1",
        "/images/?emotion=1.0", "/images/?source_id=%201", "/images/1/file?size=64.0",
        "/gallery/1%0A", "/gallery?page_size=1_0", "/images/?aspect_ratio=1_0",
        "/images/aspect_ratio?min_aspect_ratio=1%0A", "/gallery?max_aspect_ratio=%D9%A1",
    ],
)  # fmt: skip
def test_a_number_is_written_in_digits(client, path):
    answer = client.get(path)
    assert answer.status_code == 422
    assert "must be" in answer.text


@pytest.mark.parametrize("ratio", ["1", "1.0", ".5", "1e0", "1.5E-1"])
def test_an_aspect_ratio_may_have_a_point_or_an_exponent(client, ratio):
    assert client.get(f"/images/?aspect_ratio={ratio}").status_code == 200


SERVER = """
import pathlib, sys
from apps.api import demo, server
from facevalue import paths
demo.IMAGES = 14
paths.processed = lambda: pathlib.Path(sys.argv[1])
print(server.open_database())
"""


@pytest.mark.slow
def test_six_servers_that_start_at_once_on_a_fresh_checkout_all_find_a_database(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    servers = [
        subprocess.Popen(
            [sys.executable, "-c", SERVER, str(tmp_path)],
            cwd=Path(__file__).parents[3],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for each in servers:
        out, problem = each.communicate(timeout=120)
        assert each.returncode == 0, problem
        assert "a few faces that the course drew" in out
