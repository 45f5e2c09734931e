"""Sending HTTP requests that are rate-limited, retried, and limited in size and time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import MaxRetryError

from facevalue.collection.rate_limiter import RateLimiter, WaitInterrupted
from facevalue.data.http_retry import LONGEST_WAIT, DownloadError, ServerRetry, retry_after_seconds


@dataclass(frozen=True)
class ResponseLimits:
    """The limits for one request.

    Attributes:
        max_bytes: the largest body of a response.
        deadline: seconds that receiving the body may take.
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

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        url = request.url or ""

        def wait(seconds: float) -> None:
            self._limiter.pause(url, seconds)
            self._limiter.wait(url)

        retry = self.max_retries = ServerRetry.create(self._limits.attempts, wait)
        self._limiter.wait(url)
        while True:
            self._check_not_stopped()
            response = super().send(request, *args, **options)
            self._pause_without_quota(response)
            try:
                # read here, since a session that caches responses would read them without a limit
                response._content = self._body(response)
                return response
            except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError) as error:
                try:
                    retry = retry.increment(request.method, error=error.args[0])
                except MaxRetryError:
                    raise error from None
                retry.sleep()

    def _pause_without_quota(self, response: requests.Response) -> None:
        """Pause if the server says that no requests are left, before it has to reject one."""
        wait = retry_after_seconds(response.headers)
        if response.headers.get("X-RateLimit-Remaining") == "0" and wait:
            self._limiter.pause(response.url, min(wait, LONGEST_WAIT))

    def _body(self, response: requests.Response) -> bytes:
        """Return the body of a response, read in pieces."""
        most, end = self._limits.max_bytes, time.monotonic() + self._limits.deadline
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > most:
            response.close()
            raise DownloadError(f"The response has {int(length):,} bytes, more than {most:,}.")
        body = bytearray()
        for chunk in response.iter_content(65536):
            body += chunk
            if len(body) > most:
                response.close()
                raise DownloadError(f"The response has more than {most:,} bytes.")
            if time.monotonic() > end:
                response.close()
                raise DownloadError(
                    f"The response had not arrived after {self._limits.deadline:.0f} seconds."
                )
            self._check_not_stopped()
        return bytes(body)

    def _check_not_stopped(self) -> None:
        if self._stop.is_set():
            raise WaitInterrupted
