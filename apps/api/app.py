"""The application: its routes, security headers and error responses."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.api import docs, images, pages, parameters, recognise
from apps.api.addresses import RequestTurns
from apps.api.catalogue import Catalogue
from apps.api.frames import FrameQueue
from apps.api.workers import photo_workers

LOG = logging.getLogger("uvicorn.error")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Added to every response that does not set its own. The pages need no scripts: none may run."""

FOR_PROGRAMS = ("/images", "/recognise")
"""How the paths begin whose errors are JSON, and not a page."""


def create_app(
    engine: Engine,
    *,
    hosts: Sequence[str] = ("*",),
    note: str = "",
    queue: FrameQueue | None = None,
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """Create the application for one database.

    Args:
        engine: as `database.create` returns it; a file or a server, not a database in memory.
        hosts: the host names that it accepts. A server for one machine accepts only the names of
            that machine, so that no other web page can reach it by DNS rebinding.
        note: a sentence for the welcome page.
        queue: recognises pictures; by default with `accurate`, in processes of its own.
        routers: more routes, which take precedence over those of the database.
    """
    app = FastAPI(
        title="Face Value: the image database",
        description="Images of facial expressions with their sources, emotions and sizes, and the "
        "action units of each emotion, read-only; and a recogniser for pictures of yours.",
        version="1",
        lifespan=_lifespan,
        docs_url=None,  # FastAPI's own page loads scripts from a CDN
        redoc_url=None,
    )
    app.state.engine = engine
    app.state.catalogue = Catalogue(engine)
    app.state.note = note
    app.state.frames = queue or FrameQueue([], photo_workers("accurate"))
    for router in routers:
        app.include_router(router)
    app.include_router(images.router)
    app.include_router(recognise.router)
    app.include_router(pages.router)
    app.include_router(docs.router)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(ResponseHeaders)
    app.add_middleware(RequestTurns)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_parameter)
    app.add_exception_handler(SQLAlchemyError, _database_error)
    app.add_exception_handler(FileNotFoundError, _database_error)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    app.state.frames.close()


class ResponseHeaders:
    """Adds the security headers, and answers HEAD requests on all routes for GET.

    A redirect to this server becomes a path: its URL would have the Host header of the request in
    it, which may name any other server.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = scope["method"] == "HEAD"

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if "location" in headers:
                    headers["location"] = _path(headers["location"])
                message["headers"] = headers.raw
            elif head:
                message = {"type": "http.response.body"}
            await send(message)

        await self._app({**scope, "method": "GET"} if head else scope, receive, send_safely)


def _path(address: str) -> str:
    """Return the path and the query of an address; never one that names another server."""
    parts = urlsplit(address)
    # two slashes at the beginning would name a server
    return urlunsplit(("", "", "/" + parts.path.lstrip("/\\"), parts.query, ""))


def error_response(
    path: str, status: int, sentence: str, headers: dict[str, str] | None = None
) -> Response:
    """Return a sentence about an error: as JSON for programs, as a page for people.

    Args:
        path: that of the request.
    """
    if path.startswith(FOR_PROGRAMS):
        return JSONResponse({"detail": sentence}, status, headers)
    title = "Invalid request" if status == 422 else HTTPStatus(status).phrase
    response = pages.page("error.html", title=title, sentence=sentence)
    response.status_code = status
    response.headers.update(headers or {})
    return response


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if sentence == HTTPStatus(error.status_code).phrase:  # Starlette's own text
        sentence = {
            404: f"There is no page {request.url.path[:80]}: /docs lists the API.",
            405: f"{request.method} is not allowed here: {_allowed(request.url.path)}.",
        }.get(error.status_code, f"{sentence}.")
    return error_response(request.url.path, error.status_code, sentence, dict(error.headers or {}))


def _allowed(path: str) -> str:
    if path == "/recognise":
        return "it takes POST, with a picture as the body of the request"
    return "the database is read-only, with GET"


async def _invalid_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return error_response(request.url.path, 422, parameters.error_sentence(error.errors()))


async def _unexpected_error(request: Request, error: Exception) -> Response:
    """Return the page of an error that nobody foresaw; uvicorn writes its trace to the log."""
    response = error_response(
        request.url.path,
        500,
        "The server made a mistake, which its log describes: try another page.",
    )
    response.headers.update(HEADERS)  # this response passes no middleware
    return response


async def _database_error(request: Request, error: Exception) -> Response:
    LOG.error("The database does not answer: %s", type(error).__name__)
    return error_response(
        request.url.path, 503, "The database does not answer at the moment: try again later."
    )
