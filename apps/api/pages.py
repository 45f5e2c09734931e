"""The pages for people: welcome, gallery, one image and action units."""

from __future__ import annotations

import math
from collections.abc import Sequence
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

from apps.api import links, parameters, queries
from apps.api.catalogue import COLOURS, Snapshot
from apps.api.routes import DescribedRoute
from facevalue import emotions

LINKS: ContextVar[tuple[tuple[str, str, str], ...]] = ContextVar(
    "links",
    default=(
        ("/", "welcome", "Welcome"),
        ("/gallery", "gallery", "Gallery"),
        ("/faces?face=happy", "faces", "Action units"),
        ("/docs", "docs", "API"),
    ),
)
"""The navigation of all pages: path, key and name. A server with more pages sets its own."""


@cache
def templates() -> Environment:
    """Return the page templates, which escape all values."""
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=folder,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        colours=COLOURS,
        emotions=emotions.EMOTIONS,
        palette=emotions.COLOURS,
        web_link=links.web_link,
    )
    return environment


def page(name: str, **values: Any) -> HTMLResponse:
    """Return a page from a template."""
    return HTMLResponse(templates().get_template(name).render(links=LINKS.get(), **values))


def problems(*numbers: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of error pages, by status code."""
    html: dict[str, Any] = {"content": {"text/html": {"schema": {"type": "string"}}}}
    return {n: html | {"description": HTTPStatus(n).phrase} for n in numbers}


router = APIRouter(
    tags=["pages"],
    default_response_class=HTMLResponse,
    responses=problems(503),
    route_class=DescribedRoute,
)


@dataclass(frozen=True)
class Count:
    """One row of a table of counts.

    Attributes:
        share: percentage of the largest count in the table.
    """

    key: int | str
    name: str
    images: int
    share: float


class GalleryQuery(parameters.Combined):
    """The parameters of a page of the gallery."""

    page_size: parameters.Whole = parameters.described("page_size", default=60, ge=1, le=200)


def to_counts(keys: Sequence[int | str], names: Sequence[str], numbers: np.ndarray) -> list[Count]:
    """Return the rows of a table of counts."""
    most = max(1, int(numbers.max(initial=0)))
    return [
        Count(key, name, int(n), round(100 * n / most, 2))
        for key, name, n in zip(keys, names, numbers.tolist(), strict=True)
    ]


def tables(snapshot: Snapshot) -> dict[str, list[Count]]:
    """Return the numbers of images by emotion, source, colour space and aspect ratio."""
    table = snapshot.counts()
    sources = list(snapshot.sources.values())
    codes = np.array([(snapshot.colours == k).sum() for k in range(len(COLOURS))])
    ratios = snapshot.frequent_ratios()
    return {
        "by_emotion": to_counts(emotions.EMOTIONS, emotions.EMOTIONS, table.sum(axis=0)),
        "by_source": to_counts(
            [s.id for s in sources], [s.name for s in sources], table.sum(axis=1)
        ),
        "by_colour": to_counts(range(len(COLOURS)), COLOURS, codes),
        "by_ratio": [Count(f"{ratio:g}", f"{ratio:g}", n, 0) for ratio, n in ratios],
    }


def samples(snapshot: Snapshot, each: int = 2) -> list[tuple[int, str]]:
    """Return some images of each emotion, spread over the database, as (id, emotion)."""
    chosen = []
    for step in range(each):
        for number, name in enumerate(emotions.EMOTIONS):
            ids = snapshot.ids[snapshot.emotions == number]
            if len(ids) > step:
                chosen.append((int(ids[(step + 1) * len(ids) // (each + 1)]), name))
    return chosen


@router.get("/")
def welcome(request: Request) -> Response:
    """The welcome page: the content of the database, and forms to explore it."""
    snapshot = queries.catalogue(request).newest()
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
    found = queries.listing(request, query)
    snapshot = queries.catalogue(request).newest()
    with queries.connect(request) as connection:
        shown = queries.entries(connection, found.ids)
    first = queries.page_path(request, 1)
    last = queries.page_path(request, found.pages)
    return page(
        "gallery.html",
        found=found,
        shown=shown,
        first=first,
        last=last,
        query=query,
        emotion=parameters.to_filter(query).emotion,
        ratios=_ratio_inputs(query),
        hidden={} if query.page_size == 60 else {"page_size": query.page_size},
        **tables(snapshot),
    )


def _ratio_inputs(query: parameters.Combined) -> tuple[str, str]:
    """Return the values of the form's fields for the lowest and the highest aspect ratio."""
    low, high = query.ratio_range() or (0.0, math.inf)
    return f"{low:g}" if low else "", f"{high:g}" if math.isfinite(high) else ""


@router.get("/gallery/{image_id}", responses=problems(404, 422))
def one_image(request: Request, image_id: parameters.ImageId) -> Response:
    """One image, enlarged, with its metadata."""
    snapshot = queries.catalogue(request).newest()
    with queries.connect(request) as connection:
        entry = queries.one_entry(connection, image_id)
        units = queries.units(connection, entry.emotion)
        predicted = _prediction(connection, image_id)
    index = int(np.searchsorted(snapshot.ids, image_id))
    before, after = snapshot.ids[max(0, index - 1) : index], snapshot.ids[index + 1 : index + 2]
    return page(
        "image.html",
        entry=entry,
        units=units,
        predicted=predicted,
        previous=int(before[0]) if len(before) else None,
        next=int(after[0]) if len(after) else None,
    )


def _prediction(connection: Connection, image_id: int) -> str | None:
    """Return the prediction of notebook 06's model, or None if there is no usable model."""
    try:
        return queries.guess(connection, image_id).guess
    except HTTPException:
        return None


@router.get("/faces", responses=problems(404, 422))
def face(request: Request, query: Annotated[parameters.ByFace, Query()]) -> Response:
    """The action units that express an emotion, as a table."""
    snapshot = queries.catalogue(request).newest()
    with queries.connect(request) as connection:
        units = queries.units_of_face(connection, query.face)
    has_images = units.emotion in emotions.EMOTIONS
    label = emotions.number(units.emotion) if has_images else -1
    ids = snapshot.ids[snapshot.emotions == label][:8].tolist()
    return page("face.html", units=units, has_images=has_images, ids=ids)


@router.get("/style.css", response_class=Response, responses={200: {"content": {"text/css": {}}}})
def style() -> Response:
    """The style sheet of all pages, light and dark."""
    return file("style.css", "text/css")


@router.get(
    "/favicon.ico", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}}
)
def icon() -> Response:
    """The icon of all pages, at the path where browsers look for it."""
    return file("icon.svg", "image/svg+xml")


def file(name: str, kind: str) -> Response:
    """Return a file of the templates that is not a page, with its media type."""
    text = templates().get_template(name).render()
    return Response(text, media_type=kind, headers={"Cache-Control": "private, max-age=60"})
