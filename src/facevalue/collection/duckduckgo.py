"""DuckDuckGo's image search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facevalue.collection.image_search import Hit, _checked, _number, _text, _unique
from facevalue.collection.polite_http import Pace
from facevalue.data.download import DownloadError


class DuckDuckGo:
    """DuckDuckGo's image search, through the ddgs library: `pip install ddgs`.

    There is no official interface: it is strict about many requests, breaks now and then, and
    tells no licence: each image belongs to its owner. Do not pass such images on.

    Args:
        client: what does the search; by default ddgs.DDGS().
        pace: spaces the requests; by default one in 2 seconds.
    Source: https://github.com/deedy5/ddgs
    """

    name = "DuckDuckGo"

    def __init__(self, client: Any = None, *, pace: Pace | None = None) -> None:
        if client is None:
            try:
                from ddgs import DDGS
            except ImportError:
                raise ImportError(
                    "DuckDuckGo needs one more library: run `pip install ddgs`."
                ) from None
            client = DDGS()
        self._client, self._pace = client, pace or Pace(0.5)

    def search(self, words: str, most: int) -> list[Hit]:
        """Return photos, about 100 per request.

        Raises:
            DownloadError: nothing came, which may also mean: too many requests.
        """
        hits: list[Hit] = []
        for page in range(1, 11):
            before = len(hits)
            rows = self._page(words, most, page)
            hits = _unique([*hits, *(self._hit(row, words) for row in rows)], most)
            if len(hits) in (before, most):
                break
        return hits

    def _page(self, words: str, most: int, page: int) -> list[Mapping[str, Any]]:
        """Return a page of results; after the first page, that there are no more is no error."""
        service, problem = "https://duckduckgo.com", ""
        for attempt in range(1 if page > 1 else 3):
            self._pace.wait(service)
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
            except Exception as error:  # ddgs passes on what its own libraries raise
                problem = type(error).__name__
                self._pace.hold(service, 5.0 * 2**attempt)
        if page > 1:
            return []
        raise DownloadError(f"no results, or too many requests for now ({problem}).")

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        return _checked(
            Hit(
                emotion="",
                words=words,
                address=_text(row, "image"),
                width=_number(row.get("width")),
                height=_number(row.get("height")),
                author="",
                licence="each image its owner's",
                page=_text(row, "url"),
                source=self.name,
            ),
            "",
        )
