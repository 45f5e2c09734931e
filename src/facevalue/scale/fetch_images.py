"""Downloading many images, here or on a Dask cluster."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from functools import partial
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from facevalue.collection.image_fetcher import DISK_FULL_PROBLEM, ImageFetcher, ImageLimits
from facevalue.collection.rate_limiter import RateLimiter
from facevalue.data.urls import origin
from facevalue.files import checksum, disk_full, remove_stale_parts, write_text
from facevalue.scale import cluster

PIECE = 200
"""How many images a worker of a cluster fetches in one task; if it dies, they are fetched again."""

INDEX = "index.json"
"""The name of the file with the names of the images, by `_key` of their URLs."""

Fetched = Generator[tuple[str, str, str]]
"""Yields for each URL: the URL, the name of its file or "", and why there is none or ""."""


def fetch_images(
    hits: pd.DataFrame,
    folder: Path,
    *,
    workers: int = 4,
    per_second: float | None = None,
    max_bytes: int = 20_000_000,
    max_pixels: int = 40_000_000,
    attempts: int = 3,
    timeout: tuple[float, float] = (5, 20),
    deadline: float = 120.0,
    limiter: RateLimiter | None = None,
    this_machine: bool = False,
) -> pd.DataFrame:
    """Download the images of a search into a folder, here or on a cluster (see `cluster`).

    An image is stored only if it is complete and can be decoded. Its name is the sha256 of
    its content, so that nothing is stored twice. The folder's index.json says which file came from
    which URL, so that another call downloads only what is missing. An image that fails does not
    stop the others.

    Args:
        hits: one row per image, with its URL in the column `address`; other columns are kept.
        folder: where the files are stored. A missing folder is created; a cluster's workers must
            share it.
        workers: how many images are downloaded at the same time; on a cluster, by each worker.
        per_second: requests per second to one server; see `RateLimiter`.
        max_bytes: the size limit of an image in bytes.
        max_pixels: the size limit of an image in pixels: a decompression bomb has more.
        attempts: how often a request is sent when the server is busy or the connection breaks.
        timeout: seconds to wait for a connection, and for the next bytes.
        deadline: the largest number of seconds for receiving and decoding an image, without the
            waits that its server or the rate limit asks for.
        limiter: limits the requests, instead of `per_second`; ignored on a cluster.
        this_machine: whether images on this machine itself may be fetched, as from the course's
            photo service. Of a search on the internet, they may not.
    Returns:
        `hits` with three more columns: `file` (the name inside `folder`, or ""), `sha256` (in
        hexadecimal, or "") and `problem` (why there is no file, in a sentence, or "").
    Raises:
        ValueError: `hits` has no column `address`, or `workers` or `attempts` is less than 1.
        OSError: the disk is full, or the index cannot be written; finished downloads are kept.
        cluster.VersionError, ConnectionError: as in `cluster.map`.
    """
    if "address" not in hits:
        raise ValueError("The table of hits has no column 'address': pass what a search returned.")
    if workers < 1 or attempts < 1:
        raise ValueError(f"workers and attempts must be at least 1, not {workers} and {attempts}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale_parts(folder)
    limits = ImageLimits(max_bytes, max_pixels, attempts, timeout, deadline, this_machine)
    index = _read_index(folder)
    addresses = dict.fromkeys(str(address) for address in hits["address"])
    done = {a: (index[_key(a)], "") for a in addresses if _is_there(folder, index.get(_key(a)))}
    missing = [address for address in addresses if address not in done]
    fetched = (
        _fetch_on_cluster(missing, folder.resolve(), limits, workers, per_second)
        if cluster.address()
        else _fetch_here(missing, folder, limits, workers, per_second, limiter)
    )
    bar = tqdm(total=len(addresses), initial=len(done), desc="images", disable=None)
    with bar, closing(fetched):
        _record(fetched, folder, index, done, bar)
    files = [done[str(address)][0] for address in hits["address"]]
    problems = [done[str(address)][1] for address in hits["address"]]
    return hits.assign(file=files, sha256=[file.split(".")[0] for file in files], problem=problems)


def _record(
    fetched: Fetched,
    folder: Path,
    index: dict[str, str],
    done: dict[str, tuple[str, str]],
    bar: tqdm,
) -> None:
    """Add what is fetched to `done` and to the index, which is written now and at the end.

    Raises:
        OSError: the disk is full, or the index cannot be written.
    """
    try:
        for count, (address, file, problem) in enumerate(fetched, 1):
            if problem == DISK_FULL_PROBLEM:
                raise disk_full(folder)
            done[address] = file, problem
            if file:
                index[_key(address)] = file
            if count % 50 == 0:
                _write_index(folder, index)
            bar.update()
    finally:
        _write_index(folder, index)


def _fetch_here(
    addresses: Iterable[str],
    folder: Path,
    limits: ImageLimits,
    workers: int,
    per_second: float | None,
    limiter: RateLimiter | None = None,
) -> Fetched:
    """Fetch in this process, with several threads."""
    stop = threading.Event()
    limiter = limiter or RateLimiter(per_second, sleep=stop.wait)
    fetcher = ImageFetcher(folder, limiter, stop, limits)
    pool = ThreadPoolExecutor(workers, "images")
    try:
        futures: dict[Future[tuple[str, str]], str] = {
            pool.submit(fetcher.fetch, address): address for address in addresses
        }
        for future in as_completed(futures):
            yield futures[future], *future.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _fetch_on_cluster(
    addresses: Iterable[str],
    folder: Path,
    limits: ImageLimits,
    workers: int,
    per_second: float | None,
) -> Fetched:
    """Fetch on a cluster: one worker at a time for each server, so that the rate limit holds."""
    servers: dict[str, list[str]] = {}
    for address in addresses:
        try:
            server = origin(address)
        except ValueError:
            server = ""  # the worker reports that the URL is not valid
        servers.setdefault(server, []).append(address)
    work = partial(_fetch_piece, folder, limits, workers, per_second)
    for start in range(0, max(map(len, servers.values()), default=0), PIECE):
        slices = (tuple(urls[start : start + PIECE]) for urls in servers.values())
        pieces = [piece for piece in slices if piece]
        for piece, found in cluster.map_unordered(work, pieces, label="images"):
            if isinstance(found, cluster.WorkerDied):
                yield from ((address, "", "The worker that fetched it died.") for address in piece)
            else:
                yield from found


def _fetch_piece(
    folder: Path,
    limits: ImageLimits,
    workers: int,
    per_second: float | None,
    addresses: tuple[str, ...],
) -> list[tuple[str, str, str]]:
    """Fetch some images of one server on a worker."""
    return list(_fetch_here(addresses, folder, limits, workers, per_second))


def _key(address: str) -> str:
    """Return the key of a URL in the index: a hash, because a URL may contain a secret."""
    return hashlib.sha256(address.encode("utf-8", "replace")).hexdigest()


def _read_index(folder: Path) -> dict[str, str]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return {key: str(file) for key, file in index.items()}
    except (OSError, ValueError, AttributeError):
        return {}  # all images are downloaded again


def _write_index(folder: Path, index: Mapping[str, str]) -> None:
    write_text(folder / INDEX, json.dumps(index, indent=0, sort_keys=True) + "\n")


def _is_there(folder: Path, file: str | None) -> bool:
    """Return whether a file of the index exists and is unchanged."""
    if not file or not re.fullmatch(r"[0-9a-f]{64}\.(jpg|png|webp)", file):
        return False
    path = folder / file
    return path.is_file() and checksum(path) == file.split(".")[0]
