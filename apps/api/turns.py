"""Whose picture is looked at next: whoever has used the least time of the server."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Worker = TypeVar("Worker")


@dataclass(eq=False)
class _Waiting(Generic[Worker]):
    """A visitor who waits for a worker."""

    address: str
    visitor: Hashable
    worker: asyncio.Future[Worker]


class Turns(Generic[Worker]):
    """Lends a few workers to visitors, so that every address gets the same time of them.

    The address that has used the least time is next (start-time fair queueing), and of its
    visitors the one who has used the least. Whoever was away saves nothing up meanwhile. As long
    as visitors of several addresses are there, one address never holds all workers.
    """

    def __init__(self, workers: Sequence[Worker], present: Counter[str]) -> None:
        """Start with all workers free.

        Args:
            workers: what is lent.
            present: how many visitors of each address are there, kept by the caller.
        """
        self.free = list(workers)
        """The workers that nobody has."""
        self._most = len(workers)
        self._present = present
        self._waiting: list[_Waiting[Worker]] = []
        self._lent: Counter[str] = Counter()
        self._used: dict[Hashable, float] = {}
        self._now = 0.0

    @asynccontextmanager
    async def turn(self, address: str, visitor: Hashable) -> AsyncIterator[Worker]:
        """Wait for a worker, and return it at the end of the block, whose time is counted."""
        place = _Waiting(address, visitor, asyncio.get_running_loop().create_future())
        for key in (address, visitor):
            self._used[key] = max(self._used.get(key, 0.0), self._now)
        self._waiting.append(place)
        self._lend()
        try:
            worker = await place.worker
        except asyncio.CancelledError:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place.worker.done() and not place.worker.cancelled():
                self._take_back(place, place.worker.result(), 0.0)
            raise
        start = time.monotonic()
        try:
            yield worker
        finally:
            self._take_back(place, worker, time.monotonic() - start)

    def forget(self, visitor: Hashable) -> None:
        """Forget the time of a visitor who has left, and of the addresses that nobody is at."""
        self._used.pop(visitor, None)
        gone = [key for key, used in self._used.items() if used <= self._now]
        waiting = {key for place in self._waiting for key in (place.address, place.visitor)}
        for key in set(gone) - waiting:
            del self._used[key]

    def _lend(self) -> None:
        while self.free:
            most = self._most - 1 if len(+self._present) > 1 else self._most
            ready = [
                place
                for place in self._waiting
                if self._lent[place.address] < max(1, most) and not place.worker.cancelled()
            ]
            if not ready:
                return
            place = min(
                ready, key=lambda place: (self._used[place.address], self._used[place.visitor])
            )
            self._waiting.remove(place)
            self._lent[place.address] += 1
            self._now = max(self._now, self._used[place.address])
            place.worker.set_result(self.free.pop())

    def _take_back(self, place: _Waiting[Worker], worker: Worker, seconds: float) -> None:
        for key in (place.address, place.visitor):
            self._used[key] = self._used.get(key, self._now) + seconds
        self._lent[place.address] -= 1
        self.free.append(worker)
        self._lend()
