"""Whether a page of another website makes a visitor's browser send a request."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope


def is_own(scope: Scope) -> bool:
    """Return whether a page of this server sends a request, by its browser's Origin header."""
    headers = Headers(scope=scope)
    host = headers.get("host")
    # compared as text: an Origin that somebody made up cannot always be parsed
    return bool(host) and headers.get("origin") in (f"http://{host}", f"https://{host}")


def is_foreign(scope: Scope) -> bool:
    """Return whether a page of another website sends a request.

    Programs name no website, and an address that somebody types belongs to none.
    """
    headers = Headers(scope=scope)
    if "sec-fetch-site" in headers:
        return headers["sec-fetch-site"] not in ("same-origin", "none")
    return "origin" in headers and not is_own(scope)  # an old browser
