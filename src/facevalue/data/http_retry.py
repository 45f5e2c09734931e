"""Retrying HTTP requests, and reporting their errors without secrets."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError, ResponseError
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from facevalue.files import ExplainedError

TIMEOUT = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes."""

RETRY_STATUSES = (429, 500, 502, 503, 504)
"""Status codes of a server that is too busy or temporarily fails."""

LONGEST_WAIT = 120.0
"""The longest wait, in seconds, that a server may request; we give up if it requests more."""


class DownloadError(ExplainedError):
    """A download failed. The message says why, without the secrets of its URL."""


class ServerUnavailable(DownloadError):
    """A server is busy or cannot be reached, so other requests to it may fail too."""


class ServerRetry(Retry):
    """urllib3's Retry, extended where it has no settings.

    It also reads X-RateLimit-Reset, gives up at once on a server that requests a wait longer than
    `LONGEST_WAIT`, and lets the caller choose how to wait (so that other threads wait too, and
    Ctrl+C ends the wait). When it gives up on a busy server, the last response is returned.
    """

    wait: Callable[[float], object]

    @classmethod
    def create(cls, attempts: int, wait: Callable[[float], object], backoff: float = 1.0) -> Self:
        """Return a retry policy.

        Args:
            attempts: the largest number of times that a request is sent.
            wait: a function that waits for some seconds, as time.sleep does.
            backoff: in seconds. The second attempt follows at once, the third after 2 * backoff,
                the fourth after 4 * backoff, unless the server requests another wait.
        """
        retry = cls(
            total=attempts - 1,
            other=0,  # such as a certificate that is not trusted
            status_forcelist=RETRY_STATUSES,
            backoff_factor=backoff,
            raise_on_status=False,
        )
        retry.wait = wait
        return retry

    def new(self, **changes: Any) -> Self:
        retry = super().new(**changes)
        retry.wait = self.wait
        return retry

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        return retry_after_seconds(response.headers)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        *args: Any,
        **options: Any,
    ) -> Self:
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_WAIT:
            raise MaxRetryError(options["_pool"], "", ResponseError(ResponseError.GENERIC_ERROR))
        return super().increment(method, url, response, error, *args, **options)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        requested = self.get_retry_after(response) if response is not None else None
        self.wait(requested or self.get_backoff_time())


def wait_and_say_so(name: str) -> Callable[[float], None]:
    """Return a function that waits for some seconds, with a message if they are more than three."""

    def wait(seconds: float) -> None:
        if seconds > 3:
            print(f"{name}: the next attempt is in {seconds:.0f} seconds.", file=sys.stderr)
        time.sleep(seconds)

    return wait


_dates = Retry()
_dates.retry_after_max = sys.maxsize  # newer versions of urllib3 stop at six hours


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a server requests, in seconds, or None.

    Source: RFC 9110, 10.2.3, for Retry-After; https://pixabay.com/api/docs/ for X-RateLimit-Reset.

    >>> retry_after_seconds({"Retry-After": "12"})
    12
    """
    try:
        return _dates.parse_retry_after(headers["Retry-After"])
    except (KeyError, ValueError, OverflowError, HTTPError):
        pass  # it is missing, or neither a number nor a date
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if not re.fullmatch(r"\d{1,12}(\.\d+)?", reset):
        return None
    # some servers send a Unix timestamp instead
    return max(0.0, float(reset) - (time.time() if float(reset) > 1e9 else 0))


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return how many bytes a Content-Length header announces, or None if it says no such number.

    Its digits are counted first, because Python converts no number of thousands of digits.

    >>> content_length({"Content-Length": "5"}), content_length({"Content-Length": "-5"})
    (5, None)
    """
    text = headers.get("Content-Length", "").strip()
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def body_of(response: requests.Response, chunk: int) -> Iterator[bytes]:
    """Yield the body of a response in pieces of `chunk` bytes, and close it.

    It is the thread that reads the body that must close it: another one would wait for the read.
    """
    with response:
        yield from response.iter_content(chunk)


def printable(text: str, most: int = 200) -> str:
    r"""Return a text of a server without what a terminal would obey, such as colours and titles.

    >>> printable("Not\x1b[31m Found\n")
    'Not[31m Found'
    """
    return "".join(character for character in text[:most] if character.isprintable())


def is_transient(error: requests.RequestException) -> bool:
    """Return whether the same request may succeed a little later."""
    kinds = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    return isinstance(error, kinds) and not isinstance(error, requests.exceptions.SSLError)


def describe_error(error: requests.RequestException, attempts: int = 1) -> str:
    """Return why a request failed, in our own words: the library's message contains the whole URL.

    Args:
        error: the library's error.
        attempts: how often a request is sent if its error is transient.

    >>> describe_error(requests.ConnectionError(), 4)
    'there is no connection to the server, 4 times in a row'
    """
    times = f", {attempts} times in a row" if attempts > 1 and is_transient(error) else ""
    cause = error.args[0] if error.args else None
    cause = cause.reason if isinstance(cause, MaxRetryError) else cause
    if isinstance(error, requests.exceptions.SSLError):
        reason = "its certificate is not trusted"
    elif isinstance(error, requests.Timeout) or isinstance(cause, ReadTimeoutError):
        reason = "the server does not answer"
    elif isinstance(error, requests.exceptions.ChunkedEncodingError):
        reason = "the connection broke"
    elif isinstance(error, requests.ConnectionError):
        reason = "there is no connection to the server"
    else:
        reason = type(error).__name__
    return reason + times


def describe_busy(response: requests.Response, attempts: int) -> str:
    """Return why we gave up on a server whose status says that it is busy.

    Args:
        response: its last response.
        attempts: how often the request was sent, unless the server requested too long a wait.
    """
    wait = retry_after_seconds(response.headers)
    busy = f"the server is busy (status {response.status_code})"
    if wait is not None and wait > LONGEST_WAIT:
        return f"{busy} and asks to wait {wait:,.0f} seconds"
    return f"{busy}, {attempts} times in a row" if attempts > 1 else busy


def _is_not_retry_warning(record: logging.LogRecord) -> bool:
    """Drop urllib3's warning about each retry, since it shows the URL with its query."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return not any(isinstance(argument, ServerRetry) for argument in arguments)


logging.getLogger("urllib3.connectionpool").addFilter(_is_not_retry_warning)
