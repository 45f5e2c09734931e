"""Who may use the live page: visitors with the token, and WebSockets of the page itself."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from fastapi import Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from apps.api import origins
from apps.api.app import FOR_PROGRAMS, HEADERS, error_response
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
        elif scope["type"] == "websocket" and not (
            origins.is_own(scope) and self._has_token(scope)
        ):
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        else:
            await self._app(scope, receive, send)

    def _has_token(self, scope: Scope) -> bool:
        if not self._token:
            return True
        headers = Headers(scope=scope)
        if _equal(headers.get("authorization", ""), f"Bearer {self._token}"):  # a program
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and _equal(cookie.value, self._token)

    def _response_without_cookie(self, scope: Scope) -> Response:
        """Return a redirect that sets the cookie if the URL has the token, and else an error."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if not _equal(query.pop("token", [""])[-1], self._token):
            return _forbidden(scope["path"])
        # a path that begins with // would lead to another server
        path = "/" + scope["path"].lstrip("/")
        address = path + ("?" + urlencode(query, doseq=True) if query else "")
        response = RedirectResponse(address, 303, headers=HEADERS)
        secure = scope["scheme"] == "https"
        response.set_cookie(COOKIE, self._token, httponly=True, samesite="strict", secure=secure)
        return response


def _forbidden(path: str) -> Response:
    sentence = (
        "This server requires a token: open the URL that it printed when it was started, which "
        "ends in ?token=..."
    )
    if path.startswith(FOR_PROGRAMS):
        sentence = (
            "This server requires a token: send the header Authorization: Bearer TOKEN, with the "
            "token from the URL that it printed when it was started."
        )
    response = error_response(path, HTTPStatus.FORBIDDEN, sentence)
    response.headers.update(HEADERS)
    return response


def _equal(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())
