"""Security headers, host names, and the start of the API."""

import re
import socket

import pytest
from api_helpers import get
from databases import postgresql, url  # noqa: F401 - fixtures: both kinds of database
from fastapi.testclient import TestClient

from apps.api import create_app
from apps.api.__main__ import main, worker_app
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
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', page)
        assert not re.search(r"<script|<style|\bstyle=|\bon\w+=", page)


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
    assert "The database does not open" in capsys.readouterr().err
