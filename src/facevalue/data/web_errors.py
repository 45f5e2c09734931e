"""What goes wrong on the web, told without the secrets of an address."""

from __future__ import annotations

import requests

TIMEOUT = (10, 60)


BUSY = (429, 500, 502, 503, 504)


class DownloadError(OSError):
    """A download failed; the message says why, without the secrets of its address."""


class Interrupted(Exception):
    """The server was busy or the line broke: what arrived is kept, and it is worth a retry."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def passing(error: requests.RequestException) -> bool:
    """Return whether the same request may well succeed a little later."""
    kinds = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    )
    return isinstance(error, kinds) and not isinstance(error, requests.exceptions.SSLError)


def reason(error: Exception) -> str:
    """Return why a request failed in words of ours: the library's own name the whole address."""
    if isinstance(error, Interrupted):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    if isinstance(error, requests.ConnectionError):
        return "there is no connection to the server"
    return type(error).__name__
