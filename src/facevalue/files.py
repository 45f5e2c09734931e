"""Reading and writing files safely: atomic writes, file locks, and clear error messages."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
"""The error numbers of a full disk and of an exhausted disk quota."""

NOT_REGULAR = "is a pipe, a socket or a device, not a file"
"""Why a file cannot be read, for sentences that start with its name."""

SECONDS_UNTIL_STALE = 60
"""A temporary file that was not written to for so long belongs to a run that was killed."""

_SHARED_PART = re.compile(r".+\.[0-9a-f]{32}\.part(\.\w+)*")
"""The names of the temporary files of `atomic_write(path, shared=True)`."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading, but no pipe or device, which might never end.

    Raises:
        ValueError: it is a pipe, a socket or a device.
        OSError: it does not exist or cannot be read.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # to open a folder is an error anyway
        raise ValueError(f"{path.name} {NOT_REGULAR}.")
    return path.open("rb")


def check_parent(path: Path) -> None:
    """Raise an error if the folder of a file that a user named does not exist.

    A mistyped path is told, and not created.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {path.parent} for {path.name}: create it, or choose another."
        )


class ExplainedError(OSError):
    """An error whose message is a sentence; str() does not show its number."""

    def __init__(self, sentence: str = "", number: int | None = None) -> None:
        super().__init__(sentence)
        self.errno = number


@contextmanager
def atomic_write(path: Path, *, shared: bool = False, suffix: str = "") -> Iterator[Path]:
    """Yield a temporary file, which replaces `path` if the block ends without an error.

    No reader ever sees a half-written file, and an error leaves the old file unchanged. An error of
    the disk is explained as by `explain_write_errors`.

    Args:
        path: the file to write. Missing folders are created.
        shared: whether several processes or threads may write the file at once. The temporary
            name is then random, and `remove_stale_parts` removes what a killed run left behind;
            otherwise it is fixed, the next run overwrites it, and a second writer gets an error.
        suffix: the extension of the temporary name, for libraries that derive the format from it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_write(Path(folder) / "table.csv") as part:
    ...         _ = part.write_text("emotion,count")
    ...     print(part.name, [file.name for file in Path(folder).iterdir()])
    table.csv.part ['table.csv']
    """
    unique = f".{uuid.uuid4().hex}" if shared else ""
    part = path.with_name(f"{path.name}{unique}.part{suffix}")
    with explain_write_errors(path), ExitStack() as stack:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not shared:
            stack.enter_context(_sole_writer(part, path))
        try:
            yield part
            try:
                part.replace(path)
            except FileNotFoundError as error:
                raise _written_by_another(path) from error
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@contextmanager
def _sole_writer(part: Path, path: Path) -> Iterator[None]:
    """Lock the temporary file of `path`; the system unlocks it when a process ends or is killed.

    Without the lock, a second writer would go on writing into the first one's finished file.

    Raises:
        ExplainedError: another process or thread holds the lock.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows renames no file that another process has open
        yield
        return
    with part.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _written_by_another(path) from error
        except OSError:  # some network file systems have no locks
            pass
        yield


def _written_by_another(path: Path) -> ExplainedError:
    """Return an error which says that two processes write the same file."""
    return ExplainedError(
        f"Another process writes {path}, too: let it finish, then run this again."
    )


def remove_stale_parts(folder: Path) -> None:
    """Remove the temporary files that killed runs of `atomic_write` left in a folder.

    Only those with a random name are removed, if nothing was written to them for
    `SECONDS_UNTIL_STALE`: another process may be writing the others.
    """
    oldest = time.time() - SECONDS_UNTIL_STALE
    with suppress(OSError):  # they cost only space
        for file in folder.iterdir():
            if _SHARED_PART.fullmatch(file.name) and file.stat().st_mtime < oldest:
                file.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def append_line(path: Path, line: str) -> None:
    """Append a line to a text file in UTF-8, or nothing if there is an error of the disk."""
    with explain_write_errors(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        content = f"{line}\n".encode()
        try:
            if file.write(content) < len(content):  # a full disk takes a part
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(before)
            raise


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Allow one process or thread at a time to run the block; the others wait.

    The lock is the file PATH.lock. The system releases it when a process ends, even if it is
    killed. If the lock cannot be created (in a read-only folder, on a full disk, or on a file
    system without locks), the block runs without one.

    Args:
        path: the file to protect. Missing folders are created.
    """
    from filelock import FileLock  # not needed to recognise faces, so not a base dependency

    with ExitStack() as stack:
        with suppress(OSError, NotImplementedError):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(path.with_name(f"{path.name}.lock")))
        yield


def disk_full(path: Path) -> OSError:
    """Return an error which says that the disk is full and `path` cannot be written."""
    return ExplainedError(
        f"The disk is full: {path} cannot be written. Finished results are kept: free some space, "
        "then run the same command again.",
        errno.ENOSPC,
    )


@contextmanager
def explain_write_errors(path: Path) -> Iterator[None]:
    """Replace an error from writing a file with one whose message is a clear sentence.

    Raises:
        ExplainedError: `path` cannot be written; the message says why. The number of the error
            stays, and so does an error that is explained already.
    """
    try:
        yield
    except ExplainedError:
        raise
    except OSError as error:
        if error.errno in DISK_FULL:
            raise disk_full(path) from error
        reason = (error.strerror or str(error)).removesuffix(".")
        raise ExplainedError(f"{path} cannot be written: {reason}.", error.errno) from error


def escaped(text: str) -> str:
    """Return a text of which a terminal shows each character, and obeys none.

    Names of files may hold any character, also those that move the cursor or set a title.

    >>> print(escaped("menu" + chr(27) + ".jpg"))
    menu\\x1b.jpg
    """
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", errors="backslashreplace").decode()
        for character in text
    )


def without_secrets(text: str) -> str:
    """Return a text without the passwords and signatures of the addresses in it.

    >>> without_secrets("https://me:secret@host/photos?Signature=abc cannot be read")
    'https://host/photos cannot be read'
    """
    # a password may hold @ and even /, although both should be written in another way there
    plain = re.sub(r"://(?:[^/\s]*@|[^/\s:@]*:(?!\d+/)\S*@)", "://", text)
    return re.sub(r"(://[^\s?]*)\?[^\s\"']*", r"\1", plain)


def error_sentence(error: Exception) -> str:
    """Return an error as a sentence: without the number in errors of the operating system.

    >>> error_sentence(FileNotFoundError(2, "No such file or directory", "photo.jpg"))
    'photo.jpg: No such file or directory.'
    """
    if isinstance(error, OSError) and error.strerror:
        if error.errno in DISK_FULL:
            return str(disk_full(Path(str(error.filename or "the file"))))
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror.removesuffix('.')}."
    return str(error)


def checksum(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file in hexadecimal; `algorithm` is hashlib's name for it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
