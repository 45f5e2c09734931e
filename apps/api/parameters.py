"""The parameters of requests, and the sentences about invalid ones."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from apps.api.catalogue import MAX_ID, Filter
from facevalue import emotions
from facevalue.emotions import EMOTIONS

MAX_PAGE = 10**9


def _digits(value: Any) -> Any:
    """Refuse a number that is written in another way: pydantic accepts "1\\n", " 1" and "1.0"."""
    if isinstance(value, str) and not re.fullmatch("[0-9]+", value, re.ASCII):
        raise ValueError("not a whole number in digits")
    return value


def _decimal(value: Any) -> Any:
    """Refuse a number that is written in another way: pydantic accepts "1_0" and " 1"."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9.]+([eE][-+]?[0-9]+)?", value):
        raise ValueError("not a number in digits")
    return value


Whole = Annotated[int, BeforeValidator(_digits)]
"""A whole number from 0, in digits."""

EmotionName = Literal["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
Emotion = Annotated[Whole, Field(ge=0, le=6)] | EmotionName
Face = Annotated[Whole, Field(ge=0, le=6)] | EmotionName | Literal["contempt"]
SourceId = Annotated[Whole, Field(ge=1, le=MAX_ID)]
Colour = Annotated[Whole, Field(ge=0, le=1)]
AspectRatio = Annotated[float, BeforeValidator(_decimal), Field(gt=0, le=1000, allow_inf_nan=False)]

NAMES = ", ".join(EMOTIONS)
EXPECTED = {
    "image_id": "the id of an image, a whole number from 1",
    "page": "a whole number from 1",
    "page_size": "a whole number from 1 to 200",
    "pixels": "true or false",
    "source_id": "the id of a source, a whole number from 1",
    "emotion": f"a number from 0 to 6, or one of {NAMES}",
    "face": f"a number from 0 to 6, or one of {NAMES}, contempt",
    "colors": "0 (grayscale) or 1 (RGB)",
    "aspect_ratio": "width divided by height, a number above 0; it is compared to two decimals",
    "min_aspect_ratio": "the lowest width divided by height, a number above 0",
    "max_aspect_ratio": "the highest width divided by height, a number above 0",
    "size": "a whole number from 16 to 512: the longer side in pixels",
}
"""What each parameter must be, for the OpenAPI document and for error messages."""

ImageId = Annotated[Whole, Path(ge=1, le=MAX_ID, description=EXPECTED["image_id"])]


def described(name: str, **limits: Any) -> Any:
    """Return the pydantic field of a parameter, with its description."""
    return Field(description=EXPECTED[name], **limits)


class Parameters(BaseModel):
    """The base class of all parameters: an unknown name is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Paging(Parameters):
    """The page of a list."""

    page: Whole = described("page", default=1, ge=1, le=MAX_PAGE)
    page_size: Whole = described("page_size", default=50, ge=1, le=200)
    pixels: bool = described("pixels", default=False)


class BySource(Paging):
    """The images of one source."""

    source_id: SourceId = described("source_id")


class ByEmotion(Paging):
    """The images of one emotion."""

    emotion: Emotion = described("emotion")


class ByColour(Paging):
    """The images in one colour space."""

    colors: Colour = described("colors")


class AspectRatios(Paging):
    """One aspect ratio or a range of them; empty values, as forms send them, are ignored."""

    aspect_ratio: AspectRatio | None = described("aspect_ratio", default=None)
    min_aspect_ratio: AspectRatio | None = described("min_aspect_ratio", default=None)
    max_aspect_ratio: AspectRatio | None = described("max_aspect_ratio", default=None)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if value != ""}
        return values

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        low, high = self.min_aspect_ratio, self.max_aspect_ratio
        if low is not None and high is not None and low > high:
            raise ValueError(
                f"min_aspect_ratio, {low:g}, must not be above max_aspect_ratio, {high:g}."
            )
        return self

    def ratio_range(self) -> tuple[float, float] | None:
        """Return the lowest and the highest aspect ratio that match, or None if all do."""
        given = (self.aspect_ratio, self.min_aspect_ratio, self.max_aspect_ratio)
        if given == (None, None, None):
            return None
        low = [ratio for ratio in (self.aspect_ratio, self.min_aspect_ratio) if ratio is not None]
        high = [ratio for ratio in (self.aspect_ratio, self.max_aspect_ratio) if ratio is not None]
        return max(low, default=0.0), min(high, default=math.inf)


class ByAspectRatio(AspectRatios):
    """The images with one aspect ratio, or in a range of them."""

    @model_validator(mode="after")
    def _check_given(self) -> Self:
        if self.ratio_range() is None:
            raise ValueError(
                "aspect_ratio is missing: give it, or min_aspect_ratio, max_aspect_ratio or both."
            )
        return self


class Combined(AspectRatios):
    """Any combination of filters."""

    source_id: SourceId | None = described("source_id", default=None)
    emotion: Emotion | None = described("emotion", default=None)
    colors: Colour | None = described("colors", default=None)


class ByFace(Parameters):
    """The action units of one emotion."""

    face: Face = described("face")


class Pixels(Parameters):
    """Whether to include the pixel values."""

    pixels: bool = described("pixels", default=False)


class FileSize(Parameters):
    """The size of the image to send."""

    size: Whole | None = described("size", default=None, ge=16, le=512)


def to_filter(query: Paging) -> Filter:
    """Return the parameters of a list as a filter."""
    emotion = getattr(query, "emotion", None)
    return Filter(
        source_id=getattr(query, "source_id", None),
        emotion=emotions.number(emotion) if isinstance(emotion, str) else emotion,
        colour=getattr(query, "colors", None),
        aspect_ratio=query.ratio_range() if isinstance(query, AspectRatios) else None,
    )


def error_sentence(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return a sentence about the first of the errors that pydantic found."""
    error = errors[0]
    if error["type"] == "value_error" and len(error["loc"]) == 1:  # of several parameters
        return str(error["ctx"]["error"])
    name = str(error["loc"][1]) if len(error["loc"]) > 1 else ""
    if error["type"] == "missing":
        return f"{name} is missing: it must be {EXPECTED[name]}."
    if error["type"] == "extra_forbidden" or name not in EXPECTED:
        return f"There is no parameter {name[:40]!r}: /docs lists the parameters of each path."
    return f"{name} must be {EXPECTED[name]}, not {str(error['input'])[:40]!r}."
