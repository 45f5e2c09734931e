"""Asking web services politely: paced, cached, and no more often than they allow."""

from __future__ import annotations

import email.utils
import logging
import re
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from facevalue import paths
from facevalue.data.addresses import is_this_machine, origin, public
from facevalue.data.download import BUSY, TIMEOUT, DownloadError, bounded, passing, reason


class RefusedKey(DownloadError):
    """The service does not know the key: no search will work."""


PER_SECOND = 5.0
"""Requests per second to one host, where nothing else is said."""

LONGEST_WAIT = 120.0
"""Seconds that a server may ask us to wait; one that asks for more is not waited for."""


class Pace:
    """Spaces the requests to each host, and holds them all back when a host asks for that.

    Args:
        per_second: requests per second to one host; None: `PER_SECOND`, and no limit for this
            machine itself, where the course's photo service runs.
        clock: returns seconds, as time.monotonic does.
        sleep: waits for seconds, as time.sleep does; when it returns True, as the `wait` of an
            event that was set does, nobody waits any longer.
    """

    def __init__(
        self,
        per_second: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        if per_second is not None and not per_second > 0:
            raise ValueError(f"per_second must be over 0, got {per_second}.")
        self._per_second, self._clock, self._sleep = per_second, clock, sleep
        self._free: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, url: str) -> None:
        """Return when it is this request's turn; of several threads, one at a time gets it."""
        place = origin(url)
        gap = 1 / (self._per_second or PER_SECOND)
        if self._per_second is None and is_this_machine(url):
            gap = 0.0
        while True:
            with self._lock:
                now = self._clock()
                seconds = self._free.get(place, now) - now
                if seconds <= 0:
                    self._free[place] = now + gap
                    return
            if self._sleep(seconds):
                return

    def hold(self, url: str, seconds: float) -> None:
        """Let nobody ask this host again for some seconds; say so if they are more than three."""
        with self._lock:
            now, place = self._clock(), origin(url)
            before = max(now, self._free.get(place, now))
            self._free[place] = max(before, now + seconds)
            longer = self._free[place] - before
        if longer > 3:
            host = urlsplit(url).hostname
            print(f"{host} is asked again in {seconds:.0f} seconds.", file=sys.stderr)


def asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait (Retry-After, X-RateLimit-Reset), if it does.

    Source: RFC 9110, 10.2.3; https://pixabay.com/api/docs/ for the X-RateLimit headers.
    """
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if after and not after.strip().isdigit():
        try:
            return max(0.0, email.utils.parsedate_to_datetime(after).timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            after = ""
    seconds = after.strip() or reset.strip()
    if not re.fullmatch(r"\d{1,12}(\.\d+)?", seconds):
        return None
    # some servers send the time of day instead, in seconds since 1970
    return max(0.0, float(seconds) - (time.time() if float(seconds) > 1e9 else 0))


def heed(answer: requests.Response, pace: Pace) -> None:
    """Hold a server back before it has to refuse, if its answer says that no request is left."""
    wait = asked_to_wait(answer.headers)
    if answer.headers.get("X-RateLimit-Remaining") == "0" and wait:
        pace.hold(answer.url, min(wait, LONGEST_WAIT))


LARGEST_ANSWER = 10_000_000
ATTEMPTS = 4
DAY = 86_400


class Api:
    """Asks an API for JSON: keeps answers for a day, and waits when it is asked to."""

    def __init__(self, base_url: str, cache: Path | None, pace: Pace, rows: str) -> None:
        self._base_url, self._pace, self._rows = base_url, pace, rows
        here = is_this_machine(base_url)
        self._session = requests.Session()
        if cache or not here:
            place = cache or paths.processed() / f"{urlsplit(base_url).hostname}.sqlite"
            self._session = self._remembering(place)
        self._session.trust_env = not here  # no proxy between this machine and itself
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Polite(pace))
        for library in ("urllib3.connectionpool", "requests_cache.session"):
            logging.getLogger(library).addFilter(_without_key)

    def _remembering(self, cache: Path) -> requests.Session:
        # here, since Colab lacks it and the drawn photos need no cache
        from requests_cache import CachedSession

        try:
            return CachedSession(
                str(cache),
                backend="sqlite",
                expire_after=DAY,
                ignored_parameters=["key"],
                filter_fn=lambda answer: self._object(answer) is not None,
            )
        except sqlite3.Error:
            raise DownloadError(f"The cache {cache} is broken: delete it.") from None

    def rows(
        self,
        parameters: Mapping[str, Any],
        most: int,
        pages: Callable[[Mapping[str, Any]], int],
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows page by page, until there are `most`, or `pages` of an answer are read."""
        count, number = 0, 1
        while True:
            answer = self.ask(dict(parameters) | {"page": number})
            rows = answer.get(self._rows, [])
            yield from (row for row in rows if isinstance(row, Mapping))
            count += len(rows)
            if not rows or count >= most or number >= pages(answer):
                return
            number += 1

    def ask(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the object that the API answers with, or {} for a page beyond the last.

        Raises:
            RefusedKey: it does not know the key.
            DownloadError: anything else went wrong. Neither the message, nor an error behind
                it, holds the key.
        """
        place = public(self._base_url)
        for attempt in range(ATTEMPTS):
            answer, problem, again = self._once(parameters)
            wait: float | None = None
            if answer is not None:
                if answer.status_code not in BUSY:
                    return self._read(answer, str(parameters.get("key", "")))
                problem = f"the server is busy (status {answer.status_code})"
                wait = asked_to_wait(answer.headers)
            elif not again:
                raise DownloadError(f"{place}: {problem}.")
            wait = 2.0**attempt if wait is None else wait
            if wait > LONGEST_WAIT:
                raise DownloadError(f"{place}: {problem}, and asks to wait {wait:,.0f} seconds.")
            self._pace.hold(self._base_url, wait)
        raise DownloadError(f"{place}: {problem}, {ATTEMPTS} times in a row.")

    def _once(self, parameters: Mapping[str, Any]) -> tuple[requests.Response | None, str, bool]:
        """Return the answer, or None, the reason, and whether to try again.

        No error leaves: the library's own hold the whole address, and the key with it.
        """
        try:
            answer = self._session.get(
                self._base_url,
                params=dict(parameters),
                headers={"User-Agent": "facevalue"},
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
        except DownloadError as error:
            return None, str(error), False
        except sqlite3.Error:
            return None, "the cache in data/processed is broken: delete its .sqlite files", False
        except requests.RequestException as error:
            return None, reason(error), passing(error)
        return answer, "", False

    def _read(self, answer: requests.Response, key: str) -> Mapping[str, Any]:
        place, status = public(self._base_url), answer.status_code
        found = self._object(answer)
        if found is not None:
            if not getattr(answer, "from_cache", False):
                heed(answer, self._pace)
            return found
        kind = answer.headers.get("Content-Type", "no type").split(";")[0]
        if status == 200:
            raise DownloadError(f"{place} did not answer with a list of images, but with {kind}.")
        text = answer.text[:200] if kind == "text/plain" else answer.reason or ""
        if status == 400 and '"page" is out of' in text:
            return {}
        if status == 400 and "API key" in text:
            raise RefusedKey(f"{place} does not know the key: look it up at {place}docs/.")
        text = " ".join(text.replace(key, "***").split()) if key else text
        raise DownloadError(f"{place} answered {status}: {text}")

    def _object(self, answer: requests.Response) -> Mapping[str, Any] | None:
        """Return the answer's JSON object if it holds a list of rows."""
        kind = answer.headers.get("Content-Type", "")
        if answer.status_code != 200 or "json" not in kind:
            return None
        try:
            found = answer.json()
        except ValueError:
            return None
        well = isinstance(found, dict) and isinstance(found.get(self._rows), list)
        return found if well else None


class _Polite(HTTPAdapter):
    """Waits its turn before each request, and reads no more of an answer than is sensible."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        self._pace.wait(request.url or "")
        answer = super().send(request, *args, **options)
        answer._content = bounded(answer, LARGEST_ANSWER)
        return answer


def _without_key(record: logging.LogRecord) -> bool:
    """Take the key out of what libraries log when they are asked to log everything."""
    record.msg = re.sub(r"([?&]key=)[^&\s\"']*", r"\1***", record.getMessage())
    record.args = ()
    return True
