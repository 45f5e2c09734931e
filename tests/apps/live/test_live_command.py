"""The command that starts the live page."""

import re

import pytest
from fastapi.testclient import TestClient

from apps.api import live, server


class Stopped:
    """Stands in for the server: notes what it was to run."""

    def __init__(self, config):
        Stopped.app = config.app

    def run(self, sockets):
        Stopped.port = sockets[0].getsockname()[1]
        sockets[0].close()


@pytest.fixture
def started(models, monkeypatch, tmp_path):
    monkeypatch.setattr(live.uvicorn, "Server", Stopped)
    monkeypatch.setattr(live.recogniser, "Recogniser", lambda name, threads: models[name])
    monkeypatch.setattr(live.cv2, "setNumThreads", lambda number: None)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'faces.db'}")


def test_on_this_machine_there_is_no_token(started, capsys):
    assert live.main(["--port", "0"]) == 0
    address = f"http://localhost:{Stopped.port}/"
    assert capsys.readouterr().out == f"{address} is the live page. Ctrl+C stops it.\n"
    client = TestClient(Stopped.app, base_url=address)
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400


def test_for_other_machines_a_token_is_printed(started, capsys):
    assert live.main(["--port", "0", "--host", "0.0.0.0"]) == 0
    address = capsys.readouterr().out.split()[0]
    assert re.fullmatch(r"http://0\.0\.0\.0:\d+/\?token=[\w-]{20,}", address)
    client = TestClient(Stopped.app, base_url="http://192.168.0.2:5000")
    assert client.get("/").status_code == 403
    assert client.get(f"/?{address.split('?')[1]}").status_code == 200


def test_the_live_page_starts_without_a_database(started, capsys, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/at/all.db")
    assert live.main(["--port", "0"]) == 0
    assert "The live page works without it." in capsys.readouterr().err


def test_errors_at_the_start_are_reported(started, capsys, tmp_path):
    with server.listen("127.0.0.1", 0) as taken:
        assert live.main(["--port", str(taken.getsockname()[1])]) == 1
    assert "choose another one with --port" in capsys.readouterr().err
    assert live.main(["--videos", str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err
