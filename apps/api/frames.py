"""Pictures that visitors send, recognised for one visitor after the other."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

from apps.api.addresses import address_of
from apps.api.turns import Turns
from apps.api.workers import WorkerEnded

FRAME_BYTES = 1_000_000
"""Bytes of a frame of a video. The page sends 640 x 480 pixels as JPEG, which is under 0.5 MB."""

MAX_BYTES = 2_000_000
"""Bytes of a photo."""

FRAME_SECONDS, PHOTO_SECONDS = 1.5, 8.0
"""How long a picture may take; then its process is ended. Most take a hundredth of that."""

HEAVY_SECONDS = 0.06
"""Frames that take more of a CPU, on average of their address, are looked at as photos are.

The frames of the page take 0.02 seconds, those of a crowd 0.04.
"""

MAX_PER_SECOND = 120
"""Pictures of one visitor per second. The page waits for each answer and stays far below."""

BYTES_PER_SECOND = 32_000_000
"""How many bytes of one address are received in a second; its pictures then wait in the network."""

MAX_VISITORS = 64
"""Visitors who are connected at the same time."""

MAX_PER_ADDRESS = 16
"""Visitors of one address who are connected at the same time."""

IDLE_SECONDS = 20.0
"""How long a visitor may send nothing before the connection is closed. The page reconnects."""

KEEP_SECONDS = 20.0
"""How long the processes for photos are kept for the next photo; each has about 100 MB."""

UNSUPPORTED_DATA, POLICY_VIOLATION, MESSAGE_TOO_BIG = 1003, 1008, 1009
INTERNAL_ERROR, TRY_AGAIN_LATER = 1011, 1013
"""Status codes of closed WebSockets: RFC 6455, 7.4.1."""

TOO_MANY = "there are too many visitors: try again later"
TOO_SLOW = "The picture takes too long to decode: save it again as an ordinary JPEG."
FATAL = "The picture ended the process that decoded it: save it again as an ordinary JPEG."


class PictureWorker(Protocol):
    """What looks at pictures, one at a time: see `workers.Worker`."""

    def start(self) -> None:
        """Get ready; it may block for a second."""

    def ask(self, content: bytes, photo: bool) -> tuple[str, float]:
        """Return the answer to a picture, and how many seconds of a CPU it took; it blocks."""

    def end(self) -> None:
        """End the work on a picture at once: `ask` raises WorkerEnded."""


class TooManyVisitors(Exception):
    """There are MAX_VISITORS, or MAX_PER_ADDRESS of this address."""


class _Closing(Exception):
    """The connection of a visitor must be closed, with a status code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class FrameQueue:
    """Lets a few processes recognise the pictures of all visitors, and shares their time fairly.

    A visitor has at most one waiting picture, which a newer one replaces. So a slow server drops
    frames, but it never lags behind. Photos, and the frames of an address that take as long, have
    processes of their own, which step back for the others.
    """

    def __init__(
        self, frame_workers: Sequence[PictureWorker], photo_workers: Sequence[PictureWorker]
    ) -> None:
        """Start nothing yet: the processes start with the first visitor who needs them."""
        self._frame_workers, self._photo_workers = frame_workers, photo_workers
        workers = len(frame_workers) + len(photo_workers)
        self._pool = ThreadPoolExecutor(2 * workers, "pictures")  # they wait for the processes
        self._visitors: Counter[str] = Counter()
        self._photo_visitors = 0
        self._rest: asyncio.TimerHandle | None = None
        self._frame_turns = Turns(frame_workers, self._visitors)
        self._photo_turns = Turns(photo_workers, self._visitors)
        self._received_until: defaultdict[str, float] = defaultdict(float)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        """What a frame of each address takes of a CPU, on average of about the last ten."""

    @property
    def visitors(self) -> int:
        """How many visitors are connected."""
        return self._visitors.total()

    def close(self) -> None:
        """End the processes."""
        for worker in (*self._frame_workers, *self._photo_workers):
            worker.end()

    async def serve(self, socket: WebSocket, photo: bool) -> None:
        """Answer one visitor until the connection is closed.

        Each binary message is a picture; its answer is that of `picture_worker.look`.

        Args:
            photo: search each picture as carefully as a photo, and not as a frame of a video.
        """
        await socket.accept()
        visit = _SocketVisit(socket, photo)
        try:
            self._enter(visit)
        except TooManyVisitors:
            await socket.close(TRY_AGAIN_LATER, TOO_MANY)
            return
        tasks = [
            asyncio.create_task(self._receive(visit)),
            asyncio.create_task(self._answer_all(visit)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except _Closing as closing:
            with suppress(RuntimeError, WebSocketDisconnect):  # the visitor has closed it already
                await socket.close(closing.code, str(closing))
        except WorkerEnded:
            await socket.close(INTERNAL_ERROR, "the server cannot start to look at pictures")
        except WebSocketDisconnect:
            pass
        finally:
            for task in tasks:
                task.cancel()
            try:
                await asyncio.wait(tasks)  # gather would raise the CancelledError of the tasks here
            finally:
                self._leave(visit)

    @asynccontextmanager
    async def photo_visit(
        self, client: tuple[str, int] | None
    ) -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
        """Admit a visitor with one photo; give the function that answers it.

        The answer is that of `picture_worker.look`.

        Args:
            client: host and port, as ASGI names them.
        Raises:
            TooManyVisitors: try again later.
            WorkerEnded: by the function, if no process can be started.
        """
        visit = _Visit(client, photo=True)

        async def answer(content: bytes) -> str:
            visit.newest = content
            return await self._answer(visit)

        self._enter(visit)
        try:
            yield answer
        finally:
            self._leave(visit)

    def _enter(self, visit: _Visit) -> None:
        """Count a visitor.

        Raises:
            TooManyVisitors: there are too many already.
        """
        if self.visitors >= MAX_VISITORS or self._visitors[visit.address] >= MAX_PER_ADDRESS:
            raise TooManyVisitors
        # so that nobody waits for a process later
        if not visit.photo and self.visitors == self._photo_visitors:
            for worker in self._frame_workers:
                self._pool.submit(worker.start)
        self._visitors[visit.address] += 1
        self._photo_visitors += visit.photo

    def _leave(self, visit: _Visit) -> None:
        self._visitors[visit.address] -= 1
        if not self._visitors[visit.address]:
            del self._visitors[visit.address]
            self._received_until.pop(visit.address, None)
            self._seconds.pop(visit.address, None)
        for turns in (self._frame_turns, self._photo_turns):
            turns.forget(visit)
        self._photo_visitors -= visit.photo
        if not self._photo_visitors:
            if self._rest is not None:
                self._rest.cancel()
            self._rest = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._end_idle)

    def _end_idle(self) -> None:
        """End the processes for photos: each would keep the memory of its largest photo."""
        if not self._photo_visitors:
            for worker in self._photo_turns.free:
                worker.end()

    async def _receive(self, visit: _SocketVisit) -> None:
        """Receive pictures until the visitor leaves.

        Raises:
            _Closing: the visitor sends nothing, or something that is not allowed.
        """
        while await visit.receive():
            now = time.monotonic()
            begun = max(now, self._received_until[visit.address])
            self._received_until[visit.address] = begun + len(visit.newest) / BYTES_PER_SECOND
            if begun > now:
                await asyncio.sleep(begun - now)

    async def _answer_all(self, visit: _SocketVisit) -> None:
        while True:
            await visit.arrived.wait()
            await visit.socket.send_text(await self._answer(visit))

    async def _answer(self, visit: _Visit) -> str:
        """Return the answer to the newest picture of a visitor, when it is their turn."""
        is_heavy = visit.photo or self._seconds[visit.address] > HEAVY_SECONDS
        turns = self._photo_turns if is_heavy else self._frame_turns
        async with turns.turn(visit.address, visit) as worker:
            visit.arrived.clear()
            # it may be newer than the one that joined the queue
            looking = asyncio.create_task(self._look(worker, visit, visit.newest))
            try:
                return await asyncio.shield(looking)
            except asyncio.CancelledError:  # the visitor has left; the worker is still at work
                await asyncio.wait([looking])
                raise

    async def _look(self, worker: PictureWorker, visit: _Visit, content: bytes) -> str:
        """Return the answer to a picture, at the latest when its time is over."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, worker.start)
        asked = loop.run_in_executor(self._pool, worker.ask, content, visit.photo)
        limit = PHOTO_SECONDS if visit.photo else FRAME_SECONDS
        try:
            answer, seconds = await asyncio.wait_for(asyncio.shield(asked), limit)
        except TimeoutError:
            worker.end()
            with suppress(WorkerEnded):
                await asked
            answer, seconds = json.dumps({"error": TOO_SLOW}), limit
        except WorkerEnded:
            answer, seconds = json.dumps({"error": FATAL}), limit
        # if it was ended, it starts again on the time of whoever sent the picture
        await loop.run_in_executor(self._pool, worker.start)
        if not visit.photo:
            self._seconds[visit.address] += (seconds - self._seconds[visit.address]) / 10
        return answer


class _Visit:
    """One visitor, and the newest picture."""

    def __init__(self, client: tuple[str, int] | None, photo: bool) -> None:
        self.address, self.photo = address_of(client), photo
        self.newest = b""
        self.arrived = asyncio.Event()


class _SocketVisit(_Visit):
    """A visitor who sends one picture after the other, and how many arrived in this second."""

    def __init__(self, socket: WebSocket, photo: bool) -> None:
        super().__init__(socket.scope["client"], photo)
        self.socket = socket
        self._second, self._count = 0.0, 0

    async def receive(self) -> bool:
        """Receive one picture; return whether there was one, and not the end.

        Raises:
            _Closing: the visitor sends nothing, or something that is not allowed.
        """
        try:
            message = await asyncio.wait_for(self.socket.receive(), IDLE_SECONDS)
        except TimeoutError as error:
            raise _Closing(1000, "no picture arrived for a while") from error
        if message["type"] == "websocket.disconnect":
            return False
        self._check(message.get("bytes"))
        self.newest = message["bytes"]
        self.arrived.set()
        return True

    def _check(self, content: bytes | None) -> None:
        if content is None:
            raise _Closing(UNSUPPORTED_DATA, "send pictures only, as binary messages")
        most = MAX_BYTES if self.photo else FRAME_BYTES
        if len(content) > most:
            kind = "photo" if self.photo else "frame"
            raise _Closing(MESSAGE_TOO_BIG, f"a {kind} may have {most // 1_000_000} MB")
        now = time.monotonic()
        if now - self._second >= 1:
            self._second, self._count = now, 0
        self._count += 1
        if self._count > MAX_PER_SECOND:
            raise _Closing(POLICY_VIOLATION, "too many pictures: wait for each answer")
