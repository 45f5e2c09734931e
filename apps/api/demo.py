"""A small database of drawn faces, for a first look before notebook 01 has run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facevalue.collection import database, database_import
from facevalue.drawing import drawn_set
from facevalue.emotions import EMOTIONS
from facevalue.files import atomic_write

IMAGES = 210
"""The number of images in the demo database."""

SOURCE = {
    "name": "rendered",
    "address": "src/facevalue/drawing",
    "licence": "MIT, like this course",
}


def create_demo_database(file: Path) -> Path:
    """Create the SQLite database `file` unless it exists, and return it."""
    if file.exists():
        return file
    drawn = drawn_set.sample(IMAGES, clean=True)
    rows = [
        database_import.image_row(image, "rendered", EMOTIONS[label], f"face {number}")
        for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True))
    ]
    with atomic_write(file) as part:
        part.unlink(missing_ok=True)  # an interrupted run may have left it
        engine = database.create(f"sqlite:///{part}")
        database_import.add_sources(engine, pd.DataFrame([SOURCE]))
        database_import.add_facs(engine)
        database_import.add_images(engine, pd.DataFrame(rows))
        engine.dispose()
    return file
