"""The answers for programs: images and their data as JSON, and the PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import urlencode

import cv2
import numpy as np
from fastapi import APIRouter, Header, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, func, select

from apps.api import guess, parameters
from apps.api.catalogue import Catalogue
from facevalue import emotions
from facevalue.collection.database_schema import DataSource, EmotionUnit, Image, SingleUnit
from facevalue.image_files import MOST_PIXELS
from facevalue.image_files import encode_png as to_png

MOST_VALUES = 8_000_000
"""The most pixel values that one answer holds."""


class Problem(BaseModel):
    """What was wrong with the request, in one sentence."""

    detail: str


class Entry(BaseModel):
    """What is known about one image. The names with blanks are those of project 1's API."""

    id: int
    source: str
    source_id: int
    url_link: str = Field(serialization_alias="url link", description="where the source is")
    emotion: str
    emotion_id: int
    origin: str = Field(description="what the source calls this image")
    height: int
    width: int
    aspect_ratio: float = Field(serialization_alias="aspect ratio")
    colour_space: str = Field(serialization_alias="color space")
    format: str = Field(serialization_alias="image format")
    size_mb: float = Field(serialization_alias="file size MB")
    sha256: str
    licence: str = Field(description="the image's own, else its source's")
    author: str | None
    address: str | None = Field(description="the page that the image was on")
    file: str = Field(description="where its PNG file is")
    pixels: list[Any] = Field(
        default=[], description="only with pixels=true: rows of values from 0 to 255, or of RGB"
    )


class Page(BaseModel):
    """One page of a list of images, in the order of their numbers."""

    images: list[Entry]
    total: int = Field(description="images on all pages")
    page: int
    pages: int
    page_size: int
    next: str | None = Field(description="the next page, if there is one")
    previous: str | None = Field(description="the page before, if there is one")


class Unit(BaseModel):
    """One action unit of an emotion."""

    action_unit: int
    description: str
    facial_muscle: str
    one_side: bool = Field(description="on one side of the face only")


class Guess(BaseModel):
    """What a trained model says of an image, beside its label."""

    image_id: int
    label: str = Field(description="the emotion that the source gives")
    guess: str = Field(description="the emotion that the model of notebook 06 names")


class Units(BaseModel):
    """The action units that make an emotion's face; neutral has none."""

    emotion: str
    action_units: list[Unit]


@dataclass(frozen=True)
class Listing:
    """One page of images, before it is written as JSON or HTML."""

    ids: list[int]
    total: int
    page: int
    pages: int
    next: str | None
    previous: str | None


