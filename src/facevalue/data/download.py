"""Downloading files to disk.

- `download` fetches one file of any size, such as a table or a web page; a broken download resumes.
- `download_verified` does the same for a file with a known checksum, unless it already exists.
- `download_from_kaggle` fetches a data set with Kaggle's own client.

Of two simultaneous downloads of the same file, one waits for the other.
Images from untrusted URLs are fetched by facevalue.collection.image_fetcher instead.
"""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.exceptions import MaxRetryError, ProtocolError

from facevalue.data.deadlines import Deadline, DeadlinePassed
from facevalue.data.http_retry import (
    RETRY_STATUSES,
    TIMEOUT,
    DownloadError,
    ServerRetry,
    body_of,
    content_length,
    describe_busy,
    describe_error,
    printable,
    wait_and_say_so,
)
from facevalue.data.urls import (
    Session,
    check_host,
    check_url,
    is_web_url,
    origin,
    redact_url,
    redirect_target,
)
from facevalue.files import DISK_FULL, explain_write_errors, file_lock

MAX_BYTES = 2_000_000_000
ATTEMPTS = 4
MAX_REDIRECTS = 10
TOO_LATE = "it had not arrived when the time was over"
CHUNK = 8192
"""Bytes per read: at most this many are lost when the connection breaks."""


class Interrupted(Exception):
    """A download was interrupted and can be tried again; received bytes are reused if possible."""


@dataclass(frozen=True)
class Options:
    """The limits of one download; see `download`."""

    max_bytes: int
    timeout: tuple[float, float]
    backoff: float
    allow_html: bool = False
    deadline: Deadline = field(default_factory=Deadline)


