"""The paths of the project's files, inside a checkout of the repository and outside one."""

from __future__ import annotations

import os
from pathlib import Path


def checkout(start: Path | None = None) -> Path | None:
    """Return the root folder of a checkout of the repository, or None if there is none.

    Checks the folder that contains this package (for an installation with `pip install -e .`),
    then `start` and its parent folders.

    Args:
        start: where to search from; by default the working directory.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (Path(__file__).resolve().parents[2], here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "src" / "facevalue").is_dir():
            return folder
    return None


def root(start: Path | None = None) -> Path:
    """Return the root folder of the repository, for files that exist only in a checkout.

    Args:
        start: as in `checkout`.

    Raises:
        FileNotFoundError: no checkout was found.
    """
    folder = checkout(start)
    if folder is None:
        raise FileNotFoundError(
            "This needs the files of the Face Value repository, but "
            f"{(start or Path.cwd()).resolve()} is not inside a checkout: clone the repository, "
            "and run it there."
        )
    return folder


def raw() -> Path:
    """Return the path to search for data sets: a folder, or the file of FER-2013 itself.

    It is the value of FACEVALUE_DATA if that is set; otherwise data/raw in the checkout, or raw/
    in the user's cache folder if there is no checkout.
    """
    named = os.environ.get("FACEVALUE_DATA")
    return Path(named).expanduser() if named else _data_folder() / "raw"


def raw_file(name: str) -> Path:
    """Return the path of a file of raw data, in the folder of `raw`; it may not exist yet."""
    place = raw()
    return (place.parent if place.is_file() else place) / name


def processed() -> Path:
    """Return the folder for caches and results, and create it if it is missing.

    It is data/processed in the checkout, or processed/ in the user's cache folder if there is no
    checkout.
    """
    folder = _data_folder() / "processed"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _data_folder() -> Path:
    """Return data/ in the checkout, or the user's cache folder if there is no checkout."""
    folder = checkout()
    return folder / "data" if folder else _user_cache()


def _user_cache() -> Path:
    try:
        from platformdirs import user_cache_path
    except ImportError:  # not needed to recognise faces, so not a base dependency
        return Path.home() / ".cache" / "facevalue"
    return user_cache_path("facevalue", appauthor=False)
