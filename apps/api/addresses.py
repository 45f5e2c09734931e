"""The addresses of visitors: what one of them may use at a time, so that others are served too."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections import Counter, defaultdict

from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUESTS_AT_WORK = 2
"""Requests of one address that are answered at the same time; its others wait for their turn."""


def address_of(client: tuple[str, int] | None) -> str:
    """Return the address that a visitor is counted under.

    Whoever has an IPv6 address has a whole network of them: its first 64 bits count.

    Args:
        client: host and port, as ASGI names them.

    >>> address_of(("192.0.2.7", 5000)), address_of(("2001:db8::7", 5000))
    ('192.0.2.7', '2001:db8::/64')
    """
    host = client[0] if client else ""
    try:
        number = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:  # a Unix socket, or a test
        return host
    if isinstance(number, ipaddress.IPv4Address):
        return str(number)
    if number.ipv4_mapped:
        return str(number.ipv4_mapped)
    return str(ipaddress.ip_network((number, 64), strict=False))


class RequestTurns:
    """Middleware that answers `REQUESTS_AT_WORK` requests of one address at the same time.

    If others of this address wait, the next one begins after a pause as long as the work: so one
    address leaves half of the server's time to others.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(REQUESTS_AT_WORK)
        )
        self._present: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; its work ends when the response begins, which a stream never ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        address = address_of(scope["client"])
        place = self._places[address]
        self._present[address] += 1
        try:
            await place.acquire()
            start, at_work = time.monotonic(), True

            def leave() -> None:
                nonlocal at_work
                if at_work:
                    at_work = False
                    others = self._present[address] > REQUESTS_AT_WORK
                    pause = time.monotonic() - start if others else 0.0
                    asyncio.get_running_loop().call_later(pause, place.release)

            async def send_and_leave(message: Message) -> None:
                leave()
                await send(message)

            try:
                await self._app(scope, receive, send_and_leave)
            finally:
                leave()
        finally:
            self._present[address] -= 1
            if not self._present[address]:
                del self._present[address], self._places[address]
