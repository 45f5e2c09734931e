"""A photo service on this machine, which implements Pixabay's API and serves drawn photos.

Notebook 01 searches it, so that it needs neither a key nor a network. Tests make it fail.
`python -m facevalue.collection.photo_service` runs it until Ctrl-C.

Source: https://pixabay.com/api/docs/
"""

from __future__ import annotations

import html
import json
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from facevalue.collection.photo_catalogue import SIZES, PhotoCatalogue, PlannedPhoto, fit
from facevalue.drawing import faces

KEY = "drawn-photos"
"""The API key that the service expects. It is not a secret: the service is local."""

FIRST_ID = 1000
"""The id of the first photo."""

MAX_HITS = 500
"""The largest number of hits that Pixabay returns for a query, over all pages."""

Fault = Callable[[BaseHTTPRequestHandler], bool]
"""Receives each request first, and returns whether it has answered it."""


class _Server(ThreadingHTTPServer):
    """Ignores clients that close the connection early."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Service:
    """A running photo service; stop it with `stop`, or use it in a `with` statement.

    Args: as in `start`.

    Attributes:
        address: the base URL for `pixabay.Pixabay`.
        key: the API key for it.
        log: (seconds, path) of every request, in the order of arrival.
    """

    key = KEY

    def __init__(
        self,
        photos: int,
        seed: int,
        *,
        limit: int = 100,
        window: float = 60.0,
        fault: Fault | None = None,
    ) -> None:
        self._catalogue = PhotoCatalogue(photos, seed)
        self._limit, self._window, self._fault = limit, window, fault
        self._recent: list[float] = []  # times of the requests that count towards the limit
        self._counting = threading.Lock()
        self.log: list[tuple[float, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:  # noqa: N802
                service._answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._root = f"http://127.0.0.1:{self._server.server_port}"
        self.address = f"{self._root}/api/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="photo service", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Service({len(self._catalogue)} drawn photos at {self.address})"

    def stop(self) -> None:
        """Stop serving; calling it again is harmless."""
        self._server.shutdown()
        self._server.server_close()

    def photo(self, address: str) -> faces.Photo:
        """Return the truth about a hit's image: its pixels, the face boxes, and their emotions.

        Raises:
            KeyError: no image of this service has that address.
        """
        found = self._find_image(urlsplit(address).path)
        if found is None:
            raise KeyError(f"{address} is not an image of this service.")
        return self._catalogue.truth(*found)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.log.append((time.monotonic(), request.path))
        try:
            if self._fault and self._fault(request):
                return
            parts = urlsplit(request.path)
            if parts.path in ("/api", "/api/"):
                self._answer_query(request, {k: v[-1] for k, v in parse_qs(parts.query).items()})
            elif found := self._find_image(parts.path):
                kind = "image/png" if parts.path.endswith(".png") else "image/jpeg"
                send(request, 200, self._catalogue.encoded(*found).content, kind)
            elif page := self._page(parts.path):
                send(request, 200, page.encode(), "text/html; charset=utf-8")
            else:
                send(request, 404, b"[ERROR 404] Not found.")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client closed the connection

    def _find_image(self, path: str) -> tuple[PlannedPhoto, str] | None:
        """Return the photo and size that the path of an image file names."""
        match = re.fullmatch(r"/get/(\d{1,9})(_\d+)(\.\w+)", path)
        photo = self._catalogue.get(int(match[1]) - FIRST_ID) if match else None
        if match is None or photo is None or match[2] not in SIZES or match[3] != photo.suffix:
            return None
        return photo, match[2]

    def _page(self, path: str) -> str:
        """Return the web page of a photo, or "" if there is none."""
        match = re.fullmatch(r"/photos/(\d{1,9})/", path)
        photo = self._catalogue.get(int(match[1]) - FIRST_ID) if match else None
        if photo is None:
            return ""
        image = f"/get/{FIRST_ID + photo.number}_640{photo.suffix}"
        text = html.escape(", ".join(photo.tags))
        return f"<!doctype html><title>Drawn photo</title><img src='{image}' alt=''><p>{text}</p>"

    def _answer_query(self, request: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        remaining, reset = self._count_request()
        rate = {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(remaining, 0)),
            "X-RateLimit-Reset": str(reset),
        }
        if remaining < 0:
            send(request, 429, b"[ERROR 429] API rate limit exceeded", headers=rate)
            return
        found = self._catalogue.search(query.get("q", ""), query.get("image_type", "all"))
        hits = min(len(found), MAX_HITS)
        if error := _query_error(query, hits):
            send(request, 400, f"[ERROR 400] {error}".encode(), headers=rate)
            return
        per_page, page = _page_size(query), _page_number(query)
        rows = found[:hits][(page - 1) * per_page : page * per_page]
        answer = {"total": len(found), "totalHits": hits, "hits": [self._hit(r) for r in rows]}
        send(request, 200, json.dumps(answer).encode(), "application/json", rate)

    def _count_request(self) -> tuple[int, int]:
        """Return how many more requests are allowed, and the seconds until the count restarts."""
        with self._counting:
            now = time.monotonic()
            self._recent = [when for when in self._recent if now - when < self._window]
            remaining = self._limit - len(self._recent) - 1
            if remaining >= 0:
                self._recent.append(now)
            return remaining, math.ceil(self._window - (now - self._recent[0]))

    def _hit(self, photo: PlannedPhoto) -> dict[str, Any]:
        """Return a hit with all the fields that Pixabay documents."""
        number = FIRST_ID + photo.number
        hit: dict[str, Any] = {
            "id": number,
            "pageURL": f"{self._root}/photos/{number}/",
            "type": "photo",
            "tags": ", ".join(photo.tags),
        }
        large = self._catalogue.encoded(photo)
        for name, size in (("preview", "_150"), ("webformat", "_640"), ("largeImage", "_1280")):
            hit[f"{name}URL"] = f"{self._root}/get/{number}{size}{photo.suffix}"
            if name != "largeImage":
                width, height = fit(large.width, large.height, SIZES[size])
                hit |= {f"{name}Width": width, f"{name}Height": height}
        likes = 7 * (photo.number % 13)
        return hit | {
            "imageWidth": large.width,
            "imageHeight": large.height,
            "imageSize": len(large.content),
            "views": 100 * likes + photo.number,
            "downloads": 10 * likes,
            "collections": likes // 2,
            "likes": likes,
            "comments": likes // 7,
            "user_id": 1,
            "user": "Face Value",
            "userImageURL": "",
        }


def start(
    photos: int = 40,
    seed: int = 0,
    *,
    limit: int = 100,
    window: float = 60.0,
    fault: Fault | None = None,
) -> Service:
    """Start a photo service in the background, on a free port that only this machine can reach.

    Args:
        photos: the number of photos, see `PhotoCatalogue`; drawing one takes about 50 ms, when a
            search first finds it.
        seed: the same seed gives the same photos and tags.
        limit: API requests that are allowed within `window`; further ones get status 429.
        window: in seconds.
        fault: for tests: receives each request first, and returns whether it has answered it.

    Raises:
        ValueError: `photos` is under 1.

    >>> with start(photos=5) as service:
    ...     print(service.address.startswith("http://127.0.0.1:"), service.key)
    True drawn-photos
    """
    return Service(photos, seed, limit=limit, window=window, fault=fault)


def send(
    request: BaseHTTPRequestHandler,
    status: int,
    content: bytes,
    kind: str = "text/plain; charset=utf-8",
    headers: dict[str, str] | None = None,
) -> None:
    """Send a response with this content type and these further headers."""
    request.send_response(status)
    for name, value in ({"Content-Type": kind} | (headers or {})).items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def _query_error(query: dict[str, str], hits: int) -> str:
    """Return Pixabay's message for an invalid query, or ""."""
    per_page = _page_size(query)
    if query.get("key") != KEY:
        return "Invalid or missing API key (https://pixabay.com/api/docs/)."
    if len(query.get("q", "")) > 100:
        return '"q" is out of valid range.'
    if not 3 <= per_page <= 200:
        return '"per_page" is out of valid range.'
    if not 1 <= _page_number(query) <= max(1, math.ceil(hits / per_page)):
        return '"page" is out of valid range.'
    return ""


def _page_size(query: dict[str, str]) -> int:
    return _integer(query.get("per_page", "20"))


def _page_number(query: dict[str, str]) -> int:
    return _integer(query.get("page", "1"))


def _integer(text: str) -> int:
    """Return the natural number that a text consists of, or 0 for any other text."""
    return int(text) if re.fullmatch(r"\d{1,9}", text) else 0


def main(arguments: Sequence[str]) -> int:
    """Serve drawn photos until Ctrl-C; the first argument is their number, by default 40."""
    with start(int(arguments[0]) if arguments else 40) as service:
        print(f"{service.address}?key={KEY}&q=happy+face  (Ctrl-C stops)", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
