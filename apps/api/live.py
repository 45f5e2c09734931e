"""Start the live page: python -m apps.api.live [--host 127.0.0.1] [--port 5000].

The page names the emotions of faces in a camera's picture, a photo or a video: inside the browser,
or here. The pages of the image database are served beside it. No picture is stored.
"""

from __future__ import annotations

import argparse
import json
import mimetypes
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import cv2
import uvicorn
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, StreamingResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api import frames, images, pages, stream
from apps.api.__main__ import LOOPBACK, listen, open_database
from apps.api.app import HEADERS, create_app
from facevalue import emotions
from facevalue.collection import database, haar
from facevalue.drawing import facs
from facevalue.image_files import FACE_SIZE
from facevalue.recognition import recogniser, tracking

STATIC = Path(__file__).parent / "static"
VENDOR = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""ONNX Runtime Web, which tools/fetch_ort_web.py brings into static/vendor."""

LIVE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "worker-src 'self'; connect-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    # isolated from other pages, a page may compute with several threads
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-cache",
}
"""Sent with the live page, its scripts and its model: only they may run scripts, all our own."""

COOKIE = "facevalue_token"
LINKS = (
    ("/", "live", "Live"),
    ("/database", "welcome", "Database"),
    *pages.LINKS.get()[1:],
)

for ending in (".js", ".mjs"):
    # some Windows machines call scripts plain text, and browsers then refuse them
    mimetypes.add_type("text/javascript", ending)

router = APIRouter(include_in_schema=False)


def create_live_app(
    models: dict[str, recogniser.Recogniser],
    engine: Engine,
    *,
    model: str = "accurate",
    hosts: Sequence[str] = ("*",),
    note: str = "",
    token: str = "",
    videos: Path | None = None,
    threads: int | None = None,
) -> FastAPI:
    """Make the application: the live page at /, and the pages of a database beside it.

    Args:
        models: recognisers by name; the one that runs in the browser is "fast".
        engine: as for `create_app`.
        model: which of them looks at the pictures that are sent here.
        hosts, note: as for `create_app`.
        token: what a visitor must show, once as ?token=, then as a cookie; "" lets everybody in.
        videos: the folder whose videos /video_feed may show.
        threads: how many pictures are looked at at the same time; default: one for each core.
    """
    app = create_app(engine, hosts=hosts, note=note, first=(router,))
    app.state.models = models
    app.state.frames = frames.Frames(models[model], threads or os.cpu_count() or 1)
    app.state.feeds = stream.Feeds(models[model], videos)
    app.mount("/live/static", _Static(directory=STATIC))
    app.add_middleware(Guard, token=token)
    app.router.lifespan_context = _lifespan
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.frames.close()
    app.state.feeds.close()


class _Static(StaticFiles):
    """The scripts and the style of the live page."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Answer with a file, and the headers of the live page."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(LIVE_HEADERS)
        return response


class Guard:
    """Lets in only visitors with the token, and WebSockets only from pages of this server."""

    def __init__(self, app: ASGIApp, token: str = "") -> None:
        """Wrap an application."""
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        pages.LINKS.set(LINKS)
        if scope["type"] == "http" and not self._known(scope):
            await self._let_in(scope)(scope, receive, send)
        elif scope["type"] == "websocket" and not (_own_page(scope) and self._known(scope)):
            await send({"type": "websocket.close", "code": frames.POLICY})
        else:
            await self._app(scope, receive, send)

    def _known(self, scope: Scope) -> bool:
        if not self._token:
            return True
        try:
            cookie = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and _same(cookie.value, self._token)

    def _let_in(self, scope: Scope) -> Response:
        """Give a visitor with the token a cookie, and send any other one away."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if not _same(query.pop("token", [""])[-1], self._token):
            page = pages.page(
                "error.html",
                title=HTTPStatus.FORBIDDEN.phrase,
                sentence="This server wants a token: open the address that it printed when it "
                "was started, which ends in ?token=...",
            )
            page.status_code = 403
            page.headers.update(HEADERS)
            return page
        # always of this server: an address that begins with // would lead elsewhere
        path = "/" + scope["path"].lstrip("/")
        address = path + ("?" + urlencode(query, doseq=True) if query else "")
        response = RedirectResponse(address, 303, headers=HEADERS)
        response.set_cookie(COOKIE, self._token, httponly=True, samesite="strict")
        return response


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _own_page(scope: Scope) -> bool:
    """Whether the page that opens a WebSocket is one of this server: browsers say so."""
    headers = Headers(scope=scope)
    origin = urlsplit(headers.get("origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc == headers.get("host")


# -------------------------------------------------------------------------------------- routes


def browser_mode() -> bool:
    """Return whether ONNX Runtime Web is installed, so that the browser can do the work."""
    return all((STATIC / "vendor" / name).is_file() for name in VENDOR)


@router.get("/")
def live(request: Request) -> Response:
    """The live page."""
    snapshot = images.catalogue(request).newest()
    units = facs.emotion_units()
    names = facs.action_units().drop_duplicates("action_unit")
    described = dict(zip(names["action_unit"], names["description"], strict=True))
    counts = {name: int((snapshot.emotions == k).sum()) for k, name in enumerate(emotions.EMOTIONS)}
    page = pages.page(
        "live.html",
        units={
            name: [(unit, described.get(unit, "")) for unit in found]
            for name, found in units.items()
        },
        counts=counts,
        samples={emotion: number for number, emotion in pages.samples(snapshot, each=1)},
        browser_mode=browser_mode() and "fast" in request.app.state.models,
        videos=request.app.state.feeds.files(),
        note=request.app.state.note,
    )
    page.headers.update(LIVE_HEADERS)
    return page


router.add_api_route("/database", pages.welcome, methods=["GET"])


@router.get("/live/settings.json")
def settings() -> Response:
    """What the page's scripts need to know: they do the same as `facevalue.video`."""
    return _ours(
        {
            "emotions": emotions.EMOTIONS,
            "colours": emotions.COLOURS,
            "face": {"size": FACE_SIZE, "margin": recogniser.MARGIN},
            "quick": {
                "longest": tracking.SEARCH_SIDE,
                "smallest": tracking.MIN_FACE,
                "scaleFactor": tracking.SCALE_FACTOR,
                "minNeighbors": tracking.MIN_NEIGHBORS,
                "mostFaces": tracking.MAX_FACES,
                "again": tracking.FULL_SEARCH_EVERY,
            },
            "same": tracking.MIN_OVERLAP,
            "steady": tracking.PROBABILITY_SECONDS,
            "quickBox": tracking.BOX_SECONDS,
            "kept": tracking.KEEP_SECONDS,
            "sure": tracking.MIN_SIGHTINGS,
        }
    )


