from __future__ import annotations

import json
import logging
import sqlite3
from pathlib import Path

import pytest
from search_helpers import KEY, Request, asked, pixabay
from web_server import Clock

from facevalue.collection import image_search, photo_service
from facevalue.collection.pixabay import Pixabay
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.collection.search_api import InvalidKeyError
from facevalue.data.http_retry import DownloadError
from facevalue.scale import fetch_images

pytestmark = pytest.mark.usefixtures("noise_photos")


@pytest.mark.slow
def test_pages_are_put_together() -> None:
    with photo_service.start(450) as service:
        client = pixabay(service)
        hits = client.search("drawing", 410)
        assert len({hit.address for hit in hits}) == 410
        assert asked(service) == 3
        assert len(client.search("drawing", 9999)) == 450


@pytest.mark.slow
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


def test_a_redirect_to_what_is_no_address(service: photo_service.Service) -> None:
    def fault(request: Request) -> bool:
        request.send_response(302)
        request.send_header("Location", "http://\xff[")
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True

    service._fault = fault
    with pytest.raises(DownloadError, match="redirects to what is not a valid URL"):
        pixabay(service).search("happy", 3)


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
    with pytest.raises(DownloadError, match="cache.* is damaged: delete it"):
        pixabay(service, cache=cache).search("happy face", 5)


def test_over_the_limit_it_waits_as_long_as_it_is_told(clock: Clock) -> None:
    with photo_service.start(40, limit=2, window=50) as service:
        client = pixabay(service, clock)
        client.search("happy face", 5)
        client.search("joy", 5)
        assert clock.slept == []
        service._recent.clear()  # the minute is over for the server, too
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
    first, second = capsys.readouterr().err.splitlines()
    assert "127.0.0.1" in first and "33 seconds" in first
    assert "127.0.0.1" in second and "4 seconds" in second


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
    (endless, "10,000,000,000 bytes, more than 10,000,000", 1),
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
@pytest.mark.slow
def test_a_fault_of_one_image_leaves_the_others(
    service: photo_service.Service, fault: photo_service.Fault, tmp_path: Path, clock: Clock
) -> None:
    hits = image_search.search(pixabay(service), 1)
    bad = hits["address"][3].split("/", 3)[-1]
    service._fault = lambda request: bad in request.path and fault(request)
    limiter = RateLimiter(None, clock, clock.sleep)
    brought = fetch_images.fetch_images(hits, tmp_path, limiter=limiter, this_machine=True)
    assert [bool(problem) for problem in brought["problem"]] == [n == 3 for n in range(7)]
    assert {file.name for file in tmp_path.iterdir()} == {"index.json", *brought["file"]} - {""}


def test_a_key_that_is_refused_stops_the_search(service: photo_service.Service) -> None:
    client = Pixabay("my-secret-key", service.address)
    with pytest.raises(InvalidKeyError, match="does not accept the key") as caught:
        image_search.search(client, 3)
    assert asked(service) == 1
    assert "my-secret-key" not in repr(caught.value)


def test_without_a_key_it_is_told_where_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="set the environment variable PIXABAY_API_KEY"):
        Pixabay()
    monkeypatch.setenv("PIXABAY_API_KEY", "from-the-environment")
    with pytest.raises(ValueError, match="not an https URL") as caught:
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
