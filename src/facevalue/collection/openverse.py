"""Searching openly licensed images on Openverse."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facevalue.collection.hits import Hit, number_field, safe_hit, text_field, unique_hits
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.collection.search_api import SearchApi
from facevalue.data.urls import is_loopback

OPENVERSE = "https://api.openverse.org/v1/images/"


class Openverse:
    """Openverse's search for openly licensed images. It needs no key; each hit has its own licence.

    Without an account, Openverse returns 20 images per page and 240 per search, and allows 20
    requests per minute and 200 per day. Answers are cached for 24 hours, in data/processed.

    Args:
        base_url: the URL of the API's image search.
        cache: the SQLite file of the cache; by default one in data/processed, and none for a
            service on this machine.
        limiter: limits the requests; by default to 20 per minute.
    Source: https://api.openverse.org/v1/
    """

    name = "Openverse"

    def __init__(
        self,
        base_url: str = OPENVERSE,
        *,
        cache: Path | None = None,
        limiter: RateLimiter | None = None,
    ) -> None:
        self._base_url = base_url
        here = is_loopback(base_url)
        self._api = SearchApi(
            base_url, cache, limiter or RateLimiter(None if here else 20 / 60), "results"
        )

    def search(self, words: str, most: int) -> list[Hit]:
        """Return the most relevant images, none marked as mature.

        Raises:
            DownloadError: the search failed.
        """
        rows = self._api.rows(
            {"q": words, "page_size": 20},
            most,
            lambda answer: min(number_field(answer, "page_count"), 240 // 20),
        )
        return unique_hits((self._hit(row, words) for row in rows), most)

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        licence, version = text_field(row, "license"), text_field(row, "license_version")
        name = {"cc0": "CC0", "pdm": "Public Domain Mark"}.get(licence, f"CC {licence.upper()}")
        return safe_hit(
            Hit(
                emotion="",
                words=words,
                address=text_field(row, "url"),
                width=number_field(row, "width"),
                height=number_field(row, "height"),
                author=text_field(row, "creator"),
                licence=f"{name} {version}".strip() if licence else "",
                page=text_field(row, "foreign_landing_url"),
                source=self.name,
            ),
            self._base_url,
        )
