"""A contact sheet of drawn faces: every emotion, and every action unit.

`python -m facevalue.drawing.sheet out.png` writes it to a file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from facevalue.drawing.appearance import ACTION_UNITS, Person, View
from facevalue.drawing.expressions import expression
from facevalue.drawing.faces import draw
from facevalue.drawing.variety import MILD
from facevalue.emotions import EMOTIONS
from facevalue.files import atomic_write
from facevalue.image_files import encode_png


def contact_sheet(people: int = 9, size: int = 96) -> np.ndarray:
    """Return the sheet: each emotion of several people, then each unit at 0, 0.5 and 1.

    Args:
        people: the number of faces in a row, at least 3.
        size: height and width of a face in pixels.

    Returns:
        uint8, shape (height, width), grey levels.
    """

    def with_name(image: np.ndarray, name: str) -> np.ndarray:
        place = (3, size - 4)
        for colour, width in ((0, 3), (255, 1)):  # a dark edge around white letters
            cv2.putText(
                image, name, place, cv2.FONT_HERSHEY_SIMPLEX, size / 240, colour, width, cv2.LINE_AA
            )
        return image

    rows = []
    for emotion in EMOTIONS:
        row = []
        for k in range(people):
            rng = np.random.default_rng([7, k])
            person, view = Person.random(rng, MILD), View.random(rng, MILD)
            row.append(draw(expression(emotion, rng), person, view, size))
        rows.append(np.hstack([with_name(row[0], emotion), *row[1:]]))
    cells = [
        with_name(draw({unit: x}, size=size), f"{unit}: {x:g}")
        for unit in ACTION_UNITS
        for x in (0.0, 0.5, 1.0)
    ]
    across = max(1, people // 3) * 3
    cells += [np.full((size, size), 255, np.uint8)] * (-len(cells) % across)
    units = [np.hstack(cells[k : k + across]) for k in range(0, len(cells), across)]
    blank = np.full((size, size * (people - across)), 255, np.uint8)
    return np.vstack(rows + [np.hstack([row, blank]) for row in units])


def main(arguments: list[str] | None = None) -> int:
    """Write the contact sheet; return an exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m facevalue.drawing.sheet",
        description="Write a sheet of drawn faces.",
    )
    parser.add_argument("file", type=Path, help="the PNG file to write")
    target = parser.parse_args(arguments).file
    with atomic_write(target) as part:
        part.write_bytes(encode_png(contact_sheet()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
