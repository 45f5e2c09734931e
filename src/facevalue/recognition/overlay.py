"""Drawing boxes and bars over a picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from facevalue.emotions import COLOURS, EMOTIONS
from facevalue.recognition.recogniser import Sighting

SURE = 2
"""How often a face must be found before it is shown: most things that are none are found once."""


def drawn(image: np.ndarray, sightings: Sequence[Sighting]) -> np.ndarray:
    """Return a frame with the box, the emotion and the seven bars of each face drawn on it.

    Args:
        image: uint8, shape (height, width, 3), RGB; it stays as it is.
    """
    if not sightings:
        return image
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture, "RGBA")
    size = max(11, round(max(picture.size) / 50))
    for sighting in sightings:
        _draw(draw, picture.size, sighting, size)
    return np.asarray(picture)


DARK = (17, 17, 17, 215)
LIGHT = (255, 255, 255)


@lru_cache(maxsize=8)
def _font(size: int) -> Any:
    return ImageFont.load_default(size)


def _draw(draw: Any, frame: tuple[int, int], sighting: Sighting, size: int) -> None:
    x, y, width, height = sighting.box
    colour = COLOURS[sighting.emotion]
    line, pad = max(2, size // 5), size // 3
    font = _font(size)
    draw.rectangle((x, y, x + width, y + height), outline=colour, width=line)
    share = sighting.probabilities[sighting.emotion]
    text = f"{sighting.emotion} {100 * share:.0f} %"
    box = font.getbbox(text)
    bottom = max(y, size + 2 * pad)  # a face at the upper edge has its name inside the frame
    left = min(max(x, 0), max(0, int(frame[0] - box[2] - 2 * pad)))
    draw.rectangle((left, bottom - size - 2 * pad, left + box[2] + 2 * pad, bottom), fill=DARK)
    draw.text((left + pad, bottom - size - pad), text, font=font, fill=LIGHT)
    row = round(1.25 * size)
    names = round(max(font.getlength(name) for name in EMOTIONS))
    panel = names + 3 * pad + 4 * size, len(EMOTIONS) * row + 2 * pad
    beside = (x + width + line, x - panel[0] - line, frame[0] - panel[0])
    left = next((k for k in beside if 0 <= k <= frame[0] - panel[0]), 0)
    top = min(max(0, y), max(0, frame[1] - panel[1]))
    draw.rectangle((left, top, left + panel[0], top + panel[1]), fill=DARK)
    for number, (name, value) in enumerate(sighting.probabilities.items()):
        at = top + pad + number * row
        draw.text((left + pad, at), name, font=font, fill=LIGHT)
        start = left + names + 2 * pad
        middle = at + row // 2
        draw.rectangle((start, middle - size // 4, start + 4 * size * value, middle + size // 4),
                       fill=COLOURS[name])  # fmt: skip
