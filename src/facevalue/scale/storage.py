"""Folders of photos and videos on this machine or at an address that fsspec knows."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

import numpy as np

from facevalue.files import NOT_REGULAR, open_regular, without_secrets
from facevalue.image_files import MAX_BYTES, decode_reduced


class FileSystem(Protocol):
    """The part of fsspec's interface that is used here."""

    def isdir(self, path: str) -> bool: ...
    def ls(self, path: str, detail: bool = True) -> list[dict[str, Any]]: ...
    def open(self, path: str, mode: str = "rb") -> BinaryIO: ...
    def size(self, path: str) -> int | None: ...
    def get_file(self, path: str, local_path: str) -> None: ...


class LocalFileSystem:
    """The files of this machine: a local folder does not need fsspec."""

    def isdir(self, path: str) -> bool:
        """Return whether there is such a folder."""
        return Path(path).is_dir()

    def ls(self, path: str, detail: bool = True) -> list[dict[str, Any]]:
        """Return name, type, size and modification time of everything in a folder."""
        with os.scandir(path) as entries:
            return [facts for entry in entries if (facts := self._info(entry))]

    def open(self, path: str, mode: str = "rb") -> BinaryIO:
        """Open a file for reading."""
        return open_regular(Path(path))

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        return Path(path).stat().st_size

    def get_file(self, path: str, local_path: str) -> None:
        """Copy a file."""
        shutil.copyfile(path, local_path)

    @staticmethod
    def _info(entry: os.DirEntry[str]) -> dict[str, Any]:
        """Return the facts on an entry of a folder, none if it has just been deleted."""
        # a broken link is listed too, so that reading it fails with the reason
        broken = entry.is_symlink() and not Path(entry).exists()
        try:
            facts = entry.stat(follow_symlinks=not broken)
        except FileNotFoundError:
            return {}
        regular = broken or stat.S_ISREG(facts.st_mode)
        return {
            "name": Path(entry).as_posix(),
            "type": "directory" if stat.S_ISDIR(facts.st_mode) else "file" if regular else "other",
            "islink": entry.is_symlink(),
            "size": facts.st_size,
            "mtime": facts.st_mtime,
        }


def address(folder: str | Path) -> str:
    """Return an address that is also valid on a worker with another working directory.

    Raises:
        ValueError: `folder` is empty, or neither a text nor a path.

    >>> address("s3://bucket/photos")
    's3://bucket/photos'
    """
    text = str(folder)
    if not isinstance(folder, str | Path) or not text:
        what = "an empty text" if text == "" else type(folder).__name__
        raise ValueError(
            f"A folder or a file is named by its path or address, not by {what}: the current "
            "folder is a dot (.)."
        )
    return text if "://" in text else str(Path(text).expanduser().resolve())


def reason(error: Exception) -> str:
    """Return why a file failed, in one line and without secrets.

    >>> reason(ValueError("a.png is a broken image."))
    'a.png is a broken image.'
    >>> reason(KeyError("size"))
    "KeyError 'size'"
    """
    text = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    text = " ".join(without_secrets(text).split())
    explained = text and isinstance(error, OSError | ValueError)
    return text if explained else f"{type(error).__name__} {text}".strip()


def file_system(address: str) -> tuple[FileSystem, str]:
    """Return the file system of an address, and the path of the folder in it.

    Raises:
        ModuleNotFoundError: the address needs a package that is not installed.
        ValueError: the address is invalid.
        OSError: its server cannot be reached.
    """
    if "://" not in address:
        return LocalFileSystem(), Path(address).as_posix()
    try:
        import fsspec

        # a cached listing would need memory for every file of the folder
        system, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{without_secrets(address)} needs a package that is not installed ({error}): install "
            "it with pip."
        ) from error
    except ValueError as error:
        # without the cause, whose message may contain the address with its password
        raise ValueError(
            f"{without_secrets(address)} is not the address of a folder: {reason(error)}."
        ) from None
    except OSError as error:
        told = without_secrets(address)
        raise OSError(f"{told} cannot be reached: {reason(error)}.") from None
    return system, root.rstrip("/") or root


def check_folder(address: str) -> None:
    """Raise an error if a folder does not exist or cannot be reached.

    Raises:
        FileNotFoundError: there is no such folder.
        OSError: its storage cannot be reached.
        ValueError, ModuleNotFoundError: as in `file_system`.
    """
    system, root = file_system(address)
    try:
        exists = system.isdir(root)
    except Exception as error:  # each kind of storage has its own exceptions
        # without the cause, whose message may contain the address with its password
        raise OSError(f"{without_secrets(address)} cannot be read: {reason(error)}.") from None
    if not exists:
        raise FileNotFoundError(f"There is no folder {without_secrets(address)}: check the path.")


