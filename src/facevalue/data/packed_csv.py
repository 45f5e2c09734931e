"""Opening FER-2013's CSV file, which may be inside an archive, by content rather than by name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from facevalue.files import open_regular

NAMES = ("fer2013.csv", "icml_face_data.csv")
"""The names of the CSV file in an archive, in lower case."""

ARCHIVES = ("fer2013.tar.gz", "fer2013.tgz", "fer2013.tar")
"""The names of an archive inside an archive that may hold the CSV file, in lower case."""

MAX_UNPACKED = 1_000_000_000
"""How many bytes are unpacked at most; the CSV file has 301 million."""

MAX_LAYERS = 4
"""How often a file may be packed, one packing inside the other."""

DAMAGED = (
    *(OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError),
    *(NotImplementedError, RuntimeError, UnicodeDecodeError, OverflowError, MemoryError),
)
"""The errors that the standard library raises for damaged and strange archives."""

UNPACKERS: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
    (b"BZh", bz2.BZ2File),
)
"""The first bytes of compressed files, and what decompresses them."""


class _Limited(io.RawIOBase):
    """Reads a stream up to `MAX_UNPACKED` bytes: a small archive can unpack to any size."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name, self._left = stream, name, MAX_UNPACKED

    def readable(self) -> bool:
        """Return True: that is what the stream is for."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes into a buffer, and return how many."""
        content = self._stream.read(len(buffer))
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(
                f"{self._name} unpacks to more than {MAX_UNPACKED:,} bytes, so it is not FER-2013."
            )
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_csv(path: Path) -> Iterator[IO[bytes]]:
    """Open a CSV file, which is decompressed in memory: nothing is written to the disk.

    Args:
        path: the CSV file; a gzip, xz or bzip2 file; or a tar or zip file that contains it.

    Raises:
        ValueError: an archive does not contain the CSV file, or unpacks to too many bytes.
        DAMAGED: the file cannot be read; also raised later, by reading.
    """
    with ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(open_regular(path))
        start = file.read(4)
        file.seek(0)
        if start[:2] == b"PK":
            file = _from_zip(stack, file, path.name)
        yield _unpacked(stack, file, path.name)


def zip_holds_csv(path: Path) -> bool:
    """Return whether a file is a zip file that contains the CSV file or an archive of it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(map(_is_csv_file, archive.namelist()))
    except (*DAMAGED, ValueError):
        return False


def _unpacked(stack: ExitStack, file: IO[bytes], name: str) -> IO[bytes]:
    """Return the CSV file in a stream, however it is packed."""
    for _ in range(MAX_LAYERS):
        stream = io.BufferedReader(_Limited(file, name), 1 << 16)
        start = stream.peek(512)
        unpack = next((found for magic, found in UNPACKERS if start.startswith(magic)), None)
        if unpack:
            file = stack.enter_context(unpack(stream))
        elif start[257:262] == b"ustar":
            file = _from_tar(stack, stream, name)
        else:
            return stream
    raise ValueError(f"{name} is packed more than {MAX_LAYERS} times: unpack it first.")


def _from_tar(stack: ExitStack, stream: IO[bytes], name: str) -> IO[bytes]:
    archive = stack.enter_context(tarfile.open(fileobj=stream, mode="r|"))  # noqa: SIM115
    for member in archive:
        inner = archive.extractfile(member) if _is_csv_file(member.name) else None
        if inner:
            return stack.enter_context(inner)
    raise ValueError(f"{name} holds no fer2013.csv.")


def _from_zip(stack: ExitStack, file: IO[bytes], name: str) -> IO[bytes]:
    archive = stack.enter_context(zipfile.ZipFile(file))
    # a CSV file before an archive of it
    found = sorted(filter(_is_csv_file, archive.namelist()), key=lambda n: not _ends_in(n, NAMES))
    if not found:
        raise ValueError(f"{name} holds no fer2013.csv. If it holds images, unpack it first.")
    if archive.getinfo(found[0]).flag_bits & 1:
        raise ValueError(f"{name} is protected by a password: unpack it first.")
    return stack.enter_context(archive.open(found[0]))


def _is_csv_file(member: str) -> bool:
    """Return whether the name of a file in an archive is that of the CSV file or an archive."""
    return _ends_in(member, (*NAMES, *ARCHIVES))


def _ends_in(member: str, names: tuple[str, ...]) -> bool:
    return member.replace("\\", "/").rsplit("/", 1)[-1].lower() in names
