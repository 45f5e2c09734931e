"""Review the drawn photos of notebook 01 by eye, on contact sheets, and record the decisions.

    python tools/review_photos.py draw            write the sheets to build/review
    python tools/review_photos.py record 0 FILE   record the decisions on sheet 0

FILE has a line for each photo that is not kept: its number, "drop" or "move EMOTION", a reason. All
others on the sheet are kept. Every decision has the time at which its sheet was recorded.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from facevalue import paths
from facevalue.collection import selection
from facevalue.collection.photo_catalogue import PhotoCatalogue
from facevalue.collection.photo_service import FIRST_ID
from facevalue.files import atomic_write, write_text
from facevalue.image_files import encode_png

PHOTOS, SHEET, COLUMNS, SIDE = 400, 40, 8, 150
"""Photos in the catalogue, photos on a sheet, photos in a row, and the side of each in pixels."""

REVIEW = paths.root() / "data" / "review.csv"


def sheet(catalogue: PhotoCatalogue, first: int) -> np.ndarray:
    """Return one contact sheet, RGB: each photo with its number and the words that find it."""
    rows = -(-SHEET // COLUMNS)
    canvas = np.full((rows * (SIDE + 18), COLUMNS * SIDE, 3), 255, np.uint8)
    for place in range(min(SHEET, len(catalogue) - first)):
        photo = catalogue.get(first + place)
        assert photo is not None
        small = cv2.resize(_middle(catalogue.truth(photo).image), (SIDE - 4, SIDE - 4))
        y, x = (place // COLUMNS) * (SIDE + 18), (place % COLUMNS) * SIDE
        canvas[y + 16 : y + 16 + SIDE - 4, x : x + SIDE - 4] = small
        text = f"{FIRST_ID + photo.number} {' '.join(photo.tags[:-1])}"
        cv2.putText(canvas, text, (x, y + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0))
    return canvas


def _middle(image: np.ndarray) -> np.ndarray:
    """Return the square in the middle of a photo, a little above, where people are."""
    height, width = image.shape[:2]
    side = int(0.75 * height)
    return image[int(0.08 * height) :][:side, (width - side) // 2 :][:, :side]


def draw() -> None:
    """Write all sheets to build/review."""
    folder = paths.root() / "build" / "review"
    catalogue = PhotoCatalogue(PHOTOS, seed=0)
    for first in range(0, PHOTOS, SHEET):
        with atomic_write(folder / f"sheet_{first // SHEET}.png") as part:
            part.write_bytes(encode_png(sheet(catalogue, first)))


def record(number: int, file: Path) -> None:
    """Add the decisions on one sheet to data/review.csv, and replace earlier ones.

    Raises:
        ValueError: a line is no decision, or its photo is not on the sheet.
    """
    first = FIRST_ID + number * SHEET
    decided: dict[int, tuple[str, str, str]] = {}
    for line in file.read_text("utf-8").splitlines():
        photo, decision, *words = line.split()
        emotion = words.pop(0) if decision == "move" else ""
        if not first <= int(photo) < first + SHEET:
            raise ValueError(f"Photo {photo} is not on sheet {number}: see the line {line!r}.")
        decided[int(photo)] = decision, emotion, " ".join(words)
    for photo_id in range(first, first + SHEET):
        decision, emotion, reason = decided.get(photo_id, ("keep", "", ""))
        name = f"drawn photos /photos/{photo_id}"
        selection.decide(REVIEW, name, decision, emotion, reason)
    write_text(REVIEW, selection.read(REVIEW).to_csv(index=False, lineterminator="\n"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("draw")
    recorder = commands.add_parser("record")
    recorder.add_argument("sheet", type=int)
    recorder.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "draw":
        draw()
    else:
        record(options.sheet, options.file)


if __name__ == "__main__":
    main()
