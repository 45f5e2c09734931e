"""Where the project's files are, whether the package is installed from a clone or copied."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def root(start: Path | None = None) -> Path:
    """Return the project's folder: the one that holds pyproject.toml and notebooks/.

    Looks from this file upwards (an installation with `pip install -e .`), then from `start`
    (default: the working directory) upwards, as Colab needs it.

    Raises:
        FileNotFoundError: no folder above is the project's.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (Path(__file__).resolve().parents[1], here, *here.parents):
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


@contextmanager
def beside(path: Path, shared: bool = False, ending: str = "") -> Iterator[Path]:
    """Give a file to write beside `path`; it takes its place at the end, and goes on an error.

    Args:
        path: the file to be; an older one is replaced, and a folder that is missing is made.
        shared: several processes or threads may write it at once, so each gets a name of its own;
            else the name is always the same, and what a kill left is written over.
        ending: what its name shall end in, where a library goes by that; it follows ".part".
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    own = f".{uuid.uuid4().hex}" if shared else ""
    part = path.with_name(f"{path.name}{own}.part{ending}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` beside `path`, then rename, so that a reader never meets half a file."""
    with beside(path) as part:
        part.write_text(text, encoding="utf-8")


FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk, or a user's share of one, says."""


def full(place: Path) -> OSError:
    """Return the error that tells a learner that the disk is full."""
    return OSError(
        f"the disk is full: {place} cannot be written. What is done is kept; make room, and start "
        "again."
    )


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Say in a sentence why `place` cannot be written.

    Raises:
        OSError: the disk is full, or whatever else was in the way.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise full(place) from None
        raise OSError(f"{place} cannot be written: {error.strerror or error}.") from None
