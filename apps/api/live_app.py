"""The application of the live page, with the pages of the image database."""

from __future__ import annotations

import json
import mimetypes
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request, Response, WebSocket
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api import frames, origins, pages, queries, sample, stream
from apps.api.access import AccessControl
from apps.api.app import create_app
from apps.api.workers import Worker, photo_workers
from facevalue import emotions
from facevalue.drawing import facs
from facevalue.image_files import FACE_SIZE
from facevalue.recognition import cropping, detection, recogniser, tracking, yunet

STATIC = Path(__file__).parent / "static"
ONNX_RUNTIME = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
"""The files of ONNX Runtime Web, which tools/fetch_ort_web.py puts into static/vendor."""

LIVE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "worker-src 'self'; connect-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    # only a page that is isolated from other pages may compute in several threads
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cache-Control": "no-cache",
}
"""Headers of the live page, its scripts and its models: only they run scripts, of this server."""

SWITCH_SECONDS = 0.0005
"""How long a thread that makes a page may keep Python from passing on pictures; usually 0.005."""

LINKS = (
    ("/", "live", "Live"),
    ("/database", "welcome", "Database"),
    *pages.LINKS.get()[1:],
)
"""The navigation of this server's pages."""

for suffix in (".js", ".mjs"):
    # some Windows machines list scripts as plain text, which browsers refuse to run
    mimetypes.add_type("text/javascript", suffix)

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
    processes: int | None = None,
) -> FastAPI:
    """Create the application: the live page at /, and the pages of a database.

    Args:
        models: recognisers by name; the browser runs "fast".
        engine: as in `create_app`.
        model: the recogniser for pictures that are sent to the server.
        hosts, note: as in `create_app`.
        token: what visitors must show, first as ?token= and then as a cookie; "" admits everybody.
        videos: the folder with the videos that /video_feed may stream.
        processes: how many frames are recognised at the same time; default: one for each core,
            and at least two.
    """
    folder = models[model].file.parent
    queue = frames.FrameQueue(
        [Worker(model, folder) for _ in range(processes or max(2, os.cpu_count() or 1))],
        photo_workers(model, folder),
    )
    app = create_app(engine, hosts=hosts, note=note, queue=queue, routers=(router, sample.router))
    app.state.models, app.state.server_model = models, model
    app.state.feeds = stream.Feeds(models[model], videos)
    app.mount("/live/static", _Static(directory=STATIC))
    app.add_middleware(AccessControl, token=token)
    app.add_middleware(_Navigation)
    ends_pictures = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        async with ends_pictures(app):
            yield
        sys.setswitchinterval(before)
        app.state.feeds.close()

    app.router.lifespan_context = lifespan
    return app


class _Navigation:
    """Middleware that adds the live page to the navigation of all pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pages.LINKS.set(LINKS)
        await self._app(scope, receive, send)


class _Static(StaticFiles):
    """The scripts and the style sheet of the live page."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file with the headers of the live page."""
        response = super().file_response(*args, **kwargs)
        response.headers.update(LIVE_HEADERS)
        return response


def has_onnx_runtime() -> bool:
    """Return whether ONNX Runtime Web is installed, so that the browser can run the model."""
    return all((STATIC / "vendor" / name).is_file() for name in ONNX_RUNTIME)


@router.get("/")
def live(request: Request) -> Response:
    """The live page."""
    snapshot = queries.catalogue(request).newest()
    table = facs.action_units().drop_duplicates("action_unit")
    descriptions = dict(zip(table["action_unit"], table["description"], strict=True))
    counts = {name: int((snapshot.emotions == k).sum()) for k, name in enumerate(emotions.EMOTIONS)}
    page = pages.page(
        "live.html",
        units={
            name: [(unit, descriptions.get(unit, "")) for unit in units]
            for name, units in facs.emotion_units().items()
        },
        counts=counts,
        samples={emotion: number for number, emotion in pages.samples(snapshot, each=1)},
        browser_mode=has_onnx_runtime() and "fast" in request.app.state.models,
        server_model=request.app.state.server_model,
        videos=request.app.state.feeds.files(),
        note=request.app.state.note,
    )
    page.headers.update(LIVE_HEADERS)
    return page


router.add_api_route("/database", pages.welcome, methods=["GET"])


@router.get("/live/settings.json")
def settings() -> Response:
    """The settings of `facevalue.recognition`, for the JavaScript that computes the same."""
    return _json(
        {
            "emotions": emotions.EMOTIONS,
            "colours": emotions.COLOURS,
            "face": {
                "size": FACE_SIZE,
                "margin": cropping.MARGIN,
                "leastRoll": cropping.MIN_ROLL,
            },
            "search": {
                "frameSide": tracking.SEARCH_SIDE,
                "side": detection.SIDE,
                "largeSide": detection.LARGE_SIDE,
                "minFace": detection.MIN_FACE,
                "leastScore": yunet.MIN_SCORE,
                "leastDoubt": detection.MIN_DOUBT,
                "mostOverlap": yunet.MAX_OVERLAP,
                "sameFace": detection.SAME_FACE,
                "leastInside": detection.MIN_INSIDE,
                "leastSpread": detection.MIN_SPREAD,
                "dark": detection.DARK,
                "strides": yunet.STRIDES,
            },
            "maxFaces": tracking.MAX_FACES,
            "smoothing": {
                "minOverlap": tracking.MIN_OVERLAP,
                "probabilitySeconds": tracking.PROBABILITY_SECONDS,
                "boxSeconds": tracking.BOX_SECONDS,
                "keepSeconds": tracking.KEEP_SECONDS,
                "minSightings": tracking.MIN_SIGHTINGS,
            },
        }
    )


@router.get("/live/yunet.onnx")
def detector() -> Response:
    """YuNet, the network with which browser and server find faces."""
    try:
        content = yunet.any_size(yunet.file_content())
    except (ModuleNotFoundError, ValueError) as error:
        raise HTTPException(404, str(error)) from error
    return Response(content, media_type="application/octet-stream", headers=LIVE_HEADERS)


@router.get("/live/fast.onnx")
def fast_model(request: Request) -> Response:
    """The model with which the browser recognises emotions."""
    if "fast" not in request.app.state.models:
        raise HTTPException(404, "This server has no model for browsers.")
    file = request.app.state.models["fast"].file
    return FileResponse(file, media_type="application/octet-stream", headers=LIVE_HEADERS)


def _json(content: Any) -> Response:
    text = json.dumps(content, separators=(",", ":"))
    return Response(text, media_type="application/json", headers=LIVE_HEADERS)


@router.websocket("/live/frames")
async def frames_of_visitor(socket: WebSocket) -> None:
    """Receive pictures and send faces; with ?photo=true, search more carefully."""
    photo = socket.query_params.get("photo") == "true"
    await socket.app.state.frames.serve(socket, photo)


@router.get("/video_feed")
async def video_feed(request: Request, source: Annotated[str, Query()] = "0") -> Response:
    """The server's camera or a video file as a stream of pictures (MJPEG)."""
    if origins.is_foreign(request.scope):
        return _error(403, "Other websites may not open the camera of this server.")
    try:
        feed = await run_in_threadpool(request.app.state.feeds.feed, source)
    except (FileNotFoundError, ValueError) as error:
        return _error(404, str(error))
    except stream.TooManyFeeds as error:
        return _error(503, str(error))
    headers = {"Cache-Control": "no-store"}
    return StreamingResponse(feed.pictures(), media_type=stream.CONTENT_TYPE, headers=headers)


def _error(status: int, sentence: str) -> Response:
    return JSONResponse({"detail": sentence}, status)
