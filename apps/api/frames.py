"""Frames that visitors send over WebSockets: looked at in turn, the newest of each visitor only."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from facevalue import image_files
from facevalue.recognition import tracking
from facevalue.recognition.recogniser import Recogniser, Sighting

Search = Callable[[np.ndarray], list[Sighting]]

MOST_BYTES = 2_000_000
"""Bytes of one frame; the page sends 640 pixels, and photos of 1,280, as JPEG: under 0.5 MB."""

MOST_PIXELS = 4_000_000
MOST_A_SECOND = 120
"""Frames a second. The page waits for each answer, so it never sends more than it gets."""

MOST_VISITORS = 64
SILENCE = 60.0
"""Seconds after which a visitor who sends nothing is let go; the page connects again by itself."""

WRONG_TYPE, POLICY, TOO_LARGE, TRY_LATER = 1003, 1008, 1009, 1013
"""Why a WebSocket is closed: RFC 6455, 7.4.1."""


class _Refused(Exception):
    """A visitor is sent away, with a code and a sentence."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Frames:
    """Answers all visitors with a few threads, each visitor in turn.

    A visitor has at most one frame waiting, a newer one takes its place, and one who was answered
    goes to the end of the queue: so a slow server drops frames, never lags, and is fair.
    """

    def __init__(self, recogniser: Recogniser, threads: int) -> None:
        """Make the threads; frames of all visitors are looked at by one recogniser."""
        self._recogniser = recogniser
        self._pool = ThreadPoolExecutor(threads, "frames")
        self._turns = asyncio.Semaphore(threads)
        self._visitors = 0

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def serve(self, socket: WebSocket, careful: bool) -> None:
        """Answer one visitor until they leave or are sent away.

        A binary message is a picture; the answer is JSON: faces (box, probabilities in the order
        of `emotions.EMOTIONS`), width, height, ms; or error, a sentence.

        Args:
            careful: search each picture as a photo, not as one frame of many.
        """
        await socket.accept()
        if self._visitors >= MOST_VISITORS:
            await socket.close(TRY_LATER, "too many visitors at the moment: try again later")
            return
        self._visitors += 1
        visit = _Visit(socket)
        search = self._recogniser.photo if careful else tracking.FrameRecogniser(self._recogniser)
        tasks = [
            asyncio.create_task(visit.receive()),
            asyncio.create_task(self._answer(visit, search)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _Refused as refused:
            await _close(socket, refused.code, str(refused))
        except WebSocketDisconnect:
            pass
        finally:
            self._visitors -= 1
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # gather would answer a cancellation of this with theirs

    async def _answer(self, visit: _Visit, search: Search) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await visit.arrived.wait()
            async with self._turns:
                visit.arrived.clear()
                content = visit.newest  # not the one with which the visitor joined the queue
                answer = await loop.run_in_executor(self._pool, self.look, content, search)
            await visit.socket.send_json(answer)

    def look(self, content: bytes, search: Search) -> dict[str, Any]:
        """Return the answer to one picture: the faces that `search` finds in it."""
        start = time.perf_counter()
        try:
            image = image_files.decode_photo(content, "the picture", most_pixels=MOST_PIXELS)
            found = search(image)
        except ValueError as error:
            text = str(error)
            return {"error": text[:1].upper() + text[1:]}
        faces = [
            {"box": face.box, "probabilities": [round(p, 4) for p in face.probabilities.values()]}
            for face in found[: tracking.MAX_FACES]
        ]
        height, width = image.shape[:2]
        passed = round(1000 * (time.perf_counter() - start), 1)
        return {"faces": faces, "width": width, "height": height, "ms": passed}


class _Visit:
    """What is known of one visitor: the newest frame, and how many came lately."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.newest = b""
        self.arrived = asyncio.Event()
        self._second, self._count = 0.0, 0

    async def receive(self) -> None:
        """Take what the visitor sends, until they leave or must."""
        while True:
            try:
                message = await asyncio.wait_for(self.socket.receive(), SILENCE)
            except TimeoutError:
                raise _Refused(1000, "no picture came for a while") from None
            if message["type"] == "websocket.disconnect":
                return
            self._check(message.get("bytes"))
            self.newest = message["bytes"]
            self.arrived.set()

    def _check(self, content: bytes | None) -> None:
        if content is None:
            raise _Refused(WRONG_TYPE, "only pictures are taken here, as binary messages")
        if len(content) > MOST_BYTES:
            raise _Refused(TOO_LARGE, f"a picture may have {MOST_BYTES // 1_000_000} MB")
        now = time.monotonic()
        if now - self._second >= 1:
            self._second, self._count = now, 0
        self._count += 1
        if self._count > MOST_A_SECOND:
            raise _Refused(POLICY, "too many pictures: wait for each answer")


async def _close(socket: WebSocket, code: int, sentence: str) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):  # the visitor was quicker
        await socket.close(code, sentence)
