from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from web_server import Clock, Server

from facevalue.collection import (
    fetch_data,
    image_folders,
    image_search,
    photo_service,
    polite_http,
)
from facevalue.collection.duckduckgo import DuckDuckGo
from facevalue.collection.image_search import Hit
from facevalue.collection.openverse import OPENVERSE, Openverse
from facevalue.collection.pixabay import Pixabay
from facevalue.collection.polite_http import RefusedKey
from facevalue.data.download import DownloadError
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS
from facevalue.scale import fetch_images

KEY = photo_service.KEY
Request = BaseHTTPRequestHandler


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw noise instead of photos, and be without keys."""

    def photo(rng: np.random.Generator, people: int, shown: tuple[str, ...]) -> faces.Photo:
        image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        return faces.Photo(image, np.full((people, 4), 20), shown)

    monkeypatch.setattr(faces, "photo", photo)
    monkeypatch.delenv("PIXABAY_API_KEY", raising=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Iterator[photo_service.Service]:
    with photo_service.start(40) as running:
        yield running


def pixabay(
    service: photo_service.Service, clock: Clock | None = None, cache: Path | None = None
) -> Pixabay:
    clock = clock or Clock()
    pace = polite_http.Pace(None, clock, clock.sleep)
    return Pixabay(KEY, service.address, cache=cache, pace=pace)


def asked(service: photo_service.Service) -> int:
    return sum(path.startswith("/api/") for _, path in service.log)


# ------------------------------------------------------------------------------ searching


def test_photos_of_each_emotion_are_found_and_brought(
    service: photo_service.Service, tmp_path: Path
) -> None:
    hits = image_search.search(pixabay(service), 4)
    assert hits.attrs["problems"] == []
    counts = hits.groupby("emotion").size()
    assert set(counts.index) == set(EMOTIONS)
    assert counts.max() == 4
    assert hits["address"].is_unique
    for row in hits.itertuples():
        assert row.words in image_search.WORDS[str(row.emotion)]
        assert row.source == "drawn photos" and row.licence.startswith("MIT")
        assert str(row.page).startswith("http://127.0.0.1") and row.author == "Face Value"
    assert len(set(hits["words"])) > 7  # synonyms were needed
    brought = fetch_images.fetch_images(hits, tmp_path)
    assert (brought["problem"] == "").all()
    for row in brought.itertuples():
        with Image.open(tmp_path / str(row.file)) as image:
            assert image.size == (row.width, row.height)


def test_a_search_can_be_for_some_emotions(service: photo_service.Service) -> None:
    hits = image_search.search(pixabay(service), 1, ("sad", "happy"))
    assert hits["emotion"].tolist() == ["sad", "happy"]
    assert asked(service) == 2  # the first words were enough
    with pytest.raises(ValueError, match="No words are known for boredom"):
        image_search.search(pixabay(service), 1, ["boredom"])
    with pytest.raises(ValueError, match="at least 1, got 0"):
        image_search.search(pixabay(service), 0)


def test_every_emotion_has_its_own_words_of_a_length_that_pixabay_takes() -> None:
    every = [words for emotion in EMOTIONS for words in image_search.WORDS[emotion]]
    assert len(every) == len(set(every))
    assert all(3 <= len(words) <= 100 for words in every)
    assert all(len(image_search.WORDS[emotion]) >= 4 for emotion in EMOTIONS)


class Fake:
    """A source whose answers are told to it."""

    name = "fake"

    def __init__(self, answer: Callable[[str, int], list[str]]) -> None:
        self.answer, self.words = answer, []

    def search(self, words: str, most: int) -> list[Hit]:
        self.words.append(words)
        return [Hit("", words, a, 0, 0, "", "", "", "fake") for a in self.answer(words, most)]


def test_the_same_address_is_kept_once() -> None:
    hits = image_search.search(
        Fake(lambda words, most: ["https://a.example/1"]), 2, ["sad", "happy"]
    )
    assert hits[["emotion", "words"]].to_numpy().tolist() == [["sad", "sad face"]]


def test_one_word_that_fails_does_not_stop_the_rest() -> None:
    def answer(words: str, most: int) -> list[str]:
        if words == "crying":
            raise DownloadError("the server is on fire.")
        return [f"https://a.example/{words}"]

    hits = image_search.search(Fake(answer), 3, ["sad"])
    assert hits["words"].tolist() == ["sad face", "sorrow", "unhappy"]
    assert hits.attrs["problems"] == ["sad, 'crying': the server is on fire."]


def test_a_source_that_always_fails_is_given_up() -> None:
    def answer(words: str, most: int) -> list[str]:
        raise DownloadError("no network.")

    fake = Fake(answer)
    hits = image_search.search(fake, 3)
    assert len(fake.words) == image_search.MOST_FAILURES
    assert hits.empty and "address" in hits
    assert "given up after 5 failures" in hits.attrs["problems"][-1]


def test_nothing_found_is_no_problem() -> None:
    hits = image_search.search(Fake(lambda words, most: []), 3)
    assert hits.empty and hits.attrs["problems"] == []


# ------------------------------------------------------------------------------ Pixabay


def test_pages_are_put_together() -> None:
    with photo_service.start(450) as service:
        client = pixabay(service)
        hits = client.search("drawing", 410)
        assert len({hit.address for hit in hits}) == 410
        assert asked(service) == 3
        assert len(client.search("drawing", 9999)) == 450


def test_a_page_beyond_the_last_is_the_end_and_500_hits_are_all(
    service: photo_service.Service,
) -> None:
    with photo_service.start(505) as many:
        assert len(pixabay(many).search("drawing", 1000)) == 500

    def more(request: Request) -> bool:
        """Promise more hits than there are, so that the client asks for a page too many."""
        if "page=1" in request.path.split("&")[-1]:
            row = {"largeImageURL": f"{service.address}x.jpg"}
            body = json.dumps({"total": 9, "totalHits": 9, "hits": [row] * 3}).encode()
            photo_service.send(request, 200, body, "application/json")
            return True
        return False

    service._fault = more
    assert len(pixabay(service).search("bicycle", 9)) == 1


def test_rows_are_read_tolerantly(service: photo_service.Service) -> None:
    own = service.address
    rows = [
        {"largeImageURL": own + "1.jpg", "surprise": [1], "imageWidth": "640", "user": None},
        {"webformatURL": own + "2.jpg", "imageWidth": 2560, "imageHeight": 1920, "user": "A\nB"},
        {"largeImageURL": None},
        "nonsense",
        {"largeImageURL": "file:///etc/passwd"},
        {"largeImageURL": "http://192.168.1.1/router.jpg"},
        {"largeImageURL": "http://127.0.0.1:1/other.jpg"},
        {"largeImageURL": "https://pixabay.com/get/3.jpg", "pageURL": "javascript:alert(1)"},
    ]

    def fault(request: Request) -> bool:
        body = json.dumps({"totalHits": 8, "hits": rows}).encode()
        photo_service.send(request, 200, body, "application/json; charset=utf-8")
        return True

    service._fault = fault
    hits = pixabay(service).search("happy face", 8)
    names = [hit.address.rsplit("/", 1)[-1] for hit in hits]
    assert names == ["1.jpg", "2.jpg", "3.jpg"]
    assert [(hit.width, hit.height) for hit in hits] == [(640, 0), (1280, 960), (0, 0)]
    assert [hit.author for hit in hits] == ["", "AB", ""]
    assert hits[2].page == ""


def test_answers_are_kept_for_a_day(service: photo_service.Service, tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    first = pixabay(service, cache=cache).search("happy face", 20)
    again = pixabay(service, cache=cache)
    assert again.search("happy face", 20) == first
    assert asked(service) == 1
    session = again._api._session
    assert session.settings.expire_after == 24 * 60 * 60
    other = Pixabay("another-key", service.address, cache=cache)
    assert other.search("happy face", 20) == first  # the key is no part of what is kept
    assert asked(service) == 1


def test_errors_are_not_kept(service: photo_service.Service, tmp_path: Path) -> None:
    bad = iter([(500, "text/plain"), (200, "text/html"), (200, "application/json")])

    def fault(request: Request) -> bool:
        status, kind = next(bad, (0, ""))
        if status:
            photo_service.send(request, status, b"<html>oops</html>", kind)
        return bool(status)

    service._fault = fault
    client = pixabay(service, cache=tmp_path / "cache.sqlite")
    with pytest.raises(DownloadError, match="not answer with a list of images, but with text/html"):
        client.search("happy face", 5)
    with pytest.raises(DownloadError, match="but with application/json"):
        client.search("happy face", 5)
    assert client.search("happy face", 5)
    assert asked(service) == 4


def test_a_damaged_cache_is_told(service: photo_service.Service, tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    cache.write_bytes(b"no database" * 1000)
    with pytest.raises(DownloadError, match="cache.* is broken: delete it"):
        pixabay(service, cache=cache).search("happy face", 5)


def test_over_the_limit_it_waits_as_long_as_it_is_told(clock: Clock) -> None:
    with photo_service.start(40, limit=2, window=50) as service:
        client = pixabay(service, clock)
        client.search("happy face", 5)
        client.search("joy", 5)
        assert clock.slept == []
        service._asked.clear()  # the minute is over for the server, too
        client.search("anger", 5)
        assert 40 <= sum(clock.slept) <= 50  # nothing was left: it waited before it asked
        assert asked(service) == 3


def test_a_429_is_waited_for(
    service: photo_service.Service, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter([{"X-RateLimit-Reset": "33"}, {"Retry-After": "4"}])

    def fault(request: Request) -> bool:
        headers = next(answers, None)
        if headers is not None:
            photo_service.send(request, 429, b"[ERROR 429] too many", headers=headers)
        return headers is not None

    service._fault = fault
    assert pixabay(service, clock).search("happy face", 5)
    assert clock.slept == [33, 4]
    told = ["127.0.0.1 is asked again in 33 seconds.", "127.0.0.1 is asked again in 4 seconds."]
    assert capsys.readouterr().err.splitlines() == told


def test_a_service_that_asks_for_too_long_is_left(
    service: photo_service.Service, clock: Clock
) -> None:
    def fault(request: Request) -> bool:
        photo_service.send(request, 429, b"no", headers={"X-RateLimit-Reset": "3000"})
        return True

    service._fault = fault
    with pytest.raises(DownloadError, match="asks to wait 3,000 seconds"):
        pixabay(service, clock).search("happy face", 5)
    assert clock.slept == []


def busy(request: Request) -> bool:
    photo_service.send(request, 500, b"[ERROR 500] oops")
    return True


def cut(request: Request) -> bool:
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"total": 3, "hits": [')
    request.close_connection = True
    return True


def page(request: Request) -> bool:
    photo_service.send(request, 200, b"<html>Please log in</html>", "text/html")
    return True


def endless(request: Request) -> bool:
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(10**10))
    request.end_headers()
    request.close_connection = True
    return True


def elsewhere(target: str) -> photo_service.Fault:
    def fault(request: Request) -> bool:
        photo_service.send(request, 302, b"", headers={"Location": target})
        return True

    return fault


FAULTS = [
    (busy, r"the server is busy \(status 500\), 4 times in a row", 4),
    (cut, "the connection broke, 4 times in a row", 4),
    (page, "not answer with a list of images, but with text/html", 1),
    (endless, "10,000,000,000 bytes: more than 10,000,000", 1),
    (elsewhere("file:///etc/passwd"), "answered 302", 1),
    (elsewhere("http://10.0.0.1/api/"), "answered 302", 1),
]


@pytest.mark.parametrize(("fault", "message", "requests"), FAULTS)
def test_faults_of_the_api_are_told_in_one_line_without_the_key(
    service: photo_service.Service,
    fault: photo_service.Fault,
    message: str,
    requests: int,
    tmp_path: Path,
) -> None:
    service._fault = fault
    with pytest.raises(DownloadError, match=message) as caught:
        pixabay(service, cache=tmp_path / "cache.sqlite").search("happy face", 5)
    assert asked(service) == requests
    assert len(str(caught.value).splitlines()) == 1
    shown = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert KEY not in " ".join(map(repr, shown))


@pytest.mark.parametrize(("fault", "message"), [(f, m) for f, m, _ in FAULTS[:2]])
def test_one_fault_costs_no_hit(
    service: photo_service.Service, fault: photo_service.Fault, message: str
) -> None:
    faults = iter([fault])
    service._fault = lambda request: next(faults, lambda r: False)(request)
    assert len(pixabay(service).search("happy face", 5)) > 0


@pytest.mark.parametrize("fault", [fault for fault, _, _ in FAULTS])
def test_a_fault_of_one_image_leaves_the_others(
    service: photo_service.Service, fault: photo_service.Fault, tmp_path: Path, clock: Clock
) -> None:
    hits = image_search.search(pixabay(service), 1)
    bad = hits["address"][3].split("/", 3)[-1]
    service._fault = lambda request: bad in request.path and fault(request)
    pace = polite_http.Pace(None, clock, clock.sleep)
    brought = fetch_images.fetch_images(hits, tmp_path, pace=pace)
    assert [bool(problem) for problem in brought["problem"]] == [n == 3 for n in range(7)]
    assert {file.name for file in tmp_path.iterdir()} == {"index.json", *brought["file"]} - {""}


def test_a_key_that_is_refused_stops_the_search(service: photo_service.Service) -> None:
    client = Pixabay("my-secret-key", service.address)
    with pytest.raises(RefusedKey, match="does not know the key") as caught:
        image_search.search(client, 3)
    assert asked(service) == 1
    assert "my-secret-key" not in repr(caught.value)


def test_without_a_key_it_is_told_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="set the environment variable PIXABAY_API_KEY"):
        Pixabay()
    monkeypatch.setenv("PIXABAY_API_KEY", "from-the-environment")
    with pytest.raises(ValueError, match="not an https address") as caught:
        Pixabay(base_url="http://pixabay.example/api/")
    assert "from-the-environment" not in str(caught.value)
    with photo_service.start(5) as service:
        shown = repr(Pixabay(base_url=service.address))
    assert "from-the-environment" not in shown and service.address in shown


def test_the_key_is_nowhere(
    service: photo_service.Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cache = tmp_path / "cache.sqlite"
    client = pixabay(service, cache=cache)
    client.search("happy face", 5)
    client.search("happy face", 5)
    service._fault = busy
    with pytest.raises(DownloadError):
        client.search("joy", 5)
    assert any(KEY in path for _, path in service.log)  # it was sent
    with sqlite3.connect(cache) as database:
        assert database.execute("SELECT COUNT(*) FROM responses").fetchone() == (1,)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"happy" in stored and KEY.encode() not in stored
    assert "GET /api/" in caplog.text and KEY not in caplog.text
    assert KEY not in repr(client)


def test_a_server_that_is_not_there(service: photo_service.Service) -> None:
    client = pixabay(service)
    service.stop()
    with pytest.raises(DownloadError, match="no connection to the server, 4 times") as caught:
        client.search("happy face", 5)
    assert KEY not in f"{caught.value!r} {caught.value.__context__!r}"


def test_words_that_are_too_long(service: photo_service.Service) -> None:
    with pytest.raises(ValueError, match="100 characters at most"):
        pixabay(service).search("x" * 101, 5)


# ------------------------------------------------------------------------------ Openverse


def openverse(server: Server, pages: list[object], clock: Clock | None = None) -> Openverse:
    """Openverse's client, and the server that answers with these pages."""
    answered = server.answer
    queue = iter(pages)

    def answer(request: Request) -> None:
        server.files = {"/v1/images/": json.dumps(next(queue, {"results": []})).encode()}
        answered(request)

    server.answer = answer  # type: ignore[method-assign]
    server.types["/v1/images/"] = "application/json"
    clock = clock or Clock()
    pace = polite_http.Pace(None, clock, clock.sleep)
    return Openverse(server.url + "/v1/images/", pace=pace)


