"""Searching Pixabay, or a service with the same API."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facevalue.collection.hits import Hit, number_field, safe_hit, text_field, unique_hits
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.collection.search_api import SearchApi
from facevalue.data.urls import is_loopback, redact_url

PIXABAY = "https://pixabay.com/api/"


class Pixabay:
    """Pixabay's search, or a service with the same API, such as `photo_service`.

    Answers are cached for 24 hours, as Pixabay requires, in data/processed and without the key. Its
    rules: show where an image comes from (`Hit.page`), store it on your own disk, and do no
    systematic mass downloads.

    Args:
        key: your key; by default the environment's PIXABAY_API_KEY.
        base_url: the URL of the API: https, or on this machine.
        cache: the SQLite file of the cache; by default one in data/processed, and none for a
            service on this machine.
        limiter: limits the requests, in addition to the service's own limit, 100 in 60 seconds.
    Raises:
        ValueError: there is no key, or the URL would send it unencrypted.
    Source: https://pixabay.com/api/docs/
    """

    def __init__(
        self,
        key: str | None = None,
        base_url: str = PIXABAY,
        *,
        cache: Path | None = None,
        limiter: RateLimiter | None = None,
    ) -> None:
        here = is_loopback(base_url)
        if not here and not base_url.startswith("https://"):
            raise ValueError(
                f"{redact_url(base_url)} is not an https URL, so the key would be sent "
                "unencrypted: use https."
            )
        self._key = key or os.environ.get("PIXABAY_API_KEY", "")
        if not self._key:
            raise ValueError(
                "Pixabay needs a key: create a free account at https://pixabay.com/api/docs/ and "
                "set the environment variable PIXABAY_API_KEY to the key shown there."
            )
        self.name = "drawn photos" if here else "Pixabay"
        self._licence = "MIT, as this course" if here else "Pixabay Content License"
        self._base_url = base_url
        self._api = SearchApi(base_url, cache, limiter or RateLimiter(), "hits")

    def __repr__(self) -> str:
        return f"Pixabay(base_url={redact_url(self._base_url)!r})"

    def search(self, words: str, most: int) -> list[Hit]:
        """Return the most popular photos, at most 500, which is Pixabay's limit.

        Raises:
            ValueError: `words` has more than 100 characters.
            InvalidKeyError: the service does not accept the key.
            DownloadError: the search failed.
        """
        if len(words) > 100:
            raise ValueError(
                f"Pixabay takes 100 characters at most, but {words[:20]!r}... has {len(words)}."
            )
        per_page = min(max(most, 3), 200)
        wanted = {"key": self._key, "q": words, "image_type": "photo", "safesearch": "true"}
        rows = self._api.rows(
            wanted | {"per_page": per_page},
            most,
            lambda answer: math.ceil(number_field(answer, "totalHits") / per_page),
        )
        return unique_hits((self._hit(row, words) for row in rows), most)

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        address = text_field(row, "largeImageURL") or text_field(row, "webformatURL")
        width, height = number_field(row, "imageWidth"), number_field(row, "imageHeight")
        scale = min(1.0, 1280 / max(width, height, 1))  # the large image is 1,280 pixels at most
        return safe_hit(
            Hit(
                emotion="",
                words=words,
                address=address,
                width=round(width * scale),
                height=round(height * scale),
                author=text_field(row, "user"),
                licence=self._licence,
                page=text_field(row, "pageURL"),
                source=self.name,
            ),
            self._base_url,
        )
