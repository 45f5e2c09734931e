"""Where FER-2013 is downloaded from; `python -m facevalue.sources` brings it to data/raw."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from facevalue import paths
from facevalue.data import dataset, fer2013, fer2013_common
from facevalue.data.addresses import public
from facevalue.data.download import DownloadError, download, kaggle

MIRROR = "Aaryan333/fer2013_train_publicTest_privateTest"
"""The data set on the Hugging Face Hub that keeps FER-2013's three official splits."""

KAGGLE = "deadskull7/fer2013"
"""The data set on Kaggle that is the original fer2013.csv."""


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
        kaggle(KAGGLE, arriving)
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
        raise DownloadError(f"{public(api)} did not answer with a list of files.") from None
    finally:
        listing.unlink()
    splits = {
        path: fer2013_common.official_split(path.rsplit("/", 1)[-1])
        for path in sorted(files)
        if path.endswith(".parquet")
    }
    if set(splits.values()) - {None} != set(dataset.SPLITS):
        raise DownloadError(f"{public(api)} does not list parquet files of the three splits.")
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