def row(number: int, **fields: object) -> dict:
    """One result, with the fields that https://api.openverse.org/v1/ documents."""
    found = {
        "id": f"id-{number}",
        "title": None,
        "url": f"https://live.staticflickr.com/{number}.jpg",
        "foreign_landing_url": f"https://www.flickr.com/photos/{number}",
        "creator": "Ada",
        "license": "by-nc-sa",
        "license_version": "2.0",
        "width": 1024,
        "height": 683,
        "mature": False,
    }
    return found | fields


def test_openverse_keeps_licence_author_and_page(server: Server) -> None:
    rows = [
        row(1),
        row(2, license="cc0", license_version="1.0", creator=None),
        row(3, license="pdm", license_version=None, width=None),
        row(4, url=None),
        row(5, url="http://127.0.0.1:1/x.jpg"),
    ]
    client = openverse(server, [{"result_count": 5, "page_count": 1, "results": rows}])
    hits = client.search("happy face", 20)
    assert [hit.licence for hit in hits] == ["CC BY-NC-SA 2.0", "CC0 1.0", "Public Domain Mark"]
    assert [hit.author for hit in hits] == ["Ada", "", "Ada"]
    assert [(hit.width, hit.height) for hit in hits] == [(1024, 683), (1024, 683), (0, 683)]
    assert hits[0].page == "https://www.flickr.com/photos/1"
    assert {hit.source for hit in hits} == {"Openverse"}
    assert len(server.log) == 1


