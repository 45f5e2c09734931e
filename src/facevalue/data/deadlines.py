"""Waiting for a server no longer than allowed, and so that Ctrl+C ends the wait at once.

A server can send a byte every few seconds: then each read of the HTTP client ends within its own
timeout, and the whole takes hours. So the client works in a thread, which is left behind when the
time is over: it ends with its next byte, and what it still receives is dropped.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

T = TypeVar("T")

AHEAD = 8
"""How many items are received ahead of their use."""

CHECK_SECONDS = 0.1
"""How often a waiting call looks whether it was stopped."""


class DeadlinePassed(Exception):
    """The time is over."""


class Stopped(Exception):
    """Somebody stopped the work."""


class Deadline:
    """A time until which something must be done.

    Args:
        seconds: the time from now; None for no limit.
        stop: ends the work early when it is set.

    >>> list(Deadline(5).each(lambda: range(3)))
    [0, 1, 2]
    >>> Deadline(0.1).call(lambda: time.sleep(1))
    Traceback (most recent call last):
    facevalue.data.deadlines.DeadlinePassed
    """

    def __init__(self, seconds: float | None = None, stop: threading.Event | None = None) -> None:
        self._end = math.inf if seconds is None else time.monotonic() + seconds
        self._stop = stop or threading.Event()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time of a block."""
        left = self._end - time.monotonic()
        self._end = math.inf
        try:
            yield
        finally:
            self._end = time.monotonic() + left

    def call(self, work: Callable[[], T]) -> T:
        """Return what a function returns, if it does so in time.

        Raises:
            DeadlinePassed, Stopped: it does not, and goes on in the background.
        """
        (result,) = self.each(lambda: (work() for _ in range(1)))
        return result

    def each(self, work: Callable[[], Iterable[T]]) -> Iterator[T]:
        """Yield what a function yields, as long as it does so in time.

        Raises:
            DeadlinePassed, Stopped: as in `call`.
        """
        worker = _Worker(work)
        threading.Thread(target=worker.run, name="network", daemon=True).start()
        try:
            while True:
                left = self._end - time.monotonic()
                if self._stop.is_set():
                    raise Stopped
                if left <= 0:
                    raise DeadlinePassed
                with suppress(queue.Empty):
                    item = worker.items.get(timeout=min(left, CHECK_SECONDS))
                    if item is None:
                        break
                    yield item[0]
        finally:
            worker.abandoned.set()
        if worker.error is not None:
            raise worker.error


class _Worker(Generic[T]):
    """Puts what a function yields into a queue, each item in a tuple, and None at the end."""

    def __init__(self, work: Callable[[], Iterable[T]]) -> None:
        self._work = work
        self.items: queue.Queue[tuple[T] | None] = queue.Queue(AHEAD)
        self.error: BaseException | None = None
        self.abandoned = threading.Event()

    def run(self) -> None:
        try:
            for item in self._work():
                self._put((item,))
                if self.abandoned.is_set():
                    return
        except BaseException as error:  # it is raised where the items are used
            self.error = error
        self._put(None)

    def _put(self, item: tuple[T] | None) -> None:
        while not self.abandoned.is_set():
            with suppress(queue.Full):
                self.items.put(item, timeout=CHECK_SECONDS)
                return
