"""Sending HTTP requests that are rate-limited, retried, and limited in size and time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError

from facevalue.collection.rate_limiter import RateLimiter, WaitInterrupted
from facevalue.data.deadlines import Deadline, DeadlinePassed, Stopped
from facevalue.data.http_retry import (
    LONGEST_WAIT,
    DownloadError,
    ServerRetry,
    body_of,
    content_length,
    retry_after_seconds,
)


@dataclass(frozen=True)
class ResponseLimits:
    """The limits for one request.

    Attributes:
        max_bytes: the largest body of a response.
        deadline: seconds until the whole response has arrived, without the waits that the server
            or the rate limit asks for.
        attempts: the largest number of times that a request is sent.
    """

    max_bytes: int = 10_000_000
    deadline: float = 120.0
    attempts: int = 4


class PoliteAdapter(HTTPAdapter):
    """Sends the requests of one session, in one thread, and reads the whole of each response.

    urllib3's Retry repeats requests only until a response begins, since requests reads the body
    later. This class repeats those whose response breaks off.

    Raises, besides the errors of requests:
        DownloadError: a response is larger or slower than the limits allow.
        WaitInterrupted: `stop` was set.
    """

    def __init__(
        self,
        limiter: RateLimiter,
        limits: ResponseLimits,
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__()
        self._limiter, self._limits, self._stop = limiter, limits, stop or threading.Event()
        self.deadline: Deadline | None = None
        """Until when all requests of one task must be answered; by default each has its own."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        url = request.url or ""
        deadline = self.deadline or Deadline(self._limits.deadline, self._stop)
        try:
            with deadline.paused():
                self._limiter.wait(url)
            return self._send(deadline, request, *args, **options)
        except DeadlinePassed:
            raise DownloadError(
                f"The response had not arrived after {self._limits.deadline:g} seconds."
            ) from None
        except Stopped:
            raise WaitInterrupted from None

    def _send(
        self, deadline: Deadline, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        url = request.url or ""

        def wait(seconds: float) -> None:
            with deadline.paused():
                self._limiter.pause(url, seconds)
                self._limiter.wait(url)

        retry = self.max_retries = ServerRetry.create(self._limits.attempts, wait)
        send = super().send
        while True:
            response = deadline.call(lambda: send(request, *args, **options))
            self._pause_without_quota(response)
            try:
                # read here, since a session that caches responses would read them without a limit
                response._content = self._body(response, deadline)
                return response
            except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError) as error:
                try:
                    retry = retry.increment(request.method, error=error.args[0])
                except MaxRetryError:
                    raise error from None
                deadline.call(retry.sleep)

    def _pause_without_quota(self, response: requests.Response) -> None:
        """Pause if the server says that no requests are left, before it has to reject one."""
        wait = retry_after_seconds(response.headers)
        if response.headers.get("X-RateLimit-Remaining") == "0" and wait:
            self._limiter.pause(response.url, min(wait, LONGEST_WAIT))

    def _body(self, response: requests.Response, deadline: Deadline) -> bytes:
        """Return the body of a response, read in pieces."""
        most = self._limits.max_bytes
        length = content_length(response.headers) or 0
        if length > most:
            response.close()
            raise DownloadError(f"The response has {length:,} bytes, more than {most:,}.")
        body = bytearray()
        for chunk in deadline.each(lambda: body_of(response, 65536)):
            body += chunk
            if len(body) > most:
                raise DownloadError(f"The response has more than {most:,} bytes.")
        return bytes(body)
