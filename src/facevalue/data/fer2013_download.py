"""Downloading FER-2013 from the Hugging Face Hub, with Kaggle as the fallback."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from facevalue import paths
from facevalue.data import dataset, fer2013
from facevalue.data.download import download, download_from_kaggle, download_verified
from facevalue.data.fer2013_common import official_split
from facevalue.data.http_retry import DownloadError
from facevalue.data.urls import redact_url
from facevalue.files import file_lock

MIRROR = "Aaryan333/fer2013_train_publicTest_privateTest"
"""The data set on the Hugging Face Hub that preserves FER-2013's three official splits."""

KAGGLE = "deadskull7/fer2013"
"""The data set on Kaggle that is the original fer2013.csv."""


def fetch_fer2013(folder: str | Path | None = None, base_url: str | None = None) -> Path:
    """Download FER-2013 into `folder`/fer2013, and return that folder.

    The source is `MIRROR`, which needs no account. If that fails, the fallback is Kaggle, which
    needs kagglehub and Kaggle credentials. The files are downloaded to a hidden folder, read once
    as a check, and then moved into place in one step, so that an incomplete download is never
    mistaken for the data. Of two processes that download at the same time, one waits and then uses
    the files of the other.

    Args:
        folder: by default data/raw, or the folder that FACEVALUE_DATA names.
        base_url: the Hub's URL; by default HF_ENDPOINT, as for Hugging Face's own tools, else
            https://huggingface.co.

    Raises:
        DownloadError: the download failed from both sources; the message says why.
        FileExistsError: the target already exists, or `folder` is a file.
    """
    folder = Path(folder) if folder else paths.raw()
    if folder.is_file():
        raise FileExistsError(f"{folder} is a file: name a folder to download FER-2013 into.")
    target, arriving = folder / "fer2013", folder / ".fer2013-arriving"
    if target.exists():
        raise FileExistsError(f"{target} already exists: move it away to download it again.")
    base_url = base_url or os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    with file_lock(arriving):
        if target.exists():  # another process downloaded it meanwhile
            return target
        _fetch_from_any_source(arriving, base_url.rstrip("/"))
        try:
            fer2013.read(arriving)
        except ValueError as error:
            shutil.rmtree(arriving)
            raise DownloadError(f"The downloaded files are not FER-2013: {error}") from error
        return arriving.replace(target)


def _fetch_from_any_source(arriving: Path, base_url: str) -> None:
    try:
        _fetch_from_hub(arriving, base_url)
    except DownloadError as error:
        if not has_kaggle_credentials():
            raise DownloadError(
                f"{error} Instead, put fer2013.csv into {arriving.parent} by hand, or set Kaggle "
                "credentials and run `pip install kagglehub`."
            ) from error
        print(f"{error} Trying Kaggle.", file=sys.stderr)
        download_from_kaggle(KAGGLE, arriving)


def _fetch_from_hub(arriving: Path, base_url: str) -> None:
    """Download the Parquet files of `MIRROR` with the three splits."""
    files = _list_files(arriving / "files.json", base_url)
    splits = {
        path: official_split(path.rsplit("/", 1)[-1])
        for path in sorted(files)
        if path.endswith(".parquet")
    }
    if set(splits.values()) - {None} != set(dataset.SPLITS):
        raise DownloadError(
            f"{redact_url(_list_url(base_url))} does not list Parquet files of the three splits."
        )
    wanted = set()
    for number, (path, split) in enumerate(splits.items()):
        if split:  # a listed name could lead out of the folder, so the local name is built here
            url = f"{base_url}/datasets/{MIRROR}/resolve/main/{quote(path)}"
            sha256 = files[path]
            file = arriving / f"{split}-{number}.parquet"
            wanted.add(download_verified(url, file, f"sha256:{sha256}" if sha256 else None))
    for file in set(arriving.iterdir()) - wanted:  # lock files, and leftovers of an earlier attempt
        file.unlink()


def _list_url(base_url: str) -> str:
    return f"{base_url}/api/datasets/{MIRROR}/tree/main?recursive=true"


def _list_files(target: Path, base_url: str) -> Mapping[str, str | None]:
    """Return the sha256 (None if unknown) of each file of `MIRROR` by its path, as the Hub says."""
    url = _list_url(base_url)
    listing = download(url, target, max_bytes=5_000_000)
    try:
        entries = json.loads(listing.read_text(encoding="utf-8"))
        return {str(entry["path"]): (entry.get("lfs") or {}).get("oid") for entry in entries}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DownloadError(f"{redact_url(url)} did not answer with a list of files.") from error
    finally:
        listing.unlink()


def has_kaggle_credentials() -> bool:
    """Return whether kagglehub is installed and finds credentials (environment, kaggle.json)."""
    try:
        from kagglehub.config import get_kaggle_credentials

        return get_kaggle_credentials() is not None
    except (ImportError, ValueError, OSError):
        return False
