from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from facevalue import fer2013, sources
from facevalue.dataset import SPLITS

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """A small web server on this machine that can be told to behave badly."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"/file.bin": CONTENT}
        self.types: dict[str, str] = {}
        self.etag = '"one"'
        self.ranges = True
        self.cut_after: list[int] = []
        """Bytes after which each coming answer breaks off."""
        self.status: list[int] = []
        """Statuses of the coming answers, instead of the file."""
        self.claim: int | None = None
        """A Content-Length that is not true."""
        self.log: list[tuple[str, str | None]] = []
        """Path and Range of each request."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802
                server.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.split("?")[0]
        asked = request.headers.get("Range")
        self.log.append((path, asked))
        content = self.files.get(path)
        status = self.status.pop(0) if self.status else 200 if content is not None else 404
        if status != 200 or content is None:
            request.send_response(status)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        start = 0
        if asked and self.ranges and request.headers.get("If-Range") == self.etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(content) > 0:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Type", self.types.get(path, "application/octet-stream"))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        request.send_header("Content-Length", str(self.claim or len(content) - start))
        request.end_headers()
        body = content[start:]
        if self.cut_after:
            body = body[: self.cut_after.pop(0)]
            request.close_connection = True
        request.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


def fetch(server: Server, path: Path, **options: object) -> Path:
    return sources.download(f"{server.url}/file.bin", path, pause=0.01, **options)


