"""Limiting how often each server receives a request."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from facevalue.data.urls import hostname, is_loopback, origin

if TYPE_CHECKING:
    from pyrate_limiter import InMemoryBucket

PER_SECOND = 5.0
"""Requests per second to one server by default."""


class WaitInterrupted(Exception):
    """The work was stopped while it was waiting for a server."""


class RateLimiter:
    """Limits the requests per second to each server, and pauses them if a server requests it.

    pyrate-limiter implements the limit, and this class the pauses: rate limiters do not read
    Retry-After or X-RateLimit-Reset, and a pause must hold for all threads that use a server.
    Several threads may share a `RateLimiter`.

    Args:
        per_second: requests per second to one server; None for `PER_SECOND`, and no limit for
            this machine itself, where the course's photo service runs.
        clock: returns seconds, as time.monotonic does.
        sleep: waits for seconds, as time.sleep does. If it returns True, as `Event.wait` does once
            the event is set, the wait is interrupted.
    """

    def __init__(
        self,
        per_second: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if per_second is not None and not per_second > 0:
            raise ValueError(f"per_second must be greater than 0, not {per_second}.")
        self._per_second, self._clock, self._sleep = per_second, clock, sleep
        self._buckets: dict[str, InMemoryBucket] = {}
        self._paused_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, url: str) -> None:
        """Wait until the next request to this server may be sent.

        Raises:
            WaitInterrupted: the work was stopped.
        """
        while (seconds := self._acquire(url)) > 0:
            if self._sleep(seconds):
                raise WaitInterrupted

    def pause(self, url: str, seconds: float) -> None:
        """Send no request to this server for some seconds; print a message if more than 3."""
        server = origin(url)
        with self._lock:
            now = self._clock()
            before = max(now, self._paused_until.get(server, now))
            self._paused_until[server] = max(before, now + seconds)
            longer = self._paused_until[server] - before
        if longer > 3:
            print(
                f"{hostname(url)}: the next request is in {seconds:.0f} seconds.", file=sys.stderr
            )

    def _acquire(self, url: str) -> float:
        """Reserve one request and return 0, or return the seconds to wait before trying again."""
        server = origin(url)
        with self._lock:
            now = self._clock()
            pause = self._paused_until.get(server, now) - now
            if pause > 0 or (self._per_second is None and is_loopback(url)):
                return max(pause, 0.0)
            # imported here, since Colab lacks it and requests to this machine do not need it
            from pyrate_limiter import InMemoryBucket, Rate, RateItem

            if server not in self._buckets:
                gap = round(1000 / (self._per_second or PER_SECOND))
                self._buckets[server] = InMemoryBucket([Rate(1, max(1, gap))])
            bucket, request = self._buckets[server], RateItem(server, int(now * 1000))
            bucket.leak(request.timestamp)
            return 0.0 if bucket.put(request) else cast(int, bucket.waiting(request)) / 1000
