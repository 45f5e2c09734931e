"""What the API and the pages read from the database."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from fastapi import HTTPException, Request
from pydantic import ValidationError
from sqlalchemy import Connection, func, select

from apps.api import classical_guess, links, parameters
from apps.api.catalogue import Catalogue
from apps.api.schemas import Entry, Guess, Unit, Units
from facevalue import emotions, image_files
from facevalue.collection.database_import import PNG_HEAD, png_size
from facevalue.collection.database_schema import DataSource, EmotionUnit, Image, SingleUnit

MAX_VALUES = 2_000_000
"""How many pixel values one response may contain; while it is written, others wait."""

MAX_PIXELS = 16_000_000
"""The size limit of a stored image that is decoded, in pixels."""

PNG_GREY = (0, 4)
"""The colour types of PNG files in grey levels, without and with transparency."""

KNOWN = Image.emotion_id.in_(range(len(emotions.EMOTIONS)))
"""The images that are shown: another program may have added others, without an emotion we know."""

KINDS: dict[str, tuple[type, ...]] = {
    column.name: (
        *((int, float) if column.type.python_type is float else (column.type.python_type,)),
        *((type(None),) if column.nullable else ()),
    )
    for column in Image.__table__.columns
} | {"source": (str,), "url_link": (object,), "licence": (str,)}
"""The types that the values of an image may have, by their names in `entries`."""


@dataclass(frozen=True)
class Listing:
    """One page of image ids, before it becomes JSON or HTML."""

    ids: list[int]
    total: int
    page: int
    pages: int
    next: str | None
    previous: str | None


def catalogue(request: Request) -> Catalogue:
    """Return the catalogue of the application."""
    found: Catalogue = request.app.state.catalogue
    return found


def connect(request: Request) -> Connection:
    """Return a new connection to the application's database; the caller closes it."""
    catalogue(request).newest()  # opens the file again if another one has replaced it
    connection: Connection = request.app.state.engine.connect()
    return connection


