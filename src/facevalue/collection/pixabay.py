"""Pixabay's search, or a service that speaks the same API."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facevalue.collection import polite_http
from facevalue.collection.image_search import Hit, _checked, _number, _text, _unique
from facevalue.collection.polite_http import Pace
from facevalue.data.addresses import is_this_machine, public

PIXABAY = "https://pixabay.com/api/"


class Pixabay:
    """Pixabay's search, or a service that speaks the same API, such as `photo_service`.

    Answers are kept for 24 hours, as Pixabay asks, in data/processed, and without the key. Its
    rules: show where an image comes from (`Hit.page`), keep it on your own disk, and no
    systematic mass downloads.

    Args:
        key: your key; by default the environment's PIXABAY_API_KEY.
        base_url: https, or an address of this machine.
        cache: where answers are kept; for a service on this machine, by default, nowhere.
        pace: spaces the requests; the service's own limit (100 in 60 seconds) is kept besides.
    Raises:
        ValueError: there is no key, or the address would send it in the clear.
    Source: https://pixabay.com/api/docs/
    """

    def __init__(
        self,
        key: str | None = None,
        base_url: str = PIXABAY,
        *,
        cache: Path | None = None,
        pace: Pace | None = None,
    ) -> None:
        here = is_this_machine(base_url)
        if not here and not base_url.startswith("https://"):
            raise ValueError(f"{public(base_url)} is not an https address: the key would be seen.")
        self._key = key or os.environ.get("PIXABAY_API_KEY", "")
        if not self._key:
            raise ValueError(
                "Pixabay needs a key: make a free account at https://pixabay.com/api/docs/ and "
                "set the environment variable PIXABAY_API_KEY to the key shown there."
            )
        self.name = "drawn photos" if here else "Pixabay"
        self._licence = "MIT, as this course" if here else "Pixabay Content License"
        self._base_url = base_url
        self._api = polite_http.Api(base_url, cache, pace or Pace(), "hits")

    def __repr__(self) -> str:
        return f"Pixabay(base_url={public(self._base_url)!r})"

    def search(self, words: str, most: int) -> list[Hit]:
        """Return the most popular photos; Pixabay shows no more than 500 for the same words.

        Raises:
            ValueError: `words` has over 100 characters.
            DownloadError: the service failed; `RefusedKey` if it does not know the key.
        """
        if len(words) > 100:
            raise ValueError(f"Pixabay takes 100 characters at most, {words[:20]!r}... has more.")
        per_page = min(max(most, 3), 200)
        wanted = {"key": self._key, "q": words, "image_type": "photo", "safesearch": "true"}
        rows = self._api.rows(
            wanted | {"per_page": per_page},
            most,
            lambda answer: math.ceil(_number(answer.get("totalHits")) / per_page),
        )
        return _unique((self._hit(row, words) for row in rows), most)

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        address = _text(row, "largeImageURL") or _text(row, "webformatURL")
        width, height = _number(row.get("imageWidth")), _number(row.get("imageHeight"))
        scale = min(1.0, 1280 / max(width, height, 1))  # the large image is 1,280 pixels at most
        return _checked(
            Hit(
                emotion="",
                words=words,
                address=address,
                width=round(width * scale),
                height=round(height * scale),
                author=_text(row, "user"),
                licence=self._licence,
                page=_text(row, "pageURL"),
                source=self.name,
            ),
            self._base_url,
        )
