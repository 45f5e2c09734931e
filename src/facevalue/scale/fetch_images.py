"""Downloading many images, politely."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import warnings
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from functools import partial
from pathlib import Path

import pandas as pd
from PIL import Image
from tqdm import tqdm

from facevalue.collection.image_fetcher import NO_ROOM, _Fetcher, _Limits
from facevalue.collection.polite_http import Pace
from facevalue.data.addresses import origin
from facevalue.data.download import digest
from facevalue.files import disk_full, explain_write_errors, write_text
from facevalue.scale import cluster

PIECE = 200
"""Images of one host that a cluster's worker fetches at once: what is lost when it dies."""

INDEX = "index.json"


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
                    raise disk_full(folder)
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
            host = origin(address)
        except ValueError:
            host = ""  # the worker says what is wrong with it
        hosts.setdefault(host, []).append(address)
    work = partial(_piece, folder, limits, workers, per_second)
    for start in range(0, max(map(len, hosts.values()), default=0), PIECE):
        pieces = [part for host in hosts.values() if (part := tuple(host[start : start + PIECE]))]
        for piece, found in cluster.map_unordered(work, pieces, label="images"):
            if isinstance(found, cluster.WorkerDied):
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
    with explain_write_errors(folder):
        write_text(folder / INDEX, json.dumps(index, indent=0, sort_keys=True) + "\n")


def _is_there(folder: Path, file: str | None) -> bool:
    """Return whether a file of the index is there, unchanged."""
    if not file or not re.fullmatch(r"[0-9a-f]{64}\.(jpg|png|webp)", file):
        return False
    path = folder / file
    return path.is_file() and digest(path) == file.split(".")[0]
