"""What a connection may do to the server before the application sees a request."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.protocols.utils import get_remote_addr

from apps.api.addresses import address_of

REQUEST_SECONDS = 10.0
"""How long a connection may take for a request; uvicorn itself would wait for ever."""

PER_ADDRESS = 64
"""Open connections of one address; a browser has up to six, and a WebSocket."""

IN_ALL = 800
"""Open connections; most systems let a process have 1,024 files and connections."""


class GuardedHttp(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """uvicorn's HTTP protocol, with a limit of connections and of the time for a request.

    Where an address has too many connections, its oldest one that still owes a request makes room
    for the new one: half requests do not keep a visitor out who sends a whole one.

    uvicorn's own encryption begins a connection only after the handshake, so that half-finished
    handshakes would escape the limits. Therefore this class does the handshake: see `encrypted`.
    """

    encryption: ssl.SSLContext | None = None
    """The certificate for https; None for http."""

    _early: bytearray | None = None
    """What has arrived with the end of the handshake, until HTTP begins."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Admit a connection, or close it or another one."""
        self._owes_since = time.monotonic()
        self._watch: asyncio.TimerHandle | None = None
        if self.encryption is None:
            super().connection_made(transport)
        else:
            self.transport, self.client = transport, get_remote_addr(transport)
            self.connections.add(self)
            self._early = bytearray()
            transport.pause_reading()  # the handshake is to be read by what follows
            self._handshake = self.loop.create_task(self._encrypt(transport))
        address = address_of(self.client)
        alike = [other for other in self.connections if address_of(other.client) == address]
        if len(alike) > PER_ADDRESS or len(self.connections) > IN_ALL:
            # the WebSockets are connections too, but never the ones to go
            owing = [other for other in alike if getattr(other, "owes_request", False)]
            oldest = min(owing, key=lambda other: other.owes_since)
            oldest.transport.abort()
        if not transport.is_closing():
            self._check()

    async def _encrypt(self, transport: asyncio.Transport) -> None:
        """Do the handshake of TLS, and begin with HTTP; the limits apply meanwhile."""
        encrypted = None
        with suppress(OSError):  # the visitor left, took too long, or speaks no TLS
            encrypted = await self.loop.start_tls(
                transport, self, self.encryption, server_side=True
            )
        if encrypted is None or transport.is_closing():
            self._stop()
            self.connections.discard(self)
            transport.abort()
        else:
            super().connection_made(encrypted)
            early, self._early = bytes(self._early or b""), None
            if early:
                self.data_received(early)

    def data_received(self, data: bytes) -> None:
        """Handle what the visitor sends."""
        if self._early is None:
            super().data_received(data)
        else:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching a connection that was closed."""
        self._stop()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, *arguments: Any) -> None:
        """Stop watching a connection that becomes a WebSocket."""
        self._stop()
        super().handle_websocket_upgrade(*arguments)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._owes_since = time.monotonic()
        super().on_response_complete()

    @property
    def owes_request(self) -> bool:
        """Whether no request is being answered: the whole of the next one has not arrived."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def owes_since(self) -> float:
        """Since when, on the clock of `time.monotonic`."""
        return self._owes_since

    def _check(self) -> None:
        now = time.monotonic()
        if not self.owes_request:
            self._owes_since = now
        elif now - self._owes_since >= REQUEST_SECONDS:
            self.transport.abort()
            return
        self._watch = self.loop.call_later(REQUEST_SECONDS / 4, self._check)

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None


def encrypted(certificate: Path, key: Path) -> dict[str, Any]:
    """Return the options of uvicorn for https, with a certificate and its key, two PEM files."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    protocol = type("GuardedHttps", (GuardedHttp,), {"encryption": context})
    # uvloop delivers what arrives before a handshake begins, although reading is paused
    return {"http": protocol, "loop": "asyncio"}
