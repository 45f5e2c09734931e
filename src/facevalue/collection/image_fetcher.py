"""Fetching one image from an address that somebody else named."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import requests
from PIL import Image

from facevalue.collection import polite_http
from facevalue.collection.polite_http import Pace
from facevalue.data import addresses, download
from facevalue.data.download import BUSY, DownloadError, Interrupted, reason
from facevalue.files import DISK_FULL, atomic_write

SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"}
"""The types of image that are accepted, by Pillow's name (MPO: a phone's JPEG); no GIF."""

MOST_REDIRECTS = 5
MOST_FAILURES = 12
"""Requests that a server may fail in a row, whichever image they were for; then it is left."""
NO_ROOM = "It could not be stored: the disk is full."


@dataclass(frozen=True)
class _Limits:
    """What one image may cost; see `fetch_images`."""

    largest: int
    most_pixels: int
    attempts: int
    timeout: tuple[float, float]
    deadline: float


def image_suffix(content: bytes, most_pixels: int = 40_000_000) -> str:
    """Return the file suffix of an image's bytes (.jpg, .png, .webp) once they can be decoded.

    Raises:
        DownloadError: they are no such image, only a part of one, or too many pixels.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP"))
    except Image.DecompressionBombError:
        raise DownloadError(f"it has more than {most_pixels:,} pixels.") from None
    except Exception:  # Pillow raises many types for bytes that are no image
        raise DownloadError("it is not a JPEG, PNG or WebP image.") from None
    with image:
        if image.width * image.height > most_pixels:
            size = f"{image.width:,} x {image.height:,}"
            raise DownloadError(f"it has {size} pixels: more than {most_pixels:,}.")
        try:
            image.load()
        except Exception:
            raise DownloadError("it is a broken image.") from None
        return SUFFIXES[image.format or ""]


@dataclass(frozen=True)
class _Fetcher:
    """Brings one image after the other, in several threads; the settings of `fetch_images`."""

    folder: Path
    pace: Pace
    stop: threading.Event
    limits: _Limits
    local: threading.local = field(default_factory=threading.local)
    failures: Counter[str] = field(default_factory=Counter)

    def fetch(self, address: str) -> tuple[str, str]:
        """Return the name of the file and "", or "" and the reason why there is none."""
        told = ""
        for attempt in range(self.limits.attempts):
            try:
                addresses.check_address(address, address)
                if self.failures[addresses.origin(address)] >= MOST_FAILURES:
                    return "", f"Its server had failed {MOST_FAILURES} times in a row."
                content = self._content(address)
                self.failures[addresses.origin(address)] = 0
                return self._store(content, image_suffix(content, self.limits.most_pixels)), ""
            except (DownloadError, addresses.PrivateAddress) as error:
                return "", _sentence(str(error))
            except Interrupted as error:
                told, wait = str(error), error.wait
            except requests.RequestException as error:
                told, wait = reason(error), None
                if not download.passing(error):
                    return "", _sentence(f"{told}.")
            except OSError as error:
                if error.errno in DISK_FULL:
                    self.stop.set()  # the others need not be asked for
                    return "", NO_ROOM
                return "", f"It could not be stored: {error.strerror or type(error).__name__}."
            except Exception as error:  # whatever one bad address does, the rest goes on
                return "", f"It could not be fetched ({type(error).__name__})."
            wait = 2.0**attempt if wait is None else wait
            if wait > polite_http.LONGEST_WAIT:
                return "", _sentence(f"{told}, and asks to wait {wait:,.0f} seconds.")
            self.failures[addresses.origin(address)] += 1
            self.pace.hold(address, wait)
        times = f", {self.limits.attempts} times in a row" if self.limits.attempts > 1 else ""
        return "", _sentence(f"{told}{times}.")

    def _content(self, address: str) -> bytes:
        """Return the bytes behind an address, after redirects that are allowed."""
        url = address
        for _ in range(MOST_REDIRECTS + 1):
            addresses.check_address(url, address)
            self.pace.wait(url)
            if self.stop.is_set():
                raise DownloadError("it was stopped.")
            session = self._session(url)
            with session.get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=self.limits.timeout,
                headers={"Accept-Encoding": "identity", "User-Agent": "facevalue"},
            ) as answer:
                target = session.get_redirect_target(answer)
                if target is None:
                    return self._body(answer)
                url = urljoin(url, target)
        raise DownloadError(f"it redirects more than {MOST_REDIRECTS} times.")

    def _session(self, url: str) -> requests.Session:
        """Return this thread's session: one for public hosts, one for this machine itself."""
        here = addresses.is_this_machine(url)  # and `check_address` has allowed it
        name = "here" if here else "public"
        if not hasattr(self.local, name):
            session = requests.Session()
            if here:
                session.trust_env = False  # no proxy stands between this machine and itself
            else:
                session.mount("http://", addresses.PublicOnly())
                session.mount("https://", addresses.PublicOnly())
            setattr(self.local, name, session)
        return getattr(self.local, name)

    def _body(self, answer: requests.Response) -> bytes:
        polite_http.heed(answer, self.pace)
        status, kind = answer.status_code, answer.headers.get("Content-Type", "").split(";")[0]
        if status in BUSY:
            wait = polite_http.asked_to_wait(answer.headers)
            raise Interrupted(f"the server is busy (status {status})", wait)
        if status != 200:
            raise DownloadError(f"the server answered {status} {answer.reason}.")
        if kind.startswith("text/"):
            raise DownloadError("it is a web page or a text, not an image.")
        end = time.monotonic() + self.limits.deadline

        def check() -> None:
            if time.monotonic() > end or self.stop.is_set():
                raise DownloadError(f"it had not arrived after {self.limits.deadline:.0f} seconds.")

        return download.bounded(answer, self.limits.largest, check)

    def _store(self, content: bytes, suffix: str) -> str:
        path = self.folder / f"{hashlib.sha256(content).hexdigest()}{suffix}"
        with atomic_write(path, shared=True) as part:
            part.write_bytes(content)
        return path.name


def _sentence(told: str) -> str:
    return told[:1].upper() + told[1:]
