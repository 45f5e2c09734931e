"""One image that a search found, and reading it safely from a service's answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from facevalue.data.http_retry import DownloadError
from facevalue.data.urls import check_url, is_web_url

MOST_CHARACTERS = 2000
"""The length at which a text of a service is cut off."""


@dataclass(frozen=True)
class Hit:
    """One image that a search found.

    Attributes:
        emotion: what was searched for, one of EMOTIONS.
        words: the words that found it.
        address: the image's URL; for a folder on disk, its path.
        width, height: in pixels as the service says, 0 if it does not.
        author: who made it, as the service says, or "".
        licence: its name, or whose it is.
        page: the URL of the page that shows it; give it wherever you show the image.
        source: the name of the service.
    """

    emotion: str
    words: str
    address: str
    width: int
    height: int
    author: str
    licence: str
    page: str
    source: str


def unique_hits(hits: Iterable[Hit | None], most: int) -> list[Hit]:
    """Return the first hits of different addresses, at most `most`; None is left out."""
    return list({hit.address: hit for hit in hits if hit}.values())[:most]


def safe_hit(hit: Hit, base_url: str) -> Hit | None:
    """Return a hit, or None if its address must not be fetched, such as a private one.

    Its page is left out if it is not a web page, since somebody may click on it.

    Args:
        hit: as the service describes it.
        base_url: of the service. One on this machine may name addresses on its own server.
    """
    try:
        check_url(hit.address, base_url)
    except DownloadError:
        return None
    return hit if is_web_url(hit.page) else replace(hit, page="")


def text_field(row: Mapping[str, Any], name: str) -> str:
    """Return a printable text from a service's answer, "" if there is none.

    >>> text_field({"user": "Ada\\n"}, "user"), text_field({"user": None}, "user")
    ('Ada', '')
    """
    value = row.get(name)
    text = value if isinstance(value, str) else ""
    return "".join(c for c in text if c.isprintable())[:MOST_CHARACTERS]


def number_field(row: Mapping[str, Any], name: str) -> int:
    """Return a number from a service's answer, 0 if there is none.

    >>> number_field({"width": "640"}, "width"), number_field({}, "width")
    (640, 0)
    """
    try:
        return max(0, int(row.get(name, 0)))
    except (TypeError, ValueError, OverflowError):
        return 0
