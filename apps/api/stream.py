"""The server's own camera, or a video file, as a stream of JPEG pictures for any browser."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np

from facevalue.recognition import overlay, tracking, video
from facevalue.recognition.recogniser import Recogniser

LOG = logging.getLogger(__name__)

BOUNDARY = "frame"
CONTENT_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

MAX_FEEDS = 2
"""How many cameras and files are streamed at the same time, each to any number of viewers."""

UNWATCHED_SECONDS = 2.0
"""How long a camera or file stays open after its last viewer has left."""

MAX_SIDE = 1280
"""Larger frames are shrunk to this, in pixels."""

JPEG_QUALITY = 80


class TooManyFeeds(Exception):
    """MAX_FEEDS others are being streamed."""


class Feeds:
    """The cameras and files that are being streamed; each is read once for all its viewers.

    Args:
        recogniser: recognises the emotions.
        folder: the only folder whose videos may be streamed; default: none.
    """

    def __init__(self, recogniser: Recogniser, folder: Path | None = None) -> None:
        """Start with no open feeds."""
        self._recogniser, self._folder = recogniser, folder
        self._feeds: dict[str, Feed] = {}
        self._lock = threading.Lock()

    def files(self) -> list[str]:
        """Return the names of the videos that may be streamed."""
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(
            file.name
            for file in self._folder.iterdir()
            if file.suffix.lower() in video.SUFFIXES and file.is_file()
        )

    def feed(self, source: str) -> Feed:
        """Return the feed of a source, and open it if nobody watches it yet.

        Args:
            source: the number of a camera of this machine, 0 to 9, or one of `files`.
        Raises:
            FileNotFoundError: there is no such camera or file.
            ValueError: the file is not a video.
            TooManyFeeds: MAX_FEEDS others are being streamed.
        """
        with self._lock:
            self._feeds = {name: feed for name, feed in self._feeds.items() if feed.running}
            if source not in self._feeds:
                if len(self._feeds) >= MAX_FEEDS:
                    raise TooManyFeeds(
                        f"{MAX_FEEDS} other videos are being streamed: try again later."
                    )
                self._feeds[source] = Feed(self._find(source), self._recogniser)
            self._feeds[source].last_watched = time.monotonic()
            return self._feeds[source]

    def _find(self, source: str) -> Path | int:
        if len(source) == 1 and source in "0123456789":
            return int(source)
        if self._folder is None or source not in self.files():  # so a path is never opened
            raise FileNotFoundError(
                "The parameter source must be the number of a camera, 0 to 9, or the name of a "
                "video in the folder that the server was started with (--videos)."
            )
        return self._folder / source

    def close(self) -> None:
        """Close all cameras and files."""
        with self._lock:
            for feed in self._feeds.values():
                feed.last_watched = float("-inf")


class Feed:
    """One camera or file: a thread reads it, and keeps the newest picture."""

    def __init__(self, source: Path | int, recogniser: Recogniser) -> None:
        """Open the source and start to read.

        Raises:
            FileNotFoundError, ValueError: as in `video.open_clip`.
        """
        self._clip = video.open_clip(source)
        self._recogniser, self._smooth = recogniser, tracking.Smoother()
        self._picture, self._number = b"", 0
        self.last_watched = time.monotonic()
        self.running = True
        threading.Thread(target=self._read, name="feed", daemon=True).start()

    def _read(self) -> None:
        start = time.monotonic()
        try:
            for _, seconds, frame in self._clip.sampled():
                if time.monotonic() - self.last_watched > UNWATCHED_SECONDS:
                    return
                delay = time.monotonic() - start - seconds
                if not self._clip.live and delay > 0.1:
                    continue  # a file keeps its speed by dropping frames
                if not self._clip.live and delay < 0:
                    time.sleep(-delay)
                self._update(frame)
        except ValueError as error:  # no readable frame, or the file breaks off: the stream ends
            LOG.warning("The video feed ended early: %s", error)
        finally:
            self.running = False
            self._clip.close()

    def _update(self, frame: np.ndarray) -> None:
        scale = MAX_SIDE / max(frame.shape[:2])
        if scale < 1:
            frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        sightings = tracking.recognise_frame(frame, self._recogniser)
        shown = self._smooth(sightings, time.monotonic())
        picture = cv2.cvtColor(overlay.draw(frame, shown), cv2.COLOR_RGB2BGR)
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        self._picture, self._number = encoded.tobytes(), self._number + 1

    async def pictures(self) -> AsyncIterator[bytes]:
        """Yield each new picture as one part of the response, until the source ends."""
        sent = 0
        while self.running or self._number > sent:
            self.last_watched = time.monotonic()  # this loop only runs while somebody watches
            if self._number == sent:
                await asyncio.sleep(0.01)
                continue
            sent, picture = self._number, self._picture
            head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n"
            yield head.encode() + b"\r\n" + picture + b"\r\n"
        yield f"--{BOUNDARY}--\r\n".encode()
