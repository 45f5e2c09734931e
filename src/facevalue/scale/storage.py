"""Folders of photos and videos on this machine or at any address that fsspec knows."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from facevalue.image_files import MOST_BYTES, decode_photo


def address(folder: str | Path) -> str:
    """Return an address that means the same on a worker with another working folder."""
    text = str(folder)
    return text if "://" in text or "::" in text else str(Path(text).expanduser().resolve())


def shown(text: str) -> str:
    """Return a text without what addresses in it may hold: passwords, and signatures after "?"."""
    return re.sub(r"(://[^\s?]*)\?[^\s\"']*", r"\1", re.sub(r"://[^/@\s]*@", "://", text))


def reason(error: Exception) -> str:
    """Return why a file failed, in one line without secrets."""
    told = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    told = " ".join(shown(told).split())
    known = told and isinstance(error, OSError | ValueError)
    return told if known else f"{type(error).__name__} {told}".strip()


def opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the folder in it.

    Raises:
        ModuleNotFoundError: the address needs a package that is not installed.
        ValueError: it is no address.
    """
    try:
        # listings that are kept would be the larger, the larger the folder
        system, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
    except ImportError as error:
        raise ModuleNotFoundError(f"{shown(address)} cannot be read here: {error}.") from None
    except ValueError as error:
        raise ValueError(f"{shown(address)} is no address of a folder: {error}.") from None
    return system, root.rstrip("/") or root


def check_folder(address: str) -> None:
    """Raise OSError unless there is such a folder."""
    system, root = opened(address)
    try:
        there = system.isdir(root)
    except Exception as error:  # each kind of storage has its own types
        raise OSError(f"{shown(address)} cannot be read: {reason(error)}.") from None
    if not there:
        raise FileNotFoundError(f"there is no folder {shown(address)}.")


def join(root: str, name: str) -> str:
    """Return the path of a file of `files` in its file system."""
    return f"{root.rstrip('/')}/{name}" if root else name


def files(
    system: Any,
    root: str,
    suffixes: tuple[str, ...],
    problems: list[dict[str, Any]],
    folder: str | None = None,
) -> Iterator[tuple[str, str]]:
    """Yield each file under `root`, and what tells that it is still the same file.

    In the order of the names, one folder after the other; only one is in memory at a time.

    Args:
        system, root: as `opened` returns them.
        suffixes: the files to yield, by the ends of their names in small letters.
        problems: what cannot be yielded is added to it, as {"file": ..., "problem": ...}.
        folder: where to begin under `root`.
    """
    start = len(root.rstrip("/")) + 1 if root else 0
    place = root if folder is None else folder
    for facts in sorted(system.ls(place, detail=True), key=lambda facts: str(facts["name"])):
        path = str(facts["name"])
        name = path[start:]
        if facts["type"] == "directory":
            # some stores list a folder in itself, and a link may lead back to where it is
            if path.rstrip("/") == place.rstrip("/") or facts.get("islink"):
                continue
            try:
                yield from files(system, root, suffixes, problems, path)
            except Exception as error:  # a storage's own types too
                problems.append({"file": name, "problem": f"cannot be listed: {reason(error)}"})
        elif path.lower().endswith(suffixes):
            if problem := _name_problem(name):
                told = name.encode(errors="backslashreplace").decode()
                problems.append({"file": told, "problem": problem})
                continue
            names = ("ETag", "etag", "mtime", "LastModified", "last_modified", "modified")
            yield name, f"{facts.get('size')} {next(filter(None, map(facts.get, names)), '')}"


def _name_problem(name: str) -> str:
    """Return why a file cannot be worked on by its name, or "": a store's names may be anything."""
    try:
        name.encode()
    except UnicodeEncodeError:  # on Linux a name may be any bytes
        return "its name is no text: rename it"
    if ".." in PurePosixPath(name.replace("\\", "/")).parts or name.startswith("/"):
        return "its name leads out of the folder: rename it"
    return ""


def read(system: Any, path: str, most: int) -> bytes:
    """Return a file's content.

    Raises:
        ValueError: it has more than `most` bytes.
        Exception: whatever its storage raises when it cannot be read.
    """
    with system.open(path, "rb") as opened:
        content: bytes = opened.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{Path(path).name} is larger than {most // 1_000_000} MB.")
    return content


@contextmanager
def here(system: Any, path: str, most: int) -> Iterator[Path]:
    """Give a file a place on this machine, for those who read nothing else, as OpenCV.

    Raises:
        ValueError: it has more than `most` bytes.
    """
    if isinstance(system, LocalFileSystem):
        yield Path(path)
        return
    if (system.size(path) or 0) > most:
        raise ValueError(f"{Path(path).name} is larger than {most // 1_000_000_000} GB.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(path).name
        system.get_file(path, str(file))
        yield file


if TYPE_CHECKING:
    pass


def read_from(system: Any, path: str) -> np.ndarray:
    """Do as `read` with a file of any storage (see `storage.opened`)."""
    content = read(system, path, MOST_BYTES)
    return decode_photo(content, PurePosixPath(path).name)
