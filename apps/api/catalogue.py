"""The columns that visitors filter by, in memory, so that every page of a list is equally fast."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, case, event, func, select, text

from facevalue.collection.database_schema import DataSource, Image
from facevalue.emotions import EMOTIONS

LOG = logging.getLogger("uvicorn.error")

COLOURS = ("Grayscale", "RGB")
"""The colour spaces; the API uses the index into this tuple."""

MAX_ID = 2**31 - 1
"""The largest id of an image or a source."""

ROWS_PER_FETCH = 50_000
MAX_CACHED_FILTERS = 64


class Filter(NamedTuple):
    """The images to find; None matches any value.

    Attributes:
        aspect_ratio: the lowest and the highest, compared to two decimals.
    """

    source_id: int | None = None
    emotion: int | None = None
    colour: int | None = None
    aspect_ratio: tuple[float, float] | None = None


@dataclass(frozen=True)
class Source:
    """One row of the table data_sources.

    Attributes:
        address: a text, unless another program has stored something else.
    """

    id: int
    name: str
    address: Any
    licence: str


@dataclass
class Snapshot:
    """The columns of all images at one moment, ordered by id.

    Attributes:
        ids: int64, shape (n,).
        source_ids, emotions, colours: int64, shape (n,); -1 is a colour space not in COLOURS.
        aspect_ratios: float64, shape (n,).
        sources: those of the images, by id.
        found: the results of earlier filters.
    """

    ids: np.ndarray
    source_ids: np.ndarray
    emotions: np.ndarray
    colours: np.ndarray
    aspect_ratios: np.ndarray
    sources: dict[int, Source]
    found: dict[Filter, np.ndarray] = field(default_factory=dict)

    def find(self, wanted: Filter) -> np.ndarray:
        """Return the ids of the matching images, ascending: int64, shape (k,)."""
        if wanted not in self.found:
            if len(self.found) >= MAX_CACHED_FILTERS:
                self.found.clear()
            self.found[wanted] = self.ids[self._matches(wanted)]
        return self.found[wanted]

    def _matches(self, wanted: Filter) -> np.ndarray:
        matches = np.ones(len(self.ids), bool)
        for column, value in (
            (self.source_ids, wanted.source_id),
            (self.emotions, wanted.emotion),
            (self.colours, wanted.colour),
        ):
            if value is not None:
                matches &= column == value
        if wanted.aspect_ratio is not None:
            low, high = wanted.aspect_ratio
            matches &= (self.aspect_ratios > low - 0.005) & (self.aspect_ratios < high + 0.005)
        return matches

    def counts(self) -> np.ndarray:
        """Return the number of images of each source and emotion: int64, shape (sources, 7)."""
        table = np.zeros((len(self.sources), len(EMOTIONS)), np.int64)
        np.add.at(table, (np.searchsorted(list(self.sources), self.source_ids), self.emotions), 1)
        return table

    def frequent_ratios(self, limit: int = 8) -> list[tuple[float, int]]:
        """Return the most frequent aspect ratios, to two decimals, with their counts."""
        values, counts = np.unique(np.round(self.aspect_ratios, 2), return_counts=True)
        order = np.argsort(-counts, kind="stable")[:limit]
        return sorted((float(values[k]), int(counts[k])) for k in order)


class Catalogue:
    """Keeps the newest snapshot of a database.

    Before each response it checks whether the database has changed, which takes microseconds, and
    if so it reads the columns again. Reading takes 3 s for a million images, so the next check
    waits for ten times as long as the last one took: with a few thousand images, changes are
    visible at once.
    """

    def __init__(self, engine: Engine) -> None:
        """Read the database for the first time."""
        self._engine = engine
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _replace_what_is_no_text)
        self._lock = threading.Lock()
        self._known_version: Hashable = None
        self._next_check = 0.0
        self._snapshot = self.newest()

    def newest(self) -> Snapshot:
        """Return the current columns, or those of a moment ago."""
        if time.monotonic() < self._next_check:
            return self._snapshot
        if not self._lock.acquire(blocking=False):
            return self._snapshot  # another thread is reading
        try:
            start = time.monotonic()
            version = self._version()
            if version != self._known_version:
                self._engine.dispose()  # the file may have been replaced
                with self._engine.connect() as connection:
                    self._snapshot = read(connection)
                self._known_version = version
            now = time.monotonic()
            self._next_check = now + 10 * (now - start)
            return self._snapshot
        finally:
            self._lock.release()

    def _version(self) -> Hashable:
        """Return a value that differs after each change of the images."""
        if self._engine.dialect.name == "sqlite" and self._engine.url.database:
            file = Path(self._engine.url.database).stat()
            return file.st_ino, file.st_mtime_ns, file.st_size
        with self._engine.connect() as connection:
            # PostgreSQL counts updates and deletions some seconds late; a new id is seen at once
            changes = text(
                "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables "
                "WHERE relname = 'all_images'"
            )
            newest = connection.scalar(select(func.max(Image.id)))
            return newest, *map(tuple, connection.execute(changes))


def read(connection: Connection) -> Snapshot:
    """Read the columns of all images, which one index covers, and their sources.

    Images with an unknown emotion or source, or with something else than a number in one of these
    columns, are left out: another program must have added them.
    """
    colour = case({name: number for number, name in enumerate(COLOURS)}, value=Image.colour_space,
                  else_=-1)  # fmt: skip
    query = select(Image.id, Image.source_id, Image.emotion_id, colour, Image.aspect_ratio)
    with connection.execution_options(yield_per=ROWS_PER_FETCH).execute(query) as rows:
        parts = [_numbers([tuple(row) for row in part]) for part in rows.partitions()]
    named = connection.execute(
        select(DataSource.id, DataSource.name, DataSource.address, DataSource.licence)
    ).all()
    sound = [row for row in named if isinstance(row.id, int) and 0 < row.id <= MAX_ID
             and isinstance(row.name, str) and isinstance(row.licence, str)]  # fmt: skip
    sources = {row.id: Source(*row) for row in sorted(sound, key=lambda row: row.id)}
    table = np.concatenate([np.empty((0, 5)), *parts])
    ids = table[:, 0]
    known = np.isin(table[:, 1], list(sources)) & np.isin(table[:, 2], range(len(EMOTIONS)))
    known &= (ids > 0) & (ids <= MAX_ID) & (ids == np.floor(ids)) & np.isfinite(table[:, 4])
    if not known.all():
        LOG.warning("%d images have an unknown emotion or source, or no number where one must be: "
                    "they are not shown.", np.count_nonzero(~known))  # fmt: skip
    table = table[known]
    table = table[np.argsort(table[:, 0])]
    ids, source_ids, labels, colours = table[:, :4].T.astype(np.int64)
    sources = {number: sources[number] for number in np.unique(source_ids).tolist()}
    return Snapshot(ids, source_ids, labels, colours, table[:, 4], sources)


def _numbers(rows: Sequence[tuple[Any, ...]]) -> np.ndarray:
    """Return rows as float64, of the same shape; a row with anything but numbers is NaN."""
    try:
        return np.array(rows, float)
    except (TypeError, ValueError):
        nothing = (np.nan,) * len(rows[0])
        return np.array(
            [row if all(isinstance(v, int | float) for v in row) else nothing for row in rows]
        )


def _replace_what_is_no_text(connection: sqlite3.Connection, _: Any) -> None:
    """Let SQLite replace bytes that are not UTF-8: one such text would make each list fail."""
    connection.text_factory = lambda content: content.decode(errors="replace")
