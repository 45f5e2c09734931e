"""The images that a search found, and reading them safely from a service's response."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from facevalue.data.http_retry import DownloadError, printable
from facevalue.data.urls import check_url, is_web_url

MAX_CHARACTERS = 2000
"""A longer text from a service is cut off after this many characters."""


@dataclass(frozen=True)
class Hit:
    """One image that a search found.

    Attributes:
        emotion: what was searched for, one of EMOTIONS.
        words: the search words that found it.
        address: the image's URL; for a folder on disk, its path.
        width, height: in pixels according to the service; 0 if unknown.
        author: who made it, according to the service; "" if unknown.
        licence: the name of its licence, or who owns it.
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
    """Return the first hits with different addresses, at most `most`, without None."""
    return list({hit.address: hit for hit in hits if hit}.values())[:most]


def safe_hit(hit: Hit, base_url: str) -> Hit | None:
    """Return a hit, or None if its address must not be fetched, for example a private one.

    Its page becomes "" unless it is an http or https URL, since somebody may click on it.

    Args:
        hit: the hit as described by the service.
        base_url: the URL of the service. A service on this machine may give addresses on its own
            server.
    """
    try:
        check_url(hit.address, base_url)
    except DownloadError:
        return None
    return hit if is_web_url(hit.page) else replace(hit, page="")


def text_field(row: Mapping[str, Any], name: str) -> str:
    """Return a printable text from a service's response, or "" if there is none.

    >>> text_field({"user": "Ada\\n"}, "user"), text_field({"user": None}, "user")
    ('Ada', '')
    """
    value = row.get(name)
    text = value if isinstance(value, str) else ""
    return printable(text, MAX_CHARACTERS)


def number_field(row: Mapping[str, Any], name: str) -> int:
    """Return a number from a service's response, or 0 if there is none.

    >>> number_field({"width": "640"}, "width"), number_field({}, "width")
    (640, 0)
    """
    try:
        return max(0, int(row.get(name, 0)))
    except (TypeError, ValueError, OverflowError):
        return 0
