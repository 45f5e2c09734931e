"""Start the API: python -m apps.api [--host 127.0.0.1] [--port 8080] [--workers 1].

It shows the database that DATABASE_URL names, else the file that notebook 01 writes, else a small
one of drawn faces, made on the spot.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys

import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from apps.api.app import create_app
from apps.api.demo import demo
from facevalue import paths
from facevalue.collection import database

LOOPBACK = ("127.0.0.1", "localhost", "::1")
HOSTS, NOTE = "FACEVALUE_API_HOSTS", "FACEVALUE_API_NOTE"
"""How this command tells its worker processes under which names to answer, and what to note."""


def app() -> FastAPI:
    """Make the application of one worker process."""
    hosts = os.environ.get(HOSTS, ",".join(LOOPBACK)).split(",")
    return create_app(database.create(database.url()), hosts=hosts, note=os.environ.get(NOTE, ""))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; 0 is any free port. Visitors may come before we answer.

    Raises:
        OSError: the port cannot be had; the message says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise OSError(
            f"Port {port} of {host} cannot be had ({reason}): choose another one with --port."
        ) from None
    # handed on to each connection: without it, one answer in a hundred waits 40 ms for Nagle
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def open_database() -> str:
    """Choose the database and see whether it opens; return what to note of it, if anything.

    Raises:
        ValueError: it does not open.
        ModuleNotFoundError: its driver is not installed.
    """
    note = ""
    file = paths.processed() / "faces.db"
    if "DATABASE_URL" not in os.environ and not file.exists():
        os.environ["DATABASE_URL"] = f"sqlite:///{demo(paths.processed() / 'faces-demo.db')}"
        note = (
            "There is no database from notebook 01 yet (make run NOTEBOOK=01). "
            "Until then, these are a few faces that the course drew."
        )
        print(note)
    try:
        database.create(database.url()).dispose()
    except SQLAlchemyError as error:
        text = f"The database does not open: {getattr(error, 'orig', error)}"
        raise ValueError(text) from None
    return note


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m apps.api", description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines in")
    parser.add_argument("--port", type=int, default=8080, help="0 is any free one")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    options = parser.parse_args()
    try:
        os.environ[NOTE] = open_database()
    except (ValueError, ModuleNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    if options.host not in LOOPBACK:
        os.environ[HOSTS] = "*"
    port = listener.getsockname()[1]
    print(f"http://{options.host}:{port}/ shows the database. Ctrl+C stops it.", flush=True)
    uvicorn.run(
        "apps.api.__main__:app",
        factory=True,
        fd=listener.fileno(),
        workers=options.workers,
        access_log=False,
        log_level="warning",
        log_config=None,  # uvicorn's own would close the handlers that others have set up
        server_header=False,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
