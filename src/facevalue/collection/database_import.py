"""Adding sources, FACS tables and images to the database, without duplicates."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, func, insert, select, text
from sqlalchemy.orm import Session

from facevalue import emotions, image_files
from facevalue.collection import facs_page
from facevalue.collection.database import explain_errors
from facevalue.collection.database_copies import Record, add_copies, in_parts
from facevalue.collection.database_schema import (
    MAX_ADDRESS,
    MAX_NAME,
    DataSource,
    EmotionUnit,
    Image,
    SingleUnit,
)

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
"""The columns that `add_images` requires."""

OPTIONAL_COLUMNS = ("licence", "author", "address", "split")
"""The columns that `add_images` also stores if they exist."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""The first eight bytes of every PNG file."""

PNG_HEAD = 33
"""The bytes at the beginning of a PNG file that say how large it is."""


def add_sources(engine: Engine, sources: pd.DataFrame) -> int:
    """Add the data sources that are new, in one transaction; return their number.

    Args:
        engine: from `database.create`.
        sources: columns name, address and licence.

    Raises:
        ValueError: a column or a value is missing, or a name or an address is too long.
    """
    records = _records(sources, ("name", "address", "licence"))
    _check_lengths(records, {"name": MAX_NAME, "address": MAX_ADDRESS})
    with explain_errors(engine), Session(engine) as session, session.begin():
        known = set(session.scalars(select(DataSource.name)))
        new = [DataSource(**record) for record in records if record["name"] not in known]
        session.add_all(new)
        return len(new)


def add_facs(
    engine: Engine,
    single_units: pd.DataFrame | None = None,
    emotion_units: pd.DataFrame | None = None,
) -> int:
    """Insert or update both FACS tables, in one transaction; return their total number of rows.

    Args:
        engine: from `database.create`.
        single_units: columns action_unit, description, facial_muscle, and optionally qualifier;
            by default those of `facs_page.scrape`.
        emotion_units: columns emotion, action_unit and one_side (bool), one row per action unit
            of an emotion; by default those of `facs_page.scrape`.

    Raises:
        ValueError: a column or a value is missing.
        sqlalchemy.exc.IntegrityError: an emotion has an action unit that `single_units` lacks.
    """
    stored_units, stored_emotions = facs_page.scrape()
    single_units = stored_units if single_units is None else single_units
    emotion_units = stored_emotions if emotion_units is None else emotion_units
    singles = _records(
        single_units, ("action_unit", "description", "facial_muscle"), ("qualifier",)
    )
    pairs = _records(emotion_units, ("emotion", "action_unit", "one_side"))
    with explain_errors(engine), Session(engine) as session, session.begin():
        for record in singles:
            session.merge(SingleUnit(**record))
        session.flush()
        for record in pairs:
            name, label = _name_and_label(record.pop("emotion"))
            session.merge(EmotionUnit(emotion=name, emotion_id=label, **record))
    return len(singles) + len(pairs)


def image_row(
    image: np.ndarray, source: str, emotion: str, origin: str, **known: str | None
) -> Record:
    """Describe an image and encode it as PNG: one row for `add_images`.

    Args:
        image: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
        source: the name of its source in data_sources.
        emotion: one of the seven names.
        origin: how its source identifies it: a file name, an address, a number.
        known: licence, author, address (of a public page) and split, if they are known.

    >>> row = image_row(np.zeros((48, 96), np.uint8), "album", "happy", "page 1", author="Ada")
    >>> row["aspect_ratio"], row["colour_space"], row["author"]
    (2.0, 'Grayscale', 'Ada')
    """
    png = image_files.encode_png(image)
    height, width = image.shape[:2]
    return {
        "source": source,
        "emotion": emotion,
        "origin": origin,
        "height": height,
        "width": width,
        "aspect_ratio": width / height,
        "format": "PNG",
        "colour_space": "RGB" if image.ndim == 3 else "Grayscale",
        "size_mb": len(png) / 2**20,
        "png": png,
        **known,
    }


def add_images(engine: Engine, rows: pd.DataFrame) -> int:
    """Add the images that are new, in one transaction; return their number.

    Two images are the same if their PNG files have the same SHA-256. Adding the same rows again
    therefore adds nothing. If a call was interrupted, repeat it: the database then holds the same
    rows, with the same ids, as after one uninterrupted call.

    The label of an image is that of its first row. Further rows with the same file are kept in the
    table image_copies. If one of them contradicts the stored label, a UserWarning says how many do.

    Args:
        engine: from `database.create`.
        rows: one row per image, with the columns `COLUMNS`: source and emotion by name, origin
            (str), height and width in pixels, aspect_ratio (width / height), format, colour_space
            ("Grayscale" or "RGB"), size_mb (in units of 2**20 bytes), png (bytes). The columns
            `OPTIONAL_COLUMNS` (str) are stored if they exist.

    Raises:
        ValueError: a column or a value is missing, a source or an emotion is unknown, or a file
            is not a PNG file of this height and width.
    """
    records = _records(rows, COLUMNS, OPTIONAL_COLUMNS)
    with explain_errors(engine), Session(engine) as session, session.begin():
        found = _with_ids_and_hashes(records, _source_ids(session, set(rows["source"])))
        new: dict[str, Record] = {}
        for record in found:
            new.setdefault(record["sha256"], record)
        store = _store_by_copy if engine.dialect.name == "postgresql" else _store_by_insert
        added = store(session, new)
        contradictions = add_copies(session, found) if added < len(found) else 0
    if contradictions:
        warnings.warn(
            f"{contradictions} copies of stored images carry another label than the stored one: "
            "the table image_copies lists them.",
            stacklevel=2,
        )
    return added


