"""Fetching images from untrusted URLs."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import requests

from facevalue.collection.polite_http import PoliteAdapter, ResponseLimits
from facevalue.collection.rate_limiter import RateLimiter, WaitInterrupted
from facevalue.data.deadlines import Deadline, DeadlinePassed, Stopped
from facevalue.data.http_retry import (
    RETRY_STATUSES,
    DownloadError,
    ServerUnavailable,
    describe_busy,
    describe_error,
    is_transient,
    printable,
)
from facevalue.data.urls import Session, check_host, check_url, is_loopback, origin, redirect_target
from facevalue.files import DISK_FULL, atomic_write
from facevalue.image_files import photo_suffix

FORMATS = ("JPEG", "PNG", "WEBP")
"""The image formats that are accepted, by Pillow's names; GIF is not."""

MAX_REDIRECTS = 5

MAX_FAILURES = 12
"""A server is given up after this many failed requests in a row, for any images."""

DISK_FULL_PROBLEM = "The image could not be stored: the disk is full."


@dataclass(frozen=True)
class ImageLimits:
    """The limits for one image; see `facevalue.scale.fetch_images.fetch_images`."""

    max_bytes: int
    max_pixels: int
    attempts: int
    timeout: tuple[float, float]
    deadline: float
    this_machine: bool = False


@dataclass(frozen=True)
class ImageFetcher:
    """Fetches one image after another; several threads may share it.

    Attributes:
        folder: where the images are stored, each under the sha256 of its content.
        limiter: limits the requests to each server.
        stop: set it to cancel the downloads in progress.
        limits: the limits for one image.
    """

    folder: Path
    limiter: RateLimiter
    stop: threading.Event
    limits: ImageLimits
    local: threading.local = field(default_factory=threading.local)
    failures: Counter[str] = field(default_factory=Counter)

    def fetch(self, url: str) -> tuple[str, str]:
        """Fetch an image and store it.

        Returns:
            The name of its file and "", or "" and a sentence without `url` that says why it failed.
        """
        if self.stop.is_set():
            return "", "The download was stopped."
        deadline = Deadline(self.limits.deadline, self.stop)
        try:
            asked_for = self.limits.this_machine and is_loopback(url)
            check_url(url, url if asked_for else None)
            server = origin(url)
            if self.failures[server] >= MAX_FAILURES:
                return "", f"{MAX_FAILURES} requests to its server had failed in a row."
            content = self._content(url, deadline)
            self.failures[server] = 0
            return self._store(content, deadline), ""
        except ServerUnavailable as error:
            self.failures[origin(url)] += self.limits.attempts
            return "", str(error)
        except DownloadError as error:
            return "", str(error)
        except DeadlinePassed:
            return "", f"The image had not arrived after {self.limits.deadline:g} seconds."
        except (WaitInterrupted, Stopped):
            return "", "The download was stopped."
        except OSError as error:
            if error.errno in DISK_FULL:
                self.stop.set()  # there is no space for the other images either
                return "", DISK_FULL_PROBLEM
            reason = error.strerror or type(error).__name__
            return "", f"The image could not be stored: {reason}."
        except Exception as error:  # one URL must not stop the other images
            return "", f"The image could not be fetched ({type(error).__name__})."

    def _content(self, url: str, deadline: Deadline) -> bytes:
        """Return the bytes behind a URL, following the redirects that are allowed."""
        current = url
        for _ in range(MAX_REDIRECTS + 1):
            check_url(current, url)
            response, target = self._get(current, deadline)
            if target is None:
                return _image_content(response, self.limits.attempts)
            current = target
        raise DownloadError(f"The URL redirects more than {MAX_REDIRECTS} times.")

    def _get(self, url: str, deadline: Deadline) -> tuple[requests.Response, str | None]:
        """Return the response to one request, and where it redirects to."""
        here = is_loopback(url)  # `check_url` has allowed it
        if not here:
            deadline.call(lambda: check_host(url))
        session = self._session(here, deadline)
        try:
            response = session.get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=self.limits.timeout,
                headers={"Accept-Encoding": "identity", "User-Agent": "facevalue"},
            )
        except requests.RequestException as error:
            kind = ServerUnavailable if is_transient(error) else DownloadError
            raise kind(_as_sentence(describe_error(error, self.limits.attempts))) from error
        return response, redirect_target(response)

    def _session(self, here: bool, deadline: Deadline) -> requests.Session:
        """Return this thread's session: one for this machine itself, one for all other servers."""
        name = "here" if here else "public"
        if not hasattr(self.local, name):
            limits = self.limits
            adapter = PoliteAdapter(
                self.limiter,
                ResponseLimits(limits.max_bytes, limits.deadline, limits.attempts),
                self.stop,
            )
            session = Session()
            session.trust_env = not here  # there is no proxy between this machine and itself
            session.mount("http://", adapter)
            session.mount("https://", adapter)
            setattr(self.local, name, (session, adapter))
        kept: tuple[requests.Session, PoliteAdapter] = getattr(self.local, name)
        kept[1].deadline = deadline
        return kept[0]

    def _store(self, content: bytes, deadline: Deadline) -> str:
        try:
            suffix = deadline.call(
                lambda: photo_suffix(
                    content,
                    "The file",
                    formats=FORMATS,
                    most_pixels=self.limits.max_pixels,
                    most_bytes=self.limits.max_bytes,
                )
            )
        except ValueError as error:
            raise DownloadError(str(error)) from error
        path = self.folder / f"{hashlib.sha256(content).hexdigest()}{suffix}"
        with atomic_write(path, shared=True) as part:
            part.write_bytes(content)
        return path.name


def _image_content(response: requests.Response, attempts: int) -> bytes:
    """Return the body of a response that may be an image.

    Raises:
        DownloadError: it cannot be one.
    """
    kind = response.headers.get("Content-Type", "").split(";")[0]
    if response.status_code in RETRY_STATUSES:
        raise ServerUnavailable(_as_sentence(describe_busy(response, attempts)))
    if response.status_code != 200:
        raise DownloadError(
            f"The server answered {response.status_code} {printable(response.reason)}."
        )
    if kind.startswith("text/"):
        raise DownloadError("The URL leads to a web page or a text, not to an image.")
    return response.content


def _as_sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."
