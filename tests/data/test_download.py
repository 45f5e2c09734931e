from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from web_server import CONTENT, SHA256, Server

from facevalue.data.download import download, download_verified
from facevalue.data.http_retry import DownloadError


def fetch(server: Server, path: Path, sha256: str | None = None, **options: object) -> Path:
    url = f"{server.url}/file.bin"
    if sha256:
        return download_verified(url, path, f"sha256:{sha256}", backoff=0.01, **options)
    return download(url, path, backoff=0.01, **options)


def files(folder: Path) -> list[str]:
    """Return the names of the files in a folder; the files of locks stay there, empty."""
    return sorted(file.name for file in folder.iterdir() if file.suffix != ".lock")


def test_a_file_arrives_and_nothing_else(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    assert fetch(server, path, sha256=SHA256.upper()) == path
    assert path.read_bytes() == CONTENT
    assert files(path.parent) == [path.name]


def test_a_file_with_the_right_checksum_is_not_fetched_again(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(CONTENT)
    fetch(server, path, sha256=SHA256)
    assert server.log == []
    path.write_bytes(b"old")
    fetch(server, path, sha256=SHA256)
    assert path.read_bytes() == CONTENT


def test_a_broken_line_is_continued_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.cut_after = [100_000, 50_000]
    fetch(server, tmp_path / "file.bin", sha256=SHA256)
    starts = [int(asked[6:-1]) for _, asked in server.log if asked]
    assert 90_000 < starts[0] <= 100_000
    assert 130_000 < starts[1] <= 150_000
    assert len(server.log) == 3
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_later_call_continues_what_an_earlier_one_left(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"the old one")
    server.cut_after = [50_000, 10, 10, 10]
    with pytest.raises(DownloadError, match=r"4 times in a row; 4\d,\d{3} bytes are kept"):
        fetch(server, path)
    assert path.read_bytes() == b"the old one"
    server.log.clear()
    fetch(server, path)
    assert [(asked or "")[:7] for _, asked in server.log] == ["bytes=4"]
    assert path.read_bytes() == CONTENT
    assert files(tmp_path) == [path.name]


def test_a_file_that_changed_meanwhile_starts_anew(server: Server, tmp_path: Path) -> None:
    server.cut_after = [50_000, 0, 0, 0]
    with pytest.raises(DownloadError):
        fetch(server, tmp_path / "file.bin")
    server.etag, server.files["/file.bin"] = '"two"', CONTENT[::-1]
    fetch(server, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("etag", ['"one"', "", 'W/"weak"'])
def test_a_server_without_ranges_or_marks_sends_it_all_again(
    server: Server, tmp_path: Path, etag: str
) -> None:
    server.ranges, server.etag = False, etag
    server.cut_after = [100_000]
    fetch(server, tmp_path / "file.bin", sha256=SHA256)
    assert len(server.log) == 2
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_all_had_arrived_but_was_not_put_in_place(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    (tmp_path / "file.bin.part.etag").write_text(server.etag)
    fetch(server, tmp_path / "file.bin", sha256=SHA256)
    assert server.log == [("/file.bin", "bytes=300000-")]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_more_had_arrived_than_there_is(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT + b"more")
    (tmp_path / "file.bin.part.etag").write_text(server.etag)
    fetch(server, tmp_path / "file.bin")
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.status = [503, 429]
    fetch(server, tmp_path / "file.bin")
    assert len(server.log) == 3


def failing(server: Server, tmp_path: Path, message: str, **options: object) -> str:
    """Assert that a download fails with this message, and leaves an older file alone."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"the old one")
    with pytest.raises(DownloadError, match=message) as caught:
        fetch(server, path, **options)
    assert path.read_bytes() == b"the old one"
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_a_file_that_is_not_there(server: Server, tmp_path: Path) -> None:
    del server.files["/file.bin"]
    failing(server, tmp_path, "file.bin answered 404 Not Found")
    assert len(server.log) == 1


def test_a_server_that_stays_busy(server: Server, tmp_path: Path) -> None:
    server.status = [503] * 9
    failing(server, tmp_path, r"the server is busy \(status 503\)")
    assert len(server.log) == 4


def test_a_wrong_checksum(server: Server, tmp_path: Path) -> None:
    failing(server, tmp_path, "checksum is wrong", sha256="0" * 64)
    assert files(tmp_path) == ["file.bin"]


def test_a_file_that_is_too_large_is_not_begun(server: Server, tmp_path: Path) -> None:
    server.claim = 10**12
    failing(server, tmp_path, "1,000,000,000,000 bytes, more than 2,000,000,000")
    assert files(tmp_path) == ["file.bin"]


def test_a_file_that_is_larger_than_allowed(server: Server, tmp_path: Path) -> None:
    failing(server, tmp_path, "300,000 bytes, more than 299,999", max_bytes=299_999)


def test_a_web_page_instead_of_the_file(server: Server, tmp_path: Path) -> None:
    server.files["/file.bin"] = b"<html>Please log in</html>"
    server.types["/file.bin"] = "text/html; charset=utf-8"
    failing(server, tmp_path, "is a web page")


def test_a_server_that_is_not_there(server: Server, tmp_path: Path) -> None:
    server.http.shutdown()
    server.http.server_close()
    failing(server, tmp_path, "there is no connection to the server")


def test_a_server_that_does_not_answer(tmp_path: Path, server: Server) -> None:
    server.answer = lambda request: threading.Event().wait(0.5)  # type: ignore[method-assign]
    failing(server, tmp_path, "does not answer|connection", timeout=(1, 0.05))


def test_no_secret_of_the_address_is_told(server: Server, tmp_path: Path) -> None:
    address = server.url.replace("http://", "http://user:password@")
    for path in ("/missing", "/file.bin"):
        server.claim = 10**12
        with pytest.raises(DownloadError) as caught:
            download(f"{address}{path}?key=secret", tmp_path / "x", backoff=0.01)
        shown = f"{caught.value!r} {caught.value.__cause__!r}"
        assert not {"secret", "password", "user:"} & set(shown.split("/"))
        assert "secret" not in shown
        assert "password" not in shown
        assert server.url.removeprefix("http://") in shown


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://example.org/a", "data.csv", "http://"])
def test_only_web_addresses_are_fetched(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https URL"):
        download(url, tmp_path / "x")


def test_two_downloads_of_a_file_at_once_do_not_disturb_each_other(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "file.bin"
    threads = [
        threading.Thread(target=fetch, args=(server, path), kwargs={"sha256": SHA256})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert path.read_bytes() == CONTENT
    assert len(server.log) == 1  # the others waited, and found it
    assert files(tmp_path) == ["file.bin"]


def test_without_a_checksum_a_file_that_is_there_is_kept(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    for _ in range(2):
        download_verified(f"{server.url}/file.bin", path, None)
    assert len(server.log) == 1
    md5 = hashlib.md5(CONTENT).hexdigest()  # noqa: S324
    download_verified(f"{server.url}/file.bin", path, f"md5:{md5}")
    assert len(server.log) == 1


def test_a_busy_server_is_given_the_time_that_it_asks_for(
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    server.status, server.headers = [429], {"Retry-After": "7"}
    fetch(server, tmp_path / "file.bin")
    assert slept == [7]
    assert "7 seconds" in capsys.readouterr().err
    server.status, server.headers = [503], {"Retry-After": "3600"}
    failing(server, tmp_path, "asks to wait 3,600 seconds")
    assert slept == [7]


def test_retries_log_no_secret(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(DownloadError):
        download(f"{server.url}/x?key=secret", tmp_path / "x", backoff=0.01)
    assert "secret" not in caplog.text


DOWNLOAD = """
import sys
from pathlib import Path
from facevalue.data.download import download, download_verified
url, path, verified = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "verified"
download_verified(url, path, None) if verified else download(url, path)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["plain", "verified"])
def test_two_programs_that_download_a_file_without_a_checksum_get_the_whole_one(
    server: Server, tmp_path: Path, how: str
) -> None:
    server.files["/file.bin"] = CONTENT * 20
    path = tmp_path / "file.bin"
    command = [sys.executable, "-c", DOWNLOAD, f"{server.url}/file.bin", str(path), how]
    for running in [subprocess.Popen(command) for _ in range(3)]:
        assert running.wait(60) == 0
    assert path.read_bytes() == CONTENT * 20
    assert files(tmp_path) == [path.name]


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/x",
        "http://127.0.0.1:1/x",
        "http://[::ffff:127.0.0.1]/x",
        "file:///etc/passwd",
    ],
)
def test_no_redirect_leads_to_a_private_address(
    server: Server, tmp_path: Path, target: str
) -> None:
    server.redirects = {"/file.bin": target}
    with pytest.raises(DownloadError, match="The URL of the redirect"):
        fetch(server, tmp_path / "file.bin")
    assert files(tmp_path) == []


def test_a_server_may_redirect_to_itself_but_not_for_ever(server: Server, tmp_path: Path) -> None:
    server.redirects = {"/old.bin": "/file.bin", "/ring.bin": "/ring.bin"}
    assert download(f"{server.url}/old.bin", tmp_path / "f").read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="redirects more than 10 times"):
        download(f"{server.url}/ring.bin", tmp_path / "f")


