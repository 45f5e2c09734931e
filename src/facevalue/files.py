"""Writing files so that nothing half-written is left behind."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path, shared: bool = False, ending: str = "") -> Iterator[Path]:
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
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk, or a user's share of one, says."""


def disk_full(place: Path) -> OSError:
    """Return the error that tells a learner that the disk is full."""
    return OSError(
        f"the disk is full: {place} cannot be written. What is done is kept; make room, and start "
        "again."
    )


@contextmanager
def explain_write_errors(place: Path) -> Iterator[None]:
    """Say in a sentence why `place` cannot be written.

    Raises:
        OSError: the disk is full, or whatever else was in the way.
    """
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise disk_full(place) from None
        raise OSError(f"{place} cannot be written: {error.strerror or error}.") from None