def test_openverse_pages_are_of_20_and_240_at_most(server: Server) -> None:
    pages = [
        {"page_count": 500, "results": [row(20 * page + n) for n in range(20)]}
        for page in range(15)
    ]
    assert len(openverse(server, pages).search("joy", 1000)) == 240
    assert len(server.log) == 12


def test_openverse_is_waited_for_and_left_when_the_day_is_over(
    server: Server, clock: Clock
) -> None:
    server.status, server.headers = [429], {"Retry-After": "9"}
    client = openverse(server, [None, {"page_count": 1, "results": [row(1)]}], clock)
    assert len(client.search("joy", 5)) == 1
    assert clock.slept == [9]
    server.status, server.headers = [429], {"Retry-After": "80000"}
    with pytest.raises(DownloadError, match="asks to wait 80,000 seconds"):
        client.search("sorrow", 5)


def test_openverse_is_asked_20_times_in_a_minute_at_most() -> None:
    client = Openverse("https://api.openverse.example/v1/images/", cache=Path(":memory:"))
    clock = Clock()
    pace = client._api._pace
    pace._clock, pace._sleep = clock, clock.sleep
    for _ in range(21):
        pace.wait(OPENVERSE)
    assert clock() - 1000 == pytest.approx(60)


# ------------------------------------------------------------------------------ DuckDuckGo