def test_a_server_does_not_write_to_the_terminal(server: Server, tmp_path: Path) -> None:
    answered = server.answer

    def answer(request: object) -> None:
        request.send_response = lambda status: type(request).send_response(  # type: ignore
            request, status, "\x1b]0;owned\x07\x1b[31mNo"
        )
        answered(request)  # type: ignore[arg-type]

    server.answer = answer  # type: ignore[method-assign,assignment]
    server.status = [403]
    with pytest.raises(DownloadError) as caught:
        fetch(server, tmp_path / "file.bin")
    assert str(caught.value).isprintable()
    assert "403 ]0;owned[31mNo" in str(caught.value)


@pytest.mark.parametrize("claim", ["\u00b2", "9" * 5000, "-5"])
def test_a_length_that_is_no_number_is_an_unknown_one(
    server: Server, tmp_path: Path, claim: str
) -> None:
    server.claim, server.headers = claim, {"Connection": "close"}
    server.files["/file.bin"] = b"ten bytes."
    assert fetch(server, tmp_path / "file.bin").read_bytes() == b"ten bytes."


@pytest.mark.parametrize("target", ["http://\xff\xfe[", "http://[", "http://[::1"])
def test_a_redirect_to_what_is_no_address(server: Server, tmp_path: Path, target: str) -> None:
    server.redirects = {"/file.bin": target}
    with pytest.raises(DownloadError, match="The URL of the redirect is not valid"):
        fetch(server, tmp_path / "file.bin")


def test_the_body_of_a_redirect_is_not_read(server: Server, tmp_path: Path) -> None:
    server.redirects, server.redirect_bytes = {"/old.bin": "/file.bin"}, 10**12
    path = download(f"{server.url}/old.bin", tmp_path / "f", deadline=5)
    assert path.read_bytes() == CONTENT