def png_size(content: bytes) -> tuple[int, int] | None:
    """Return height and width of a PNG file, by its first `PNG_HEAD` bytes; None if it is none.

    >>> png_size(image_files.encode_png(np.zeros((2, 3), np.uint8)))
    (2, 3)
    """
    if len(content) < PNG_HEAD or not content.startswith(PNG_SIGNATURE):
        return None
    return int.from_bytes(content[20:24], "big"), int.from_bytes(content[16:20], "big")


def _source_ids(session: Session, names: set[str]) -> dict[str, int]:
    ids = {row[0]: row[1] for row in session.execute(select(DataSource.name, DataSource.id))}
    if unknown := sorted(names - set(ids)):
        raise ValueError(
            f"The source {unknown[0]!r} is not in data_sources: add it with add_sources first."
        )
    return ids


def _with_ids_and_hashes(records: list[Record], source_ids: dict[str, int]) -> list[Record]:
    """Return the rows for all_images, without ids: names become ids, and the hash is added."""
    found = []
    for record in records:
        record["source_id"] = source_ids[record.pop("source")]
        record["emotion_id"] = emotions.number(record.pop("emotion"))
        size = png_size(record["png"])
        if size is None:
            raise ValueError(
                f"The image {record['origin']!r} is not a PNG file: encode it with image_row."
            )
        if size != (record["height"], record["width"]):
            raise ValueError(
                f"The image {record['origin']!r} has {size[1]} x {size[0]} pixels, and not "
                f"{record['width']} x {record['height']} as its row says: describe it with "
                "image_row."
            )
        found.append(record | {"sha256": hashlib.sha256(record["png"]).hexdigest()})
    return found


def _store_by_insert(session: Session, new: dict[str, Record]) -> int:
    """Insert the images that are not stored yet; return their number."""
    # take the write lock now, so that no other writer gets the same ids
    session.execute(text("BEGIN IMMEDIATE"))
    for sha256 in _stored_hashes(session, list(new)):
        del new[sha256]
    first = _first_free_id(session)
    if new:
        session.execute(insert(Image), [{"id": first + k} | v for k, v in enumerate(new.values())])
    return len(new)


def _store_by_copy(session: Session, new: dict[str, Record]) -> int:
    """Store the images that are not stored yet with PostgreSQL's COPY; return their number.

    Several transactions can send their images to temporary tables in parallel. A lock serialises
    only the last statement, which runs inside the database.
    """
    names = [column.name for column in Image.__table__.columns]
    session.execute(text("CREATE TEMPORARY TABLE arriving (LIKE all_images) ON COMMIT DROP"))
    connection: Any = session.connection().connection.driver_connection  # psycopg is optional
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY arriving ({', '.join(names)}) FROM STDIN") as copy,
    ):
        for number, values in enumerate(new.values()):
            copy.write_row([number, *(values[name] for name in names[1:])])
    session.execute(text("LOCK TABLE all_images IN SHARE ROW EXCLUSIVE MODE"))
    stored = session.execute(
        text(
            f"INSERT INTO all_images ({', '.join(names)}) "
            f"SELECT :first - 1 + row_number() OVER (ORDER BY id), {', '.join(names[1:])} "
            "FROM arriving WHERE NOT EXISTS "
            "(SELECT FROM all_images WHERE all_images.sha256 = arriving.sha256)"
        ),
        {"first": _first_free_id(session)},
    )
    return int(stored.rowcount)  # type: ignore[attr-defined]


def _stored_hashes(session: Session, hashes: list[str]) -> Iterator[str]:
    for part in in_parts(hashes):
        yield from session.scalars(select(Image.sha256).where(Image.sha256.in_(part)))


def _first_free_id(session: Session) -> int:
    """Return the first free id; a sequence would leave gaps after an interrupted call."""
    return (session.scalar(select(func.max(Image.id))) or 0) + 1


def _name_and_label(emotion: str) -> tuple[str, int | None]:
    """Return the course's name for an emotion, and its label; contempt has no label."""
    if emotion.strip().lower() == "contempt":
        return "contempt", None
    label = emotions.number(emotion)
    return emotions.EMOTIONS[label], label


def _check_lengths(records: Iterable[Record], most: Mapping[str, int]) -> None:
    """Raise ValueError if a text of a source has more characters than its column takes."""
    for record in records:
        for column, limit in most.items():
            if len(value := str(record[column])) > limit:
                raise ValueError(
                    f"The {column} of a source, {value[:40]!r}..., has more than {limit:,} "
                    "characters: shorten it."
                )


def _records(
    table: pd.DataFrame, required: tuple[str, ...], optional: tuple[str, ...] = ()
) -> list[Record]:
    """Return the rows of a table as dictionaries; missing optional values become None.

    Raises:
        ValueError: a required column or value is missing.
    """
    missing = [column for column in required if column not in table]
    if missing:
        raise ValueError(f"The table has no column {missing[0]!r}: it needs {', '.join(required)}.")
    rows = table.reindex(columns=[*required, *optional]).astype(object)
    for column in required:
        empty = np.flatnonzero(rows[column].isna())
        if len(empty):
            raise ValueError(f"Row {empty[0]} of the table has no {column}: fill it in.")
    rows = rows.where(rows.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