def join(root: str, name: str) -> str:
    """Return the path of one of the `files` in its file system.

    >>> join("bucket/photos", "day 1/a.jpg")
    'bucket/photos/day 1/a.jpg'
    """
    return f"{root.rstrip('/')}/{name}" if root else name


def files(
    system: FileSystem,
    root: str,
    suffixes: tuple[str, ...],
    problems: list[dict[str, Any]],
    folder: str | None = None,
    skip: Callable[[str], None] = lambda name: None,
) -> Iterator[tuple[str, str]]:
    """Yield the name of each file under `root`, and a text that changes when the file changes.

    They are sorted by name within each folder. Links to folders are not followed, and neither are
    links to files outside `root`.

    Args:
        system, root: as `file_system` returns them.
        suffixes: those of the files to yield, in lower case.
        problems: {"file": ..., "problem": ...} is added for what cannot be yielded.
        folder: where to start under `root`.
        skip: a function that is called with the name of each file with another suffix.
    """
    start = len(root.rstrip("/")) + 1 if root else 0
    here = root if folder is None else folder
    for facts in sorted(system.ls(here, detail=True), key=lambda facts: str(facts["name"])):
        path = str(facts["name"])
        name = path[start:]
        if facts["type"] == "directory":
            # some stores list a folder in itself
            if path.rstrip("/") == here.rstrip("/"):
                continue
            if facts.get("islink"):
                told = "it is a link to a folder, which is not followed: score that folder itself"
                problems.append({"file": name, "problem": told})
                continue
            try:
                yield from files(system, root, suffixes, problems, path, skip)
            except Exception as error:  # each kind of storage has its own exceptions
                problems.append({"file": name, "problem": f"cannot be listed: {reason(error)}"})
        elif path.lower().endswith(suffixes):
            if problem := _name_problem(name) or _file_problem(facts, root):
                readable = name.encode(errors="backslashreplace").decode()
                problems.append({"file": readable, "problem": problem})
                continue
            yield name, _state(facts)
        else:
            skip(name)


def _state(facts: dict[str, Any]) -> str:
    """Return the size of a file and its checksum or modification time, whichever is known."""
    names = ("ETag", "etag", "mtime", "LastModified", "last_modified", "modified")
    return f"{facts.get('size')} {next(filter(None, map(facts.get, names)), '')}"


def _file_problem(facts: dict[str, Any], root: str) -> str:
    """Return why a file of a listing is not read, or "" if it is."""
    if facts["type"] == "other":
        return f"it {NOT_REGULAR}"
    # Path.resolve fails for a link that leads to itself
    target = Path(os.path.realpath(str(facts["name"])))
    if facts.get("islink") and not target.is_relative_to(Path(root).resolve()):
        return "it is a link that leads out of the folder: copy the file into the folder"
    return ""


def _name_problem(name: str) -> str:
    """Return why a file with this name cannot be processed, or "" if it can."""
    try:
        name.encode()
    except UnicodeEncodeError:  # on Linux a name may be any bytes
        return "its name is not valid text: rename it"
    if ".." in PurePosixPath(name.replace("\\", "/")).parts or name.startswith("/"):
        return "its name leads out of the folder: rename it"
    return ""


def read(system: FileSystem, path: str, limit: int) -> bytes:
    """Return a file's content.

    Raises:
        ValueError: it has more than `limit` bytes.
        Exception: it cannot be read; each kind of storage has its own types.
    """
    with system.open(path, "rb") as opened:
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{Path(path).name} is larger than {limit // 1_000_000} MB.")
    return content


def read_image(system: FileSystem, path: str, side: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Return a photo from any storage and its size, as `image_files.decode_reduced` does."""
    return decode_reduced(read(system, path, MAX_BYTES), PurePosixPath(path).name, side)


@contextmanager
def local_file(system: FileSystem, path: str, limit: int) -> Iterator[Path]:
    """Yield a path of a file on this machine, for libraries that need one, such as OpenCV.

    A remote file is copied to a temporary folder, and the copy is deleted when the block ends.

    Raises:
        ValueError: it has more than `limit` bytes.
    """
    if isinstance(system, LocalFileSystem):
        yield Path(path)
        return
    if (system.size(path) or 0) > limit:
        raise ValueError(f"{Path(path).name} is larger than {limit // 1_000_000_000} GB.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(path).name
        system.get_file(path, str(file))
        yield file
