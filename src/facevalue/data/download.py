"""Downloading one file, which may be large, so that a broken line costs little."""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from facevalue.data.addresses import public
from facevalue.data.web_errors import BUSY, TIMEOUT, DownloadError, Interrupted, passing, reason


def bounded(
    answer: requests.Response, largest: int, check: Callable[[], None] = lambda: None
) -> bytes:
    """Return the body of an answer, read in pieces, with `check` called after each.

    Raises:
        DownloadError: it has more than `largest` bytes, by its header or in truth.
    """
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > largest:
        answer.close()
        raise DownloadError(f"it has {int(length):,} bytes: more than {largest:,}.")
    content = bytearray()
    for chunk in answer.iter_content(65536):
        content += chunk
        if len(content) > largest:
            answer.close()
            raise DownloadError(f"it has more than {largest:,} bytes.")
        check()
    return bytes(content)


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
            if isinstance(error, requests.RequestException) and not passing(error):
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