def test_a_file_arrives_and_nothing_else(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.bin"
    assert fetch(server, path, sha256=SHA256.upper()) == path
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


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
    with pytest.raises(sources.DownloadError, match=r"4 times in a row; 4\d,\d{3} bytes are kept"):
        fetch(server, path)
    assert path.read_bytes() == b"the old one"
    server.log.clear()
    fetch(server, path)
    assert [(asked or "")[:7] for _, asked in server.log] == ["bytes=4"]
    assert path.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_changed_meanwhile_starts_anew(server: Server, tmp_path: Path) -> None:
    server.cut_after = [50_000, 0, 0, 0]
    with pytest.raises(sources.DownloadError):
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
    with pytest.raises(sources.DownloadError, match=message) as caught:
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
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


def test_a_file_that_is_too_large_is_not_begun(server: Server, tmp_path: Path) -> None:
    server.claim = 10**12
    failing(server, tmp_path, "has 1,000,000,000,000 bytes: more than 2,000,000,000")
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


def test_a_file_that_is_larger_than_allowed(server: Server, tmp_path: Path) -> None:
    failing(server, tmp_path, "300,000 bytes: more than 299,999", largest=299_999)


def test_a_web_page_instead_of_the_file(server: Server, tmp_path: Path) -> None:
    server.files["/file.bin"] = b"<html>Please log in</html>"
    server.types["/file.bin"] = "text/html; charset=utf-8"
    failing(server, tmp_path, "is a web page, not the file")


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
        with pytest.raises(sources.DownloadError) as caught:
            sources.download(f"{address}{path}?key=secret", tmp_path / "x", pause=0.01)
        shown = f"{caught.value!r} {caught.value.__cause__!r}"
        assert not {"secret", "password", "user:"} & set(shown.split("/"))
        assert "secret" not in shown
        assert "password" not in shown
        assert server.url.removeprefix("http://") in shown


@pytest.mark.parametrize("url", ["file:///etc/hosts", "ftp://example.org/a", "data.csv", "http://"])
def test_only_web_addresses_are_fetched(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="not an http or https address"):
        sources.download(url, tmp_path / "x")


# ------------------------------------------------------------------------------ FER-2013

pytestmark = pytest.mark.filterwarnings("ignore:.*class counts")

NAMES = {
    "Training": "data/train-00000-of-00001-5eab.parquet",
    "PublicTest": "data/publicTest-00000-of-00001-f41b.parquet",
    "PrivateTest": "data/privateTest-00000-of-00001-4b8a.parquet",
}


def parquet(seed: int) -> bytes:
    """Seven faces, one of each emotion, as the mirror stores them."""
    cells = []
    for image in np.random.default_rng(seed).integers(0, 256, (7, 48, 48), dtype=np.uint8):
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        cells.append({"bytes": stream.getvalue(), "path": None})
    stream = io.BytesIO()
    pq.write_table(pa.table({"image": cells, "label": list(range(7))}), stream)
    return stream.getvalue()


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server, with a small copy of the mirror as the Hugging Face Hub offers it."""
    monkeypatch.setattr(sources, "has_kaggle_credentials", lambda: False)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    listing: list[dict] = [{"type": "file", "path": "README.md", "size": 5, "oid": "1"}]
    server.files = {}
    for seed, path in enumerate(NAMES.values()):
        content = parquet(seed)
        oid = hashlib.sha256(content).hexdigest()
        listing.append({"type": "file", "path": path, "lfs": {"oid": oid, "size": len(content)}})
        server.files[f"/datasets/{sources.MIRROR}/resolve/main/{path}"] = content
    api = f"/api/datasets/{sources.MIRROR}/tree/main"
    server.files[api] = json.dumps(listing).encode()
    server.types[api] = "application/json; charset=utf-8"
    return server


def parquet_address(split: str) -> str:
    return f"/datasets/{sources.MIRROR}/resolve/main/{NAMES[split]}"


def test_fer2013_arrives_and_is_found_and_read(hub: Server, tmp_path: Path) -> None:
    place = sources.fetch_fer2013(tmp_path, hub.url + "/")
    assert place == tmp_path / "fer2013" == fer2013.find(tmp_path)
    assert list(tmp_path.iterdir()) == [place]
    data = fer2013.read(place)
    assert data.counts()["total"].tolist() == [7, 7, 7]
    assert data.labels.tolist() == list(range(7)) * 3
    for seed, split in enumerate(SPLITS):
        drawn = np.random.default_rng(seed).integers(0, 256, (7, 48, 48), dtype=np.uint8)
        assert (data.split(split).images == drawn).all()


def test_half_a_download_is_never_found_and_is_continued(hub: Server, tmp_path: Path) -> None:
    whole = hub.files.pop(parquet_address("Training"))  # the last in alphabetical order
    with pytest.raises(sources.DownloadError, match="train-.*404"):
        sources.fetch_fer2013(tmp_path, hub.url)
    with pytest.raises(FileNotFoundError):
        fer2013.find(tmp_path)
    hub.files[parquet_address("Training")] = whole
    hub.log.clear()
    hub.cut_after = [10**9, 10_000]  # the list arrives, then the file breaks
    sources.fetch_fer2013(tmp_path, hub.url)
    assert [path for path, _ in hub.log[1:]] == [parquet_address("Training")] * 2
    assert hub.log[-1][1] == "bytes=8192-"
    assert len(fer2013.read(tmp_path / "fer2013")) == 21


def test_what_an_older_list_left_is_not_read_too(hub: Server, tmp_path: Path) -> None:
    arriving = tmp_path / ".fer2013-arriving"
    arriving.mkdir()
    (arriving / "Training-7.parquet").write_bytes(parquet(9))
    (arriving / "Training-8.parquet.part").write_bytes(b"x")
    assert len(fer2013.read(sources.fetch_fer2013(tmp_path, hub.url))) == 21


def test_a_changed_file_is_refused(hub: Server, tmp_path: Path) -> None:
    hub.files[parquet_address("Training")] = parquet(5)
    with pytest.raises(sources.DownloadError, match="checksum is wrong"):
        sources.fetch_fer2013(tmp_path, hub.url)
    assert not (tmp_path / "fer2013").exists()


@pytest.mark.parametrize(
    "listing", [b"{}", b"[]", b"not json", b'[{"path": 1}]', b'[{"path": "data/train-0.parquet"}]']
)
def test_an_answer_that_is_no_list_of_the_files(
    hub: Server, tmp_path: Path, listing: bytes
) -> None:
    hub.files[f"/api/datasets/{sources.MIRROR}/tree/main"] = listing
    with pytest.raises(sources.DownloadError, match="/api/datasets"):
        sources.fetch_fer2013(tmp_path, hub.url)


def test_files_that_are_not_fer2013_are_refused_and_removed(hub: Server, tmp_path: Path) -> None:
    broken = b"PAR1 but not really"
    listing = [{"path": path} for path in NAMES.values()]
    hub.files[f"/api/datasets/{sources.MIRROR}/tree/main"] = json.dumps(listing).encode()
    hub.files[parquet_address("Training")] = broken
    with pytest.raises(sources.DownloadError, match="what arrived is not FER-2013"):
        sources.fetch_fer2013(tmp_path, hub.url)
    assert list(tmp_path.iterdir()) == []


def test_names_from_outside_never_become_paths(hub: Server, tmp_path: Path) -> None:
    listing = [{"path": path} for path in NAMES.values()]
    listing.append({"path": "../../../train-evil.parquet"})
    hub.files[f"/api/datasets/{sources.MIRROR}/tree/main"] = json.dumps(listing).encode()
    evil = f"/datasets/{sources.MIRROR}/resolve/main/../../../train-evil.parquet"
    hub.files |= {path: parquet(4) for path in (evil, "/datasets/train-evil.parquet")}
    hub.files["/datasets/Aaryan333/train-evil.parquet"] = parquet(4)
    sources.fetch_fer2013(tmp_path / "raw", hub.url)
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]


def test_what_is_there_already_is_not_overwritten(hub: Server, tmp_path: Path) -> None:
    (tmp_path / "fer2013").mkdir()
    (tmp_path / "fer2013" / "mine.txt").write_text("x")
    with pytest.raises(FileExistsError, match="move it away"):
        sources.fetch_fer2013(tmp_path, hub.url)
    assert hub.log == []


def test_without_the_hub_it_comes_from_kaggle_where_there_are_credentials(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kagglehub = pytest.importorskip("kagglehub", reason="kagglehub is not installed")
    monkeypatch.setenv("KAGGLE_USERNAME", "someone")
    monkeypatch.setenv("KAGGLE_KEY", "secret")

    def delivered(handle: str, output_dir: str) -> str:
        assert handle == "deadskull7/fer2013"
        place = Path(output_dir)
        place.mkdir(parents=True)
        lines = [f"{i % 7},{' '.join(['9'] * 2304)},{SPLITS[i % 3]}" for i in range(21)]
        (place / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]))
        return output_dir

    monkeypatch.setattr(kagglehub, "dataset_download", delivered)
    place = sources.fetch_fer2013(tmp_path, server.url)
    assert fer2013.find(tmp_path) == place / "fer2013.csv"

    def refused(handle: str, output_dir: str) -> str:
        raise RuntimeError("401 for someone:secret")

    monkeypatch.setattr(kagglehub, "dataset_download", refused)
    with pytest.raises(sources.DownloadError, match="check your credentials") as caught:
        sources.fetch_fer2013(tmp_path / "other", server.url)
    assert "secret" not in str(caught.value)


def test_without_credentials_both_ways_are_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "none"))
    with pytest.raises(sources.DownloadError, match="404.*by hand.*Kaggle"):
        sources.fetch_fer2013(tmp_path / "raw", server.url)


def test_a_malformed_kaggle_json_is_no_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "kaggle.json").write_text("{")
    assert not sources.has_kaggle_credentials()


def test_the_command_fetches_once_and_reports_in_one_line(
    hub: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path / "raw"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    listing = hub.files.pop(f"/api/datasets/{sources.MIRROR}/tree/main")
    assert sources.main() == 1
    assert "404" in capsys.readouterr().err
    hub.files[f"/api/datasets/{sources.MIRROR}/tree/main"] = listing
    assert sources.main() == 0
    assert "ready" in capsys.readouterr().out
    hub.log.clear()
    assert sources.main() == 0
    assert "already here" in capsys.readouterr().out
    assert hub.log == []