def problems(*numbers: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of the answers with a sentence, for these status codes."""
    return {n: {"model": Problem, "description": HTTPStatus(n).phrase} for n in numbers}


router = APIRouter(prefix="/images", tags=["images"], responses=problems(404, 422, 503))


def catalogue(request: Request) -> Catalogue:
    """Return the catalogue of the application that answers."""
    found: Catalogue = request.app.state.catalogue
    return found


def connect(request: Request) -> Connection:
    """Return a connection to the application's database, to be closed by the caller."""
    catalogue(request).newest()  # a file that took the place of the old one is opened
    connection: Connection = request.app.state.engine.connect()
    return connection


def listing(request: Request, query: parameters.Paging) -> Listing:
    """Find the page of images that a request asks for.

    Raises:
        HTTPException: 404, there is no such source or page.
    """
    snapshot = catalogue(request).newest()
    wanted = parameters.wanted(query)
    if wanted.source_id is not None and wanted.source_id not in snapshot.sources:
        known = ", ".join(map(str, snapshot.sources)) or "none"
        raise HTTPException(404, f"There is no source {wanted.source_id}; there are: {known}.")
    found = snapshot.find(wanted)
    pages = max(1, -(-len(found) // query.page_size))
    if query.page > pages:
        raise HTTPException(404, f"There is no page {query.page}: the last one is page {pages}.")
    start = (query.page - 1) * query.page_size
    return Listing(
        ids=found[start : start + query.page_size].tolist(),
        total=len(found),
        page=query.page,
        pages=pages,
        next=link(request, query.page + 1) if query.page < pages else None,
        previous=link(request, query.page - 1) if query.page > 1 else None,
    )


def entries(connection: Connection, ids: Sequence[int], *, pixels: bool = False) -> list[Entry]:
    """Return what the database knows about some images, in the order of their ids.

    Raises:
        HTTPException: 422, they have too many pixels for one answer.
    """
    columns = [
        column for column in Image.__table__.columns if column.name not in ("png", "licence")
    ]
    origin = (
        DataSource.name.label("source"),
        DataSource.address.label("url_link"),
        func.coalesce(Image.licence, DataSource.licence).label("licence"),
    )
    query = select(*columns, *origin).join(DataSource).where(Image.id.in_(ids)).order_by(Image.id)
    made = [_entry(dict(row)) for row in connection.execute(query).mappings()]
    if pixels:
        values = sum(e.height * e.width * (1 if e.colour_space == "Grayscale" else 3) for e in made)
        if values > MOST_VALUES:
            raise HTTPException(
                422,
                f"These images have {values:,} pixel values, and one answer holds at most "
                f"{MOST_VALUES:,}: ask for fewer with page_size, or for the file.",
            )
        files = dict(connection.execute(select(Image.id, Image.png).where(Image.id.in_(ids))).all())
        for entry in made:
            entry.pixels = decoded(entry.id, files[entry.id]).tolist()
    return made


def units(connection: Connection, emotion: str) -> list[Unit]:
    """Return the action units of an emotion."""
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
    return [Unit(**row) for row in connection.execute(query).mappings()]


def action_units(connection: Connection, face: int | str) -> Units:
    """Return an emotion, given by number or name, and its action units.

    Raises:
        HTTPException: 404, the database has no action units at all.
    """
    name = emotions.EMOTIONS[face] if isinstance(face, int) else face
    found = units(connection, name)
    if not found and connection.scalar(select(EmotionUnit.emotion).limit(1)) is None:
        raise HTTPException(404, "This database holds no action units: run notebook 01 again.")
    return Units(emotion=name, action_units=found)


def link(request: Request, page: int) -> str:
    """Return the address of another page of the same list."""
    query = {name: value for name, value in request.query_params.items() if value}
    return f"{request.url.path}?{urlencode(query | {'page': page})}"


def one(connection: Connection, number: int, *, pixels: bool = False) -> Entry:
    """Return what the database knows about one image.

    Raises:
        HTTPException: 404, there is no such image; 422, it has too many pixels for one answer.
    """
    found = entries(connection, [number], pixels=pixels)
    if not found:
        raise no_image(connection, number)
    return found[0]


def no_image(connection: Connection, number: int) -> HTTPException:
    """Return the error for the number of an image that is not there."""
    last = connection.scalar(select(func.max(Image.id)))
    return HTTPException(404, f"There is no image {number}; the last one is {last or 'none yet'}.")


def decoded(number: int, png: bytes) -> np.ndarray:
    """Return the pixels of a PNG file: uint8, shape (height, width) or (height, width, 3) in RGB.

    Raises:
        HTTPException: 404, the file cannot be read, or says that it is far too large.
    """
    width, height = int.from_bytes(png[16:20]), int.from_bytes(png[20:24])
    image = None
    if width * height <= MOST_PIXELS:
        image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint8:
        raise HTTPException(404, f"The file of image {number} cannot be read as a picture.")
    return image if image.ndim == 2 else cv2.cvtColor(image[..., :3], cv2.COLOR_BGR2RGB)


def guessed(connection: Connection, number: int) -> Guess:
    """Return what the saved model says of an image.

    Raises:
        HTTPException: 404, there is no such image or no model; 503, its file is no model of ours.
    """
    query = select(Image.emotion_id, Image.png).where(Image.id == number)
    row = connection.execute(query).first()
    if row is None:
        raise no_image(connection, number)
    try:
        named = guess.emotion(decoded(number, row.png))
    except FileNotFoundError as error:
        raise HTTPException(404, f"{error}"[0].upper() + f"{error}"[1:]) from None
    except ValueError as error:
        raise HTTPException(503, f"The model does not load: {error}") from None
    return Guess(image_id=number, label=emotions.EMOTIONS[row.emotion_id], guess=named)


def _entry(row: dict[str, Any]) -> Entry:
    # without a check of what comes from our own table, which would take half of the time
    return Entry.model_construct(
        **row,
        emotion=emotions.EMOTIONS[row["emotion_id"]],
        file=f"/images/{row['id']}/file",
    )


def _json(model: BaseModel) -> Response:
    body = model.model_dump_json(by_alias=True, exclude_unset=True)
    return Response(body, media_type="application/json")


def _page(request: Request, query: parameters.Paging) -> Response:
    found = listing(request, query)
    with connect(request) as connection:
        made = entries(connection, found.ids, pixels=query.pixels)
    page = Page.model_construct(
        images=made,
        total=found.total,
        page=found.page,
        pages=found.pages,
        page_size=query.page_size,
        next=found.next,
        previous=found.previous,
    )
    return _json(page)


@router.get("/", response_model=Page)
def all_images(request: Request, query: Annotated[parameters.Combined, Query()]) -> Response:
    """All images, or those that fit all of the filters given."""
    return _page(request, query)


@router.get("/sources", response_model=Page)
def by_source(request: Request, query: Annotated[parameters.BySource, Query()]) -> Response:
    """The images of one source."""
    return _page(request, query)


@router.get("/emotions", response_model=Page)
def by_emotion(request: Request, query: Annotated[parameters.ByEmotion, Query()]) -> Response:
    """The images of one emotion."""
    return _page(request, query)


@router.get("/colors", response_model=Page)
def by_colour(request: Request, query: Annotated[parameters.ByColour, Query()]) -> Response:
    """The images in one colour space."""
    return _page(request, query)


@router.get("/aspect_ratio", response_model=Page)
def by_aspect_ratio(
    request: Request, query: Annotated[parameters.ByAspectRatio, Query()]
) -> Response:
    """The images of one shape: width divided by height."""
    return _page(request, query)


@router.get("/emotions/faces", response_model=Units)
def units_of_emotion(request: Request, query: Annotated[parameters.ByFace, Query()]) -> Response:
    """The action units (FACS) that make the face of an emotion."""
    with connect(request) as connection:
        return _json(action_units(connection, query.face))


@router.get("/{image_id}", response_model=Entry)
def one_image(
    request: Request,
    image_id: parameters.ImageId,
    query: Annotated[parameters.Pixels, Query()],
) -> Response:
    """One image: what is known about it and, with pixels=true, its pixels as numbers."""
    with connect(request) as connection:
        return _json(one(connection, image_id, pixels=query.pixels))


@router.get("/{image_id}/guess", response_model=Guess)
def guess_of_image(request: Request, image_id: parameters.ImageId) -> Response:
    """What the classical model that notebook 06 saved says of one image."""
    with connect(request) as connection:
        return _json(guessed(connection, image_id))


@router.get(
    "/{image_id}/file",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}}, "description": "The PNG file"},
        304: {"description": "It is still the file that If-None-Match names"},
    },
)
def file_of_image(
    request: Request,
    image_id: parameters.ImageId,
    query: Annotated[parameters.FileSize, Query()],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The PNG file of one image, as it was stored, or shrunk to a size."""
    with connect(request) as connection:
        digest = connection.scalar(select(Image.sha256).where(Image.id == image_id))
        if digest is None:
            raise no_image(connection, image_id)
        tag = f'"{digest}-{query.size}"' if query.size else f'"{digest}"'
        # kept for a minute without asking; then it is asked whether the tag is still the same
        headers = {"ETag": tag, "Cache-Control": "private, max-age=60"}
        if _matches(if_none_match, tag):
            return Response(status_code=304, headers=headers)
        png = connection.scalar(select(Image.png).where(Image.id == image_id)) or b""
    if query.size:
        png = _shrunk(image_id, png, query.size)
    return Response(png, media_type="image/png", headers=headers)


def _matches(header: str | None, tag: str) -> bool:
    """Say whether a header If-None-Match names this tag (RFC 9110, 13.1.2)."""
    tags = [part.strip().removeprefix("W/") for part in (header or "").split(",")]
    return "*" in tags or tag in tags


def _shrunk(number: int, png: bytes, size: int) -> bytes:
    image = decoded(number, png)
    height, width = image.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        return png
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    return to_png(small)
