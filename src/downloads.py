"""Downloading: one large file that can be resumed, or many images, politely and with care."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pandas as pd
import requests
from PIL import Image
from tqdm import tqdm

from facevalue import cluster, paths, web
from facevalue.web import BUSY, TIMEOUT, DownloadError, Interrupted, Pace, public, reason

LARGEST = 2_000_000_000
ATTEMPTS = 4


def download(
    url: str,
    path: Path,
    sha256: str | None = None,
    *,
    largest: int = LARGEST,
    timeout: tuple[float, float] = TIMEOUT,
    pause: float = 2.0,
    html: bool = False,
) -> Path:
    """Download a file; it appears at `path` only when all of it has arrived and is right.

    What arrives goes to a file beside it (.part). When the line breaks, and when the same
    download is started again later, it continues there, if the server says that the file is
    still the same (ETag, or the date of its last change); otherwise from the start.

    Args:
        url: an http or https address.
        path: the file to write; an older one is replaced.
        sha256: the file's checksum in hexadecimal. A file at `path` that has it is kept.
        largest: most bytes that are accepted.
        timeout: seconds to wait for a connection, and for the next bytes.
        pause: seconds before the second attempt, twice that before the third, and so on.
        html: whether a web page is what is asked for; else one is refused.

    Raises:
        ValueError: the address is not http or https.
        DownloadError: the file is not there, too large, or not what was expected, or the
            connection broke too often.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError(f"{public(url)} is not an http or https address.")
    if sha256 and path.is_file() and digest(path) == sha256.lower():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    name, part = path.name, path.with_name(path.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _continue(url, part, name, largest, timeout, html)
            break
        except (Interrupted, requests.RequestException) as error:
            if isinstance(error, requests.RequestException) and not web.passing(error):
                raise DownloadError(f"{public(url)} cannot be reached: {reason(error)}.") from None
            if attempt == ATTEMPTS:
                have = part.stat().st_size if part.exists() else 0
                kept = f"; {have:,} bytes are kept: the next try continues there" if have else ""
                raise DownloadError(
                    f"{public(url)}: {reason(error)}, {ATTEMPTS} times in a row{kept}."
                ) from None
            print(f"{name}: {reason(error)}, trying again.", file=sys.stderr)
            time.sleep(pause * 2 ** (attempt - 1))
    if sha256 and digest(part) != sha256.lower():
        _forget(part)
        raise DownloadError(f"{public(url)} is not the expected file: its checksum is wrong.")
    part.replace(path)
    _forget(part)
    return path


def _continue(
    url: str, part: Path, name: str, largest: int, timeout: tuple[float, float], html: bool
) -> None:
    """Fetch what `part` lacks; return when it is complete."""
    have, same = _arrived(part)
    # gzip would make the lengths those of other bytes
    headers = {"Accept-Encoding": "identity", "User-Agent": "facevalue"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": same}
    with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
        if answer.status_code == 416:
            if answer.headers.get("Content-Range") == f"bytes */{have}":
                return  # all of it had arrived before
            _forget(part)
            raise Interrupted("the server no longer has the part that was asked for")
        if answer.status_code in BUSY:
            raise Interrupted(f"the server is busy (status {answer.status_code})")
        if answer.status_code not in (200, 206):
            raise DownloadError(f"{public(url)} answered {answer.status_code} {answer.reason}.")
        if not html and "text/html" in answer.headers.get("Content-Type", ""):
            raise DownloadError(f"{public(url)} is a web page, not the file that was expected.")
        if answer.status_code == 206:
            if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                _forget(part)
                raise Interrupted("the server sent another part than the one that was asked for")
        else:
            have = 0
            _remember(part, answer.headers)
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        if total is not None and total > largest:
            _forget(part)
            raise DownloadError(f"{public(url)} has {total:,} bytes: more than {largest:,}.")
        bar = tqdm(total=total, initial=have, desc=name, unit="B", unit_scale=True, disable=None)
        with part.open("ab" if have else "wb") as file, bar:
            for chunk in answer.iter_content(8192):  # what is lost when the line breaks
                have += len(chunk)
                if have > largest:
                    break
                file.write(chunk)
                bar.update(len(chunk))
    if have > largest:
        _forget(part)
        raise DownloadError(f"{public(url)} sends more than {largest:,} bytes.")
    if total is not None and have < total:
        raise Interrupted("the connection broke")


def _arrived(part: Path) -> tuple[int, str]:
    """Return how many bytes are there, and the mark by which the server knows their file."""
    mark = _mark(part)
    if not part.is_file() or not mark.is_file():
        return 0, ""
    return part.stat().st_size, mark.read_text(encoding="utf-8")


def _remember(part: Path, headers: Mapping[str, str]) -> None:
    etag = headers.get("ETag", "")
    same = etag if etag.startswith('"') else headers.get("Last-Modified", "")
    part.unlink(missing_ok=True)
    _mark(part).unlink(missing_ok=True)
    if same:
        _mark(part).write_text(same, encoding="utf-8")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _mark(part).unlink(missing_ok=True)


def _mark(part: Path) -> Path:
    return part.with_name(part.name + ".etag")


def digest(path: Path, kind: str = "sha256") -> str:
    """Return the checksum of a file in hexadecimal; `kind` as hashlib names it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def bring(wanted: Mapping[str, Callable[[], Path]]) -> int:
    """Fetch files for a command, the others too where one fails; return its exit status.

    Args:
        wanted: what returns the place of each, under the name that is printed.
    """
    status = 0
    for name, fetch in wanted.items():
        try:
            print(f"{name} is here: {fetch()}")
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            status = 1
        except KeyboardInterrupt:
            print("\nStopped. The same command continues where it was.", file=sys.stderr)
            return 130
    return status


def kaggle(handle: str, folder: Path) -> None:
    """Download a data set from Kaggle into `folder`, which is emptied first.

    Raises:
        DownloadError: kagglehub is not installed, or did not deliver.
    """
    try:
        import kagglehub
    except ImportError:
        raise DownloadError("Kaggle needs one more library: run `pip install kagglehub`.") from None
    shutil.rmtree(folder, ignore_errors=True)
    try:
        kagglehub.dataset_download(handle, output_dir=str(folder))
    except Exception as error:  # kagglehub raises its own, requests' and urllib3's types
        raise DownloadError(
            f"Kaggle did not deliver {handle} ({type(error).__name__}): check your connection and "
            "your credentials, and try again."
        ) from None


# ------------------------------------------------------------------------------ many images

SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp"}
"""The types of image that are accepted, by Pillow's name (MPO: a phone's JPEG); no GIF."""

MOST_REDIRECTS = 5
MOST_FAILURES = 12
"""Requests that a server may fail in a row, whichever image they were for; then it is left."""

PIECE = 200
"""Images of one host that a cluster's worker fetches at once: what is lost when it dies."""

INDEX = "index.json"
NO_ROOM = "It could not be stored: the disk is full."


def fetch_images(
    hits: pd.DataFrame,
    folder: Path,
    *,
    workers: int = 4,
    per_second: float | None = None,
    largest: int = 20_000_000,
    most_pixels: int = 40_000_000,
    attempts: int = 3,
    timeout: tuple[float, float] = (5, 20),
    deadline: float = 120.0,
    pace: Pace | None = None,
) -> pd.DataFrame:
    """Download the images of a search into a folder, several at a time but politely.

    Here or on a cluster (see `cluster`), whose workers share the folder.

    An image is stored under the sha256 of its content, so that nothing is there twice, and only
    when all of it has arrived and can be decoded. The folder's index.json says which address
    gave which file: when this is called again, what is there is not asked for again. What fails
    is listed with its reason, and never stops the rest.

    Args:
        hits: one row per image, with its `address`; other columns are kept.
        folder: where the files go; it is made if it is missing.
        workers: downloads at the same time; on a cluster, of each worker.
        per_second: requests per second to one host, see `Pace`.
        largest: most bytes of one image.
        most_pixels: most pixels of one image; more can fill the memory (a decompression bomb).
        attempts: how often an image is asked for when the server is busy or the line breaks.
        timeout: seconds to wait for a connection, and for the next bytes.
        deadline: seconds that one image may take in all.
        pace: spaces the requests, instead of `per_second`; not on a cluster.
    Returns:
        `hits` with three more columns: `file` (the name inside `folder`, or ""), `sha256` (in
        hexadecimal, or "") and `problem` ("" or the reason why there is no file, in a sentence).
    Raises:
        ValueError: `hits` has no column `address`, or `workers` or `attempts` is under 1.
        OSError: the disk is full, or the index cannot be written; what is there is kept.
        cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    if "address" not in hits:
        raise ValueError("The table of hits has no column 'address'.")
    if workers < 1 or attempts < 1:
        raise ValueError(f"workers and attempts must be at least 1, got {workers}, {attempts}.")
    folder.mkdir(parents=True, exist_ok=True)
    limits = _Limits(largest, most_pixels, attempts, timeout, deadline)
    index = _read_index(folder)
    addresses = dict.fromkeys(str(address) for address in hits["address"])
    done = {a: (index[_key(a)], "") for a in addresses if _is_there(folder, index.get(_key(a)))}
    left = [address for address in addresses if address not in done]
    there = cluster.address() is not None
    found = (
        _fetched_there(left, folder.resolve(), limits, workers, per_second)
        if there
        else _fetched_here(left, folder, limits, workers, per_second, pace)
    )
    bar = tqdm(total=len(addresses), initial=len(done), desc="images", disable=None)
    with bar, closing(found):
        try:
            for count, (address, file, problem) in enumerate(found, 1):
                if problem == NO_ROOM:
                    raise paths.full(folder)
                done[address] = file, problem
                if file:
                    index[_key(address)] = file
                if count % 50 == 0:
                    _write_index(folder, index)
                bar.update()
        finally:
            _write_index(folder, index)
    files = [done[str(address)][0] for address in hits["address"]]
    problems = [done[str(address)][1] for address in hits["address"]]
    return hits.assign(file=files, sha256=[file.split(".")[0] for file in files], problem=problems)


@dataclass(frozen=True)
class _Limits:
    """What one image may cost; see `fetch_images`."""

    largest: int
    most_pixels: int
    attempts: int
    timeout: tuple[float, float]
    deadline: float


Fetched = Generator[tuple[str, str, str]]
"""Addresses, each with the name of its file and "", or "" and the reason why there is none."""


def _fetched_here(
    addresses: Iterable[str],
    folder: Path,
    limits: _Limits,
    workers: int,
    per_second: float | None,
    pace: Pace | None = None,
) -> Fetched:
    stop = threading.Event()
    fetcher = _Fetcher(folder, pace or Pace(per_second, sleep=stop.wait), stop, limits)
    pool = ThreadPoolExecutor(workers, "images")
    # Pillow's limit of pixels is above ours, and its warning about it is for all threads or none
    with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
        try:
            futures: dict[Future[tuple[str, str]], str] = {
                pool.submit(fetcher.fetch, address): address for address in addresses
            }
            for future in as_completed(futures):
                yield futures[future], *future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _fetched_there(
    addresses: Iterable[str],
    folder: Path,
    limits: _Limits,
    workers: int,
    per_second: float | None,
) -> Fetched:
    """Let a cluster fetch; a host is asked by one worker at a time, so that its pace holds."""
    hosts: dict[str, list[str]] = {}
    for address in addresses:
        try:
            host = web.origin(address)
        except ValueError:
            host = ""  # the worker says what is wrong with it
        hosts.setdefault(host, []).append(address)
    work = partial(_piece, folder, limits, workers, per_second)
    for start in range(0, max(map(len, hosts.values()), default=0), PIECE):
        pieces = [part for host in hosts.values() if (part := tuple(host[start : start + PIECE]))]
        for piece, found in cluster.each(work, pieces, label="images"):
            if isinstance(found, cluster.Lost):
                yield from ((address, "", "The workers that fetched it died.") for address in piece)
            else:
                yield from found


def _piece(
    folder: Path,
    limits: _Limits,
    workers: int,
    per_second: float | None,
    addresses: tuple[str, ...],
) -> list[tuple[str, str, str]]:
    return list(_fetched_here(addresses, folder, limits, workers, per_second))


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
                web.check_address(address, address)
                if self.failures[web.origin(address)] >= MOST_FAILURES:
                    return "", f"Its server had failed {MOST_FAILURES} times in a row."
                content = self._content(address)
                self.failures[web.origin(address)] = 0
                return self._store(content, image_suffix(content, self.limits.most_pixels)), ""
            except (DownloadError, web.PrivateAddress) as error:
                return "", _sentence(str(error))
            except Interrupted as error:
                told, wait = str(error), error.wait
            except requests.RequestException as error:
                told, wait = reason(error), None
                if not web.passing(error):
                    return "", _sentence(f"{told}.")
            except OSError as error:
                if error.errno in paths.FULL:
                    self.stop.set()  # the others need not be asked for
                    return "", NO_ROOM
                return "", f"It could not be stored: {error.strerror or type(error).__name__}."
            except Exception as error:  # whatever one bad address does, the rest goes on
                return "", f"It could not be fetched ({type(error).__name__})."
            wait = 2.0**attempt if wait is None else wait
            if wait > web.LONGEST_WAIT:
                return "", _sentence(f"{told}, and asks to wait {wait:,.0f} seconds.")
            self.failures[web.origin(address)] += 1
            self.pace.hold(address, wait)
        times = f", {self.limits.attempts} times in a row" if self.limits.attempts > 1 else ""
        return "", _sentence(f"{told}{times}.")

    def _content(self, address: str) -> bytes:
        """Return the bytes behind an address, after redirects that are allowed."""
        url = address
        for _ in range(MOST_REDIRECTS + 1):
            web.check_address(url, address)
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
        here = web.is_this_machine(url)  # and `check_address` has allowed it
        name = "here" if here else "public"
        if not hasattr(self.local, name):
            session = requests.Session()
            if here:
                session.trust_env = False  # no proxy stands between this machine and itself
            else:
                session.mount("http://", web.PublicOnly())
                session.mount("https://", web.PublicOnly())
            setattr(self.local, name, session)
        return getattr(self.local, name)

    def _body(self, answer: requests.Response) -> bytes:
        web.heed(answer, self.pace)
        status, kind = answer.status_code, answer.headers.get("Content-Type", "").split(";")[0]
        if status in BUSY:
            wait = web.asked_to_wait(answer.headers)
            raise Interrupted(f"the server is busy (status {status})", wait)
        if status != 200:
            raise DownloadError(f"the server answered {status} {answer.reason}.")
        if kind.startswith("text/"):
            raise DownloadError("it is a web page or a text, not an image.")
        end = time.monotonic() + self.limits.deadline

        def check() -> None:
            if time.monotonic() > end or self.stop.is_set():
                raise DownloadError(f"it had not arrived after {self.limits.deadline:.0f} seconds.")

        return web.bounded(answer, self.limits.largest, check)

    def _store(self, content: bytes, suffix: str) -> str:
        path = self.folder / f"{hashlib.sha256(content).hexdigest()}{suffix}"
        with paths.beside(path, shared=True) as part:
            part.write_bytes(content)
        return path.name


def _sentence(told: str) -> str:
    return told[:1].upper() + told[1:]


def _key(address: str) -> str:
    """Return what the index knows an address by: not the address, which may hold a secret."""
    return hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()


def _read_index(folder: Path) -> dict[str, str]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return {key: str(file) for key, file in index.items()}
    except (OSError, ValueError, AttributeError):
        return {}  # then what is there is fetched again, and found to be the same


def _write_index(folder: Path, index: Mapping[str, str]) -> None:
    with paths.writing(folder):
        paths.write_text(folder / INDEX, json.dumps(index, indent=0, sort_keys=True) + "\n")


def _is_there(folder: Path, file: str | None) -> bool:
    """Return whether a file of the index is there, unchanged."""
    if not file or not re.fullmatch(r"[0-9a-f]{64}\.(jpg|png|webp)", file):
        return False
    path = folder / file
    return path.is_file() and digest(path) == file.split(".")[0]
