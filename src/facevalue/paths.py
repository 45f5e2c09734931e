"""Where the project's files are, in a checkout of the repository and without one."""

from __future__ import annotations

import os
from pathlib import Path


def checkout(start: Path | None = None) -> Path | None:
    """Return the folder of the repository, or None where there is none.

    Looks at the folder that this file belongs to (an installation with `pip install -e .`), then
    at `start` and the folders above it.

    Args:
        start: by default the working directory.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (Path(__file__).resolve().parents[2], here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "src" / "facevalue").is_dir():
            return folder
    return None


def root(start: Path | None = None) -> Path:
    """Return the folder of the repository, for files that only a checkout has.

    Args:
        start: as in `checkout`.

    Raises:
        FileNotFoundError: there is no checkout.
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
    """Return where data sets are looked for: a folder, or the file of FER-2013 itself.

    It is what FACEVALUE_DATA names; by default data/raw in the checkout, or raw/ in the user's
    cache folder where there is no checkout.
    """
    named = os.environ.get("FACEVALUE_DATA")
    return Path(named).expanduser() if named else _data() / "raw"


def raw_file(name: str) -> Path:
    """Return where a file of raw data is looked for: in the folder of `raw`."""
    place = raw()
    return (place.parent if place.is_file() else place) / name


def processed() -> Path:
    """Return the folder for caches and results, and create it if it is missing.

    It is data/processed in the checkout, or processed/ in the user's cache folder where there is
    no checkout.
    """
    folder = _data() / "processed"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _data() -> Path:
    """Return data/ in the checkout, or the user's cache folder where there is no checkout."""
    folder = checkout()
    return folder / "data" if folder else _user_cache()


def _user_cache() -> Path:
    try:
        from platformdirs import user_cache_path
    except ImportError:  # not needed to recognise faces, so not a base dependency
        return Path.home() / ".cache" / "facevalue"
    return user_cache_path("facevalue", appauthor=False)
