"""A small web server on this machine that can be told to behave badly, for several tests."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a caller that hangs up is part of many tests


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
        self.claim: int | str | None = None
        """A Content-Length that is not true."""
        self.claims: dict[str, int] = {}
        """The same, by path."""
        self.unsized = False
        """Whether to leave the Content-Length out."""
        self.headers: dict[str, str] = {}
        """More headers of every answer."""
        self.log: list[tuple[str, str | None]] = []
        """Path and Range of each request."""
        self.redirects: dict[str, str] = {}
        """Where a path leads to."""
        self.redirect_bytes = 0
        """How many bytes follow the head of a redirect; at most 100 MB are sent."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802
                server.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.split("?")[0]
        asked = request.headers.get("Range")
        self.log.append((path, asked))
        if path in self.redirects:
            request.send_response(302)
            request.send_header("Location", self.redirects[path])
            request.send_header("Content-Length", str(self.redirect_bytes))
            request.end_headers()
            request.wfile.write(bytes(min(self.redirect_bytes, 100_000_000)))
            return
        content = self.files.get(path)
        status = self.status.pop(0) if self.status else 200 if content is not None else 404
        if status != 200 or content is None:
            request.send_response(status)
            self.more(request)
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
        self.more(request)
        request.send_header("Content-Type", self.types.get(path, "application/octet-stream"))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        length = self.claim or self.claims.get(path) or len(content) - start
        if self.unsized:
            request.close_connection = True
        else:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        body = content[start:]
        if self.cut_after:
            body = body[: self.cut_after.pop(0)]
            request.close_connection = True
        request.wfile.write(body)

    def more(self, request: BaseHTTPRequestHandler) -> None:
        for name, value in self.headers.items():
            request.send_header(name, value)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


class Clock:
    """A clock that only moves when somebody sleeps, so that waiting costs no time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.slept.append(seconds)
            self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()
