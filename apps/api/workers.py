"""Processes that look at pictures, and are ended if that takes too long."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from apps.api.picture_worker import HEAD, LENGTH
from facevalue import paths
from facevalue.recognition.recogniser import WEIGHTS

PHOTO_PROCESSES = 2
"""How many photos are recognised at the same time."""

STEP_BACK = 10
"""How far these processes step back for others: frames must not wait."""


class WorkerEnded(Exception):
    """The process ended before its answer: somebody ended it, or a picture did."""


class Worker:
    """One process of apps/api/picture_worker.py; it starts when it is needed, also again."""

    def __init__(self, model: str, folder: Path = WEIGHTS, *, nice: int = 0) -> None:
        """Choose the model.

        Args:
            model: the name of the recogniser that the process loads.
            folder: where its file is.
            nice: how far the process steps back for others (not on Windows).
        """
        self._arguments = [model, str(folder), "--nice", str(nice)]
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()

    def start(self) -> None:
        """Start the process unless it runs, and wait until it is ready.

        Raises:
            WorkerEnded: it cannot be started.
        """
        with self._starting:
            if self._process is not None and self._process.poll() is None:
                return
            self._process = subprocess.Popen(
                [sys.executable, "-m", "apps.api.picture_worker", *self._arguments],
                cwd=paths.root(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            _read_answer(self._process)

    def ask(self, content: bytes, photo: bool) -> tuple[str, float]:
        """Return the answer to a picture; it blocks meanwhile.

        Returns:
            JSON, see `picture_worker.look`; and the seconds of a CPU that it took.
        Raises:
            WorkerEnded: the process ended before its answer.
        """
        self.start()
        process = self._process
        assert process is not None and process.stdin is not None
        try:
            process.stdin.write(HEAD.pack(photo, len(content)) + content)
            process.stdin.flush()
        except OSError as error:
            raise WorkerEnded from error
        return _read_answer(process)

    def end(self) -> None:
        """End the process at once; a thread that waits for its answer gets `WorkerEnded`."""
        process = self._process
        if process is not None:
            process.kill()
            process.wait()


def photo_workers(model: str, folder: Path = WEIGHTS) -> list[Worker]:
    """Return the processes for photos.

    Args:
        model, folder: as in `Worker`.
    """
    return [Worker(model, folder, nice=STEP_BACK) for _ in range(PHOTO_PROCESSES)]


def _read_answer(process: subprocess.Popen[bytes]) -> tuple[str, float]:
    assert process.stdout is not None
    length, seconds = LENGTH.unpack(_read(process.stdout, LENGTH.size))
    return _read(process.stdout, length).decode(), seconds


def _read(stream: IO[bytes], length: int) -> bytes:
    content = stream.read(length)
    if len(content) < length:
        raise WorkerEnded
    return content
