"""Finding and reading FER-2013, in every layout in which it is published."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from facevalue import paths
from facevalue.data import fer2013_csv, fer2013_folders, fer2013_parquet, packed_csv
from facevalue.data.dataset import Dataset

FILES = (
    *("fer2013.csv", "fer2013.csv.xz", "fer2013.csv.gz", "fer2013.csv.bz2", "fer2013.csv.zip"),
    *("fer2013.tar.gz", "fer2013.tgz", "fer2013.tar", "fer2013.zip"),
    *("icml_face_data.csv", "icml_face_data.csv.xz", "icml_face_data.csv.gz"),
    *("icml_face_data.csv.zip", "archive.zip"),
)
"""The file names, in lower case, that `find` looks for in this order; then Parquet files, then
image folders. Kaggle calls each download archive.zip: it counts if it contains the CSV file."""


def find(folder: str | Path | None = None) -> Path:
    """Return the file or folder that holds FER-2013, for `read`.

    Looks in `folder` and two levels below it: first for the names in `FILES`, in that order and in
    upper or lower case, then for Parquet files whose names begin with train, publicTest and
    privateTest, then for the folders train and test (or validation) with one folder per emotion.

    Args:
        folder: a folder, or the file itself; by default `paths.raw()`.

    Raises:
        FileNotFoundError: FER-2013 was not found; the message says how to get it.
        ValueError: `folder` is not a path.
    """
    start = paths.raw() if folder is None else _as_path(folder)
    if start.is_file():
        return start
    places = _folders_to_search(start)
    files = {place: _files_by_lower_name(place) for place in places}
    for name in FILES:
        for place in places:
            file = files[place].get(name)
            if file and (not name.endswith(".zip") or packed_csv.zip_holds_csv(file)):
                return file
    for layout in (fer2013_parquet.split_files, fer2013_folders.split_folders):
        for place in places:
            if layout(place):
                return place
    raise FileNotFoundError(
        f"FER-2013 was not found in {start} as {FILES[0]}, fer2013.tar.gz, icml_face_data.csv, "
        "Parquet files or the folders train and test: run `make data` to download it, or set "
        f"FACEVALUE_DATA to the file or folder that holds it.{_other_files(files)}"
    )


def _as_path(path: str | Path) -> Path:
    """Return a path.

    Raises:
        ValueError: it is neither a text nor a path.
    """
    if not isinstance(path, str | Path):
        raise ValueError(f"FER-2013 is read from a path, not from {type(path).__name__}.")
    return Path(path)


def _files_by_lower_name(place: Path) -> dict[str, Path]:
    """Return the files in a folder by their names in lower case."""
    if not place.is_dir():
        return {}
    return {file.name.lower(): file for file in sorted(place.iterdir()) if file.is_file()}


def _other_files(files: dict[Path, dict[str, Path]]) -> str:
    """Return a sentence on files that are near to FER-2013, "" if there are none."""
    for found in files.values():
        for name, file in found.items():
            if name in FILES:
                return f" {file} holds no fer2013.csv: unpack it, if it holds images."
            if name in ("train.csv", "test.csv"):
                return (
                    f" {file} of the competition on Kaggle is not enough, because it holds one "
                    "split or no labels: take icml_face_data.csv of the same download."
                )
    return ""


def read(path: str | Path, *, ignore: Collection[str] = ()) -> Dataset:
    """Return FER-2013 from a file or a folder in any of the layouts of `find`.

    The splits are the official ones if the layout preserves them. It does not if there are only
    the folders train and test, and the names of the test images do not begin with PublicTest or
    PrivateTest. Then every other test image of each emotion becomes PublicTest and the rest
    PrivateTest, so that models are chosen and tested on different images, and a warning says that
    only both splits together (7,178 images) are comparable with published numbers. There is also
    a warning if the class counts differ from the published ones.

    Class folders that are named 0 to 6 are read in FER-2013's order, and a warning says so. Those
    that are named 1 to 7 are read in RAF-DB's order if the folder that contains them is called so.

    Args:
        path: the file or the folder.
        ignore: the names of other classes, such as "contempt", whose images are left out.

    Raises:
        FileNotFoundError: `path` does not exist.
        ValueError: the content is not FER-2013; the message names the line or the image.
    """
    path = _as_path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: run `make data` to download FER-2013.")
    if path.is_dir():
        try:
            path = find(path)
        except FileNotFoundError as error:  # the folder exists, but its content is another
            raise ValueError(str(error)) from None
    if not path.is_dir():
        return fer2013_csv.read(path)
    if fer2013_parquet.split_files(path):
        return fer2013_parquet.read(path, ignore)
    return fer2013_folders.read(path, ignore)


def _folders_to_search(start: Path) -> list[Path]:
    """Return `start` and the folders up to two levels below it, but no hidden (unfinished) ones."""
    levels = [[start]]
    for _ in range(2):
        below = [child for place in levels[-1] if place.is_dir() for child in place.iterdir()]
        levels.append(sorted(p for p in below if p.is_dir() and not p.name.startswith(".")))
    return [place for level in levels for place in level]
