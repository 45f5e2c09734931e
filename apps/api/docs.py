"""The page /docs: the routes of the API, each with a form to try it, by Swagger UI."""

from __future__ import annotations

from functools import cache
from importlib import resources

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from apps.api import pages

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data: blob:; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
}
"""Swagger UI has its icons in data URLs, and shows pictures that it receives from blob URLs."""

KINDS = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
"""The files of Swagger UI, which the package fastapi-swagger carries, and their media types."""

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs() -> HTMLResponse:
    """The documentation of the API."""
    page = pages.page("docs.html")
    page.headers.update(HEADERS)
    return page


@router.get("/docs/docs.js")
def script() -> Response:
    """The script that starts Swagger UI."""
    return pages.file("docs.js", "text/javascript")


@router.get("/docs/docs.css")
def style() -> Response:
    """The style sheet that fits Swagger UI into the page."""
    return pages.file("docs.css", "text/css")


@router.get("/docs/swagger-ui-bundle.js")
def bundle() -> Response:
    """The script of Swagger UI."""
    return _of_swagger("swagger-ui-bundle.js")


@router.get("/docs/swagger-ui.css")
def swagger_style() -> Response:
    """The style sheet of Swagger UI."""
    return _of_swagger("swagger-ui.css")


def _of_swagger(name: str) -> Response:
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(_content(name), media_type=KINDS[name], headers=headers)


@cache
def _content(name: str) -> bytes:
    return (resources.files("fastapi_swagger") / "resources" / name).read_bytes()
