"""The SQL database of face images: five tables and four views, filled without duplicates."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image as pillow
from PIL import ImageOps, UnidentifiedImageError
from sqlalchemy import (
    Engine,
    create_engine,
    event,
    func,
    insert,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session
from tqdm import tqdm

from facevalue import emotions, image_files, paths
from facevalue.collection import facs_page
from facevalue.collection.database_schema import (
    LARGEST,
    PNG,
    VIEWS,
    Base,
    DataSource,
    EmotionId,
    EmotionUnit,
    Image,
    SingleUnit,
)

AT_ONCE = 500
"""How many hashes one query asks for: SQLite takes a limited number of parameters."""

BATCH = 1_000
"""How many images `add_folder` reads before it stores them."""


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
"""The columns that `add_images` needs."""

OPTIONAL = ("licence", "author", "address")
"""The columns that `add_images` takes where they are there: known for some sources only."""


class Loaded(NamedTuple):
    """What `add_folder` did: how many images were new, and why each file that failed did."""

    added: int
    failed: dict[str, str]


def url() -> str:
    """Return the address of the course's database: DATABASE_URL, else a SQLite file.

    The file is data/processed/faces.db, which notebook 01 writes. For PostgreSQL, for example,
    DATABASE_URL=postgresql://user:password@localhost/faces.
    """
    return os.environ.get("DATABASE_URL") or f"sqlite:///{paths.processed() / 'faces.db'}"


def create(url: str) -> Engine:
    """Open a database, and make the tables, views and seven emotions where they are missing.

    Args:
        url: for example "sqlite:///faces.db" or "postgresql://localhost/faces"; "sqlite://" is a
            database in memory.

    Raises:
        ValueError: the address cannot be read, or its tables come from an earlier version.
        ModuleNotFoundError: the library for this kind of database is not installed.
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    engine = create_engine(with_driver(url))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _enforce_foreign_keys)
    _check_columns(engine)
    Base.metadata.create_all(engine)
    _create_views(engine)
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
        ValueError: a column or a value is missing.
    """
    records = _records(sources, ("name", "address", "licence"))
    with Session(engine) as session, session.begin():
        known = set(session.scalars(select(DataSource.name)))
        new = [DataSource(**record) for record in records if record["name"] not in known]
        session.add_all(new)
        return len(new)


def add_facs(
    engine: Engine,
    single_units: pd.DataFrame | None = None,
    emotion_units: pd.DataFrame | None = None,
) -> int:
    """Store the two FACS tables, in one transaction; return how many rows they have together.

    Adding them again changes nothing, or brings the rows up to date.

    Args:
        engine: as `create` returns it.
        single_units: columns action_unit, description, facial_muscle, and qualifier if known;
            by default those of `facs_page.scrape`.
        emotion_units: columns emotion, action_unit and one_side (bool), one row for each unit of
            an emotion; by default those of `facs_page.scrape`.

    Raises:
        ValueError: a column or a value is missing.
        sqlalchemy.exc.IntegrityError: an emotion has a unit that the single units do not name.
    """
    stored_units, stored_emotions = facs_page.scrape()
    single_units = stored_units if single_units is None else single_units
    emotion_units = stored_emotions if emotion_units is None else emotion_units
    singles = _records(
        single_units, ("action_unit", "description", "facial_muscle"), ("qualifier",)
    )
    pairs = _records(emotion_units, ("emotion", "action_unit", "one_side"))
    with Session(engine) as session, session.begin():
        for record in singles:
            session.merge(SingleUnit(**record))
        session.flush()
        for record in pairs:
            name, number = _emotion(record.pop("emotion"))
            session.merge(EmotionUnit(emotion=name, emotion_id=number, **record))
    return len(singles) + len(pairs)


def image_row(
    image: np.ndarray, source: str, emotion: str, origin: str, **known: str | None
) -> dict[str, Any]:
    """Describe one image and pack it into a PNG file: one row for `add_images`.

    Args:
        image: uint8, shape (height, width) for grey or (height, width, 3) for RGB.
        source: the name of its source in data_sources.
        emotion: one of the seven names.
        origin: what its source calls it: a file name, an address, a number.
        known: licence, author and address, where they are known.
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
    """Add images that are not there yet, all or none of them; return how many were new.

    Two images are the same if their PNG files are (by SHA-256). So adding the same rows a second
    time adds nothing, and a call that was interrupted is simply made again: the database then
    holds what one clean call would have stored, under the same ids.

    Args:
        engine: as `create` returns it.
        rows: one row per image, the columns of `COLUMNS`: source and emotion by name, origin
            (str), height and width in pixels, aspect_ratio (width / height), format, colour_space
            ("Grayscale" or "RGB"), size_mb (units of 2**20 bytes), png (bytes). The columns of
            `OPTIONAL` (str) are stored where they are there.

    Raises:
        ValueError: a column or a value is missing, a source or an emotion is unknown, or a file
            is no PNG.
    """
    records = _records(rows, COLUMNS, OPTIONAL)
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
            if not values["png"].startswith(PNG):
                raise ValueError(f"the image {values['origin']!r} is not a PNG file.")
            digest = hashlib.sha256(values["png"]).hexdigest()
            new.setdefault(digest, values | {"sha256": digest})
        return (_copy if engine.dialect.name == "postgresql" else _insert)(session, new)