class Engine:
    """What ddgs.DDGS is, as far as it is used."""

    def __init__(self, *answers: object) -> None:
        self.answers, self.asked = list(answers), []

    def images(self, query: str, **options: object) -> object:
        self.asked.append((query, options))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def result(number: int, **fields: object) -> dict:
    found = {
        "title": "A face",
        "image": f"https://photos.example/{number}.jpg",
        "thumbnail": "https://tse.mm.bing.net/th",
        "url": f"https://photos.example/page/{number}",
        "height": 768,
        "width": "1024",
        "source": "Bing",
    }
    return found | fields


def duckduckgo(engine: Engine, clock: Clock | None = None) -> DuckDuckGo:
    clock = clock or Clock()
    return DuckDuckGo(engine, pace=polite_http.Pace(0.5, clock, clock.sleep))


def test_duckduckgo_hits_say_where_they_are_from() -> None:
    engine = Engine([result(1), result(1), result(2, image="http://10.0.0.1/x.jpg"), "?"], [])
    hits = duckduckgo(engine).search("grimace", 5)
    assert [hit.address for hit in hits] == ["https://photos.example/1.jpg"]
    assert hits[0].page == "https://photos.example/page/1"
    assert (hits[0].width, hits[0].height) == (1024, 768)
    assert "owner" in hits[0].licence
    query, options = engine.asked[0]
    assert query == "grimace" and options["backend"] == "duckduckgo"


