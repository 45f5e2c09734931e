"""Openverse's search among openly licensed images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facevalue.collection import polite_http
from facevalue.collection.image_search import Hit, _checked, _number, _text, _unique
from facevalue.collection.polite_http import Pace
from facevalue.data.addresses import is_this_machine

OPENVERSE = "https://api.openverse.org/v1/images/"


class Openverse:
    """Openverse's search among openly licensed images; no key. Each hit has its own licence.

    Without an account it gives 20 images per page, 240 for the same words, and takes 20 requests
    per minute and 200 per day. Answers are kept for 24 hours, in data/processed.

    Args:
        base_url: the address of the API's image search.
        cache: where answers are kept; for a service on this machine, by default, nowhere.
        pace: spaces the requests; by default 20 per minute.
    Source: https://api.openverse.org/v1/
    """

    name = "Openverse"

    def __init__(
        self, base_url: str = OPENVERSE, *, cache: Path | None = None, pace: Pace | None = None
    ) -> None:
        self._base_url = base_url
        here = is_this_machine(base_url)
        self._api = polite_http.Api(
            base_url, cache, pace or Pace(None if here else 20 / 60), "results"
        )

    def search(self, words: str, most: int) -> list[Hit]:
        """Return the most relevant images, none marked as mature.

        Raises:
            DownloadError: the service failed.
        """
        rows = self._api.rows(
            {"q": words, "page_size": 20},
            most,
            lambda answer: min(_number(answer.get("page_count")), 240 // 20),
        )
        return _unique((self._hit(row, words) for row in rows), most)

    def _hit(self, row: Mapping[str, Any], words: str) -> Hit | None:
        licence, version = _text(row, "license"), _text(row, "license_version")
        name = {"cc0": "CC0", "pdm": "Public Domain Mark"}.get(licence, f"CC {licence.upper()}")
        return _checked(
            Hit(
                emotion="",
                words=words,
                address=_text(row, "url"),
                width=_number(row.get("width")),
                height=_number(row.get("height")),
                author=_text(row, "creator"),
                licence=f"{name} {version}".strip() if licence else "",
                page=_text(row, "foreign_landing_url"),
                source=self.name,
            ),
            self._base_url,
        )
