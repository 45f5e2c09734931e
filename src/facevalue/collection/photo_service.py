"""A photo service on this machine: speaks Pixabay's API, and serves photos that we draw.

It is what notebook 01 searches when there is no key and no network, and what the tests treat
badly. `python -m facevalue.photo_service` runs it until you press Ctrl-C.

Source: https://pixabay.com/api/docs/
"""

from __future__ import annotations

import html
import io
import json
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from facevalue.collection.image_search import WORDS
from facevalue.drawing import faces
from facevalue.emotions import EMOTIONS

FOUND = {"angry": 47, "disgust": 7, "fear": 56, "happy": 50, "sad": 50, "surprise": 51,
         "neutral": 50}  # fmt: skip
"""Photos that project 1 found on Pixabay for each emotion, its table "initial"; we keep to it."""

LARGE = 1280
SIZES = {"_150": 150, "_640": 640, "_1280": LARGE}
"""The longest side of Pixabay's preview, web format and large image."""

KEY = "drawn-photos"
"""The key that the service wants. It is no secret: the service is on your own machine."""

BLOCK = 40
"""Photos are planned by so many, so that a larger service has those of a smaller one, too."""

Fault = Callable[[BaseHTTPRequestHandler], bool]


@dataclass(frozen=True)
class _Plan:
    """What one photo is: known before it is drawn."""

    number: int
    shown: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class _Drawn:
    """One photo as it is served: a file, and what is in it."""

    content: bytes
    width: int
    height: int
    boxes: np.ndarray


