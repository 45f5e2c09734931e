"""The server's own camera, or a video file, as a stream of JPEG pictures that any browser shows."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np

from facevalue.recognition import overlay, tracking, video
from facevalue.recognition.recogniser import Recogniser

BOUNDARY = "frame"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

MOST_FEEDS = 2
"""Cameras and files that are shown at the same time, to any number of watchers each."""

ALONE = 2.0
"""Seconds after the last watcher has left that a camera or file is closed."""

LONGEST = 1280
QUALITY = 80


class Busy(Exception):
    """As many feeds as can be are being shown; the message says so."""


class Feeds:
    """The cameras and files that are being shown: each is read once, whoever watches.

    Args:
        recogniser: names the emotions.
        folder: the only folder whose videos may be shown; default: none.
    """

    def __init__(self, recogniser: Recogniser, folder: Path | None = None) -> None:
        """Show nothing yet."""
        self._recogniser, self._folder = recogniser, folder
        self._feeds: dict[str, Feed] = {}
        self._lock = threading.Lock()

    def files(self) -> list[str]:
        """Return the names of the videos that may be shown."""
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(
            file.name
            for file in self._folder.iterdir()
            if file.suffix.lower() in video.SUFFIXES and file.is_file()
        )

    def feed(self, source: str) -> Feed:
        """Return the feed of a source, opened if nobody watches it yet.

        Args:
            source: the number of a camera of this machine, 0 to 9, or one of `files`.
        Raises:
            FileNotFoundError: there is no such camera or file.
            ValueError: the file is no video.
            Busy: MOST_FEEDS others are being watched.
        """
        with self._lock:
            self._feeds = {name: feed for name, feed in self._feeds.items() if feed.runs}
            if source not in self._feeds:
                if len(self._feeds) >= MOST_FEEDS:
                    raise Busy(f"{MOST_FEEDS} other streams are being shown: try again later.")
                self._feeds[source] = Feed(self._place(source), self._recogniser)
            self._feeds[source].watched = time.monotonic()
            return self._feeds[source]

    def _place(self, source: str) -> Path | int:
        if len(source) == 1 and source in "0123456789":
            return int(source)
        if self._folder is None or source not in self.files():  # a path is no name of a file
            raise FileNotFoundError(
                "source must be the number of a camera, 0 to 9, or the name of a video in the "
                "folder that the server was started with (--videos)."
            )
        return self._folder / source

    def close(self) -> None:
        """Close all cameras and files."""
        with self._lock:
            for feed in self._feeds.values():
                feed.watched = float("-inf")


class Feed:
    """One camera or file: a thread reads it and keeps the newest picture."""

    def __init__(self, source: Path | int, recogniser: Recogniser) -> None:
        """Open the source and start to read.

        Raises:
            FileNotFoundError, ValueError: as `video.open_clip`.
        """
        self._clip = video.open_clip(source)
        self._watch, self._smooth = tracking.FrameRecogniser(recogniser), tracking.Smoother()
        self._picture, self._number = b"", 0
        self.watched = time.monotonic()
        self.runs = True
        threading.Thread(target=self._read, name="feed", daemon=True).start()

    def _read(self) -> None:
        start = time.monotonic()
        try:
            for number, frame in enumerate(self._clip):
                if time.monotonic() - self.watched > ALONE:
                    return
                late = time.monotonic() - start - number / self._clip.rate
                if self._clip.frames and late > 0.1:
                    continue  # a file keeps its speed: frames are left out
                if self._clip.frames and late < 0:
                    time.sleep(-late)
                self._show(frame)
        finally:
            self.runs = False
            self._clip.close()

    def _show(self, frame: np.ndarray) -> None:
        scale = LONGEST / max(frame.shape[:2])
        if scale < 1:
            frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shown = self._smooth(self._watch(frame), time.monotonic())
        picture = cv2.cvtColor(overlay.draw(frame, shown), cv2.COLOR_RGB2BGR)
        packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
        self._picture, self._number = packed.tobytes(), self._number + 1

    async def pictures(self) -> AsyncIterator[bytes]:
        """Give each new picture as one part of the answer, until the source ends."""
        sent = 0
        while self.runs or self._number > sent:
            self.watched = time.monotonic()  # a watcher who has left does not come here again
            if self._number == sent:
                await asyncio.sleep(0.01)
                continue
            sent, picture = self._number, self._picture
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
            yield head.encode() + b"\r\n" + picture + b"\r\n"
        yield f"--{BOUNDARY}--\r\n".encode()
