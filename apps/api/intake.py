"""What visitors send, read in small pieces, so that no address takes all the time of the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from weakref import WeakValueDictionary

SHARE = 0.15
"""The part of a CPU that one address may take for reading what it sends, on average."""

SAVED_SECONDS = 0.1
"""How much of its time an address that sends nothing can save up."""

PIECE_SECONDS = 0.002
"""About how long a piece may take to read; then others have their turn."""

MIN_PIECE, MAX_PIECE = 512, 16_384
"""Bytes of a piece: thousands of empty messages are slower to read than one picture."""


class Allowance:
    """The time that is left to an address for reading (a token bucket, in seconds)."""

    def __init__(self) -> None:
        """Begin with the time that can be saved up."""
        self._seconds, self._counted = SAVED_SECONDS, time.monotonic()

    def wait(self) -> float:
        """Return for how many seconds the address must wait; 0 if it may go on."""
        now = time.monotonic()
        self._seconds = min(SAVED_SECONDS, self._seconds + SHARE * (now - self._counted))
        self._counted = now
        return max(0.0, -self._seconds / SHARE)

    def spend(self, seconds: float) -> None:
        """Count time of the CPU; it may end below 0."""
        self._seconds -= seconds


_allowances: WeakValueDictionary[str, Allowance] = WeakValueDictionary()
"""Those of the addresses that are connected."""


class Intake:
    """Hands what a connection received to its parser, as fast as its address may.

    Meanwhile nothing more is read, so that the rest waits in the network.
    """

    def __init__(
        self,
        address: str,
        transport: asyncio.Transport,
        parse: Callable[[bytes], None],
        is_busy: Callable[[], bool],
        is_full: Callable[[], bool],
    ) -> None:
        """Begin with a connection.

        Args:
            address: shares the time with the other connections of this address.
            transport: the connection.
            parse: takes the next bytes.
            is_busy: whether the parser takes no more for now; when it does again, `go_on` must be
                called.
            is_full: whether the protocol itself has paused reading, and resumes it later.
        """
        self._allowance = _allowances.setdefault(address, Allowance())
        self._transport, self._parse = transport, parse
        self._is_busy, self._is_full = is_busy, is_full
        self._waiting = bytearray()
        self._timer: asyncio.Handle | None = None
        self._size = MIN_PIECE
        self._is_parsing = self._has_ended = False

    def receive(self, data: bytes) -> None:
        """Take what has arrived."""
        self._waiting += data
        self.go_on()

    def go_on(self) -> None:
        """Parse the next piece, if it is time."""
        if self._is_parsing or self._has_ended or self._transport.is_closing():
            return
        if self._waiting and not self._timer and not self._is_busy():
            if not (pause := self._allowance.wait()):
                self._parse_piece()
            if self._waiting and not self._has_ended and not self._is_busy():
                self._timer = asyncio.get_running_loop().call_later(pause, self._on_time)
        self._read_or_pause()

    def end(self) -> None:
        """Drop what has not been parsed."""
        self._has_ended = True
        self._waiting.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _on_time(self) -> None:
        self._timer = None
        self.go_on()

    def _parse_piece(self) -> None:
        piece = bytes(self._waiting[: self._size])
        del self._waiting[: self._size]
        self._is_parsing = True
        start = time.thread_time()  # other threads and processes do not count
        try:
            self._parse(piece)
        finally:
            self._is_parsing = False
            seconds = time.thread_time() - start
            self._allowance.spend(seconds)
        fitting = len(piece) * PIECE_SECONDS / max(seconds, 1e-6)
        self._size = round(min(max(fitting, MIN_PIECE), MAX_PIECE, 2 * self._size))

    def _read_or_pause(self) -> None:
        if self._has_ended or self._transport.is_closing():
            return
        if self._waiting:
            self._transport.pause_reading()
        elif not self._is_full():
            self._transport.resume_reading()
