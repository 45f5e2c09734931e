"""The pages for people: welcome, gallery, one image, the action units of an emotion, docs."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection

from apps.api import images, parameters
from apps.api.catalogue import COLOURS, Snapshot
from facevalue import emotions

EXAMPLES = {
    "/images/": "/images/?page=1&page_size=50",
    "/images/sources": "/images/sources?source_id=1",
    "/images/emotions": "/images/emotions?emotion=5",
    "/images/colors": "/images/colors?colors=0",
    "/images/aspect_ratio": "/images/aspect_ratio?aspect_ratio=1",
    "/images/emotions/faces": "/images/emotions/faces?face=happy",
    "/images/{image_id}": "/images/1?pixels=true",
    "/images/{image_id}/file": "/images/1/file",
    "/images/{image_id}/guess": "/images/1/guess",
}
"""One address to try for each entry of the docs page."""

LINKS: ContextVar[tuple[tuple[str, str, str], ...]] = ContextVar(
    "links",
    default=(
        ("/", "welcome", "Welcome"),
        ("/gallery", "gallery", "Gallery"),
        ("/faces?face=happy", "faces", "Action units"),
        ("/docs", "docs", "API"),
    ),
)
"""The pages that all pages link to: address, key, name. A server with more pages sets its own."""


@cache
def templates() -> Environment:
    """Return the page templates; all values are escaped."""
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    made = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                       lstrip_blocks=True)  # fmt: skip
    made.globals.update(colours=COLOURS, emotions=emotions.EMOTIONS, palette=emotions.COLOURS)
    return made


def page(name: str, **values: Any) -> HTMLResponse:
    """Fill in a template."""
    return HTMLResponse(templates().get_template(name).render(links=LINKS.get(), **values))


def problems(*numbers: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of the pages that say what was wrong."""
    html: dict[str, Any] = {"content": {"text/html": {"schema": {"type": "string"}}}}
    return {n: html | {"description": HTTPStatus(n).phrase} for n in numbers}


router = APIRouter(tags=["pages"], default_response_class=HTMLResponse, responses=problems(503))


@dataclass(frozen=True)
class Count:
    """One line of a table of counts.

    Attributes:
        share: of the largest count in the table, in percent.
    """

    key: int | str
    name: str
    images: int
    share: float


class GalleryQuery(parameters.Combined):
    """A page of the gallery."""

    page_size: int = parameters.described("page_size", default=60, ge=1, le=200)


def counts(keys: list[Any], names: list[str], numbers: np.ndarray) -> list[Count]:
    """Return the lines of a table of counts."""
    most = max(1, int(numbers.max(initial=0)))
    return [
        Count(key, name, int(n), round(100 * n / most, 2))
        for key, name, n in zip(keys, names, numbers.tolist(), strict=True)
    ]


def tables(snapshot: Snapshot) -> dict[str, list[Count]]:
    """Return the images by emotion, source, colour and aspect ratio."""
    table = snapshot.counts()
    sources = list(snapshot.sources.values())
    codes = np.array([(snapshot.colours == k).sum() for k in range(len(COLOURS))])
    ratios = snapshot.frequent_ratios()
    return {
        "by_emotion": counts([*emotions.EMOTIONS], [*emotions.EMOTIONS], table.sum(axis=0)),
        "by_source": counts([s.id for s in sources], [s.name for s in sources], table.sum(axis=1)),
        "by_colour": counts([*range(len(COLOURS))], [*COLOURS], codes),
        "by_ratio": [Count(f"{ratio:g}", f"{ratio:g}", n, 0) for ratio, n in ratios],
    }


def samples(snapshot: Snapshot, each: int = 2) -> list[tuple[int, str]]:
    """Return some images of each emotion, spread over the database: (id, emotion)."""
    chosen = []
    for step in range(each):
        for number, name in enumerate(emotions.EMOTIONS):
            ids = snapshot.ids[snapshot.emotions == number]
            if len(ids) > step:
                chosen.append((int(ids[(step + 1) * len(ids) // (each + 1)]), name))
    return chosen


@router.get("/")
def welcome(request: Request) -> Response:
    """The welcome page: what the database holds, and forms to explore it."""
    snapshot = images.catalogue(request).newest()
    return page(
        "welcome.html",
        snapshot=snapshot,
        total=len(snapshot.ids),
        samples=samples(snapshot),
        note=request.app.state.note,
        **tables(snapshot),
    )


@router.get("/gallery", responses=problems(404, 422))
def gallery(request: Request, query: Annotated[GalleryQuery, Query()]) -> Response:
    """A page of thumbnails, with all filters."""
    found = images.listing(request, query)
    snapshot = images.catalogue(request).newest()
    with images.connect(request) as connection:
        shown = images.entries(connection, found.ids)
    first = images.link(request, 1)
    last = images.link(request, found.pages)
    return page(
        "gallery.html",
        found=found,
        shown=shown,
        first=first,
        last=last,
        query=query,
        emotion=parameters.wanted(query).emotion,
        hidden={} if query.page_size == 60 else {"page_size": query.page_size},
        **tables(snapshot),
    )


@router.get("/gallery/{image_id}", responses=problems(404, 422))
def one_image(request: Request, image_id: parameters.ImageId) -> Response:
    """One image: large, with everything that is known about it."""
    snapshot = images.catalogue(request).newest()
    with images.connect(request) as connection:
        entry = images.one(connection, image_id)
        units = images.units(connection, entry.emotion)
        named = _named(connection, image_id)
    place = int(np.searchsorted(snapshot.ids, image_id))
    before, after = snapshot.ids[max(0, place - 1) : place], snapshot.ids[place + 1 : place + 2]
    return page(
        "image.html",
        entry=entry,
        units=units,
        named=named,
        previous=int(before[0]) if len(before) else None,
        next=int(after[0]) if len(after) else None,
    )


def _named(connection: Connection, image_id: int) -> str | None:
    """Return the emotion that the saved model names, or None where there is no such model."""
    try:
        return images.guessed(connection, image_id).guess
    except HTTPException:
        return None


@router.get("/faces", responses=problems(404, 422))
def face(request: Request, query: Annotated[parameters.ByFace, Query()]) -> Response:
    """The action units that make the face of an emotion, as a table."""
    snapshot = images.catalogue(request).newest()
    with images.connect(request) as connection:
        units = images.action_units(connection, query.face)
    has_images = units.emotion in emotions.EMOTIONS
    label = emotions.number(units.emotion) if has_images else -1
    ids = snapshot.ids[snapshot.emotions == label][:8].tolist()
    return page("face.html", units=units, has_images=has_images, ids=ids)


@router.get("/docs")
def docs(request: Request) -> Response:
    """This list of what can be asked for."""
    schema = request.app.openapi()
    listed = [
        (path, EXAMPLES[path], operations["get"])
        for path, operations in schema["paths"].items()
        if path in EXAMPLES
    ]
    fields = schema["components"]["schemas"]["Entry"]["properties"]
    return page("docs.html", listed=listed, fields=fields)


@router.get("/style.css", response_class=Response, responses={200: {"content": {"text/css": {}}}})
def style() -> Response:
    """The look of all pages, in light and dark."""
    return _file("style.css", "text/css")


@router.get(
    "/favicon.ico", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}}
)
def icon() -> Response:
    """The icon of all pages, where browsers look for it."""
    return _file("icon.svg", "image/svg+xml")


def _file(name: str, kind: str) -> Response:
    text = templates().get_template(name).render()
    return Response(text, media_type=kind, headers={"Cache-Control": "private, max-age=60"})
