"""Requests to the JSON APIs of search services, with a cache and without revealing the key."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import requests

from facevalue import paths
from facevalue.collection.polite_http import PoliteAdapter, ResponseLimits
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.data.http_retry import (
    RETRY_STATUSES,
    TIMEOUT,
    DownloadError,
    describe_busy,
    describe_error,
    printable,
)
from facevalue.data.urls import hostname, is_loopback, redact_url

LIMITS = ResponseLimits()
DAY = 86_400
"""How long a response stays in the cache, in seconds."""


class InvalidKeyError(DownloadError):
    """The service does not accept the key, so no search will work."""


class SearchApi:
    """The JSON API of a search service; its responses are cached for a day.

    The key, in the parameter "key", never appears in the cache, the errors or the logs.

    Args:
        base_url: the URL of the API's search.
        cache: the SQLite file of the cache; by default one in data/processed, and no cache for a
            service on this machine. If it cannot be written, there is no cache.
        limiter: limits the requests.
        rows_key: the key of a response that holds the list of rows.
    Raises:
        DownloadError: the cache file is damaged.
    """

    def __init__(
        self, base_url: str, cache: Path | None, limiter: RateLimiter, rows_key: str
    ) -> None:
        self._base_url, self._rows_key, self._limiter = base_url, rows_key, limiter
        if cache or not is_loopback(base_url):
            file = cache or paths.processed() / f"{hostname(base_url)}.sqlite"
            self._session = self._polite(self._caching_session(file))
        else:
            self._session = self._polite(requests.Session())
        for library in ("urllib3.connectionpool", "urllib3.util.retry", "requests_cache.session"):
            logging.getLogger(library).addFilter(_redact_key)

    def _polite(self, session: requests.Session) -> requests.Session:
        """Return the session, which from now on keeps the limits."""
        # there is no proxy between this machine and itself
        session.trust_env = not is_loopback(self._base_url)
        for scheme in ("http://", "https://"):
            session.mount(scheme, PoliteAdapter(self._limiter, LIMITS))
        return session

    def _caching_session(self, cache: Path) -> requests.Session:
        # imported here, since Colab lacks it and the drawn photos need no cache
        from requests_cache import CachedSession

        try:
            if not _can_be_written(cache):
                return requests.Session()
            return CachedSession(
                str(cache),
                backend="sqlite",
                expire_after=DAY,
                ignored_parameters=["key"],
                filter_fn=lambda response: self._json_object(response) is not None,
            )
        except sqlite3.Error as error:
            raise DownloadError(f"The cache {cache} is damaged: delete it.") from error

    def rows(
        self,
        parameters: Mapping[str, Any],
        most: int,
        pages: Callable[[Mapping[str, Any]], int],
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of one page after another.

        Args:
            parameters: the parameters of the search, without the page number.
            most: no further page is requested once there are this many rows.
            pages: returns the number of pages, given the response for one of them.
        Raises:
            InvalidKeyError, DownloadError: as in `page`.
        """
        count, number = 0, 1
        while True:
            answer = self.page(dict(parameters) | {"page": number})
            rows = answer.get(self._rows_key, [])
            yield from (row for row in rows if isinstance(row, Mapping))
            count += len(rows)
            if not rows or count >= most or number >= pages(answer):
                return
            number += 1

    def page(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Request one page: return the JSON object in the response, or {} beyond the last page.

        Raises:
            InvalidKeyError: the service does not accept the key.
            DownloadError: anything else went wrong. Neither the message nor the error's cause
                contains the key.
        """
        response, problem = self._get(parameters)
        if response is None:  # outside of `except`, so that it has no cause
            raise DownloadError(f"{redact_url(self._base_url)}: {problem}")
        return self._parse(response, str(parameters.get("key", "")))

    def _get(self, parameters: Mapping[str, Any]) -> tuple[requests.Response | None, str]:
        """Return the response, or None and why, without the key that the library's errors show."""
        try:
            response = self._session.get(
                self._base_url,
                params=dict(parameters),
                headers={"User-Agent": "facevalue"},
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
        except DownloadError as error:
            return None, str(error)
        except sqlite3.OperationalError:  # the cache cannot be written, as on a full disk
            self._session = self._polite(requests.Session())
            return self._get(parameters)
        except sqlite3.Error:
            return None, "the cache in data/processed is damaged: delete its .sqlite files."
        except requests.RequestException as error:
            return None, f"{describe_error(error, LIMITS.attempts)}."
        except ValueError:  # requests reads a redirect's address, although it shall not follow it
            return None, "it redirects to what is not a valid URL."
        if response.status_code in RETRY_STATUSES:
            return None, f"{describe_busy(response, LIMITS.attempts)}."
        return response, ""

    def _parse(self, response: requests.Response, key: str) -> Mapping[str, Any]:
        place, status = redact_url(self._base_url), response.status_code
        found = self._json_object(response)
        if found is not None:
            return found
        kind = printable(response.headers.get("Content-Type", "no type").split(";")[0])
        if status == 200:
            raise DownloadError(f"{place} did not answer with a list of images, but with {kind}.")
        text = response.text[:200] if kind == "text/plain" else response.reason or ""
        if status == 400 and '"page" is out of' in text:
            return {}
        if status == 400 and "API key" in text:
            raise InvalidKeyError(f"{place} does not accept the key: look it up at {place}docs/.")
        text = printable(" ".join(text.replace(key, "***").split()) if key else text)
        raise DownloadError(f"{place} answered {status}: {text}")

    def _json_object(self, response: requests.Response) -> Mapping[str, Any] | None:
        """Return the JSON object of a response if it holds a list of rows."""
        kind = response.headers.get("Content-Type", "")
        if response.status_code != 200 or "json" not in kind:
            return None
        try:
            found = response.json()
        except ValueError:
            return None
        valid = isinstance(found, dict) and isinstance(found.get(self._rows_key), list)
        return found if valid else None


def _can_be_written(cache: Path) -> bool:
    """Return whether SQLite can write a file; if not, requests_cache would try it for ever.

    Raises:
        sqlite3.DatabaseError: the file is not a database.
    """
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(cache)) as connection:
            connection.execute("PRAGMA user_version = 1")
    except (OSError, sqlite3.OperationalError):  # a full disk, a read-only folder
        return False
    return True


def _redact_key(record: logging.LogRecord) -> bool:
    """Remove the key from the DEBUG messages of libraries."""
    record.msg = re.sub(r"([?&]key=)[^&\s\"']*", r"\1***", record.getMessage())
    record.args = ()
    return True
