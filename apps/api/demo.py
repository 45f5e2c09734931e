"""A small database of drawn faces, for a first look before notebook 01 has run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facevalue import paths
from facevalue.collection import database, database_import
from facevalue.drawing import course_faces, drawn_set
from facevalue.emotions import EMOTIONS
from facevalue.files import atomic_write, file_lock

IMAGES = 210
"""The number of images in the demo database."""

SOURCE = {
    "name": "rendered",
    "address": "src/facevalue/drawing",
    "licence": "MIT, like this course",
}


def create_demo_database(file: Path | None = None) -> Path:
    """Create the SQLite database `file` unless it exists, and return it.

    Args:
        file: by default in data/processed, with a name that changes with the code that draws.
    """
    if file is None:
        file = paths.processed() / f"faces-demo-{course_faces.drawing_key()}.db"
    with file_lock(file):  # two servers may start at once
        if not file.exists():
            _create(file)
    return file


def _create(file: Path) -> None:
    drawn = drawn_set.sample(IMAGES, clean=True)
    rows = [
        database_import.image_row(image, "rendered", EMOTIONS[label], f"face {number}")
        for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True))
    ]
    with atomic_write(file, shared=True) as part:
        engine = database.create(f"sqlite:///{part}")
        database_import.add_sources(engine, pd.DataFrame([SOURCE]))
        database_import.add_facs(engine)
        database_import.add_images(engine, pd.DataFrame(rows))
        engine.dispose()
        part.with_name(f"{part.name}.lock").unlink(missing_ok=True)
