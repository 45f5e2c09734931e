"""Where the project's files are, whether the package is installed from a clone or copied."""

from __future__ import annotations

import os
from pathlib import Path


def root(start: Path | None = None) -> Path:
    """Return the project's folder: the one that holds pyproject.toml and notebooks/.

    Looks from this file upwards (an installation with `pip install -e .`), then from `start`
    (default: the working directory) upwards, as Colab needs it.

    Raises:
        FileNotFoundError: no folder above is the project's.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (Path(__file__).resolve().parents[2], here, *here.parents):
        if (folder / "pyproject.toml").is_file() and (folder / "notebooks").is_dir():
            return folder
    raise FileNotFoundError(
        f"No Face Value project at or above {here}: open the notebook from inside the repository."
    )


def raw() -> Path:
    """Return where data sets are looked for: FACEVALUE_DATA, else data/raw in the project."""
    return Path(os.environ.get("FACEVALUE_DATA") or root() / "data" / "raw").expanduser()


def raw_file(name: str) -> Path:
    """Return where a raw file is looked for: in `raw`, or beside it if that is itself a file."""
    place = raw()
    return (place.parent if place.is_file() else place) / name


def processed() -> Path:
    """Return the folder for caches and results, data/processed, and make it if it is missing."""
    folder = root() / "data" / "processed"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
