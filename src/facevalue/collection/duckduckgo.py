"""Searching images on DuckDuckGo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facevalue.collection.hits import Hit, number_field, safe_hit, text_field, unique_hits
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.data.http_retry import DownloadError


class DuckDuckGo:
    """DuckDuckGo's image search, through the ddgs library: `pip install ddgs`.

    There is no official API. The one that ddgs uses soon rejects further requests, breaks now and
    then, and gives no licences: each image belongs to its owner, so do not redistribute it.

    Args:
        client: sends the requests; by default ddgs.DDGS().
        limiter: limits the requests; by default to one every 2 seconds.
    Raises:
        ImportError: ddgs is not installed.
    Source: https://github.com/deedy5/ddgs
    """

    name = "DuckDuckGo"

    def __init__(self, client: Any = None, *, limiter: RateLimiter | None = None) -> None:
        if client is None:
            try:
                from ddgs import DDGS
            except ImportError as error:
                raise ImportError(
                    "Searching DuckDuckGo needs ddgs: run `pip install ddgs`."
                ) from error
            client = DDGS()
        self._client, self._limiter = client, limiter or RateLimiter(0.5)

    def search(self, words: str, most: int) -> list[Hit]:
        """Return photos, about 100 per request.

        Raises:
            DownloadError: there were no results, possibly because of too many requests.
        """
        hits: list[Hit] = []
        for page in range(1, 11):
            before = len(hits)
            rows = self._page(words, most, page)
            hits = unique_hits([*hits, *(self._hit(row, words) for row in rows)], most)
            if len(hits) in (before, most):
                break
        return hits

    def _page(self, words: str, most: int, page: int) -> list[Mapping[str, Any]]:
        """Return a page of results; an empty one is an error only if it is the first."""
        service, problem = "https://duckduckgo.com", ""
        for attempt in range(1 if page > 1 else 3):
            self._limiter.wait(service)
            try:
                rows = self._client.images(
                    words,
                    safesearch="on",
                    max_results=most,
                    page=page,
                    backend="duckduckgo",
                    type_image="photo",
                )
                return [row for row in rows if isinstance(row, Mapping)]
            except Exception as error:  # ddgs lets the errors of its own libraries through
                problem = type(error).__name__
                self._limiter.pause(service, 5.0 * 2**attempt)
        if page > 1:
            return []
        raise DownloadError(
            f"There are no results, or there were too many requests for now ({problem})."
        )

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        return safe_hit(
            Hit(
                emotion="",
                words=words,
                address=text_field(row, "image"),
                width=number_field(row, "width"),
                height=number_field(row, "height"),
                author="",
                licence="each image its owner's",
                page=text_field(row, "url"),
                source=self.name,
            ),
            "",
        )
