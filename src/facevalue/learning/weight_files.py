"""Published weight files: downloaded once, and verified by checksum at each use."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from facevalue import paths
from facevalue.data.download import DownloadError, download_verified
from facevalue.files import checksum, file_lock, write_text

MAX_BYTES = 200_000_000
"""A larger weight file is refused; the largest published one, that of ResNet-50, has 95 million."""


def weight_file(url: str, md5: str = "") -> Path:
    """Return the path of a weight file in data/processed/weights, and download it if necessary.

    The first download writes the file's SHA-256 checksum to weights.json in the same folder. Each
    later call compares the file with that checksum. A file that is missing or has changed on disk
    is downloaded again; a download that differs from the first one is refused.

    Args:
        url: the URL of the file.
        md5: the published MD5 checksum, which the first download must have; "" if there is none.

    Raises:
        ValueError: `url` is not an http or https URL.
        DownloadError: the file cannot be downloaded or has another checksum, or weights.json is
            damaged.
    """
    folder = paths.processed() / "weights"
    file = folder / url.rpartition("/")[2]
    known = _records(folder).get(file.name, {}).get("sha256")
    expected = f"sha256:{known}" if known else f"md5:{md5}" if md5 else None
    if not file.is_file():
        print(f"Downloading {file.name}, once.")
    download_verified(url, file, expected, max_bytes=MAX_BYTES, timeout=(5, 10), backoff=0.5)
    if not known:
        record = {
            "sha256": checksum(file),
            "bytes": file.stat().st_size,
            "url": url,
            "first_seen": datetime.date.today().isoformat(),
        }
        with file_lock(folder / "weights.json"):
            text = json.dumps(_records(folder) | {file.name: record}, indent=1)
            write_text(folder / "weights.json", text)
    return file


def _records(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the content of weights.json: for each file, its checksum, size, URL and date.

    Raises:
        DownloadError: weights.json is damaged; without it, any file would be accepted.
    """
    file = folder / "weights.json"
    if not file.is_file():
        return {}
    try:
        records = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): dict(record) for name, record in records.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise DownloadError(
            f"{file} is damaged, so the weight files cannot be checked: delete the whole folder "
            f"{folder}."
        ) from error
