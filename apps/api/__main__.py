"""Start the API: python -m apps.api [--host 127.0.0.1] [--port 8080] [--workers 1].

It serves the database that DATABASE_URL names, else the file that notebook 01 writes, else a small
database of drawn faces, which is created on the spot.
"""

from __future__ import annotations

import argparse
import os
import sys

import uvicorn
from fastapi import FastAPI

from apps.api.app import create_app
from apps.api.server import LOOPBACK, OPTIONS, end_quietly, listen, open_database
from facevalue.collection import database
from facevalue.files import error_sentence

HOSTS, NOTE = "FACEVALUE_API_HOSTS", "FACEVALUE_API_NOTE"
"""The environment variables that tell the worker processes their host names and the note."""


def worker_app() -> FastAPI:
    """Create the application of one worker process."""
    hosts = os.environ.get(HOSTS, ",".join(LOOPBACK)).split(",")
    return create_app(database.create(database.url()), hosts=hosts, note=os.environ.get(NOTE, ""))


def serving_app() -> FastAPI:
    """Create the application in a process that uvicorn runs."""
    end_quietly()
    return worker_app()


def main() -> int:
    """Run the command line, and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m apps.api", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 admits other machines")
    parser.add_argument("--port", type=int, default=8080, help="0 takes any free port")
    parser.add_argument("--workers", type=int, default=1, help="number of processes")
    options = parser.parse_args()
    try:
        if options.workers < 1:
            raise ValueError(f"--workers is {options.workers}: give a number from 1.")
        os.environ[NOTE] = open_database()
        listener = listen(options.host, options.port)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        print(error_sentence(error), file=sys.stderr)
        return 1
    if options.host not in LOOPBACK:
        os.environ[HOSTS] = "*"
    port = listener.getsockname()[1]
    print(f"http://{options.host}:{port}/ shows the database. Ctrl+C stops it.", flush=True)
    uvicorn.run(
        "apps.api.__main__:serving_app",
        factory=True,
        fd=listener.fileno(),
        workers=options.workers,
        **OPTIONS,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
