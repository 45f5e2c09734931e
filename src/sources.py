"""Where images are downloaded from; `python -m facevalue.sources` brings FER-2013 to data/raw."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

import requests
from tqdm import tqdm

from facevalue import fer2013, paths

MIRROR = "Aaryan333/fer2013_train_publicTest_privateTest"
"""The data set on the Hugging Face Hub that keeps FER-2013's three official splits."""

KAGGLE = "deadskull7/fer2013"
"""The data set on Kaggle that is the original fer2013.csv."""

LARGEST = 2_000_000_000
ATTEMPTS = 4
TIMEOUT = (10, 60)
BUSY = (429, 500, 502, 503, 504)


class DownloadError(OSError):
    """A download failed; the message says why, without the secrets of its address."""


class _Interrupted(Exception):
    """The server was busy or the line broke: what arrived is kept, and it is worth a retry."""


def download(
    url: str,
    path: Path,
    sha256: str | None = None,
    *,
    largest: int = LARGEST,
    timeout: tuple[float, float] = TIMEOUT,
    pause: float = 2.0,
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

    Raises:
        ValueError: the address is not http or https.
        DownloadError: the file is not there, too large, or not what was expected, or the
            connection broke too often.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError(f"{_public(url)} is not an http or https address.")
    if sha256 and path.is_file() and _sha256(path) == sha256.lower():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    name, part = path.name, path.with_name(path.name + ".part")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _continue(url, part, name, largest, timeout)
            break
        except (_Interrupted, requests.RequestException) as error:
            if isinstance(error, requests.RequestException) and not _passing(error):
                raise DownloadError(
                    f"{_public(url)} cannot be reached: {_reason(error)}."
                ) from None
            if attempt == ATTEMPTS:
                have = part.stat().st_size if part.exists() else 0
                kept = f"; {have:,} bytes are kept: the next try continues there" if have else ""
                raise DownloadError(
                    f"{_public(url)}: {_reason(error)}, {ATTEMPTS} times in a row{kept}."
                ) from None
            print(f"{name}: {_reason(error)}, trying again.", file=sys.stderr)
            time.sleep(pause * 2 ** (attempt - 1))
    if sha256 and _sha256(part) != sha256.lower():
        _forget(part)
        raise DownloadError(f"{_public(url)} is not the expected file: its checksum is wrong.")
    part.replace(path)
    _forget(part)
    return path


def _continue(url: str, part: Path, name: str, largest: int, timeout: tuple[float, float]) -> None:
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
            raise _Interrupted("the server no longer has the part that was asked for")
        if answer.status_code in BUSY:
            raise _Interrupted(f"the server is busy (status {answer.status_code})")
        if answer.status_code not in (200, 206):
            raise DownloadError(f"{_public(url)} answered {answer.status_code} {answer.reason}.")
        if "text/html" in answer.headers.get("Content-Type", ""):
            raise DownloadError(f"{_public(url)} is a web page, not the file that was expected.")
        if answer.status_code == 206:
            if not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                _forget(part)
                raise _Interrupted("the server sent another part than the one that was asked for")
        else:
            have = 0
            _remember(part, answer.headers)
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else None
        if total is not None and total > largest:
            _forget(part)
            raise DownloadError(f"{_public(url)} has {total:,} bytes: more than {largest:,}.")
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
        raise DownloadError(f"{_public(url)} sends more than {largest:,} bytes.")
    if total is not None and have < total:
        raise _Interrupted("the connection broke")


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _passing(error: requests.RequestException) -> bool:
    kinds = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    )
    return isinstance(error, kinds) and not isinstance(error, requests.exceptions.SSLError)


def _reason(error: Exception) -> str:
    """Return why a request failed in words of ours: the library's own name the whole address."""
    if isinstance(error, _Interrupted):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted"
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke"
    if isinstance(error, requests.ConnectionError):
        return "there is no connection to the server"
    return type(error).__name__


