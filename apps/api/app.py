"""The application: routes, security headers, and a sentence for each error."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.api import images, pages, parameters
from apps.api.catalogue import Catalogue

LOG = logging.getLogger("uvicorn.error")

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Sent with every answer that has none of its own. The pages need no script, so none may run."""


def create_app(
    engine: Engine,
    *,
    hosts: Sequence[str] = ("*",),
    note: str = "",
    first: Sequence[APIRouter] = (),
) -> FastAPI:
    """Make the application that shows one database.

    Args:
        engine: as `database.create` returns it; a file or a server, not a database in memory.
        hosts: the names under which it answers. A server for one machine names only that machine,
            so that no web page elsewhere can reach it by a name of its own (DNS rebinding).
        note: a sentence that the welcome page shows.
        first: routes that come before those of the database.
    """
    app = FastAPI(
        title="Face Value: the database of face images",
        description="Images of facial expressions with their sources, emotions and sizes, and the "
        "action units of each emotion. Read only.",
        version="1",
        docs_url=None,  # FastAPI's own page loads its script from elsewhere
        redoc_url=None,
    )
    app.state.engine = engine
    app.state.catalogue = Catalogue(engine)
    app.state.note = note
    for router in first:
        app.include_router(router)
    app.include_router(images.router)
    app.include_router(pages.router)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(SafeAnswers)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _wrong_parameter)
    app.add_exception_handler(SQLAlchemyError, _no_database)
    app.add_exception_handler(FileNotFoundError, _no_database)
    return app


class SafeAnswers:
    """Adds the security headers, and answers HEAD wherever GET is answered."""

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
                own = {name for name, _ in message["headers"]}
                extra = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                extra = [header for header in extra if header[0] not in own]
                message["headers"] = [*message["headers"], *extra]
            elif head:
                message = {"type": "http.response.body"}
            await send(message)

        await self._app({**scope, "method": "GET"} if head else scope, receive, send_safely)


def _say(
    request: Request, status: int, sentence: str, headers: dict[str, str] | None = None
) -> Response:
    """Answer with a sentence: as JSON to programs, as a page to people."""
    if request.url.path.startswith("/images"):
        return JSONResponse({"detail": sentence}, status, headers)
    title = HTTPStatus(status).phrase
    response = pages.page("error.html", title=title, sentence=sentence)
    response.status_code = status
    response.headers.update(headers or {})
    return response


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail
    if sentence == HTTPStatus(error.status_code).phrase:  # not one of ours
        sentence = {
            404: f"There is nothing at {request.url.path[:80]}: /docs lists what there is.",
            405: f"{request.method} is not possible here: this database is only read, with GET.",
        }.get(error.status_code, f"{sentence}.")
    return _say(request, error.status_code, sentence, dict(error.headers or {}))


async def _wrong_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _say(request, 422, parameters.sentence(list(error.errors())))


async def _no_database(request: Request, error: Exception) -> Response:
    LOG.error("the database did not answer: %s", type(error).__name__)
    return _say(request, 503, "The database does not answer at the moment: try again later.")
