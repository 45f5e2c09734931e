"""POST /recognise: the faces in a picture and the emotion of each, for programs."""

from __future__ import annotations

import asyncio
import json

from fastapi import APIRouter, HTTPException, Request
from starlette.requests import ClientDisconnect

from apps.api import origins
from apps.api.connections import REQUEST_SECONDS
from apps.api.frames import MAX_BYTES, FrameQueue, TooManyVisitors
from apps.api.routes import DescribedRoute
from apps.api.schemas import Recognition, problems
from apps.api.workers import WorkerEnded
from facevalue.data.http_retry import content_length
from facevalue.emotions import EMOTIONS
from facevalue.file_kinds import HEAD, content_kind

KINDS = {"image/jpeg": "JPEG image", "image/png": "PNG image", "image/webp": "WebP image"}
"""The media types of pictures, and what `content_kind` calls them."""

TYPES = (*KINDS, "application/octet-stream")
"""The media types of a request; a request may also name none, for the picture says what it is."""

EXAMPLE = "curl --data-binary @me.jpg -H 'Content-Type: image/jpeg'"

BODY = {
    "required": True,
    "description": "A JPEG, PNG or WebP file of at most 2 MB and 4 megapixels.",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in TYPES},
}

router = APIRouter(
    tags=["recognise"],
    responses=problems(400, 403, 408, 413, 415, 422, 503),
    route_class=DescribedRoute,
)


@router.post(
    "/recognise", response_model=Recognition, openapi_extra={"requestBody": BODY}, status_code=200
)
async def recognise(request: Request) -> Recognition:
    """The faces in a picture, the largest first, with the probabilities of the seven emotions.

    The picture is the body of the request. It is looked at in memory and never stored.
    """
    if origins.is_foreign(request.scope):
        raise HTTPException(403, "Other websites may not use this server to recognise pictures.")
    _check_head(request)
    queue: FrameQueue = request.app.state.frames
    try:
        async with queue.photo_visit(request.scope["client"]) as answer:
            content = await _content(request)
            found = json.loads(await answer(content))
    except TooManyVisitors as error:
        raise HTTPException(
            503, "There are too many visitors: try again later.", {"Retry-After": "2"}
        ) from error
    except WorkerEnded as error:
        raise HTTPException(
            503, "The server cannot start to look at pictures: its log says why."
        ) from error
    if "error" in found:
        is_picture = content_kind(content[:HEAD]) in KINDS.values()
        raise HTTPException(422 if is_picture else 415, found["error"])
    faces = [
        {
            "box": face["box"],
            "probabilities": dict(zip(EMOTIONS, face["probabilities"], strict=True)),
        }
        for face in found["faces"]
    ]
    return Recognition.model_validate(found | {"faces": faces})


def _check_head(request: Request) -> None:
    """Raise HTTPException if the headers say that the body is no picture, or a large one."""
    kind = request.headers.get("content-type", TYPES[-1]).partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise HTTPException(
            415,
            "The picture itself must be the body of the request, with the Content-Type image/jpeg, "
            f"image/png or image/webp, and not {kind[:40]!r}: for example {EXAMPLE}.",
        )
    if (content_length(request.headers) or 0) > MAX_BYTES:
        raise _too_large()


async def _content(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        HTTPException: it is empty, too large or too slow, or ends early.
    """
    content = bytearray()
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            async for part in request.stream():
                content += part
                if len(content) > MAX_BYTES:
                    raise _too_large()
    except TimeoutError as error:
        raise HTTPException(
            408, f"The picture did not arrive within {REQUEST_SECONDS:.0f} seconds: try again."
        ) from error
    except ClientDisconnect as error:
        raise HTTPException(400, "The picture did not arrive completely: try again.") from error
    if not content:
        raise HTTPException(
            400, f"There is no picture in the body of the request: for example {EXAMPLE}."
        )
    return bytes(content)


def _too_large() -> HTTPException:
    return HTTPException(
        413, f"The picture is larger than {MAX_BYTES // 1_000_000} MB: use a smaller copy."
    )
