from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from web_server import Clock, Server

from facevalue.collection import image_fetcher
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.files import SECONDS_UNTIL_STALE
from facevalue.scale import fetch_images


def picture(seed: int = 0, kind: str = "JPEG", size: tuple[int, int] = (60, 40)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says it has many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        code = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + code

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.fixture
def images(server: Server) -> Server:
    server.files = {f"/{n}.jpg": picture(n) for n in range(6)}
    return server


def table(server: Server, *paths: str) -> pd.DataFrame:
    addresses = [path if "://" in path else server.url + path for path in paths]
    return pd.DataFrame({"address": addresses, "emotion": "happy"})


def bring(
    server: Server, folder: Path, *paths: str, clock: Clock | None = None, **options: object
) -> pd.DataFrame:
    clock = clock or Clock()
    limiter = RateLimiter(None, clock, clock.sleep)
    hits = table(server, *(paths or sorted(server.files)))
    return fetch_images.fetch_images(
        hits, folder, limiter=limiter, **{"workers": 1, "this_machine": True, **options}
    )


def stored(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"index.json"}


def problem_of(server: Server, folder: Path, path: str, **options: object) -> str:
    """Assert that one image fails and another arrives all the same; return the reason."""
    server.files["/good.jpg"] = picture(99)
    result = bring(server, folder, path, "/good.jpg", **options)
    assert result["file"].tolist()[0] == result["sha256"].tolist()[0] == ""
    assert result["problem"].tolist()[1] == ""
    assert stored(folder) == {result["file"][1]}
    return str(result["problem"][0])


def test_images_arrive_under_the_hash_of_their_content(images: Server, tmp_path: Path) -> None:
    images.files["/a.png"], images.files["/b.webp"] = picture(7, "PNG"), picture(8, "WEBP")
    folder = tmp_path / "new" / "photos"
    result = bring(images, folder, workers=4)
    assert (result["problem"] == "").all()
    assert result["emotion"].tolist() == ["happy"] * 8
    for row in result.itertuples():
        content = images.files[str(row.address).removeprefix(images.url)]
        assert row.sha256 == hashlib.sha256(content).hexdigest()
        assert (folder / str(row.file)).read_bytes() == content
    assert sorted({Path(name).suffix for name in result["file"]}) == [".jpg", ".png", ".webp"]
    assert stored(folder) == set(result["file"])


def test_nothing_is_stored_or_asked_for_twice(images: Server, tmp_path: Path) -> None:
    images.files["/copy.jpg"] = images.files["/0.jpg"]
    result = bring(images, tmp_path, "/0.jpg", "/copy.jpg", "/0.jpg")
    assert result["file"].nunique() == 1
    assert len(stored(tmp_path)) == 1
    assert len(images.log) == 2


@pytest.mark.slow
def test_a_second_run_asks_only_for_what_is_missing(images: Server, tmp_path: Path) -> None:
    late = images.files.pop("/5.jpg")
    first = bring(images, tmp_path, *(f"/{n}.jpg" for n in range(6)))
    assert first["problem"].tolist()[-1] == "The server answered 404 Not Found."
    images.files["/5.jpg"] = late
    (tmp_path / first["file"][0]).write_bytes(b"damaged")
    (tmp_path / first["file"][1]).unlink()
    images.log.clear()
    second = bring(images, tmp_path)
    assert sorted(path for path, _ in images.log) == ["/0.jpg", "/1.jpg", "/5.jpg"]
    assert (second["problem"] == "").all()
    assert (tmp_path / second["file"][0]).read_bytes() == images.files["/0.jpg"]
    images.log.clear()
    assert bring(images, tmp_path).equals(second)
    assert images.log == []


@pytest.mark.parametrize("index", ["", "[1, 2]", "{", '{"x": "../../secret.jpg"}'])
def test_a_damaged_index_costs_a_download_and_nothing_else(
    images: Server, tmp_path: Path, index: str
) -> None:
    first = bring(images, tmp_path, "/0.jpg")
    (tmp_path / "index.json").write_text(index)
    assert bring(images, tmp_path, "/0.jpg").equals(first)
    assert len(images.log) == 2


def test_the_index_never_leads_out_of_the_folder(images: Server, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    bring(images, folder, "/0.jpg")
    index = json.loads((folder / "index.json").read_text())
    (tmp_path / "mine.jpg").write_bytes(b"mine")
    (folder / "index.json").write_text(json.dumps(dict.fromkeys(index, "../mine.jpg")))
    assert "mine" not in bring(images, folder, "/0.jpg")["file"][0]


def test_what_a_killed_run_left_goes_at_the_next_start(images: Server, tmp_path: Path) -> None:
    old = time.time() - 2 * SECONDS_UNTIL_STALE
    left = tmp_path / f"{'ab' * 32}.jpg.{'0' * 32}.part"
    left.write_bytes(b"half")
    os.utime(left, (old, old))
    fetch_images.fetch_images(table(images, "/0.jpg"), tmp_path, this_machine=True)
    assert not left.exists() and len(stored(tmp_path)) == 1


def test_an_interrupted_run_keeps_what_it_has(
    images: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bar:
        def __init__(self, **options: object) -> None:
            self.count = 0

        def update(self) -> None:
            self.count += 1
            if self.count == 3:
                raise KeyboardInterrupt

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr(fetch_images, "tqdm", Bar)
    with pytest.raises(KeyboardInterrupt):
        bring(images, tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.glob("*.part"))
    kept = len(json.loads((tmp_path / "index.json").read_text()))
    assert kept >= 3
    images.log.clear()
    bring(images, tmp_path)
    # a request of the interrupted run may still have been on its way
    assert len({path for path, _ in images.log}) == 6 - kept


def test_a_busy_server_is_waited_for_as_it_asks(
    images: Server, tmp_path: Path, clock: Clock
) -> None:
    images.status, images.headers = [429, 503], {"Retry-After": "7"}
    result = bring(images, tmp_path, "/0.jpg", clock=clock)
    assert result["problem"][0] == ""
    assert clock.slept == [7, 7]


def test_a_server_with_no_request_left_is_not_asked_before_its_time(
    images: Server, tmp_path: Path, clock: Clock
) -> None:
    images.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "20"}
    result = bring(images, tmp_path, "/0.jpg", "/1.jpg", "/2.jpg", clock=clock)
    assert (result["problem"] == "").all()
    assert clock.slept == [20, 20]


def test_a_server_that_asks_for_an_hour_is_left(images: Server, tmp_path: Path) -> None:
    images.status, images.headers = [429], {"Retry-After": "3600"}
    clock = Clock()
    problem = problem_of(images, tmp_path, "/0.jpg", clock=clock)
    assert problem == "The server is busy (status 429) and asks to wait 3,600 seconds."
    assert clock.slept == []


def test_a_server_that_stays_busy_or_cuts_the_line(images: Server, tmp_path: Path) -> None:
    images.status = [500] * 3
    message = "The server is busy (status 500), 3 times in a row."
    assert problem_of(images, tmp_path, "/0.jpg") == message
    images.cut_after = [100] * 3
    assert problem_of(images, tmp_path, "/1.jpg") == "The connection broke, 3 times in a row."


@pytest.mark.slow
def test_a_server_that_only_fails_is_left_alone(images: Server, tmp_path: Path) -> None:
    images.files = {f"/{n}.jpg": picture(n) for n in range(40)}
    images.status = [503] * 1000
    problems = bring(images, tmp_path)["problem"]
    assert len(images.log) == 12
    assert (problems != "").all()
    assert problems.iloc[-1] == "12 requests to its server had failed in a row."
    images.status = []
    assert (bring(images, tmp_path)["problem"] == "").all()  # the next run tries again


def test_a_line_that_breaks_once_is_no_problem(images: Server, tmp_path: Path) -> None:
    images.cut_after = [100]
    assert bring(images, tmp_path, "/0.jpg")["problem"][0] == ""
    assert len(images.log) == 2


def test_a_server_that_is_not_there_is_a_problem(images: Server, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x.jpg"
        problem = problem_of(images, tmp_path, url)
    assert problem == "There is no connection to the server, 3 times in a row."


def test_ten_gigabytes_are_not_begun(images: Server, tmp_path: Path) -> None:
    images.claims = {"/0.jpg": 10**10}
    problem = problem_of(images, tmp_path, "/0.jpg")
    assert problem == "The response has 10,000,000,000 bytes, more than 20,000,000."


def test_an_endless_image_is_left(images: Server, tmp_path: Path) -> None:
    images.files["/0.jpg"] = picture(0) + bytes(3_000_000)
    images.unsized = True
    problem = problem_of(images, tmp_path, "/0.jpg", max_bytes=1_000_000)
    assert problem == "The response has more than 1,000,000 bytes."


@pytest.mark.parametrize("side", [7_000, 12_000, 100_000])
def test_a_decompression_bomb_is_not_unpacked(images: Server, tmp_path: Path, side: int) -> None:
    images.files["/0.jpg"] = bomb(side, side)
    assert len(images.files["/0.jpg"]) < 2_000
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "more than 40,000,000" in problem_of(images, tmp_path, "/0.jpg")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<html>log in</html>", "not a JPEG, PNG or WebP image"),
        (b"%PDF-1.4 ...", "not a JPEG, PNG or WebP image"),
        (picture(0, "GIF"), "not a JPEG, PNG or WebP image"),
        (picture(0, "JPEG")[:-300], "broken image"),
        (picture(0, "PNG")[:-300], "broken image"),
        (b"\xff\xd8\xff\xe0 no image", "broken JPEG image"),
    ],
)
def test_what_is_no_image_is_refused_whatever_its_name(
    images: Server, tmp_path: Path, content: bytes, message: str
) -> None:
    images.files["/0.jpg"], images.types["/0.jpg"] = content, "image/jpeg"
    problem = problem_of(images, tmp_path, "/0.jpg")
    assert any(part in problem for part in message.split("|"))


def test_a_web_page_instead_of_an_image(images: Server, tmp_path: Path) -> None:
    images.types["/0.jpg"] = "text/html; charset=utf-8"
    assert "web page" in problem_of(images, tmp_path, "/0.jpg")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("file:///etc/passwd", "The URL is not http or https."),
        ("ftp://example.org/a.jpg", "The URL is not http or https."),
        ("photo.jpg", "The URL is not http or https."),
        ("http://[::1", "The URL is not valid."),
        ("http://example.org:port/a.jpg", "The URL is not valid."),
        ("http://10.0.0.1/a.jpg", "The URL leads to a private address, 10.0.0.1."),
        ("http://169.254.169.254/latest/meta-data", "The URL leads to a private address"),
        ("http://[::ffff:10.0.0.1]/a.jpg", "The URL leads to a private address"),
        ("http://[fe80::1]/a.jpg", "The URL leads to a private address"),
        (r"http://10.0.0.1\@example.org/a.jpg", "The URL leads to a private address, 10.0.0.1."),
        ("http://0.0.0.0/a.jpg", "The URL leads to a private address, 0.0.0.0."),
        ("http://127.0.0.1/a.jpg", "The URL leads to a private address, 127.0.0.1."),
        ("http://localhost:8000/a.jpg", "The URL leads to a private address, localhost."),
        ("http://photos.localhost./a.jpg", "The URL leads to a private address"),
        ("http://224.0.0.1/a.jpg", "The URL leads to a private address"),
        ("http://[::ffff:127.0.0.1]/a.jpg", "The URL leads to a private address"),
        ("http://[64:ff9b::7f00:1]/a.jpg", "The URL leads to a private address"),
        ("http://[2002:a00:1::]/a.jpg", "The URL leads to a private address"),
        ("http://[::127.0.0.1]/a.jpg", "The URL leads to a private address"),
        ("http://[ff02::1]/a.jpg", "The URL leads to a private address"),
    ],
)
def test_only_public_web_addresses_are_fetched(tmp_path: Path, address: str, message: str) -> None:
    result = fetch_images.fetch_images(pd.DataFrame({"address": [address]}), tmp_path)
    assert result["problem"][0].startswith(message)
    assert stored(tmp_path) == set()


