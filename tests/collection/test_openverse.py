from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler as Request
from pathlib import Path

import pytest
from web_server import Clock, Server

from facevalue.collection.openverse import OPENVERSE, Openverse
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.data.http_retry import DownloadError


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
    limiter = RateLimiter(None, clock, clock.sleep)
    return Openverse(server.url + "/v1/images/", limiter=limiter)


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


@pytest.mark.slow
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


def test_openverse_is_asked_20_times_in_a_minute_at_most(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiters: list[RateLimiter] = []

    def limiter(per_second: float) -> RateLimiter:
        limiters.append(RateLimiter(per_second, clock, clock.sleep))
        return limiters[-1]

    monkeypatch.setattr("facevalue.collection.openverse.RateLimiter", limiter)
    Openverse("https://api.openverse.example/v1/images/", cache=Path(":memory:"))
    for _ in range(21):
        limiters[0].wait(OPENVERSE)
    assert clock() - 1000 == pytest.approx(60, rel=0.01)