def _public(url: str) -> str:
    """Return an address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


# ------------------------------------------------------------------------------ FER-2013


def fetch_fer2013(folder: Path | None = None, base_url: str | None = None) -> Path:
    """Download FER-2013 into `folder`/fer2013, and return that folder.

    It comes from the Hugging Face mirror that keeps the official splits, without an account. If
    that fails, and there are Kaggle credentials and kagglehub is installed, it comes from
    Kaggle. All of it arrives in a hidden folder beside the target, is read there once as a test,
    and is then put in place in one move, so that half a download is never taken for the data.

    Args:
        folder: by default data/raw, or the folder that FACEVALUE_DATA names.
        base_url: the Hub's address; by default HF_ENDPOINT, as for Hugging Face's own tools,
            else https://huggingface.co.

    Raises:
        DownloadError: no source delivered; the message says why, for each.
        FileExistsError: there is something else at the target already.
    """
    folder = folder or paths.raw()
    if folder.is_file():
        raise FileExistsError(f"{folder} is a file: FER-2013 needs a folder to be put into.")
    target, arriving = folder / "fer2013", folder / ".fer2013-arriving"
    if target.exists():
        raise FileExistsError(f"{target} is there already: move it away to download it again.")
    base_url = base_url or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        _from_hub(arriving, base_url.rstrip("/"))
    except DownloadError as error:
        if not has_kaggle_credentials():
            raise DownloadError(
                f"{error} Another way: put fer2013.csv into {folder} by hand, or set Kaggle "
                "credentials and run `pip install kagglehub`."
            ) from None
        print(f"{error} Trying Kaggle.", file=sys.stderr)
        _from_kaggle(arriving)
    try:
        fer2013.read(arriving)
    except ValueError as error:
        shutil.rmtree(arriving)
        raise DownloadError(f"what arrived is not FER-2013: {error}") from error
    arriving.replace(target)
    return target


def _from_hub(arriving: Path, base_url: str) -> None:
    """Download the parquet files of `MIRROR`, whose names and checksums the Hub's API tells."""
    api = f"{base_url}/api/datasets/{MIRROR}/tree/main?recursive=true"
    listing = download(api, arriving / "files.json", largest=5_000_000)
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
        files = {str(e["path"]): (e.get("lfs") or {}).get("oid") for e in entries}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DownloadError(f"{_public(api)} did not answer with a list of files.") from None
    finally:
        listing.unlink()
    splits = {
        path: fer2013.official_split(path.rsplit("/", 1)[-1])
        for path in sorted(files)
        if path.endswith(".parquet")
    }
    if set(splits.values()) - {None} != set(fer2013.SPLITS):
        raise DownloadError(f"{_public(api)} does not list parquet files of the three splits.")
    wanted = []
    for number, (path, split) in enumerate(splits.items()):
        if split:  # our own file names: a name from outside never becomes a path here
            url = f"{base_url}/datasets/{MIRROR}/resolve/main/{quote(path)}"
            wanted.append(download(url, arriving / f"{split}-{number}.parquet", files[path]))
    for file in set(arriving.iterdir()) - set(wanted):  # of an earlier try, listed otherwise
        file.unlink()


def has_kaggle_credentials() -> bool:
    """Return whether kagglehub is installed and finds credentials (environment, kaggle.json)."""
    try:
        from kagglehub.config import get_kaggle_credentials

        return get_kaggle_credentials() is not None
    except (ImportError, ValueError, OSError):
        return False


def _from_kaggle(arriving: Path) -> None:
    import kagglehub

    shutil.rmtree(arriving, ignore_errors=True)
    try:
        kagglehub.dataset_download(KAGGLE, output_dir=str(arriving))
    except Exception as error:  # kagglehub raises its own, requests' and urllib3's types
        raise DownloadError(
            f"Kaggle did not deliver {KAGGLE} ({type(error).__name__}): check your credentials "
            "and try again."
        ) from None


def main() -> int:
    """Bring FER-2013 to where `fer2013.find` looks, unless it is there; return an exit status."""
    try:
        try:
            place = fer2013.find()
            print(f"FER-2013 is already here: {place}")
        except FileNotFoundError:
            place = fetch_fer2013()
            print(f"FER-2013 is ready: {place}")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command continues where it was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
