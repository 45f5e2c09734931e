"""A small database of drawn faces, for a first look before notebook 01 has run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from facevalue.collection import database, database_import
from facevalue.drawing import drawn_set
from facevalue.emotions import EMOTIONS

FACES = 210


def demo(file: Path) -> Path:
    """Make the database, unless it is there, and return its file."""
    if file.exists():
        return file
    beside = file.with_suffix(".part")
    beside.unlink(missing_ok=True)
    engine = database.create(f"sqlite:///{beside}")
    source = {"name": "rendered", "address": "src/faces.py", "licence": "MIT, as this course"}
    database_import.add_sources(engine, pd.DataFrame([source]))
    database_import.add_facs(engine)
    drawn = drawn_set.sample(FACES, clean=True)
    rows = [
        database_import.image_row(image, "rendered", EMOTIONS[label], f"face {number}")
        for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True))
    ]
    database_import.add_images(engine, pd.DataFrame(rows))
    engine.dispose()
    return beside.replace(file)