@dataclass(frozen=True)
class PartFile:
    """The part of a file received so far, and the server's validator (ETag or date) of the file."""

    path: Path

    @property
    def validator_path(self) -> Path:
        return self.path.with_name(self.path.name + ".etag")

    def resume_headers(self) -> dict[str, str]:
        """Return the headers that request only the rest, or {} if nothing can be resumed."""
        if not self.path.is_file() or not self.validator_path.is_file():
            return {}
        validator = self.validator_path.read_text(encoding="utf-8")
        return {"Range": f"bytes={self.size()}-", "If-Range": validator}

    def size(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def restart(self, headers: Mapping[str, str]) -> None:
        """Discard the part, and store the file's validator: its strong ETag or Last-Modified."""
        self.discard()
        etag = headers.get("ETag", "")
        validator = etag if etag.startswith('"') else headers.get("Last-Modified", "")
        if validator:
            self.validator_path.write_text(validator, encoding="utf-8")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.validator_path.unlink(missing_ok=True)


def download(
    url: str,
    path: Path,
    *,
    max_bytes: int = MAX_BYTES,
    timeout: tuple[float, float] = TIMEOUT,
    backoff: float = 2.0,
    allow_html: bool = False,
    deadline: float | None = None,
) -> Path:
    """Download a file; it appears at `path` only when it is complete.

    Until then, its bytes are in PATH.part. If the connection breaks, or the same download is
    started again later, it resumes from there, provided that the server confirms by ETag or
    Last-Modified that the file has not changed; otherwise it starts over.

    Args:
        url: an http or https URL.
        path: the file to write. An existing file is replaced; missing folders are created.
        max_bytes: a larger file is rejected.
        timeout: seconds to wait for a connection, and for the next bytes.
        backoff: seconds, as in `ServerRetry.create`; a busy server may request other waits.
        allow_html: whether the file may be a web page. By default it may not, since it would
            usually be an error message or a login page.
        deadline: seconds until the file must be complete; what has arrived until then is kept, and
            the next download resumes there. By default there is no limit.

    Returns:
        `path`.

    Raises:
        ValueError: the URL is not http or https.
        DownloadError: the file does not exist, is too large, is a web page, redirects to a private
            address, has not arrived in time, or the connection failed repeatedly.
    """
    options = Options(max_bytes, timeout, backoff, allow_html, Deadline(deadline))
    with file_lock(path), explain_write_errors(path):
        return _download_part(url, path, options).replace(path)


def download_verified(
    url: str,
    path: Path,
    checksum: str | None,
    *,
    max_bytes: int = MAX_BYTES,
    timeout: tuple[float, float] = TIMEOUT,
    backoff: float = 2.0,
    deadline: float | None = None,
) -> Path:
    """Download a file unless `path` already has the right checksum; return `path`.

    pooch verifies the file. It fetches it with the code of `download`, since pooch itself cannot
    resume a download.

    Args:
        url, path, max_bytes, timeout, backoff, deadline: as in `download`.
        checksum: as pooch writes it, "sha256:..." or "md5:...", in hexadecimal; None if it is
            unknown: then any existing file at `path` is accepted.

    Raises:
        ValueError: the URL is not http or https.
        DownloadError: as in `download`, or the downloaded file has another checksum.
    """
    import pooch

    options = Options(max_bytes, timeout, backoff, deadline=Deadline(deadline))

    def fetch(url: str, output_file: str, _: object) -> None:
        _download_part(url, path, options).replace(output_file)

    pooch.get_logger().setLevel(logging.WARNING)  # it would print the URL with its secrets
    with file_lock(path), explain_write_errors(path):
        try:
            pooch.retrieve(url, checksum, path.name, path.parent, downloader=fetch)
        except ValueError as error:
            if not is_web_url(url):
                raise
            raise DownloadError(
                f"{redact_url(url)} is not the expected file: its checksum is wrong."
            ) from error
    return path


def _download_part(url: str, path: Path, options: Options) -> Path:
    """Download a complete file to PATH.part, and return that path."""
    if not is_web_url(url):
        raise ValueError(f"{redact_url(url)} is not an http or https URL.")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = PartFile(path.with_name(path.name + ".part"))
    retry = ServerRetry.create(ATTEMPTS, wait_and_say_so(path.name), options.backoff)
    with Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        # the session retries until a response begins; this loop resumes one that breaks off
        while True:
            try:
                _receive_rest(session, url, part, options)
                part.validator_path.unlink(missing_ok=True)
                return part.path
            except requests.RequestException as error:
                _give_up(url, describe_error(error, ATTEMPTS), part)
            except DeadlinePassed:
                _give_up(url, TOO_LATE, part)
            except Interrupted as error:
                reason = str(error)
            try:
                retry = retry.increment("GET", error=ProtocolError(reason))
                print(f"{path.name}: {reason}, trying again.", file=sys.stderr)
                options.deadline.call(retry.sleep)
            except MaxRetryError:
                _give_up(url, f"{reason}, {ATTEMPTS} times in a row", part)
            except DeadlinePassed:
                _give_up(url, TOO_LATE, part)


def _give_up(url: str, reason: str, part: PartFile) -> NoReturn:
    kept = f"; {part.size():,} bytes are kept, and the next download resumes there"
    raise DownloadError(f"{redact_url(url)}: {reason}{kept if part.size() else ''}.") from None


def _receive_rest(session: requests.Session, url: str, part: PartFile, options: Options) -> None:
    """Request the rest of a file, and append it to the part.

    Raises:
        Interrupted: the connection broke; try again.
        requests.RequestException: there was no response, in several attempts.
        DownloadError: the file is not what was expected.
    """
    resume = part.resume_headers()
    # if it were compressed, Content-Length would not be the size of the file
    headers = {"Accept-Encoding": "identity", "User-Agent": "facevalue"} | resume
    response = options.deadline.call(lambda: _request(session, url, headers, options))
    with ExitStack() as stack:
        stack.callback(response.close)
        start = part.size() if resume else 0
        if response.status_code == 416:
            if response.headers.get("Content-Range") == f"bytes */{start}":
                return  # the part is already complete
            part.discard()
            raise Interrupted("the server does not have the rest of the file")
        if response.status_code in RETRY_STATUSES:
            _give_up(url, describe_busy(response, ATTEMPTS), part)
        _check_response(url, response, options)
        if response.status_code == 200:
            start = 0
            part.restart(response.headers)
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            part.discard()
            raise Interrupted("the server sent another part of the file than requested")
        stack.pop_all()  # from now on, the thread that reads it closes it
    _append_body(response, part, start, options)


def _request(
    session: requests.Session, url: str, headers: Mapping[str, str], options: Options
) -> requests.Response:
    """Return the response to a request, following redirects that do not lead to a private address.

    Raises:
        requests.RequestException: there was no response, in several attempts.
        DownloadError: a redirect leads to a private address, or there are too many.
    """
    current = url
    for _ in range(MAX_REDIRECTS + 1):
        response = session.get(
            current,
            headers=dict(headers),
            stream=True,
            timeout=options.timeout,
            allow_redirects=False,
        )
        target = redirect_target(response)
        if target is None:
            return response
        response.close()
        current = target
        check_url(current, url)
        if origin(current) != origin(url):
            check_host(current)
    raise DownloadError(f"{redact_url(url)} redirects more than {MAX_REDIRECTS} times.")


def _check_response(url: str, response: requests.Response, options: Options) -> None:
    if response.status_code not in (200, 206):
        reason = printable(response.reason)
        raise DownloadError(f"{redact_url(url)} answered {response.status_code} {reason}.")
    if not options.allow_html and "text/html" in response.headers.get("Content-Type", ""):
        raise DownloadError(f"{redact_url(url)} is a web page, not the expected file.")


def _append_body(response: requests.Response, part: PartFile, start: int, options: Options) -> None:
    """Append the body of a response to a part of `start` bytes."""
    max_bytes = options.max_bytes
    length = content_length(response.headers)
    total = None if length is None else start + length
    have = start
    if total is None or total <= max_bytes:
        name = part.path.name.removesuffix(".part")
        bar = tqdm(total=total, initial=have, desc=name, unit="B", unit_scale=True, disable=None)
        with part.path.open("ab" if start else "wb") as file, bar:
            try:
                for chunk in options.deadline.each(lambda: body_of(response, CHUNK)):
                    have += len(chunk)
                    if have > max_bytes:
                        break
                    file.write(chunk)
                    bar.update(len(chunk))
            except (requests.exceptions.ChunkedEncodingError, requests.ConnectionError) as error:
                raise Interrupted(describe_error(error)) from None
    if max(have, total or 0) > max_bytes:
        part.discard()
        raise DownloadError(
            f"{redact_url(response.url)} has at least {max(have, total or 0):,} bytes, more than "
            f"{max_bytes:,}."
        )
    if total is not None and have < total:
        raise Interrupted("the connection broke")


def download_from_kaggle(handle: str, folder: Path) -> None:
    """Download a data set from Kaggle into `folder`, which is emptied first.

    Args:
        handle: owner/name, as in the data set's URL.

    Raises:
        DownloadError: kagglehub is not installed, or could not download the data set.
        OSError: the folder cannot be written.
    """
    try:
        import kagglehub
    except ImportError as error:
        raise DownloadError(
            "Downloads from Kaggle need kagglehub: run `pip install kagglehub`."
        ) from error
    shutil.rmtree(folder, ignore_errors=True)
    try:
        kagglehub.dataset_download(handle, output_dir=str(folder))
    except Exception as error:  # kagglehub raises its own, requests' and urllib3's types
        if isinstance(error, OSError) and error.filename or getattr(error, "errno", 0) in DISK_FULL:
            with explain_write_errors(folder):
                raise
        # the error itself may contain credentials
        raise DownloadError(
            f"The data set {handle} could not be downloaded from Kaggle ({type(error).__name__}): "
            "check your connection and your credentials, and try again."
        ) from None