def add_folder(engine: Engine, folder: Path, source: str, *, progress: bool = True) -> Loaded:
    """Add the images of a folder that holds one folder for each emotion.

    The files are read in the order of their names and stored `BATCH` at a time, each batch in one
    transaction. So a call that was killed is simply made again.

    Args:
        engine: as `create` returns it.
        folder: holds folders named after emotions, in any spelling that `emotions.number` knows.
        source: the name of their source in data_sources.
        progress: show a progress bar.

    Returns:
        how many images were new, and the files that are no readable image, with the reason.

    Raises:
        FileNotFoundError: no folder inside is named after an emotion.
        ValueError: the source is unknown.
    """
    files = [
        (emotions.EMOTIONS[number], path)
        for inside, number in _emotion_folders(folder)
        for path in sorted(inside.iterdir())
        if path.is_file() and not path.name.startswith(".")
    ]
    added, failed = 0, {}
    with tqdm(total=len(files), desc=source, unit="image", disable=not progress) as bar:
        for start in range(0, len(files), BATCH):
            rows = []
            for emotion, path in files[start : start + BATCH]:
                origin = path.relative_to(folder).as_posix()
                try:
                    rows.append(image_row(_read(path), source, emotion, origin))
                except (OSError, ValueError, pillow.DecompressionBombError) as error:
                    failed[origin] = str(error)
                bar.update()
            if rows:
                added += add_images(engine, pd.DataFrame(rows))
    return Loaded(added, failed)


def _emotion_folders(folder: Path) -> list[tuple[Path, int]]:
    found = []
    for inside in sorted(folder.iterdir()):
        try:
            number = emotions.number(inside.name)
        except ValueError:
            continue
        if inside.is_dir():
            found.append((inside, number))
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no folder named after an emotion, such as angry or happy."
        )
    return found


def _read(path: Path) -> np.ndarray:
    """Return the image in a file, uint8, grey or RGB, upright; its size is checked first."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST:,} bytes")
    try:
        with pillow.open(path) as image:
            if image.width * image.height > LARGEST:
                raise ValueError(f"more than {LARGEST:,} pixels")
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert("L" if image.mode in ("1", "L") else "RGB"))
    except UnidentifiedImageError:
        raise ValueError("not an image") from None


def _emotion(name: str) -> tuple[str, int | None]:
    """Return an emotion's name and label; contempt has no label."""
    if name.strip().lower() == "contempt":
        return "contempt", None
    number = emotions.number(name)
    return emotions.EMOTIONS[number], number


def _stored(session: Session, digests: list[str]) -> Iterable[str]:
    for start in range(0, len(digests), AT_ONCE):
        part = digests[start : start + AT_ONCE]
        yield from session.scalars(select(Image.sha256).where(Image.sha256.in_(part)))


