"""Drawing the boxes and the emotions of faces over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.image_files import as_photo
from facevalue.recognition.face import Box, shared_area
from facevalue.recognition.recogniser import Sighting

DARK = (17, 17, 17, 215)
"""The background of text and bars: red, green, blue and opacity."""

LIGHT = (255, 255, 255)
"""The colour of text."""

MAX_BARS = 4
"""In a picture of more faces, a crowd, no face has bars."""


def draw(image: Any, sightings: Sequence[Sighting], *, numbered: bool = False) -> np.ndarray:
    """Return a picture with a box, the emotion and seven bars drawn for each face.

    The bars are placed near their face, where they cover no other face, name or bars; the largest
    faces are placed first. Where there is no room for the bars of a face, only its box and the name
    of its emotion are drawn. In a crowd, of more than `MAX_BARS` faces, there are no bars, and a
    name that would be much wider than its face is shortened to the number of the face.

    Args:
        image: a photo in any of the forms that `image_files.as_photo` takes; it is not changed.
        sightings: the faces and their emotions, as from `Recogniser.photo`.
        numbered: whether the number of each face, in the order of `sightings`, is before the name
            of its emotion.
    Returns:
        uint8, shape (height, width, 3), RGB; an array of this form itself if there are no faces.
    Raises:
        ValueError: `image` is none of these.
        OSError: the file of the photo cannot be read.
    """
    pixels = as_photo(image)
    if not sightings:
        return pixels
    picture = Image.fromarray(pixels)
    canvas = ImageDraw.Draw(picture, "RGBA")
    font_size = max(11, round(max(picture.size) / 50))
    ordered = sorted(sightings, key=lambda face: face.box[2] * face.box[3], reverse=True)
    is_crowd = len(sightings) > MAX_BARS
    if is_crowd:
        narrow = int(np.median([face.box[2] for face in sightings]))
        font_size = min(font_size, max(11, narrow // 4))
    numbers = {id(face): f"{k}" if numbered else "" for k, face in enumerate(sightings, 1)}
    titles = [f"{numbers[id(face)]}  {_title(face)}".strip() for face in ordered]
    if is_crowd:
        titles = [
            title if _font(font_size).getlength(title) < 1.3 * face.box[2] else numbers[id(face)]
            for face, title in zip(ordered, titles, strict=True)
        ]
    names = [
        _name_box(face.box, title, picture.width, font_size)
        for face, title in zip(ordered, titles, strict=True)
    ]
    panels: list[Box] = []
    for number, sighting in enumerate(ordered):
        if not is_crowd:
            others = [face.box for face in ordered if face is not sighting]
            place = _panel_box(sighting.box, picture.size, font_size, [*others, *names, *panels])
            if place is not None:
                panels.append(place)
                _draw_bars(canvas, place, sighting, font_size)
        _draw_name(canvas, names[number], titles[number], sighting, font_size)
    return np.asarray(picture)


@lru_cache(maxsize=8)
def _font(font_size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(font_size)


def _line_width(font_size: int) -> int:
    return max(2, font_size // 5)


def _title(sighting: Sighting) -> str:
    probability = sighting.probabilities[sighting.emotion]
    return f"{sighting.emotion} {100 * probability:.0f} %"


def _name_box(face: Box, title: str, columns: int, font_size: int) -> Box:
    """Return the place of a face's name: above the face, or inside it at the top of the picture."""
    x, y, _, _ = face
    width = round(_font(font_size).getlength(title)) + 2 * (font_size // 3)
    height = font_size + 2 * (font_size // 3)
    return min(max(x, 0), max(0, columns - width)), max(y, height) - height, width, height


def _draw_name(
    canvas: ImageDraw.ImageDraw, place: Box, title: str, sighting: Sighting, font_size: int
) -> None:
    """Draw the box of a face, and the name and the probability of its emotion."""
    x, y, width, height = sighting.box
    colour = COLOURS[sighting.emotion]
    canvas.rectangle((x, y, x + width, y + height), outline=colour, width=_line_width(font_size))
    if not title:
        return
    left, top, columns, rows = place
    canvas.rectangle((left, top, left + columns, top + rows), fill=DARK)
    start = left + font_size // 3, top + font_size // 3
    canvas.text(start, title, font=_font(font_size), fill=LIGHT)


def _panel_box(
    face: Box, frame: tuple[int, int], font_size: int, taken: Sequence[Box]
) -> Box | None:
    """Return the place of a face's bars, in the frame and over no box in `taken`; None without one.

    The places are tried in this order: to the right of the face, to its left, below it, above its
    name; then over the face itself, at an edge of the frame, if the face is at least four times as
    large as the bars.
    """
    x, y, face_width, face_height = face
    pad, gap = font_size // 3, _line_width(font_size)
    width = _names_width(font_size) + 3 * pad + 4 * font_size
    height = len(EMOTIONS) * _row_height(font_size) + 2 * pad
    right, bottom = max(0, frame[0] - width), max(0, frame[1] - height)
    left, top = min(max(0, x), right), min(max(0, y), bottom)
    above = y - font_size - 2 * pad - height
    places = [
        (x + face_width + gap, top),
        (x - width - gap, top),
        (left, y + face_height + gap),
        (left, above),
    ]
    if face_width * face_height >= 4 * width * height:
        places += [(right, top), (0, top)]
    for place_x, place_y in places:
        place = place_x, place_y, width, height
        inside = 0 <= place_x <= right and 0 <= place_y <= bottom
        if inside and not any(shared_area(place, other) for other in taken):
            return place
    return None


def _names_width(font_size: int) -> int:
    return round(max(_font(font_size).getlength(name) for name in EMOTIONS))


def _row_height(font_size: int) -> int:
    return round(1.25 * font_size)


def _draw_bars(canvas: ImageDraw.ImageDraw, place: Box, sighting: Sighting, font_size: int) -> None:
    """Draw a panel with the probabilities of all emotions."""
    left, top, width, height = place
    pad, row = font_size // 3, _row_height(font_size)
    canvas.rectangle((left, top, left + width, top + height), fill=DARK)
    start = left + _names_width(font_size) + 2 * pad
    for number, (name, value) in enumerate(sighting.probabilities.items()):
        line = top + pad + number * row
        canvas.text((left + pad, line), name, font=_font(font_size), fill=LIGHT)
        middle = line + row // 2
        bar = (
            start,
            middle - font_size // 4,
            start + 4 * font_size * value,
            middle + font_size // 4,
        )
        canvas.rectangle(bar, fill=COLOURS[name])
