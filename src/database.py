"""The SQL database of face images: three tables, filled without duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import pandas as pd
from sqlalchemy import (
    Engine,
    ForeignKey,
    LargeBinary,
    String,
    create_engine,
    event,
    insert,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from facevalue import emotions

AT_ONCE = 500
"""How many hashes one query asks for: SQLite takes a limited number of parameters."""


class Base(DeclarativeBase):
    """What the three tables have in common."""


class DataSource(Base):
    """Where images come from."""

    __tablename__ = "data_sources"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    address: Mapped[str]
    licence: Mapped[str]


class EmotionId(Base):
    """The seven emotions; the id is the label, 0 to 6."""

    __tablename__ = "emotions_ids"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(20), unique=True)


class Image(Base):
    """One face: a PNG file, and what is known about it. No file is stored twice."""

    __tablename__ = "all_images"

    id: Mapped[int] = mapped_column(primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("data_sources.id"), index=True)
    emotion_id: Mapped[int] = mapped_column(ForeignKey("emotions_ids.id"), index=True)
    origin: Mapped[str]
    height: Mapped[int]
    width: Mapped[int]
    aspect_ratio: Mapped[float]
    format: Mapped[str] = mapped_column(String(8))
    colour_space: Mapped[str] = mapped_column(String(12))
    size_mb: Mapped[float]
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    png: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)

    source: Mapped[DataSource] = relationship()
    emotion: Mapped[EmotionId] = relationship()


COLUMNS = (
    "source",
    "emotion",
    "origin",
    "height",
    "width",
    "aspect_ratio",
    "format",
    "colour_space",
    "size_mb",
    "png",
)
"""The columns that `add_images` takes."""


def create(url: str) -> Engine:
    """Open a database, and make the tables and the seven emotions where they are missing.

    Args:
        url: for example "sqlite:///faces.db"; "sqlite://" is a database in memory.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _enforce_foreign_keys)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        for number, name in enumerate(emotions.EMOTIONS):
            session.merge(EmotionId(id=number, name=name))
    return engine


def add_sources(engine: Engine, sources: pd.DataFrame) -> int:
    """Add data sources that are not there yet, in one transaction; return how many.

    Args:
        engine: as `create` returns it.
        sources: columns name, address and licence.

    Raises:
        ValueError: a column is missing.
    """
    records = _records(sources, ("name", "address", "licence"))
    with Session(engine) as session, session.begin():
        known = set(session.scalars(select(DataSource.name)))
        new = [DataSource(**record) for record in records if record["name"] not in known]
        session.add_all(new)
        return len(new)


def add_images(engine: Engine, rows: pd.DataFrame) -> int:
    """Add images that are not there yet, all or none of them; return how many were new.

    Two images are the same if their PNG files are (by SHA-256). So adding the same rows a second
    time adds nothing, and a call that was interrupted is simply made again.

    Args:
        engine: as `create` returns it.
        rows: one row per image, the columns of `COLUMNS`: source and emotion by name, origin
            (str), height and width in pixels, aspect_ratio (width / height), format, colour_space,
            size_mb (units of 2**20 bytes), png (bytes).

    Raises:
        ValueError: a column is missing, or a source or an emotion is unknown.
        sqlalchemy.exc.IntegrityError: a value is missing.
    """
    records = _records(rows, COLUMNS)
    with Session(engine) as session, session.begin():
        ids = {
            name: number for number, name in session.execute(select(DataSource.id, DataSource.name))
        }
        unknown = sorted(set(rows["source"]) - set(ids))
        if unknown:
            raise ValueError(f"the source {unknown[0]!r} is not in data_sources: add it first.")
        new: dict[str, dict[str, Any]] = {}
        for values in records:
            values["source_id"] = ids[values.pop("source")]
            values["emotion_id"] = emotions.number(values.pop("emotion"))
            digest = hashlib.sha256(values["png"] or b"").hexdigest()
            new.setdefault(digest, values | {"sha256": digest})
        for digest in _stored(session, list(new)):
            del new[digest]
        if new:
            session.execute(insert(Image), list(new.values()))
        return len(new)


def _stored(session: Session, digests: list[str]) -> Iterable[str]:
    for start in range(0, len(digests), AT_ONCE):
        part = digests[start : start + AT_ONCE]
        yield from session.scalars(select(Image.sha256).where(Image.sha256.in_(part)))


def _records(table: pd.DataFrame, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"the table has no column {missing[0]!r}: it needs {', '.join(columns)}.")
    rows = table[list(columns)].to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def _enforce_foreign_keys(connection: Any, _: Any) -> None:
    """SQLite checks references between tables only where it is asked to."""
    connection.execute("PRAGMA foreign_keys = ON")
