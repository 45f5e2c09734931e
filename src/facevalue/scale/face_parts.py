"""Storing finished parts of the scoring of a folder, so that a killed run can continue."""

from __future__ import annotations

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from facevalue.files import ExplainedError, atomic_write, explain_write_errors
from facevalue.scale.face_table import Row

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Parts:
    """A folder of parts, each a compressed JSON Lines file with the rows of some files.

    The name of a part is its cache key, a hash of its files and of the way they were scored. A part
    with a file that could not be reached has .retry in its name: the next run scores it again.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is created when the first part is stored."""
        self.folder = folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Create the folder, and keep other processes of this machine out of it during the block.

        Windows has no locks for folders: there, nobody is kept out.

        Raises:
            OSError: the folder cannot be created, or another process holds it.
        """
        with explain_write_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.callback(self._remove_if_empty)
            if fcntl is not None:
                number = os.open(self.folder, os.O_RDONLY)
                stack.callback(os.close, number)
                try:
                    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise ExplainedError(
                        f"Another process keeps its finished work in {self.folder} at the moment: "
                        "wait until it ends, or choose another name for the table."
                    ) from error
                except OSError:
                    pass  # a file system without locks
            yield

    def store(self, key: str, rows: list[Row], *, retry: bool = False) -> None:
        """Store a part atomically.

        Args:
            key: the part's cache key.
            rows: rows of faces, {"file": ..., "problem": ...} for a file that failed, or
                {"file": ..., "no_face": ...} for one in which no face was found.
            retry: whether the next run must score the part again.
        Raises:
            OSError: the folder cannot be written, for example because the disk is full.
        """
        text = "".join(f"{json.dumps(row)}\n" for row in rows)
        with explain_write_errors(self.folder):
            with atomic_write(self._file(key, retry)) as part:
                part.write_bytes(gzip.compress(text.encode(), compresslevel=6, mtime=0))
            self._file(key, not retry).unlink(missing_ok=True)

    def is_done(self, key: str) -> bool:
        """Return whether there is a finished part that can be read."""
        try:
            self._read(self._file(key, retry=False))
        except (OSError, EOFError, ValueError, zlib.error):  # missing or damaged
            return False
        return True

    def rows(self, key: str) -> Iterator[Row]:
        """Yield the rows of a part, whether it is finished or must be scored again."""
        file = self._file(key, retry=False)
        yield from self._read(file if file.is_file() else self._file(key, retry=True))

    def remove_all_but(self, keys: set[str]) -> None:
        """Delete the parts with other keys: their files were changed or deleted."""
        for file in self.folder.glob("*.jsonl.gz*"):
            key = re.fullmatch(r"([0-9a-f]{32})(\.retry)?\.jsonl\.gz(\.part)?", file.name)
            if key and key[1] not in keys:
                file.unlink(missing_ok=True)

    def has_unfinished(self) -> bool:
        """Return whether there are parts that must be scored again."""
        return any(self.folder.glob("*.retry.jsonl.gz"))

    def remove(self) -> None:
        """Delete all parts, and the folder if it contains nothing else."""
        self.remove_all_but(set())
        self._remove_if_empty()

    def _remove_if_empty(self) -> None:
        with suppress(OSError):
            self.folder.rmdir()

    def _file(self, key: str, retry: bool) -> Path:
        return self.folder / f"{key}{'.retry' if retry else ''}.jsonl.gz"

    @staticmethod
    def _read(file: Path) -> list[Row]:
        text = gzip.decompress(file.read_bytes()).decode()
        return [json.loads(line) for line in text.splitlines()]
