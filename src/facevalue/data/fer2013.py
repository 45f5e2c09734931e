"""FER-2013 in every layout in which people have it."""

from __future__ import annotations

from pathlib import Path

from facevalue import paths
from facevalue.data.dataset import Dataset
from facevalue.data.fer2013_csv import _read_csv
from facevalue.data.fer2013_folders import _image_folders, _read_images
from facevalue.data.fer2013_parquet import _parquet_files, _read_parquet

FILES = tuple(
    name + packing
    for name in ("fer2013.csv", "fer2013.tar.gz", "icml_face_data.csv")
    for packing in (("", ".xz", ".gz", ".zip") if name.endswith(".csv") else ("",))
)
"""The file names that `find` looks for, in this order; then parquet files, then image folders."""


def find(folder: Path | None = None) -> Path:
    """Return the file or folder that holds FER-2013, for `read`.

    Looks in `folder` and two levels below it: first for the names in `FILES`, in that order,
    then for parquet files whose names begin with train, publicTest and privateTest, then for the
    folders train and test (or validation) with one folder per emotion.

    Args:
        folder: a folder, or the file itself; by default `paths.raw()`, which is what
            FACEVALUE_DATA names, else data/raw in the project.

    Raises:
        FileNotFoundError: it is not there; the message says how to get it.
    """
    start = folder or paths.raw()
    if start.is_file():
        return start
    places = _folders(start)
    for name in FILES:
        for place in places:
            if (place / name).is_file():
                return place / name
    for layout in (_parquet_files, _image_folders):
        for place in places:
            if layout(place):
                return place
    raise FileNotFoundError(
        f"FER-2013 was not found in {start} as {FILES[0]}, fer2013.tar.gz, icml_face_data.csv, "
        "parquet files or the folders train and test: run `make data` to download it, or set "
        "FACEVALUE_DATA to the file or folder that holds it."
    )


def read(path: Path) -> Dataset:
    """Return FER-2013 from a file or a folder in any of the layouts of `find`.

    The splits are the official ones wherever the layout keeps them. Folders train and test
    whose file names do not say PublicTest or PrivateTest have lost that split: then every other
    test image of each emotion becomes PublicTest and the rest PrivateTest, so that choosing and
    reporting stay apart, and a warning says that only the two together (7,178 images) compare
    with published numbers. Class counts that differ from the published ones give a warning.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: the content is not FER-2013's; the message names the line or the image.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: `make data` downloads FER-2013.")
    if path.is_dir():
        try:
            path = find(path)
        except FileNotFoundError:
            raise ValueError(f"{path} holds FER-2013 in none of the known layouts.") from None
    if path.is_file():
        return _read_csv(path)
    return _read_parquet(path) if _parquet_files(path) else _read_images(path)


def _folders(start: Path) -> list[Path]:
    """Return `start` and the folders two levels below it; hidden ones may be half downloaded."""
    levels = [[start]]
    for _ in range(2):
        below = [child for place in levels[-1] if place.is_dir() for child in place.iterdir()]
        levels.append(sorted(p for p in below if p.is_dir() and not p.name.startswith(".")))
    return [place for level in levels for place in level]