def test_duckduckgo_pages_are_put_together(clock: Clock) -> None:
    pages = [[result(100 * page + n) for n in range(100)] for page in range(3)]
    engine = Engine(*pages)
    hits = duckduckgo(engine, clock).search("joy", 250)
    assert len({hit.address for hit in hits}) == 250
    assert [options["page"] for _, options in engine.asked] == [1, 2, 3]
    assert clock.slept == [2, 2]  # one request in two seconds


def test_the_end_of_duckduckgos_results_is_no_error() -> None:
    ddgs = pytest.importorskip("ddgs.exceptions", reason="ddgs is not installed")
    engine = Engine([result(1)], ddgs.DDGSException("No results found."))
    assert len(duckduckgo(engine).search("joy", 50)) == 1


def test_duckduckgo_backs_off_then_says_what_may_be(clock: Clock) -> None:
    ddgs = pytest.importorskip("ddgs.exceptions", reason="ddgs is not installed")
    nothing = ddgs.DDGSException("No results found.")
    engine = Engine(nothing, [result(1)], [])
    assert len(duckduckgo(engine, clock).search("joy", 5)) == 1
    assert clock.slept[0] == 5
    engine = Engine(*[nothing] * 3, [result(1)], [])
    hits = image_search.search(duckduckgo(engine), 1, ["happy"])
    assert len(hits) == 1
    assert "too many requests for now" in hits.attrs["problems"][0]


