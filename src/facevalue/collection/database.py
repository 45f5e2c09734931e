"""Opening and creating the SQL database of face images, on SQLite or PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import URL, Engine, create_engine, event, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, OperationalError, SAWarning, SQLAlchemyError
from sqlalchemy.orm import Session

from facevalue import paths
from facevalue.collection.database_schema import VIEWS, Base, EmotionId
from facevalue.emotions import EMOTIONS
from facevalue.files import ExplainedError, file_lock

PATIENCE = 60
"""How many seconds a SQLite database waits until another process has written to it."""

CREATING = 7_031
"""The number of the lock that a server holds while the tables are created."""


def url() -> str:
    """Return the URL of the course's database: DATABASE_URL if set, otherwise a SQLite file.

    The file is data/processed/faces.db, which notebook 01 writes. For PostgreSQL, set for example
    DATABASE_URL=postgresql://user:password@localhost/faces.
    """
    return os.environ.get("DATABASE_URL") or f"sqlite:///{paths.processed() / 'faces.db'}"


def create(url: str) -> Engine:
    """Open a database, and create the tables, views and emotions that are missing.

    Args:
        url: for example "sqlite:///faces.db" or "postgresql://localhost/faces"; "sqlite://" is a
            database in memory.

    Raises:
        ValueError: the URL cannot be parsed or names another kind of database, or an earlier
            version created the tables.
        ModuleNotFoundError: the driver for this kind of database is not installed.
        OSError: a file cannot be opened or written, for example because the disk is full; or a
            server does not answer.

    >>> engine = create("sqlite://")
    >>> sorted(inspect(engine).get_table_names())[:2]
    ['all_images', 'data_sources']
    >>> engine.dispose()
    """
    target = make_url(with_driver(url))
    sqlite = target.get_backend_name() == "sqlite"
    engine = _engine(target, {"timeout": PATIENCE} if sqlite else {})
    if sqlite:
        event.listen(engine, "connect", _enforce_foreign_keys)
    with explain_errors(engine):
        _check_columns(engine)
        if not _is_complete(engine):
            with explain_errors(engine), _creating(engine):
                _complete(engine)
    return engine


def _engine(target: URL, arguments: Mapping[str, Any]) -> Engine:
    """Return SQLAlchemy's engine for a URL, or raise a sentence without the URL's password."""
    backend = target.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise ValueError(
            f"The database URL names {backend}, but only SQLite and PostgreSQL work: write it like "
            "sqlite:///faces.db or postgresql://user:password@localhost/faces."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SAWarning)
            return create_engine(target, connect_args=dict(arguments))
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name}, the driver of the database URL, is not installed: install it, or write "
            f"the URL like {backend}://... without a driver."
        ) from None
    except (SAWarning, SQLAlchemyError, ValueError, TypeError):
        names = ", ".join(target.query) or target.drivername
        raise ValueError(
            f"The database URL has something that {backend} does not take ({names}): leave it out."
        ) from None


def is_in_memory(target: URL) -> bool:
    """Return whether a URL names a database of SQLite that has no file.

    >>> is_in_memory(make_url("sqlite:///file:faces?mode=memory&uri=true"))
    True
    """
    if target.get_backend_name() != "sqlite":
        return False
    name = unquote(target.database or "").partition("?")[0]
    of_uri = name.startswith("file:") and (
        name in ("file:", "file::memory:") or {"memory", "memdb"} & {*target.query.values()}
    )
    return name in ("", ":memory:") or bool(of_uri)


def _is_complete(engine: Engine) -> bool:
    """Return whether nothing is missing, so that a database may also be read-only."""
    inspector = inspect(engine)
    there = {*inspector.get_table_names(), *inspector.get_view_names()}
    if not {*Base.metadata.tables, *VIEWS} <= there:
        return False
    with Session(engine) as session:
        return dict(session.execute(select(EmotionId.id, EmotionId.name)).tuples().all()) == dict(
            enumerate(EMOTIONS)
        )


@contextmanager
def _creating(engine: Engine) -> Iterator[None]:
    """Let one process at a time create a database; the others then find it."""
    file = engine.url.database
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({CREATING})"))
            yield  # the lock ends with the transaction, also after an error
    elif not file or is_in_memory(engine.url):
        yield
    else:
        with file_lock(Path(file)):
            yield


def _complete(engine: Engine) -> None:
    Base.metadata.create_all(engine)
    _create_views(engine)
    with Session(engine) as session, session.begin():
        for label, name in enumerate(EMOTIONS):
            session.merge(EmotionId(id=label, name=name))


@contextmanager
def explain_errors(engine: Engine) -> Iterator[None]:
    """Replace an error of a database with a sentence, without the SQL and the images.

    Raises:
        OSError: the database cannot be used; the message says why.
    """
    try:
        yield
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0].removesuffix(".")
        check = "its disk and its permissions"
        if engine.dialect.name != "sqlite":
            check = "that its server runs, and the host, the user and the password in its URL"
        raise ExplainedError(
            f"The database {engine.url.database or engine.url.host} cannot be used ({reason}): "
            f"nothing was added. Check {check}, then run the same command again."
        ) from None


def with_driver(url: str) -> str:
    """Return a database URL with psycopg (version 3) as the driver for PostgreSQL.

    Raises:
        ValueError: the URL cannot be parsed.

    >>> with_driver("postgresql://me:secret@localhost/faces")
    'postgresql+psycopg://me:secret@localhost/faces'
    """
    if url.count("@") > 1 and not url.startswith("sqlite"):
        # a part of the password would be taken for the host, which errors name
        raise ValueError(
            "The user or the password in the database URL contains the character @: write it as "
            "%40."
        )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the second: a port that is no number
        # no `from error`, and no URL in the message: it may hold a password
        raise ValueError(
            "The database URL cannot be parsed: write it like sqlite:///faces.db or "
            "postgresql://user:password@localhost/faces."
        ) from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def _check_columns(engine: Engine) -> None:
    """Raise ValueError if an existing table lacks a column of the current schema."""
    inspector = inspect(engine)
    for name in set(inspector.get_table_names()) & set(Base.metadata.tables):
        existing = {column["name"] for column in inspector.get_columns(name)}
        for column in Base.metadata.tables[name].columns:
            if column.name not in existing:
                raise ValueError(
                    f"{engine.url.database} comes from an earlier version ({name} has no column "
                    f"{column.name}): delete it and run notebook 01 again."
                )


def _create_views(engine: Engine) -> None:
    existing = inspect(engine).get_view_names()
    with engine.begin() as connection:
        for view, prefix in VIEWS.items():
            if view not in existing:
                connection.execute(
                    text(
                        f"CREATE VIEW {view} AS SELECT all_images.* FROM all_images "
                        "JOIN data_sources ON data_sources.id = all_images.source_id "
                        "WHERE lower(replace(replace(data_sources.name, '-', ''), ' ', '')) "
                        f"LIKE '{prefix}%'"
                    )
                )


def _enforce_foreign_keys(connection: sqlite3.Connection, _: Any) -> None:
    """Switch on foreign keys, which SQLite does not enforce by default."""
    connection.execute("PRAGMA foreign_keys = ON")
