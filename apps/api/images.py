"""The routes for programs: images and their metadata as JSON, and the PNG files."""

from __future__ import annotations

import re
from typing import Annotated

import cv2
from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import select

from apps.api import parameters, queries
from apps.api.routes import DescribedRoute
from apps.api.schemas import Entry, Guess, Page, Units, problems
from facevalue.collection.database_schema import Image
from facevalue.image_files import encode_png

router = APIRouter(
    prefix="/images",
    tags=["images"],
    responses=problems(404, 422, 503),
    route_class=DescribedRoute,
)


def _json(model: BaseModel) -> Response:
    body = model.model_dump_json(by_alias=True, exclude_unset=True)
    return Response(body, media_type="application/json")


def _page(request: Request, query: parameters.Paging) -> Response:
    found = queries.listing(request, query)
    with queries.connect(request) as connection:
        images = queries.entries(connection, found.ids, pixels=query.pixels)
    page = Page.model_construct(
        images=images,
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
    """All images, or those that match all of the given filters."""
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
    """The images with one aspect ratio, which is width divided by height, or in a range."""
    return _page(request, query)


@router.get("/emotions/faces", response_model=Units)
def units_of_emotion(request: Request, query: Annotated[parameters.ByFace, Query()]) -> Response:
    """The action units (FACS) that express an emotion."""
    with queries.connect(request) as connection:
        return _json(queries.units_of_face(connection, query.face))


@router.get("/{image_id}", response_model=Entry)
def one_image(
    request: Request,
    image_id: parameters.ImageId,
    query: Annotated[parameters.Pixels, Query()],
) -> Response:
    """The metadata of one image and, with pixels=true, its pixel values."""
    with queries.connect(request) as connection:
        return _json(queries.one_entry(connection, image_id, pixels=query.pixels))


@router.get("/{image_id}/guess", response_model=Guess)
def guess_of_image(request: Request, image_id: parameters.ImageId) -> Response:
    """The emotion that the classical model of notebook 06 predicts for one image."""
    with queries.connect(request) as connection:
        return _json(queries.guess(connection, image_id))


@router.get(
    "/{image_id}/file",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}}, "description": "The PNG file"},
        304: {"description": "The file has not changed since If-None-Match"},
    },
)
def file_of_image(
    request: Request,
    image_id: parameters.ImageId,
    query: Annotated[parameters.FileSize, Query()],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The PNG file of one image, in its stored size or smaller."""
    with queries.connect(request) as connection:
        sha256 = connection.scalar(select(Image.sha256).where(Image.id == image_id))
        if sha256 is None:
            raise queries.no_image(connection, image_id)
        # browsers keep it for a minute, and then ask whether the tag has changed
        headers = {"Cache-Control": "private, max-age=60"}
        if re.fullmatch("[0-9a-f]+", str(sha256)):  # another program may have stored anything
            headers["ETag"] = f'"{sha256}-{query.size}"' if query.size else f'"{sha256}"'
            if _matches(if_none_match, headers["ETag"]):
                return Response(status_code=304, headers=headers)
        png = connection.scalar(select(Image.png).where(Image.id == image_id))
    png = queries.file_content(image_id, png)
    if query.size:
        png = _shrunk(image_id, png, query.size)
    return Response(png, media_type="image/png", headers=headers)


def _matches(header: str | None, tag: str) -> bool:
    """Return whether an If-None-Match header names this tag (RFC 9110, 13.1.2)."""
    tags = [part.strip().removeprefix("W/") for part in (header or "").split(",")]
    return "*" in tags or tag in tags


def _shrunk(image_id: int, png: bytes, size: int) -> bytes:
    image = queries.decode_png(image_id, png)
    height, width = image.shape[:2]
    scale = size / max(height, width)
    if scale >= 1:
        return png
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    return encode_png(cv2.resize(image, shape, interpolation=cv2.INTER_AREA))