class _Quiet(ThreadingHTTPServer):
    """Says nothing when a caller hangs up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Service:
    """A running photo service; stop it with `stop`, or use it in a `with` statement.

    Attributes:
        address: the base address for `sources.Pixabay`.
        key: the key for it.
        log: (seconds, path) of every request, in the order of arrival, for the tests.
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
        if photos < 1:
            raise ValueError(f"photos must be at least 1, got {photos}.")
        self._seed, self._limit, self._window, self._fault = seed, limit, window, fault
        self._plans = {1000 + plan.number: plan for plan in _plans(photos, seed)}
        self._drawn: dict[int, _Drawn] = {}
        self._drawing = threading.Lock()
        self._asked: list[float] = []
        self.log: list[tuple[float, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:  # noqa: N802
                service._answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
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
        return f"Service({len(self._plans)} drawn photos at {self.address})"

    def stop(self) -> None:
        """Stop answering. It may be called twice."""
        self._server.shutdown()
        self._server.server_close()

    def photo(self, address: str) -> faces.Photo:
        """Return the truth about a hit's image: its pixels, boxes, and the emotions shown.

        Raises:
            KeyError: the address is none of this service's images.
        """
        found = self._image(urlsplit(address).path)
        if found is None:
            raise KeyError(f"{address} is no image of this service.")
        plan, size = found
        drawn = self._sized(plan, size)
        return faces.Photo(_pixels(drawn.content), drawn.boxes.copy(), plan.shown)

    # ---------------------------------------------------------------- drawing

    def _draw(self, plan: _Plan) -> _Drawn:
        """Return a photo, drawn when it is first asked for, and kept as a file: 0.1 MB or so."""
        with self._drawing:
            if plan.number not in self._drawn:
                rng = np.random.default_rng([self._seed, plan.number])
                photo = faces.photo(rng, len(plan.shown), plan.shown)
                self._drawn[plan.number] = _file(photo, LARGE, _suffix(plan))
            return self._drawn[plan.number]

    def _sized(self, plan: _Plan, size: str) -> _Drawn:
        """Return a photo in one of Pixabay's sizes."""
        drawn = self._draw(plan)
        if SIZES[size] == LARGE:
            return drawn
        photo = faces.Photo(_pixels(drawn.content), drawn.boxes, plan.shown)
        return _file(photo, SIZES[size], _suffix(plan))

    def _image(self, path: str) -> tuple[_Plan, str] | None:
        match = re.fullmatch(r"/get/(\d{1,9})(_\d+)(\.\w+)", path)
        plan = self._plans.get(int(match[1])) if match else None
        if match is None or plan is None or match[2] not in SIZES or match[3] != _suffix(plan):
            return None
        return plan, match[2]

    # ---------------------------------------------------------------- answering

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        self.log.append((time.monotonic(), request.path))
        try:
            if self._fault and self._fault(request):
                return
            parts = urlsplit(request.path)
            if parts.path in ("/api", "/api/"):
                self._api(request, {k: v[-1] for k, v in parse_qs(parts.query).items()})
            elif found := self._image(parts.path):
                kind = "image/png" if parts.path.endswith(".png") else "image/jpeg"
                send(request, 200, self._sized(*found).content, kind)
            elif page := self._page(parts.path):
                send(request, 200, page.encode(), "text/html; charset=utf-8")
            else:
                send(request, 404, b"[ERROR 404] Not found.")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the caller hung up

    def _page(self, path: str) -> str:
        """Return the page that shows a photo, or "" if there is none."""
        match = re.fullmatch(r"/photos/(\d{1,9})/", path)
        plan = self._plans.get(int(match[1])) if match else None
        if plan is None:
            return ""
        image = f"/get/{1000 + plan.number}_640{_suffix(plan)}"
        text = html.escape(", ".join(plan.tags))
        return f"<!doctype html><title>Drawn photo</title><img src='{image}' alt=''><p>{text}</p>"

    def _api(self, request: BaseHTTPRequestHandler, query: dict[str, str]) -> None:
        left, reset = self._allowance()
        rate = {
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": str(max(left, 0)),
            "X-RateLimit-Reset": str(reset),
        }
        error = "API rate limit exceeded" if left < 0 else ""
        if error:
            send(request, 429, f"[ERROR 429] {error}".encode(), headers=rate)
            return
        found = [plan for plan in self._plans.values() if _matches(plan, query)]
        total = min(len(found), 500)
        per_page, page = _whole(query.get("per_page", "20")), _whole(query.get("page", "1"))
        if query.get("key") != KEY:
            error = "Invalid or missing API key (https://pixabay.com/api/docs/)."
        elif len(query.get("q", "")) > 100:
            error = '"q" is out of valid range.'
        elif not 3 <= per_page <= 200:
            error = '"per_page" is out of valid range.'
        elif not 1 <= page <= max(1, math.ceil(total / per_page)):
            error = '"page" is out of valid range.'
        if error:
            send(request, 400, f"[ERROR 400] {error}".encode(), headers=rate)
            return
        rows = found[:total][(page - 1) * per_page : page * per_page]
        answer = {"total": len(found), "totalHits": total, "hits": [self._hit(r) for r in rows]}
        send(request, 200, json.dumps(answer).encode(), "application/json", rate)

    def _allowance(self) -> tuple[int, int]:
        """Count a request; return how many more are allowed, and when the count starts again."""
        with self._drawing:
            now = time.monotonic()
            self._asked = [when for when in self._asked if now - when < self._window]
            left = self._limit - len(self._asked) - 1
            if left >= 0:
                self._asked.append(now)
            return left, math.ceil(self._window - (now - self._asked[0]))

    def _hit(self, plan: _Plan) -> dict[str, Any]:
        """Return one hit with every field that Pixabay documents."""
        hit: dict[str, Any] = {
            "id": 1000 + plan.number,
            "pageURL": f"{self._root}/photos/{1000 + plan.number}/",
            "type": "photo",
            "tags": ", ".join(plan.tags),
        }
        drawn = self._draw(plan)
        for name, size in (("preview", "_150"), ("webformat", "_640"), ("largeImage", "_1280")):
            hit[f"{name}URL"] = f"{self._root}/get/{1000 + plan.number}{size}{_suffix(plan)}"
            if name != "largeImage":
                width, height = _fit(drawn.width, drawn.height, SIZES[size])
                hit |= {f"{name}Width": width, f"{name}Height": height}
        likes = 7 * (plan.number % 13)
        return hit | {
            "imageWidth": drawn.width,
            "imageHeight": drawn.height,
            "imageSize": len(drawn.content),
            "views": 100 * likes + plan.number,
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
    """Start a photo service in the background, on a free port that only this machine reaches.

    Every fifth photo shows nobody, and about one in eight another emotion than the one that it
    is found with. About 2 in 5 are not found by an emotion's first words, only by a synonym.

    Args:
        photos: how many there are to be found; drawing one takes about 50 ms, when it is found.
        seed: the same seed gives the same photos and tags.
        limit: API requests that are allowed within `window` seconds; then it answers 429.
        window: see `limit`.
        fault: for tests: is shown every request first, and returns whether it answered it.
    Raises:
        ValueError: `photos` is under 1.
    """
    return Service(photos, seed, limit=limit, window=window, fault=fault)


def send(
    request: BaseHTTPRequestHandler,
    status: int,
    content: bytes,
    kind: str = "text/plain; charset=utf-8",
    headers: dict[str, str] | None = None,
) -> None:
    """Answer a request."""
    request.send_response(status)
    for name, value in ({"Content-Type": kind} | (headers or {})).items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


def _plans(photos: int, seed: int) -> list[_Plan]:
    """Return what each photo shows and is found with: the same, however many photos there are."""
    plans: list[_Plan] = []
    for start in range(0, photos, BLOCK):
        rng = np.random.default_rng([seed, start])
        numbers = range(start, start + BLOCK)
        odd = [number for number in numbers if number % 5 == 4 or number % 8 == 3]
        even = [number for number in numbers if number not in set(odd)]
        # separately, so that the few photos found for a rare emotion are not all odd ones
        names = dict(zip(even, rng.permutation(_shares(len(even), least=2)), strict=True))
        names |= dict(zip(odd, rng.permutation(_shares(len(odd), least=0)), strict=True))
        plans += [_plan(number, str(names[number]), rng) for number in numbers]
    return plans[:photos]


def _plan(number: int, emotion: str, rng: np.random.Generator) -> _Plan:
    shown: tuple[str, ...] = () if number % 5 == 4 else (emotion,)
    if shown and number % 8 == 3:
        shown = (str(rng.choice([other for other in EMOTIONS if other != emotion])),)
    words = WORDS[emotion]
    first = 0 if rng.random() < 0.6 else int(rng.integers(1, len(words)))
    second = int(rng.integers(1, len(words)))  # some are found twice
    chosen = [words[first]] + [words[second]] * (rng.random() < 0.3)
    tags = dict.fromkeys(" ".join(chosen).split())
    return _Plan(number, shown, (*tags, "drawing"))


def _shares(count: int, least: int) -> list[str]:
    """Return `count` emotions in the proportions of FOUND, if there is room `least` of each."""
    exact = np.array([FOUND[emotion] for emotion in EMOTIONS]) * count / sum(FOUND.values())
    counts = np.maximum(np.floor(exact).astype(int), least)
    while counts.sum() < count:
        counts[np.argmax(exact - counts)] += 1
    while counts.sum() > count:
        counts[np.argmax(counts - exact * (counts > 0))] -= 1
    return [emotion for emotion, n in zip(EMOTIONS, counts, strict=True) for _ in range(n)]


def _matches(plan: _Plan, query: dict[str, str]) -> bool:
    """Return whether all words of a search are among a photo's tags."""
    if query.get("image_type", "all") not in ("all", "photo"):
        return False
    return set(query.get("q", "").lower().split()) <= set(plan.tags)


def _suffix(plan: _Plan) -> str:
    return ".png" if plan.number % 10 == 6 else ".jpg"


def _file(photo: faces.Photo, longest: int, suffix: str) -> _Drawn:
    """Return a photo as a file, with no side over `longest` pixels."""
    image = Image.fromarray(photo.image)
    size = _fit(image.width, image.height, longest)
    scale = size[0] / image.width
    if scale < 1:
        image = image.resize(size)
    stream = io.BytesIO()
    if suffix == ".png":
        image.save(stream, "PNG")
    else:
        image.save(stream, "JPEG", quality=90)
    boxes = np.rint(photo.boxes * scale).astype(int)
    return _Drawn(stream.getvalue(), image.width, image.height, boxes)


def _fit(width: int, height: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(width, height))
    return round(width * scale), round(height * scale)


def _pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def _whole(text: str) -> int:
    return int(text) if re.fullmatch(r"\d{1,9}", text) else 0


def main(arguments: Sequence[str]) -> int:
    """Serve drawn photos until Ctrl-C: `python -m facevalue.photo_service [photos]`."""
    with start(int(arguments[0]) if arguments else 40) as service:
        print(f"{service.address}?key={KEY}&q=happy+face  (Ctrl-C stops)", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
