"""The JSON that the API returns, as pydantic models."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from apps.api.parameters import EmotionName

PROBABILITIES = {
    "angry": 0.01,
    "disgust": 0.0,
    "fear": 0.02,
    "happy": 0.9,
    "sad": 0.01,
    "surprise": 0.04,
    "neutral": 0.02,
}
"""An example for the OpenAPI document."""


class Problem(BaseModel):
    """What is wrong with a request, in one sentence."""

    detail: str


class Entry(BaseModel):
    """The metadata of one image. The names with spaces are those of project 1's API."""

    id: int
    source: str
    source_id: int
    url_link: str = Field(
        serialization_alias="url link",
        description="the address of the source: a web page, or a path in the course's folder",
    )
    emotion: str
    emotion_id: int
    origin: str = Field(description="the name of the image at its source")
    split: str | None = Field(description="Training, PublicTest or PrivateTest, if it has one")
    height: int
    width: int
    aspect_ratio: float = Field(serialization_alias="aspect ratio")
    colour_space: str = Field(serialization_alias="color space")
    format: str = Field(serialization_alias="image format")
    size_mb: float = Field(serialization_alias="file size MB")
    sha256: str
    licence: str = Field(description="the licence of the image, or else of its source")
    author: str | None
    address: str | None = Field(description="the web page of the image")
    file: str = Field(description="the path of its PNG file")
    pixels: list[Any] = Field(
        default=[], description="only with pixels=true: rows of values from 0 to 255, or of RGB"
    )


class Page(BaseModel):
    """One page of a list of images, ordered by id."""

    images: list[Entry]
    total: int = Field(description="number of images on all pages")
    page: int
    pages: int
    page_size: int
    next: str | None = Field(description="the path of the next page, if there is one")
    previous: str | None = Field(description="the path of the previous page, if there is one")


class Unit(BaseModel):
    """One action unit of an emotion."""

    action_unit: int
    description: str
    facial_muscle: str
    one_side: bool = Field(description="on one side of the face only")


class Units(BaseModel):
    """The action units of an emotion; neutral has none."""

    emotion: str
    action_units: list[Unit]


class Guess(BaseModel):
    """The prediction of a trained model for an image, with its label."""

    image_id: int
    label: str = Field(description="the emotion that the source gives")
    guess: str = Field(description="the emotion that the model of notebook 06 predicts")


class FoundFace(BaseModel):
    """A face in a picture."""

    box: list[int] = Field(
        min_length=4,
        max_length=4,
        description="x and y of the upper left corner, width and height, in pixels of the picture",
        examples=[[212, 96, 88, 104]],
    )
    probabilities: dict[EmotionName, float] = Field(
        description="the probability of each of the seven emotions, by its name; they add up to 1, "
        "but for rounding",
        examples=[PROBABILITIES],
    )


class Recognition(BaseModel):
    """The faces in a picture, the largest first; none if none was found."""

    faces: list[FoundFace]
    width: int = Field(description="the width of the picture, in pixels, upright")
    height: int = Field(description="the height of the picture, in pixels, upright")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of error responses in JSON, by status code."""
    return {s: {"model": Problem, "description": HTTPStatus(s).phrase} for s in statuses}