@router.get("/live/cascade.json")
def cascade() -> Response:
    """OpenCV's cascade of Haar features, which finds the faces in the browser as it does here."""
    try:
        loaded = haar.load()
    except (FileNotFoundError, ValueError) as error:
        raise HTTPException(404, str(error)) from None
    stages = [
        {
            "threshold": stage.threshold,
            "weak": [
                [weak.threshold, weak.below, weak.above]
                + [v for r in weak.rectangles for v in (r.x, r.y, r.width, r.height, r.weight)]
                for weak in stage.weak
            ],
        }
        for stage in loaded.stages
    ]
    return _ours({"window": loaded.window, "flat": haar.FLAT, "stages": stages})


@router.get("/live/fast.onnx")
def fast(request: Request) -> Response:
    """The model that the browser runs."""
    if "fast" not in request.app.state.models:
        raise HTTPException(404, "This server has no model for browsers.")
    file = request.app.state.models["fast"].file
    return FileResponse(file, media_type="application/octet-stream", headers=LIVE_HEADERS)


def _ours(content: Any) -> Response:
    text = json.dumps(content, separators=(",", ":"))
    return Response(text, media_type="application/json", headers=LIVE_HEADERS)


@router.websocket("/live/frames")
async def frames_of_visitor(socket: WebSocket) -> None:
    """Pictures come in, faces go out; ?photo=true searches with more care."""
    careful = socket.query_params.get("photo") == "true"
    await socket.app.state.frames.serve(socket, careful)


@router.get("/video_feed")
async def video_feed(request: Request, source: Annotated[str, Query()] = "0") -> Response:
    """The server's camera or a video file as a stream of pictures (MJPEG)."""
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return _say(403, "Only pages of this server, and people, may open its camera.")
    try:
        feed = await run_in_threadpool(request.app.state.feeds.feed, source)
    except (FileNotFoundError, ValueError) as error:
        return _say(404, str(error))
    except stream.Busy as error:
        return _say(503, str(error))
    headers = {"Cache-Control": "no-store"}
    return StreamingResponse(feed.pictures(), media_type=stream.CONTENT_TYPE, headers=headers)


def _say(status: int, sentence: str) -> Response:
    return JSONResponse({"detail": sentence[:1].upper() + sentence[1:]}, status)


# ---------------------------------------------------------------------------------- command line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.api.live", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets others in, by a token")
    parser.add_argument("--port", type=int, default=5000, help="0 is any free one")
    parser.add_argument("--model", default="accurate", choices=recogniser.NAMES,
                        help="which one looks at pictures sent to the server")  # fmt: skip
    parser.add_argument("--videos", type=Path, help="a folder whose videos /video_feed may show")
    options = parser.parse_args(arguments)
    try:
        if options.videos and not options.videos.is_dir():
            raise ValueError(f"There is no folder {options.videos}.")
        # one thread for each picture: several pictures are looked at at the same time
        models = {name: recogniser.Recogniser(name, threads=1) for name in recogniser.NAMES}
        listener = listen(options.host, options.port)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    cv2.setNumThreads(1)
    token = "" if options.host in LOOPBACK else secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory() as folder:
        try:
            note, url = open_database(), database.url()
        except (ValueError, ModuleNotFoundError) as error:
            note, url = f"{error} The live page works without it.", f"sqlite:///{folder}/none.db"
            print(note, file=sys.stderr)
        app = create_live_app(
            models,
            database.create(url),
            model=options.model,
            hosts=LOOPBACK if not token else ("*",),
            note=note,
            token=token,
            videos=options.videos,
        )
        port = listener.getsockname()[1]
        host = "localhost" if options.host in LOOPBACK else options.host
        address = f"http://{host}:{port}/" + (f"?token={token}" if token else "")
        print(f"{address} is the live page. Ctrl+C stops it.", flush=True)
        config = uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            log_config=None,  # uvicorn's own would close the handlers that others have set up
            server_header=False,
            ws_max_size=frames.MOST_BYTES,
            ws_per_message_deflate=False,  # JPEG does not become smaller
            timeout_graceful_shutdown=2,  # streams never end by themselves
        )
        uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
