"""Ending a process in time after Ctrl+C."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

SECONDS = 1.6
"""How long after Ctrl+C a process may still run."""


def end_in_time(code: int, last: Callable[[], None] = lambda: None) -> Callable[[], None]:
    """Let Ctrl+C, or another request to end, end this process within `SECONDS`, whatever it does.

    The usual way may take long: a thread or a library cannot be interrupted while it waits, and
    Python loses an interrupt in a callback of its garbage collection. Use it only where a kill at
    any time does no harm, and in the main thread. Signals without a handler of Python stay as they
    are.

    Args:
        code: the exit code if the usual way takes too long.
        last: called before the process is then ended.
    Returns:
        A function that ends this.
    """

    def end() -> None:
        try:
            last()
        finally:
            os._exit(code)

    def wrapped(handler: Callable[..., Any]) -> Callable[[int, FrameType | None], None]:
        def begin(number: int, frame: FrameType | None) -> None:
            timer = threading.Timer(SECONDS, end)
            timer.daemon = True
            timer.start()
            handler(number, frame)

        return begin

    before = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(number)
        if callable(handler):
            before[number] = handler
            signal.signal(number, wrapped(handler))

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return put_back