def listing(request: Request, query: parameters.Paging) -> Listing:
    """Return the page of images that a request selects.

    Raises:
        HTTPException: 404, there is no such source or page.
    """
    snapshot = catalogue(request).newest()
    wanted = parameters.to_filter(query)
    if wanted.source_id is not None and wanted.source_id not in snapshot.sources:
        known = ", ".join(map(str, snapshot.sources)) or "none"
        raise HTTPException(
            404,
            f"There are no images of source {wanted.source_id}: the sources are {known}.",
        )
    ids = snapshot.find(wanted)
    pages = max(1, -(-len(ids) // query.page_size))
    if query.page > pages:
        raise HTTPException(404, f"There is no page {query.page}: the last one is page {pages}.")
    start = (query.page - 1) * query.page_size
    return Listing(
        ids=ids[start : start + query.page_size].tolist(),
        total=len(ids),
        page=query.page,
        pages=pages,
        next=page_path(request, query.page + 1) if query.page < pages else None,
        previous=page_path(request, query.page - 1) if query.page > 1 else None,
    )


def page_path(request: Request, page: int) -> str:
    """Return the path of another page of the same list."""
    query = {name: value for name, value in request.query_params.items() if value}
    return f"{request.url.path}?{urlencode(query | {'page': page})}"


def entries(connection: Connection, ids: Sequence[int], *, pixels: bool = False) -> list[Entry]:
    """Return the metadata of some images, ordered by id, without those of broken rows.

    Args:
        pixels: whether to add the pixel values.
    Raises:
        HTTPException: 422, they have too many pixel values for one response.
    """
    columns = [c for c in Image.__table__.columns if c.name not in ("png", "licence")]
    from_source = (
        DataSource.name.label("source"),
        DataSource.address.label("url_link"),
        func.coalesce(Image.licence, DataSource.licence).label("licence"),
    )
    query = select(*columns, *from_source).join(DataSource).where(Image.id.in_(ids), KNOWN)
    # all rows first: if one of them is an error, no open cursor keeps the database locked
    rows = connection.execute(query.order_by(Image.id)).mappings().all()
    found = [_entry(row) for row in map(dict, rows) if _is_sound(row)]
    if pixels:
        _add_pixels(connection, found)
    return found


def _is_sound(row: Mapping[str, Any]) -> bool:
    """Return whether all values of an image have their types, which SQLite does not ensure."""
    return all(
        isinstance(value, KINDS[name]) and value not in (math.inf, -math.inf)
        for name, value in row.items()
    )


def _entry(row: dict[str, Any]) -> Entry:
    # not validated: `_is_sound` has looked, and validation takes half of the time
    return Entry.model_construct(
        **row | {"url_link": links.source_link(row["url_link"])},
        emotion=emotions.EMOTIONS[row["emotion_id"]],
        file=f"/images/{row['id']}/file",
    )


def _add_pixels(connection: Connection, found: list[Entry]) -> None:
    ids = [entry.id for entry in found]
    # the columns say how large an image is, but only its file knows
    head = func.substr(Image.png, 1, PNG_HEAD)
    heads = connection.execute(select(Image.id, head).where(Image.id.in_(ids))).all()
    values = sum(_values(content) for _, content in heads)
    if values > MAX_VALUES:
        raise HTTPException(
            422,
            f"These images have {values:,} pixel values, and one response contains at most "
            f"{MAX_VALUES:,}: request fewer with page_size, or request the PNG files.",
        )
    rows = connection.execute(select(Image.id, Image.png).where(Image.id.in_(ids))).all()
    files = {row.id: row.png for row in rows}
    for entry in found:
        entry.pixels = decode_png(entry.id, files[entry.id]).tolist()


def _values(head: Any) -> int:
    """Return how many pixel values a PNG file has, by its first bytes; 0 if it is none."""
    size = png_size(head) if isinstance(head, bytes) else None
    return 0 if size is None else size[0] * size[1] * (1 if head[25] in PNG_GREY else 3)


def one_entry(connection: Connection, image_id: int, *, pixels: bool = False) -> Entry:
    """Return the metadata of one image.

    Raises:
        HTTPException: 404, there is no such image; 422, it has too many pixel values.
    """
    found = entries(connection, [image_id], pixels=pixels)
    if not found:
        raise no_image(connection, image_id)
    return found[0]


def no_image(connection: Connection, image_id: int) -> HTTPException:
    """Return the error for an id that no image has, or one whose row is broken."""
    if connection.scalar(select(Image.id).where(Image.id == image_id)) is not None:
        return HTTPException(
            404, f"The row of image {image_id} is broken: another program must have written it."
        )
    last = connection.scalar(select(func.max(Image.id)))
    return HTTPException(
        404, f"There is no image {image_id}; the last one is {last or 'none yet'}."
    )


def file_content(image_id: int, png: Any) -> bytes:
    """Return what the database has as the PNG file of an image.

    Raises:
        HTTPException: 404, it is no file.
    """
    if not isinstance(png, bytes):
        raise HTTPException(404, f"There is no file of image {image_id} in the database.")
    return png


def decode_png(image_id: int, png: Any) -> np.ndarray:
    """Return the pixels of a PNG file: uint8, shape (height, width) or (height, width, 3) in RGB.

    Raises:
        HTTPException: 404, the file is missing, broken, or far too large.
    """
    png = file_content(image_id, png)
    try:
        pixels = image_files.decode_photo(
            png, f"The file of image {image_id}", formats=("PNG",), most_pixels=MAX_PIXELS
        )
    except ValueError as error:
        raise HTTPException(404, str(error)) from error
    return pixels[..., 0] if png[25] in PNG_GREY else pixels


def units(connection: Connection, emotion: str) -> list[Unit]:
    """Return the action units of an emotion, without those of broken rows."""
    query = (
        select(
            EmotionUnit.action_unit,
            SingleUnit.description,
            SingleUnit.facial_muscle,
            EmotionUnit.one_side,
        )
        .join(SingleUnit)
        .where(EmotionUnit.emotion == emotion)
        .order_by(EmotionUnit.action_unit)
    )
    found = []
    for row in connection.execute(query).mappings().all():
        with suppress(ValidationError):  # another program may have stored anything
            found.append(Unit(**row))
    return found


def units_of_face(connection: Connection, face: int | str) -> Units:
    """Return an emotion, given by its number or name, with its action units.

    Raises:
        HTTPException: 404, the database contains no action units at all.
    """
    name = emotions.EMOTIONS[face] if isinstance(face, int) else face
    found = units(connection, name)
    if not found and connection.scalar(select(EmotionUnit.emotion).limit(1)) is None:
        raise HTTPException(404, "This database contains no action units: run notebook 01 again.")
    return Units(emotion=name, action_units=found)


def guess(connection: Connection, image_id: int) -> Guess:
    """Return what the model of notebook 06 predicts for an image.

    Raises:
        HTTPException: 404, there is no such image or no model; 503, the model does not load.
    """
    query = select(Image.emotion_id, Image.png).join(DataSource)
    query = query.where(Image.id == image_id, KNOWN)
    row = connection.execute(query).first()
    if row is None:
        raise no_image(connection, image_id)
    try:
        predicted = classical_guess.predict(decode_png(image_id, row.png))
    except FileNotFoundError as error:
        raise HTTPException(404, str(error)) from error
    except ValueError as error:
        raise HTTPException(503, f"The model does not load. {error}") from error
    return Guess(image_id=image_id, label=emotions.EMOTIONS[int(row.emotion_id)], guess=predicted)