def test_a_server_of_this_machine_may_redirect_to_itself(images: Server, tmp_path: Path) -> None:
    images.redirects = {"/old.jpg": "/older.jpg", "/older.jpg": images.url + "/0.jpg"}
    assert bring(images, tmp_path, "/old.jpg")["problem"][0] == ""


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("file:///etc/passwd", "The URL of the redirect is not http or https"),
        ("http://10.1.2.3/a.jpg", "redirect leads to a private address, 10.1.2.3."),
        (
            "http://127.0.0.1:1/a.jpg",
            "redirect leads to a private address, 127.0.0.1.",
        ),
        (
            "http://localhost/a.jpg",
            "redirect leads to a private address, localhost.",
        ),
        ("http://[::1]/a.jpg", "redirect leads to a private address, ::1."),
        ("http://[", "The URL of the redirect is not valid."),
        ("http://\xff/", "The URL of the redirect is not valid."),
        ("/0.jpg?again", "The URL redirects more than 5 times."),
    ],
)
def test_no_redirect_leads_to_other_places(
    images: Server, tmp_path: Path, target: str, message: str
) -> None:
    images.redirects = {"/0.jpg": target}
    assert message in problem_of(images, tmp_path, "/0.jpg")


def test_a_length_that_is_no_number_is_an_unknown_one(images: Server, tmp_path: Path) -> None:
    images.claim, images.headers = "\u00b2", {"Connection": "close"}
    assert bring(images, tmp_path, "/0.jpg")["problem"][0] == ""


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let photos.example be a name of this machine, and no proxy be there."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    looked_up = socket.getaddrinfo

    def lookup(host: str, *args: object, **options: object) -> object:
        here = "127.0.0.1" if host == "photos.example" else host
        return looked_up(here, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def test_a_name_that_leads_to_this_machine_is_refused(
    named: None, images: Server, tmp_path: Path
) -> None:
    url = images.url.replace("127.0.0.1", "photos.example")
    for scheme in (url, url.replace("http:", "https:")):
        problem = bring(images, tmp_path, scheme + "/0.jpg", attempts=1)["problem"][0]
        assert problem == "The host photos.example has a private address."
    assert images.log == []


def test_a_number_in_disguise_is_refused(named: None, images: Server, tmp_path: Path) -> None:
    url = images.url.replace("127.0.0.1", "2130706433")  # 127.0.0.1 as one number
    assert bring(images, tmp_path, url + "/0.jpg", attempts=1)["problem"][0] != ""
    assert images.log == []


def test_a_public_host_never_redirects_to_this_machine(
    named: None, images: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_fetcher, "check_host", lambda url: None)
    public = images.url.replace("127.0.0.1", "photos.example")
    images.redirects = {"/0.jpg": images.url + "/1.jpg"}
    result = bring(images, tmp_path, public + "/0.jpg", images.url + "/2.jpg", public + "/3.jpg")
    assert "redirect leads to a private address, 127.0.0.1" in result["problem"][0]
    assert result["problem"].tolist()[1:] == ["", ""]
    assert [path for path, _ in images.log] == ["/0.jpg", "/2.jpg", "/3.jpg"]


def test_through_a_proxy_the_proxy_looks_up_the_name(
    named: None, images: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", images.url)
    images.files["http://photos.example/0.jpg"] = picture(0)
    result = bring(images, tmp_path, "http://photos.example/0.jpg", "http://10.0.0.1/0.jpg")
    assert result["problem"].tolist() == ["", "The URL leads to a private address, 10.0.0.1."]


def test_no_secret_of_an_image_address_is_told_or_stored(images: Server, tmp_path: Path) -> None:
    address = images.url.replace("http://", "http://user:password@")
    result = bring(images, tmp_path, f"{address}/0.jpg?key=secret", f"{address}/x?key=secret")
    told = " ".join(result["problem"]) + (tmp_path / "index.json").read_text()
    assert result["file"][0] and "404" in told
    assert "secret" not in told and "password" not in told


@pytest.mark.slow
def test_a_full_disk_ends_the_work_in_one_sentence_and_what_arrived_stays(
    images: Server, tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with full_disk(3), pytest.raises(OSError, match=f"^The disk is full: {tmp_path}"):
        bring(images, tmp_path)
    kept = stored(tmp_path)
    assert len(kept) == 3 and not list(tmp_path.glob("*.part"))
    assert len(images.log) == 4
    result = bring(images, tmp_path)
    assert set(result["problem"]) == {""} and kept < set(result["file"])


def test_wrong_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no column 'address'"):
        fetch_images.fetch_images(pd.DataFrame({"url": []}), tmp_path)
    with pytest.raises(ValueError, match="at least 1, not 0 and 3"):
        fetch_images.fetch_images(pd.DataFrame({"address": []}), tmp_path, workers=0)
    empty = fetch_images.fetch_images(pd.DataFrame({"address": []}), tmp_path)
    assert list(empty.columns) == ["address", "file", "sha256", "problem"]


def test_a_server_sees_no_more_requests_per_second_than_said(
    images: Server, tmp_path: Path, clock: Clock
) -> None:
    seen: list[float] = []
    answered = images.answer

    def answer(request: object) -> None:
        seen.append(clock())
        answered(request)  # type: ignore[arg-type]

    images.answer = answer  # type: ignore[method-assign,assignment]
    limiter = RateLimiter(4, clock, clock.sleep)
    hits = table(images, *images.files)
    fetch_images.fetch_images(hits, tmp_path, workers=1, limiter=limiter, this_machine=True)
    assert len(seen) == 6
    assert np.diff(seen) == pytest.approx([0.25] * 5, rel=0.01)


@pytest.mark.slow
def test_a_cluster_brings_the_same(
    local: Any,
    images: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hits = table(images, "/1.jpg", "/2.jpg", "/none.jpg", "/1.jpg", "http://host:port/x.jpg")
    here = fetch_images.fetch_images(hits, tmp_path / "here", attempts=1, this_machine=True)
    monkeypatch.setattr(fetch_images, "PIECE", 1)
    monkeypatch.setenv("FACEVALUE_SCHEDULER", local.scheduler_address)
    there = fetch_images.fetch_images(hits, tmp_path / "there", attempts=1, this_machine=True)
    asked = len(images.log)
    fetch_images.fetch_images(hits.head(2), tmp_path / "there", this_machine=True)
    assert len(images.log) == asked
    pd.testing.assert_frame_equal(there, here)
    assert (there["problem"] != "").tolist() == [False, False, True, False, True]
    assert stored(tmp_path / "there") == stored(tmp_path / "here")
