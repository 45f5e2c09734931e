from __future__ import annotations

import threading
from pathlib import Path

from web_server import Server

from facevalue.collection.image_fetcher import ImageFetcher, ImageLimits
from facevalue.collection.rate_limiter import RateLimiter


def test_an_interrupt_does_not_wait_for_a_server_that_asked_to_wait(
    server: Server, tmp_path: Path
) -> None:
    answered, server.status = server.answer, [503]
    server.headers = {"Retry-After": "60"}
    asked = threading.Event()

    def answer(request: object) -> None:
        answered(request)  # type: ignore[arg-type]
        asked.set()

    server.answer = answer  # type: ignore[method-assign,assignment]
    stop = threading.Event()
    limiter = RateLimiter(sleep=stop.wait)
    limits = ImageLimits(10**6, 10**6, 9, (5, 5), 60, this_machine=True)
    fetcher = ImageFetcher(tmp_path, limiter, stop, limits)
    told: list[tuple[str, str]] = []
    thread = threading.Thread(target=lambda: told.append(fetcher.fetch(server.url + "/0.jpg")))
    thread.start()
    assert asked.wait(5)
    stop.set()
    thread.join(5)
    assert told == [("", "The download was stopped.")]