def _first_id(session: Session) -> int:
    """Return the first free id; a sequence would leave gaps where an earlier call was killed."""
    return (session.scalar(select(func.max(Image.id))) or 0) + 1


def _insert(session: Session, new: dict[str, dict[str, Any]]) -> int:
    """Store images, by their digest, that are not there yet; return how many."""
    # other writers wait until this transaction ends, so that none takes the same ids
    session.execute(text("BEGIN IMMEDIATE"))
    for digest in _stored(session, list(new)):
        del new[digest]
    first = _first_id(session)
    if new:
        session.execute(insert(Image), [{"id": first + k} | v for k, v in enumerate(new.values())])
    return len(new)


def _copy(session: Session, new: dict[str, dict[str, Any]]) -> int:
    """Do as `_insert` with PostgreSQL's COPY.

    The images are sent to a table of this transaction's own, by any number of clients at a time;
    only the last step, inside the database, is done by one after the other.
    """
    names = [column.name for column in Image.__table__.columns]
    session.execute(text("CREATE TEMPORARY TABLE arriving (LIKE all_images) ON COMMIT DROP"))
    connection: Any = session.connection().connection.driver_connection
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
        {"first": _first_id(session)},
    )
    return int(stored.rowcount)  # type: ignore[attr-defined]


def _records(
    table: pd.DataFrame, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"the table has no column {missing[0]!r}: it needs {', '.join(columns)}.")
    rows = table.reindex(columns=[*columns, *optional]).astype(object)
    for column in columns:
        empty = np.flatnonzero(rows[column].isna())
        if len(empty):
            raise ValueError(f"row {empty[0]} of the table has no {column}.")
    rows = rows.where(rows.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def with_driver(address: str) -> str:
    """Return the address with psycopg 3 named as PostgreSQL's driver.

    Raises:
        ValueError: the address cannot be read.
    """
    try:
        parsed = make_url(address)
    except ArgumentError:
        # not the address itself: it may hold a password
        raise ValueError(
            "The address of the database cannot be read: it looks like sqlite:///faces.db or "
            "postgresql://user:password@localhost/faces."
        ) from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def _check_columns(engine: Engine) -> None:
    """Raise ValueError where a table is there, but lacks a column that it has today."""
    inspector = inspect(engine)
    for name in set(inspector.get_table_names()) & set(Base.metadata.tables):
        there = {column["name"] for column in inspector.get_columns(name)}
        for column in Base.metadata.tables[name].columns:
            if column.name not in there:
                raise ValueError(
                    f"{engine.url.database} comes from an earlier version ({name} has no "
                    f"{column.name}): delete it and run notebook 01 again."
                )


def _create_views(engine: Engine) -> None:
    there = inspect(engine).get_view_names()
    with engine.begin() as connection:
        for view, name in VIEWS.items():
            if view not in there:
                connection.execute(
                    text(
                        f"CREATE VIEW {view} AS SELECT all_images.* FROM all_images "
                        "JOIN data_sources ON data_sources.id = all_images.source_id "
                        "WHERE lower(replace(replace(data_sources.name, '-', ''), ' ', '')) "
                        f"LIKE '{name}%'"
                    )
                )


def _enforce_foreign_keys(connection: Any, _: Any) -> None:
    """SQLite checks references between tables only where it is asked to."""
    connection.execute("PRAGMA foreign_keys = ON")


def query(sql: str, address: str | None = None) -> tuple[pd.DataFrame, str]:
    """Ask notebook 01's database; where it is missing, return an empty table and say so.

    Args:
        sql: a SELECT statement.
        address: of the database; by default `database.url()`.

    Returns:
        the answer, and "" or a sentence that says why it is empty.
    """
    address = address or url()
    file = make_url(address).database
    if address.startswith("sqlite") and not (file and Path(file).is_file()):
        note = "There is no image database yet: run notebook 01, then this cell shows its sources."
        return pd.DataFrame(), note
    engine = create(address)
    try:
        with engine.connect() as connection:
            table = pd.read_sql(sql, connection)
    finally:
        engine.dispose()
    return table, "" if len(table) else "The image database is empty: run notebook 01 first."
