"""What both servers need to start: a listening socket and a database."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from apps.api.connections import GuardedHttp, GuardedWebSocket
from apps.api.demo import create_demo_database
from facevalue import paths
from facevalue.collection import database
from facevalue.interrupts import end_in_time

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The names of this machine that no other machine can reach."""

OPTIONS: dict[str, Any] = {
    "access_log": False,
    "log_level": "warning",
    "log_config": None,  # uvicorn's own would close handlers that are already set up
    "server_header": False,
    "http": GuardedHttp,
    "ws": GuardedWebSocket,
    "timeout_graceful_shutdown": 1,  # streams never end by themselves
}
"""The options of uvicorn that both servers share."""


def end_quietly() -> None:
    """Let Ctrl+C end a server in time, and without traces of the requests that it cuts off.

    uvicorn cancels what still runs, but a query that waits for a database cannot be cancelled. Call
    it when uvicorn runs, as the function that makes the app.
    """
    end_in_time(0)  # uvicorn puts the handlers back
    logging.getLogger("uvicorn.error").addFilter(_is_no_trace_of_the_end)


def _is_no_trace_of_the_end(record: logging.LogRecord) -> bool:
    """Return whether a record of uvicorn's log is not about requests that it cuts off."""
    kind = record.exc_info[0] if record.exc_info else None
    text = record.getMessage()
    return not (
        (kind is not None and issubclass(kind, asyncio.CancelledError))
        or "CancelledError" in text
        or "timeout graceful shutdown exceeded" in text
    )


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Requests that arrive before the server runs wait in its queue.

    Args:
        host: the address to listen on.
        port: 0 takes any free port.
    Raises:
        OSError: the port cannot be opened; the message says why.
        ValueError: there is no such port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OverflowError as error:
        raise ValueError(f"There is no port {port}: choose one from 0 to 65535.") from error
    except OSError as error:
        # create_server appends the address, which this sentence has already
        reason = (error.strerror or str(error)).partition(" (while")[0]
        raise OSError(
            f"Port {port} of {host} cannot be opened ({reason}): choose another one with --port "
            "or --host."
        ) from error
    # connections inherit it: with Nagle's algorithm, one response in a hundred waits for 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def open_database() -> str:
    """Choose the database, and check that it opens.

    It is the one that DATABASE_URL names, else the file that notebook 01 writes, else a small
    database of drawn faces, for which DATABASE_URL is set.

    Returns:
        A note for the visitors, or "".
    Raises:
        ValueError: it does not open.
        OSError: it cannot be written.
        ModuleNotFoundError: its driver is not installed.
    """
    note = ""
    file = paths.processed() / "faces.db"
    try:
        if "DATABASE_URL" not in os.environ and not file.exists():
            os.environ["DATABASE_URL"] = f"sqlite:///{create_demo_database()}"
            note = (
                "There is no database from notebook 01 yet (make run NOTEBOOK=01). "
                "Until then, you see a few faces that the course drew."
            )
            print(note)
        _check_address(database.url())
        database.create(database.url()).dispose()
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", error)
        # without the cause, whose text contains the URL and its password
        place = "DATABASE_URL" if "DATABASE_URL" in os.environ else file
        raise ValueError(f"The database does not open ({reason}): check {place}.") from None
    return note


def _check_address(url: str) -> None:
    """Raise ValueError if the processes of a server cannot share a database."""
    parsed = make_url(database.with_driver(url))
    if database.is_in_memory(parsed):
        raise ValueError(
            "DATABASE_URL names a database in memory, which is empty in each process: name a file, "
            "such as sqlite:///faces.db, or a server."
        )
    if (parsed.database or "").startswith("file:"):
        raise ValueError(
            "DATABASE_URL names a URI of SQLite, whose file this server cannot watch: name the "
            "file itself, such as sqlite:///faces.db."
        )
