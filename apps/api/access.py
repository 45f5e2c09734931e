"""Who may use the live page: visitors with the token, and WebSockets of the page itself."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api import pages
from apps.api.app import HEADERS
from apps.api.frames import POLICY_VIOLATION

COOKIE = "facevalue_token"


class AccessControl:
    """Middleware that requires the token, and opens WebSockets only for pages of this server."""

    def __init__(self, app: ASGIApp, token: str = "") -> None:
        """Wrap an application; an empty token admits everybody."""
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] == "http" and not self._has_token(scope):
            await self._response_without_cookie(scope)(scope, receive, send)
        elif scope["type"] == "websocket" and not (_same_origin(scope) and self._has_token(scope)):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await self._app(scope, receive, send)

    def _has_token(self, scope: Scope) -> bool:
        if not self._token:
            return True
        try:
            cookie = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and _equal(cookie.value, self._token)

    def _response_without_cookie(self, scope: Scope) -> Response:
        """Return a redirect that sets the cookie if the URL has the token, and else an error."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if not _equal(query.pop("token", [""])[-1], self._token):
            return _forbidden()
        # a path that begins with // would lead to another server
        path = "/" + scope["path"].lstrip("/")
        address = path + ("?" + urlencode(query, doseq=True) if query else "")
        response = RedirectResponse(address, 303, headers=HEADERS)
        secure = scope["scheme"] == "https"
        response.set_cookie(COOKIE, self._token, httponly=True, samesite="strict", secure=secure)
        return response


def _forbidden() -> Response:
    page = pages.page(
        "error.html",
        title=HTTPStatus.FORBIDDEN.phrase,
        sentence="This server requires a token: open the URL that it printed when it was started, "
        "which ends in ?token=...",
    )
    page.status_code = HTTPStatus.FORBIDDEN
    page.headers.update(HEADERS)
    return page


def _equal(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _same_origin(scope: Scope) -> bool:
    """Return whether a page of this server opens a WebSocket, by its browser's Origin header."""
    headers = Headers(scope=scope)
    origin = urlsplit(headers.get("origin", ""))
    return origin.scheme in ("http", "https") and origin.netloc == headers.get("host")
