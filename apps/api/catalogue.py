"""What people filter by, for every image, in memory: any page is found as fast as the first."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, case, func, select, text

from facevalue import emotions
from facevalue.collection.database_schema import DataSource, Image

COLOURS = ("Grayscale", "RGB")
"""The colour spaces; the number that the API takes is an index into this tuple."""

AT_ONCE = 50_000
REMEMBERED = 64


class Filter(NamedTuple):
    """Which images are asked for; None is any. An aspect ratio fits to two decimals."""

    source_id: int | None = None
    emotion: int | None = None
    colour: int | None = None
    aspect_ratio: float | None = None


@dataclass(frozen=True)
class Source:
    """One row of data_sources."""

    id: int
    name: str
    address: str
    licence: str


@dataclass
class Snapshot:
    """The columns of all images at one moment, in the order of their ids.

    Attributes:
        ids: int64, shape (n,).
        source_ids, emotions, colours: int64, shape (n,); a colour that is not in COLOURS is -1.
        aspect_ratios: float64, shape (n,).
        sources: by id.
    """

    ids: np.ndarray
    source_ids: np.ndarray
    emotions: np.ndarray
    colours: np.ndarray
    aspect_ratios: np.ndarray
    sources: dict[int, Source]
    found: dict[Filter, np.ndarray] = field(default_factory=dict)

    def find(self, wanted: Filter) -> np.ndarray:
        """Return the ids of the images that fit, ascending: int64, shape (k,)."""
        if wanted not in self.found:
            if len(self.found) >= REMEMBERED:
                self.found.clear()
            self.found[wanted] = self.ids[self._fits(wanted)]
        return self.found[wanted]

    def _fits(self, wanted: Filter) -> np.ndarray:
        fits = np.ones(len(self.ids), bool)
        for column, value in (
            (self.source_ids, wanted.source_id),
            (self.emotions, wanted.emotion),
            (self.colours, wanted.colour),
        ):
            if value is not None:
                fits &= column == value
        if wanted.aspect_ratio is not None:
            fits &= np.abs(self.aspect_ratios - wanted.aspect_ratio) < 0.005
        return fits

    def counts(self) -> np.ndarray:
        """Return the number of images by source (in the order of `sources`) and emotion."""
        table = np.zeros((len(self.sources), len(emotions.EMOTIONS)), np.int64)
        np.add.at(table, (np.searchsorted(list(self.sources), self.source_ids), self.emotions), 1)
        return table

    def frequent_ratios(self, most: int = 8) -> list[tuple[float, int]]:
        """Return the most frequent aspect ratios, to two decimals, and how many have each."""
        values, counts = np.unique(np.round(self.aspect_ratios, 2), return_counts=True)
        order = np.argsort(-counts, kind="stable")[:most]
        return sorted((float(values[k]), int(counts[k])) for k in order)


class Catalogue:
    """Keeps the newest snapshot of a database.

    Before each answer it asks whether the database has changed, which costs microseconds, and
    reads the columns again if so. That takes 3 s for a million images, so it waits at least ten
    times as long before it asks again: with a few thousand images, news are seen at once.
    """

    def __init__(self, engine: Engine) -> None:
        """Read the database for the first time."""
        self._engine = engine
        self._lock = threading.Lock()
        self._state: Hashable = None
        self._ask_again = 0.0
        self._snapshot = self.newest()

    def newest(self) -> Snapshot:
        """Return the columns as they are now, or were a moment ago."""
        if time.monotonic() < self._ask_again:
            return self._snapshot
        if not self._lock.acquire(blocking=False):
            return self._snapshot  # another thread is reading
        try:
            start = time.monotonic()
            state = self._look()
            if state != self._state:
                self._engine.dispose()  # the file may be another one under the same name
                with self._engine.connect() as connection:
                    self._snapshot = read(connection)
                self._state = state
            now = time.monotonic()
            self._ask_again = now + 10 * (now - start)
            return self._snapshot
        finally:
            self._lock.release()

    def _look(self) -> Hashable:
        """Return a value that is another one after each change of the images."""
        if self._engine.dialect.name == "sqlite" and self._engine.url.database:
            file = Path(self._engine.url.database).stat()
            return file.st_ino, file.st_mtime_ns, file.st_size
        with self._engine.connect() as connection:
            # PostgreSQL counts changes and deletions some seconds late, new images at once
            changes = text(
                "SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables "
                "WHERE relname = 'all_images'"
            )
            newest = connection.scalar(select(func.max(Image.id)))
            return newest, *map(tuple, connection.execute(changes))


def read(connection: Connection) -> Snapshot:
    """Read the columns of all images, which one index holds, and all sources."""
    colour = case({name: number for number, name in enumerate(COLOURS)}, value=Image.colour_space,
                  else_=-1)  # fmt: skip
    query = select(Image.id, Image.source_id, Image.emotion_id, colour, Image.aspect_ratio)
    rows = connection.execution_options(yield_per=AT_ONCE).execute(query)
    parts = [np.array([tuple(row) for row in part], float) for part in rows.partitions()]
    table = np.concatenate([np.empty((0, 5)), *parts])
    ids, source_ids, labels, colours = table[:, :4].T.astype(np.int64)
    order = np.argsort(ids)
    sources = connection.execute(
        select(DataSource.id, DataSource.name, DataSource.address, DataSource.licence)
    )
    return Snapshot(
        ids[order],
        source_ids[order],
        labels[order],
        colours[order],
        table[order, 4],
        {row.id: Source(*row) for row in sorted(sources)},
    )
