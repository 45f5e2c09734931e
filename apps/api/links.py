"""Where the addresses in the database lead."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import Any

from facevalue import paths
from facevalue.data.urls import is_web_url


@cache
def source_link(address: Any) -> str:
    """Return the URL of a source: of its web page, or of its code in the course's repository.

    Args:
        address: as the database has it: a URL, or the path of a file or folder of this course.
            Another program may have stored anything else.
    Returns:
        `address` itself if it is a URL, or if this copy of the course names no repository; "" if
        it is no text.

    >>> source_link("https://openverse.org/")
    'https://openverse.org/'
    """
    if not isinstance(address, str):
        return ""
    if is_web_url(address) or not _is_of_course(address):
        return address
    repository = _repository()
    return f"{repository}/tree/HEAD/{address}" if repository else address


def web_link(address: str | None) -> str | None:
    """Return an address if a browser may follow it, or else None.

    >>> web_link("javascript:alert(1)"), web_link("https://openverse.org/")
    (None, 'https://openverse.org/')
    """
    return address if address and is_web_url(address) else None


def _is_of_course(address: str) -> bool:
    try:
        return bool(address) and (paths.root() / address).exists()
    except (OSError, ValueError):  # far too long for a path, or with a character that none has
        return False


def _repository() -> str:
    """Return the address of this copy's repository on GitHub, or "" if it has none."""
    with (paths.root() / "pyproject.toml").open("rb") as file:
        address = str(tomllib.load(file)["tool"]["facevalue"]["repository"])
    found = re.match(r"(https://github\.com/[^/]+/[^/]+?)(?:\.git)?/?$", address)
    return found[1] if found else ""
