"""What a connection may do to the server before the application sees a request."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from apps.api.addresses import address_of
from apps.api.intake import Intake

REQUEST_SECONDS = 10.0
"""How long a connection may take for a request; uvicorn itself would wait for ever."""

PER_ADDRESS = 64
"""Open connections of one address; a browser has up to six, and a WebSocket."""

HEAD_BYTES = 65_536
"""Bytes of a request without its content; browsers send a hundredth of that."""

PIPELINED = 8
"""Requests of a connection that wait until those before them are answered."""

UNREAD_SECONDS = 20.0
"""How long a visitor may take nothing of an answer before the connection is closed."""

IN_ALL = 800
"""Open connections; most systems let a process have 1,024 files and connections."""


class GuardedHttp(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with limits of connections, of time, and of what must be kept.

    Where an address has too many connections, its oldest one that still owes a request makes room
    for the new one: half requests do not keep a visitor out who sends a whole one.

    uvicorn's own encryption begins a connection only after the handshake, so that half-finished
    handshakes would escape the limits. Therefore this class does the handshake: see `encrypted`.

    uvicorn parses all that has arrived at once, requests without end too. `Intake` parses it in
    pieces, for a limited time of each address.
    """

    encryption: ssl.SSLContext | None = None
    """The certificate for https; None for http."""

    _early: bytearray | None = None
    """What has arrived with the end of the handshake, until HTTP begins."""

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """Admit a connection, or close it or another one."""
        self._owes_since = self._taken_at = time.monotonic()
        self._watch: asyncio.TimerHandle | None = None
        self._intake: Intake | None = None
        self._answering: RequestResponseCycle | None = None
        self._head_bytes = self._unread = 0
        if self.encryption is None:
            super().connection_made(transport)
        else:
            self.transport, self.client = transport, get_remote_addr(transport)
            self.connections.add(self)
            self._early = bytearray()
            transport.pause_reading()  # the handshake is to be read by what follows
            self._handshake = self.loop.create_task(self._encrypt(transport))
        address = address_of(self.client)
        connections: set[Any] = self.connections
        alike = [other for other in connections if address_of(other.client) == address]
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
        assert self.encryption is not None
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
        if self._early is not None:
            self._early += data
            return
        if self._intake is None:
            self._intake = Intake(
                address_of(self.client),
                self.transport,
                self._parse,
                is_busy=lambda: len(self.pipeline) >= PIPELINED,
                is_full=lambda: self.flow.read_paused,
            )
        self._intake.receive(data)

    def _parse(self, piece: bytes) -> None:
        self._head_bytes += len(piece)
        super().data_received(piece)
        if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("A request has more than 64 kB before its content.")

    def on_headers_complete(self) -> None:
        """Count the bytes of the next head anew."""
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count no bytes of the content: it has limits of its own."""
        self._head_bytes = 0
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching a connection that was closed."""
        self._stop()
        if self._answering is not None:  # uvicorn tells this to the newest request alone
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, *arguments: Any) -> None:
        """Stop watching a connection that becomes a WebSocket."""
        self._stop()
        self.transport.resume_reading()
        super().handle_websocket_upgrade(*arguments)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._owes_since = time.monotonic()
        super().on_response_complete()
        if self._intake is not None:
            self._intake.go_on()

    @property
    def owes_request(self) -> bool:
        """Whether the next request has not arrived, and all answers have been taken."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self.transport.get_write_buffer_size()

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
        unread = self.transport.get_write_buffer_size()
        if not unread or unread < self._unread:
            self._taken_at = now
        elif now - self._taken_at >= UNREAD_SECONDS:
            self.transport.abort()
            return
        self._unread = unread
        self._watch = self.loop.call_later(REQUEST_SECONDS / 4, self._check)

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._intake is not None:
            self._intake.end()


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, which parses what arrives as `GuardedHttp` does.

    A visitor's next message is parsed when the application has taken the one before.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with a connection."""
        super().connection_made(transport)
        self._intake = Intake(
            address_of(self.client),
            self.transport,
            super().data_received,
            is_busy=lambda: self.read_paused,
            is_full=lambda: self.read_paused,
        )

    def data_received(self, data: bytes) -> None:
        """Handle what the visitor sends."""
        self._intake.receive(data)

    async def receive(self) -> Any:
        """Return the next message, and parse what follows it."""
        message = await super().receive()
        self._intake.go_on()
        return message

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop what has not been parsed."""
        self._intake.end()
        super().connection_lost(exc)


def encrypted(certificate: Path, key: Path) -> dict[str, Any]:
    """Return the options of uvicorn for https, with a certificate and its key, two PEM files."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    protocol = type("GuardedHttps", (GuardedHttp,), {"encryption": context})
    # uvloop delivers what arrives before a handshake begins, although reading is paused
    return {"http": protocol, "loop": "asyncio"}
