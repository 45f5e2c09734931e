"""Pictures that visitors send over WebSockets, recognised for one visitor after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from facevalue import image_files
from facevalue.recognition import tracking
from facevalue.recognition.recogniser import Recogniser, Sighting

Recognise = Callable[[np.ndarray], list[Sighting]]

FORMATS = ("JPEG", "PNG", "WEBP")
"""The kinds of pictures that visitors may send: those that browsers can make."""

MAX_BYTES = 2_000_000
"""Bytes of one picture. The page sends frames of 640 pixels as JPEG, which are under 0.5 MB."""

MAX_PIXELS = 4_000_000
"""Pixels of one picture."""

MAX_PER_SECOND = 120
"""Pictures of one visitor per second. The page waits for each answer and stays far below."""

MAX_VISITORS = 64
"""Visitors who are connected at the same time."""

IDLE_SECONDS = 60.0
"""How long a visitor may send nothing before the connection is closed. The page reconnects."""

UNSUPPORTED_DATA, POLICY_VIOLATION, MESSAGE_TOO_BIG, TRY_AGAIN_LATER = 1003, 1008, 1009, 1013
"""Status codes of closed WebSockets: RFC 6455, 7.4.1."""


class _Closing(Exception):
    """The connection of a visitor must be closed, with a status code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class FrameQueue:
    """Recognises the pictures of all visitors in a few threads, and takes visitors in turn.

    A visitor has at most one waiting picture, which a newer one replaces, and goes to the end of
    the queue after each answer. So a slow server drops frames, but it never lags behind, and no
    visitor has to wait for all pictures of another one.
    """

    def __init__(self, recogniser: Recogniser, threads: int) -> None:
        """Start the threads, which share one recogniser."""
        self._recogniser = recogniser
        self._pool = ThreadPoolExecutor(threads, "frames")
        self._free_threads = asyncio.Semaphore(threads)
        self.visitors = 0

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def serve(self, socket: WebSocket, photo: bool) -> None:
        """Answer one visitor until the connection is closed.

        Each binary message is a picture. The answer is JSON: either faces (box, probabilities in
        the order of `emotions.EMOTIONS`), width, height and ms; or error, a sentence.

        Args:
            photo: search each picture as carefully as a photo, and not as a frame of a video.
        """
        await socket.accept()
        if self.visitors >= MAX_VISITORS:
            await socket.close(TRY_AGAIN_LATER, "there are too many visitors: try again later")
            return
        self.visitors += 1
        visit = _Visit(socket)
        recognise: Recognise = self._recogniser.photo
        if not photo:
            recognise = partial(tracking.recognise_frame, recogniser=self._recogniser)
        tasks = [
            asyncio.create_task(visit.receive()),
            asyncio.create_task(self._answer(visit, recognise)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _Closing as closing:
            with suppress(RuntimeError, WebSocketDisconnect):  # the visitor has closed it already
                await socket.close(closing.code, str(closing))
        except WebSocketDisconnect:
            pass
        finally:
            self.visitors -= 1
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # gather would raise the CancelledError of the tasks here

    async def _answer(self, visit: _Visit, recognise: Recognise) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await visit.arrived.wait()
            async with self._free_threads:
                visit.arrived.clear()
                content = visit.newest  # it may be newer than the one that joined the queue
                answer = await loop.run_in_executor(self._pool, self.look, content, recognise)
            await visit.socket.send_json(answer)

    def look(self, content: bytes, recognise: Recognise) -> dict[str, Any]:
        """Return the answer to one picture, a JPEG, PNG or WebP file: see `serve`."""
        start = time.perf_counter()
        try:
            image = image_files.decode_photo(
                content, "The picture", formats=FORMATS, most_pixels=MAX_PIXELS
            )
            found = recognise(image)
        except ValueError as error:
            return {"error": str(error)}
        faces = [
            {"box": face.box, "probabilities": [round(p, 4) for p in face.probabilities.values()]}
            for face in found
        ]
        height, width = image.shape[:2]
        milliseconds = round(1000 * (time.perf_counter() - start), 1)
        return {"faces": faces, "width": width, "height": height, "ms": milliseconds}


class _Visit:
    """One visitor: the newest picture, and how many arrived in this second."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.newest = b""
        self.arrived = asyncio.Event()
        self._second, self._count = 0.0, 0

    async def receive(self) -> None:
        """Receive pictures until the visitor leaves.

        Raises:
            _Closing: the visitor sends nothing, or something that is not allowed.
        """
        while True:
            try:
                message = await asyncio.wait_for(self.socket.receive(), IDLE_SECONDS)
            except TimeoutError as error:
                raise _Closing(1000, "no picture arrived for a while") from error
            if message["type"] == "websocket.disconnect":
                return
            self._check(message.get("bytes"))
            self.newest = message["bytes"]
            self.arrived.set()

    def _check(self, content: bytes | None) -> None:
        if content is None:
            raise _Closing(UNSUPPORTED_DATA, "send pictures only, as binary messages")
        if len(content) > MAX_BYTES:
            raise _Closing(MESSAGE_TOO_BIG, f"a picture may have {MAX_BYTES // 1_000_000} MB")
        now = time.monotonic()
        if now - self._second >= 1:
            self._second, self._count = now, 0
        self._count += 1
        if self._count > MAX_PER_SECOND:
            raise _Closing(POLICY_VIOLATION, "too many pictures: wait for each answer")
