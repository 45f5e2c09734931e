"""Finding and reading FER-2013, in every layout in which it is published."""

from __future__ import annotations

from pathlib import Path

from facevalue import paths
from facevalue.data import fer2013_csv, fer2013_folders, fer2013_parquet
from facevalue.data.dataset import Dataset

FILES = (
    *("fer2013.csv", "fer2013.csv.xz", "fer2013.csv.gz", "fer2013.csv.zip", "fer2013.tar.gz"),
    *("icml_face_data.csv", "icml_face_data.csv.xz", "icml_face_data.csv.gz"),
    "icml_face_data.csv.zip",
)
"""The file names that `find` looks for, in this order; then Parquet files, then image folders."""


def find(folder: Path | None = None) -> Path:
    """Return the file or folder that holds FER-2013, for `read`.

    Looks in `folder` and two levels below it: first for the names in `FILES`, in that order,
    then for Parquet files whose names begin with train, publicTest and privateTest, then for the
    folders train and test (or validation) with one folder per emotion.

    Args:
        folder: a folder, or the file itself; by default `paths.raw()`.

    Raises:
        FileNotFoundError: FER-2013 was not found; the message says how to get it.
    """
    start = folder or paths.raw()
    if start.is_file():
        return start
    places = _folders_to_search(start)
    for name in FILES:
        for place in places:
            if (place / name).is_file():
                return place / name
    for layout in (fer2013_parquet.split_files, fer2013_folders.split_folders):
        for place in places:
            if layout(place):
                return place
    raise FileNotFoundError(
        f"FER-2013 was not found in {start} as {FILES[0]}, fer2013.tar.gz, icml_face_data.csv, "
        "Parquet files or the folders train and test: run `make data` to download it, or set "
        "FACEVALUE_DATA to the file or folder that holds it."
    )


def read(path: Path) -> Dataset:
    """Return FER-2013 from a file or a folder in any of the layouts of `find`.

    The splits are the official ones if the layout preserves them. It does not if there are only
    the folders train and test, and the names of the test images do not begin with PublicTest or
    PrivateTest. Then every other test image of each emotion becomes PublicTest and the rest
    PrivateTest, so that models are chosen and tested on different images, and a warning says that
    only both splits together (7,178 images) are comparable with published numbers. There is also
    a warning if the class counts differ from the published ones.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: the content is not FER-2013; the message names the line or the image.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: run `make data` to download FER-2013.")
    if path.is_dir():
        try:
            path = find(path)
        except FileNotFoundError:
            raise ValueError(
                f"{path} has FER-2013 in none of the known layouts: run `make data` to download it."
            ) from None
    if path.is_file():
        return fer2013_csv.read(path)
    if fer2013_parquet.split_files(path):
        return fer2013_parquet.read(path)
    return fer2013_folders.read(path)


def _folders_to_search(start: Path) -> list[Path]:
    """Return `start` and the folders up to two levels below it, but no hidden (unfinished) ones."""
    levels = [[start]]
    for _ in range(2):
        below = [child for place in levels[-1] if place.is_dir() for child in place.iterdir()]
        levels.append(sorted(p for p in below if p.is_dir() and not p.name.startswith(".")))
    return [place for level in levels for place in level]
