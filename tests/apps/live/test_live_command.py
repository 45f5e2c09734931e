"""The command that starts the live page."""

import re
import sys
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from apps.api import certificates, live, server


class Stopped:
    """Stands in for the server: notes what it was to run."""

    def __init__(self, config):
        Stopped.app, Stopped.config = config.app(), config

    def run(self, sockets):
        Stopped.port = sockets[0].getsockname()[1]
        sockets[0].close()


@pytest.fixture
def started(models, monkeypatch, tmp_path):
    monkeypatch.setattr(live, "end_quietly", lambda: None)
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
    assert re.fullmatch(r"http://[\d.]+:\d+/\?token=[\w-]{20,}", address)
    assert "0.0.0.0" not in address  # which no other machine can open
    client = TestClient(Stopped.app, base_url="http://192.168.0.2:5000")
    assert client.get("/").status_code == 403
    assert client.get(f"/?{address.split('?')[1]}").status_code == 200


def test_https_makes_a_certificate_once_for_the_printed_address(
    started, capsys, monkeypatch, tmp_path
):
    x509 = pytest.importorskip("cryptography.x509")
    monkeypatch.setattr(live.paths, "processed", lambda: tmp_path)
    contents = []
    for _ in range(2):
        assert live.main(["--port", "0", "--https"]) == 0
        address = capsys.readouterr().out.split()[0]
        contents.append((tmp_path / "https" / "certificate.pem").read_bytes())
    assert contents[0] == contents[1]
    assert (tmp_path / "https" / "key.pem").stat().st_mode & 0o077 == 0
    assert Stopped.config.http.encryption is not None
    certificate = x509.load_pem_x509_certificate(contents[0])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    numbers = names.get_values_for_type(x509.IPAddress)
    assert urlsplit(address).scheme == "https"
    assert urlsplit(address).hostname in {"localhost", *map(str, numbers)}


def test_a_certificate_of_ones_own_may_be_given(started, capsys, tmp_path, monkeypatch):
    pytest.importorskip("cryptography")
    used = []
    monkeypatch.setattr(live, "encrypted", lambda *files: used.extend(files) or {})
    certificate, key = certificates.self_signed(tmp_path, ["192.168.0.2"])
    given = ["--certificate", str(certificate), "--key", str(key)]
    assert live.main(["--port", "0", "--host", "127.0.0.1", *given]) == 0
    assert capsys.readouterr().out.startswith("https://localhost:")
    assert used == [certificate, key]


def test_certificates_that_cannot_be_used_are_reported(started, capsys, tmp_path):
    pytest.importorskip("cryptography")
    certificate, key = certificates.self_signed(tmp_path, ["192.168.0.2"])
    _, other = certificates.self_signed(tmp_path / "other", ["192.168.0.2"])
    assert live.main(["--https", "--certificate", str(certificate)]) == 1
    assert "belong together" in capsys.readouterr().err
    assert live.main(["--certificate", str(tmp_path / "none.pem"), "--key", str(key)]) == 1
    assert "There is no file" in capsys.readouterr().err
    assert live.main(["--certificate", str(certificate), "--key", str(other)]) == 1
    assert "are not a certificate with its key" in capsys.readouterr().err


def test_without_the_package_https_is_refused_in_a_sentence(started, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert live.main(["--port", "0", "--https"]) == 1
    assert "pip install cryptography" in capsys.readouterr().err


def test_the_live_page_starts_without_a_database(started, capsys, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "sqlite:////nowhere/at/all.db")
    assert live.main(["--port", "0"]) == 0
    assert "The live page works without it." in capsys.readouterr().err


def test_errors_at_the_start_are_reported(started, capsys, tmp_path):
    with server.listen("127.0.0.1", 0) as taken:
        assert live.main(["--port", str(taken.getsockname()[1])]) == 1
    assert "choose another one with --port" in capsys.readouterr().err
    assert live.main(["--port", "0", "--host", "no.such.host.invalid"]) == 1
    assert re.search("no.such.host.invalid .*--host", capsys.readouterr().err)
    assert live.main(["--videos", str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err
