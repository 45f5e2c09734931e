"""Drawing the faces and their emotions over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.recognition.face import Box, shared_area
from facevalue.recognition.recogniser import Sighting

DARK = (17, 17, 17, 215)
LIGHT = (255, 255, 255)


def draw(image: np.ndarray, sightings: Sequence[Sighting]) -> np.ndarray:
    """Return a frame with a box, the emotion and seven bars drawn for each face.

    Bars stand beside their face, over no other face, name or bars; a face without room for them,
    as in a crowd, has its box and its name only. The largest faces choose first.

    Args:
        image: uint8, shape (height, width, 3), RGB; it is not changed.
    """
    if not sightings:
        return image
    picture = Image.fromarray(image)
    canvas = ImageDraw.Draw(picture, "RGBA")
    size = max(11, round(max(picture.size) / 50))
    ordered = sorted(sightings, key=lambda face: face.box[2] * face.box[3], reverse=True)
    names = [_name_box(sighting, picture.width, size) for sighting in ordered]
    panels: list[Box] = []
    for number, sighting in enumerate(ordered):
        others = [face.box for face in ordered if face is not sighting]
        place = _panel_box(sighting.box, picture.size, size, [*others, *names, *panels])
        if place is not None:
            panels.append(place)
            _draw_bars(canvas, place, sighting, size)
        _draw_name(canvas, names[number], sighting, size)
    return np.asarray(picture)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _line_width(size: int) -> int:
    return max(2, size // 5)


def _title(sighting: Sighting) -> str:
    share = sighting.probabilities[sighting.emotion]
    return f"{sighting.emotion} {100 * share:.0f} %"


def _name_box(sighting: Sighting, columns: int, size: int) -> Box:
    """Return where the name of a face stands: above it, or inside at the upper edge."""
    x, y, _, _ = sighting.box
    width = round(_font(size).getlength(_title(sighting))) + 2 * (size // 3)
    height = size + 2 * (size // 3)
    return min(max(x, 0), max(0, columns - width)), max(y, height) - height, width, height


def _draw_name(canvas: ImageDraw.ImageDraw, place: Box, sighting: Sighting, size: int) -> None:
    """Draw the box of a face, and the name and the probability of its emotion."""
    x, y, width, height = sighting.box
    colour = COLOURS[sighting.emotion]
    canvas.rectangle((x, y, x + width, y + height), outline=colour, width=_line_width(size))
    left, top, columns, rows = place
    canvas.rectangle((left, top, left + columns, top + rows), fill=DARK)
    start = left + size // 3, top + size // 3
    canvas.text(start, _title(sighting), font=_font(size), fill=LIGHT)


def _panel_box(face: Box, frame: tuple[int, int], size: int, taken: Sequence[Box]) -> Box | None:
    """Return where the bars of a face stand, or None where they would cover what is taken.

    To the right of the face, to its left, below it, or above its name; else over the face itself,
    at an edge of the frame, if it is at least four times as large.
    """
    x, y, side, rows = face
    pad, gap = size // 3, _line_width(size)
    width = _names_width(size) + 3 * pad + 4 * size
    height = len(EMOTIONS) * _row_height(size) + 2 * pad
    right, bottom = max(0, frame[0] - width), max(0, frame[1] - height)
    left, top = min(max(0, x), right), min(max(0, y), bottom)
    above = y - size - 2 * pad - height
    places = [(x + side + gap, top), (x - width - gap, top), (left, y + rows + gap), (left, above)]
    if side * rows >= 4 * width * height:
        places += [(right, top), (0, top)]
    for column, row in places:
        place = column, row, width, height
        inside = 0 <= column <= right and 0 <= row <= bottom
        if inside and not any(shared_area(place, other) for other in taken):
            return place
    return None


def _names_width(size: int) -> int:
    return round(max(_font(size).getlength(name) for name in EMOTIONS))


def _row_height(size: int) -> int:
    return round(1.25 * size)


def _draw_bars(canvas: ImageDraw.ImageDraw, place: Box, sighting: Sighting, size: int) -> None:
    """Draw a panel with the probabilities of all emotions."""
    left, top, width, height = place
    pad, row = size // 3, _row_height(size)
    canvas.rectangle((left, top, left + width, top + height), fill=DARK)
    start = left + _names_width(size) + 2 * pad
    for number, (name, value) in enumerate(sighting.probabilities.items()):
        line = top + pad + number * row
        canvas.text((left + pad, line), name, font=_font(size), fill=LIGHT)
        middle = line + row // 2
        bar = (start, middle - size // 4, start + 4 * size * value, middle + size // 4)
        canvas.rectangle(bar, fill=COLOURS[name])