def test_duckduckgo_uses_ddgs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ddgs = pytest.importorskip("ddgs", reason="ddgs is not installed")
    asked = []

    def search(self: object, category: str, query: str, **options: object) -> list[dict]:
        asked.append((category, query, options))
        return [result(1)]

    monkeypatch.setattr(ddgs.DDGS().__class__, "_search_sync", search, raising=True)
    client = DuckDuckGo(pace=polite_http.Pace(1000))
    assert len(client.search("joy", 1)) == 1
    assert asked[0][:2] == ("images", "joy")


def test_without_ddgs_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ddgs", None)
    with pytest.raises(ImportError, match="pip install ddgs"):
        DuckDuckGo()


# ------------------------------------------------------------------------------ on disk


def save(path: Path, size: tuple[int, int] = (30, 20)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 7).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    names = ("anger", "contempt", "disgust", "fear", "happiness", "neutrality", "sadness")
    for name in (*names, "surprise"):
        for number in range(3):
            save(tmp_path / "images" / name / f"{number}.png")
    (tmp_path / "images" / "anger" / "0.png").write_bytes(b"no image")
    (tmp_path / "images" / "anger" / "notes.txt").write_text("x")
    return tmp_path


def test_folders_named_by_emotion_are_read(folders: Path) -> None:
    source = image_folders.Folder(folders, licence="ours")
    hits = image_search.search(source, 5)
    assert hits.groupby("emotion").size().to_dict() == dict.fromkeys(EMOTIONS, 3) | {"angry": 2}
    assert source.skipped["contempt"] == 3
    assert source.skipped["no image"] > 0
    row = hits.iloc[0]
    assert (row["width"], row["height"], row["licence"]) == (30, 20, "ours")
    assert Path(row["address"]).parent.name == "anger"
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        image_folders.Folder(folders / "nothing")


def test_the_kaggle_folder_is_downloaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kagglehub = pytest.importorskip("kagglehub", reason="kagglehub is not installed")
    calls = []

    def deliver(handle: str, output_dir: str) -> str:
        calls.append(handle)
        save(Path(output_dir) / "happiness" / "a.png", (224, 224))
        save(Path(output_dir) / "contempt" / "b.png", (224, 224))
        return output_dir

    monkeypatch.setattr(kagglehub, "dataset_download", deliver)
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    for _ in range(2):
        source = image_folders.Kaggle()
        hits = image_search.search(source, 5, ["happy"])
        assert hits["source"].tolist() == ["Kaggle"]
        assert source.skipped == {"contempt": 1}
    assert calls == ["sudarshanvaidya/random-images-for-face-emotion-recognition"]
    assert [path.name for path in tmp_path.iterdir()] == ["random-images"]


def test_a_kaggle_download_that_fails_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kagglehub = pytest.importorskip("kagglehub", reason="kagglehub is not installed")

    def refuse(handle: str, output_dir: str) -> str:
        save(Path(output_dir) / "happiness" / "a.png")
        raise RuntimeError("401 for someone:secret")

    monkeypatch.setattr(kagglehub, "dataset_download", refuse)
    with pytest.raises(DownloadError, match="Kaggle did not deliver") as caught:
        image_folders.Kaggle(tmp_path / "random")
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "random").exists()
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(DownloadError, match="pip install kagglehub"):
        image_folders.Kaggle(tmp_path / "random")


# ------------------------------------------------------------------------------ single files


def test_yunet_comes_from_the_second_place_if_not_from_the_first(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"a network" * 100
    server.files = {f"/second/{fetch_data.YUNET}": content}
    places = (f"{server.url}/first/", f"{server.url}/second/")
    monkeypatch.setattr(fetch_data, "YUNET_ADDRESSES", places)
    monkeypatch.setattr(fetch_data, "YUNET_SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setenv("FACEVALUE_DATA", str(tmp_path))
    assert fetch_data.fetch_yunet() == tmp_path / fetch_data.YUNET
    assert fetch_data.fetch_yunet().read_bytes() == content
    assert len(server.log) == 2
    monkeypatch.setattr(fetch_data, "YUNET_SHA256", "0" * 64)
    with pytest.raises(DownloadError, match="404.*checksum is wrong"):
        fetch_data.fetch_yunet(tmp_path / "other")


def test_the_table_of_hits_can_be_kept(service: photo_service.Service, tmp_path: Path) -> None:
    hits = image_search.search(pixabay(service), 1)
    hits.to_csv(tmp_path / "hits.csv", index=False)
    again = pd.read_csv(tmp_path / "hits.csv", keep_default_na=False)
    assert again.to_numpy().tolist() == hits.to_numpy().tolist()
