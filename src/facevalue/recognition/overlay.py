"""Drawing the faces and their emotions over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.recognition.recogniser import Sighting

DARK = (17, 17, 17, 215)
LIGHT = (255, 255, 255)


def draw(image: np.ndarray, sightings: Sequence[Sighting]) -> np.ndarray:
    """Return a frame with a box, the emotion and seven bars drawn for each face.

    Args:
        image: uint8, shape (height, width, 3), RGB; it is not changed.
    """
    if not sightings:
        return image
    picture = Image.fromarray(image)
    canvas = ImageDraw.Draw(picture, "RGBA")
    size = max(11, round(max(picture.size) / 50))
    for sighting in sightings:
        _draw_name(canvas, picture.width, sighting, size)
        _draw_bars(canvas, picture.size, sighting, size)
    return np.asarray(picture)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _line_width(size: int) -> int:
    return max(2, size // 5)


def _draw_name(canvas: ImageDraw.ImageDraw, columns: int, sighting: Sighting, size: int) -> None:
    """Draw the box of a face, and above it the name and the probability of its emotion."""
    x, y, width, height = sighting.box
    colour = COLOURS[sighting.emotion]
    pad, font = size // 3, _font(size)
    canvas.rectangle((x, y, x + width, y + height), outline=colour, width=_line_width(size))
    share = sighting.probabilities[sighting.emotion]
    text = f"{sighting.emotion} {100 * share:.0f} %"
    box = font.getbbox(text)
    bottom = max(y, size + 2 * pad)  # the name of a face at the upper edge stays in the frame
    left = min(max(x, 0), max(0, int(columns - box[2] - 2 * pad)))
    canvas.rectangle((left, bottom - size - 2 * pad, left + box[2] + 2 * pad, bottom), fill=DARK)
    canvas.text((left + pad, bottom - size - pad), text, font=font, fill=LIGHT)


def _draw_bars(
    canvas: ImageDraw.ImageDraw, frame: tuple[int, int], sighting: Sighting, size: int
) -> None:
    """Draw a panel with the probabilities of all emotions on the side of the face with room."""
    x, y, width, _ = sighting.box
    pad, row, font = size // 3, round(1.25 * size), _font(size)
    names = round(max(font.getlength(name) for name in EMOTIONS))
    panel = names + 3 * pad + 4 * size, len(EMOTIONS) * row + 2 * pad
    room = frame[0] - panel[0]
    places = (x + width + _line_width(size), x - panel[0] - _line_width(size), room)
    left = next((place for place in places if 0 <= place <= room), 0)
    top = min(max(0, y), max(0, frame[1] - panel[1]))
    canvas.rectangle((left, top, left + panel[0], top + panel[1]), fill=DARK)
    start = left + names + 2 * pad
    for number, (name, value) in enumerate(sighting.probabilities.items()):
        line = top + pad + number * row
        canvas.text((left + pad, line), name, font=font, fill=LIGHT)
        middle = line + row // 2
        bar = (start, middle - size // 4, start + 4 * size * value, middle + size // 4)
        canvas.rectangle(bar, fill=COLOURS[name])
