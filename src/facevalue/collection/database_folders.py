"""Adding a folder of image files, sorted into one subfolder per emotion, to the database."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import PIL.Image
from sqlalchemy import Engine
from tqdm import tqdm

from facevalue import emotions, image_files
from facevalue.collection.database_import import add_images, image_row

BATCH = 1_000
"""Images per transaction."""


class FolderImport(NamedTuple):
    """The result of `add_folder`.

    Attributes:
        added: how many images were new.
        failed: why a file could not be read, by its path in the folder.
    """

    added: int
    failed: dict[str, str]


def add_folder(
    engine: Engine, folder: str | Path, source: str, *, progress: bool = True
) -> FolderImport:
    """Add the images of a folder that has one subfolder per emotion.

    The files are read in the order of their names, and stored in transactions of `BATCH` images.
    If a call is interrupted, repeat it: images that are already stored are skipped.

    Args:
        engine: from `database.create`.
        folder: its subfolders are named after emotions, in any spelling that `emotions.number`
            accepts; others are ignored.
        source: the name of their source in data_sources.
        progress: show a progress bar.

    Raises:
        FileNotFoundError: no subfolder is named after an emotion.
        ValueError: the source is unknown.
    """
    folder = Path(folder)
    files = [
        (emotions.EMOTIONS[label], path)
        for subfolder, label in _emotion_folders(folder)
        for path in sorted(subfolder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    ]
    added, failed = 0, {}
    with tqdm(total=len(files), desc=source, unit="image", disable=not progress) as bar:
        for start in range(0, len(files), BATCH):
            rows = []
            for emotion, path in files[start : start + BATCH]:
                origin = path.relative_to(folder).as_posix()
                try:
                    rows.append(image_row(_read(path), source, emotion, origin))
                except (OSError, ValueError) as error:
                    failed[origin] = str(error)
                bar.update()
            if rows:
                added += add_images(engine, pd.DataFrame(rows))
    return FolderImport(added, failed)


def _emotion_folders(folder: Path) -> list[tuple[Path, int]]:
    found = []
    for subfolder in sorted(folder.iterdir()):
        try:
            label = emotions.number(subfolder.name)
        except ValueError:
            continue
        if subfolder.is_dir():
            found.append((subfolder, label))
    if not found:
        raise FileNotFoundError(
            f"{folder} has no subfolder named after an emotion, such as angry or happy."
        )
    return found


def _read(path: Path) -> np.ndarray:
    """Return the pixels of an image file, uint8: RGB, or grey if the file is grey."""
    pixels = image_files.read_photo(path)
    with PIL.Image.open(path) as image:
        return pixels[..., 0] if image.mode in ("1", "L") else pixels
