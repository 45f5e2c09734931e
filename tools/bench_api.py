"""Measure the API on a database of a million images, and write reports/api.md.

    python tools/bench_api.py                            in a temporary folder: a few minutes
    python tools/bench_api.py --database /tmp/big.db     keep the database for the next time
    python tools/bench_api.py --database postgresql://localhost/big --side 48
                                    an empty PostgreSQL; written to reports/api_postgresql.md

The images are made here, noise of 8 x 8 pixels or what --side says; the 30,000 that are loaded for
the first figure have 48 x 48.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from bench_report import Row, aligned, page
from sqlalchemy import func, select
from tqdm import tqdm

from facevalue import paths
from facevalue.collection import database, database_import, database_schema
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import results
from facevalue.files import write_text

IMAGES = 1_000_000
SIDE = 8
AT_ONCE = 20_000
SOURCES = ("Pixabay", "DuckDuckGo", "Kaggle", "FER-2013")
SHARES = (0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17)
"""FER-2013's shares of the seven emotions."""

WARM_UP = 30
REQUESTS = 500
RATE, SECONDS, CLIENTS = 200, 15, 16


def chunk(rng: np.random.Generator, first: int, n: int, side: int) -> pd.DataFrame:
    """Return `n` rows for `add_images`, no two of them alike: noise and the row's own number."""
    pixels = rng.integers(0, 256, (n, side, side), np.uint8)
    pixels[:, 0, :8] = np.arange(first, first + n, dtype=">u8").view(np.uint8).reshape(n, 8)
    kinds = rng.choice(len(EMOTIONS), n, p=SHARES)
    places = rng.choice(len(SOURCES), n)
    rows = [
        database_import.image_row(image, SOURCES[place], EMOTIONS[kind], f"generated {number}")
        for number, (image, place, kind) in enumerate(zip(pixels, places, kinds, strict=True))
    ]
    ratios = rng.choice([1.0, 0.75, 1.05, 1.33], n, p=[0.85, 0.05, 0.05, 0.05])
    colours = rng.choice(["Grayscale", "RGB"], n, p=[0.8, 0.2])
    return pd.DataFrame(rows).assign(aspect_ratio=ratios, colour_space=colours)


def part(url: str, first: int, n: int, side: int, seed: int) -> float:
    """Make and add `n` images; return the seconds that `add_images` took."""
    rows = chunk(np.random.default_rng([seed, first]), first, n, side)
    engine = database.create(url)
    start = time.perf_counter()
    database_import.add_images(engine, rows)
    spent = time.perf_counter() - start
    engine.dispose()
    return spent


def fill(url: str, images: int, side: int, seed: int, clients: int = 1) -> tuple[float, float]:
    """Bring a database up to `images` images, by one or several clients at a time.

    Returns:
        The seconds that the calls of `add_images` took, one after the other, and the seconds that
        passed meanwhile, the making of the images included.
    """
    engine = database.create(url)
    names = pd.DataFrame({"name": SOURCES, "address": "tools/bench_api.py", "licence": "MIT"})
    database_import.add_sources(engine, names)
    with engine.connect() as connection:
        there = connection.scalar(select(func.count()).select_from(database_schema.Image)) or 0
    engine.dispose()
    # several clients do not end in order: what one of them may have left out is added again
    firsts = range(there if clients == 1 else 0 if there < images else images, images, AT_ONCE)
    jobs = [(url, first, min(AT_ONCE, images - first), side, seed) for first in firsts]
    start, pool = time.perf_counter(), multiprocessing.get_context("spawn").Pool(clients)
    with pool, tqdm(total=len(jobs), desc=f"times {AT_ONCE:,} images") as bar:
        spent = 0.0
        for seconds in pool.imap_unordered(_part, jobs):
            spent += seconds
            bar.update()
    return spent, time.perf_counter() - start


def _part(job: tuple[str, int, int, int, int]) -> float:
    return part(*job)


@contextlib.contextmanager
def server(url: str, workers: int) -> Iterator[int]:
    """Run the API on a free port until the block ends."""
    command = [sys.executable, "-m", "apps.api", "--port", "0", "--workers", str(workers)]
    process = subprocess.Popen(
        command,
        cwd=paths.root(),
        env=os.environ | {"DATABASE_URL": url},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.match(r"http://[^:]+:(\d+)/", process.stdout.readline())
        if found is None:
            raise RuntimeError("the server did not start: its message is above.")
        yield int(found.group(1))
    finally:
        process.terminate()
        process.wait()


def fetch(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    """Return status and body."""
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def latencies(port: int, path: str) -> np.ndarray:
    """Return the milliseconds of `REQUESTS` requests, one after the other."""
    times = []
    # a connection stays with one worker: several, so that each worker is measured
    connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(8)]
    for number, connection in zip(
        range(WARM_UP + REQUESTS), itertools.cycle(connections), strict=False
    ):
        start = time.perf_counter()
        status, body = fetch(connection, path)
        if number >= WARM_UP:
            times.append(1000 * (time.perf_counter() - start))
        assert status == 200 and len(json.loads(body)["images"]) == 50, (status, body[:200])
    for connection in connections:
        connection.close()
    return np.array(times)


def steady(port: int, pages: int) -> tuple[np.ndarray, int, float]:
    """Ask for random pages at a fixed rate; return milliseconds, errors and the rate reached.

    A request counts from the moment when it was due, so that a server that falls behind shows.
    """
    total = RATE * SECONDS
    chosen = np.random.default_rng(1).integers(1, pages + 1, total)
    due = time.perf_counter() + 0.2 + np.arange(total) / RATE
    times, errors = np.zeros(total), np.zeros(total, int)
    numbers = iter(range(total))
    lock = threading.Lock()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            time.sleep(max(0.0, due[number] - time.perf_counter()))
            try:
                status, _ = fetch(connection, f"/images/?page={chosen[number]}&page_size=50")
                errors[number] = status != 200
            except (OSError, http.client.HTTPException):
                errors[number] = 1
            times[number] = 1000 * (time.perf_counter() - due[number])
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finished = (due + times / 1000).max() - due[0]
    return times, int(errors.sum()), total / finished


def measure(url: str, images: int, workers: int) -> list[Row]:
    """Return the lines of the table that need a running server."""
    pages = images // 50
    happy = int(pages * 0.2)
    asked = {
        "first page": "/images/?page=1&page_size=50",
        f"page {pages:,}": f"/images/?page={pages}&page_size=50",
        "emotion=happy, first page": "/images/emotions?emotion=happy&page=1&page_size=50",
        f"emotion=happy, page {happy:,}": f"/images/emotions?emotion=happy&page={happy}",
        "two filters, first page": "/images/?source_id=2&emotion=happy&page_size=50",
    }
    rows = []
    with server(url, workers) as port:
        for name, path in tqdm(asked.items(), desc="pages"):
            times = latencies(port, path)
            reached = f"{np.median(times):.1f} / {np.percentile(times, 99):.1f}"
            rows.append(Row(f"50 images, {name}: median / p99 in ms", reached, "20 / 50"))
        times, errors, rate = steady(port, pages)
    reached = f"{np.median(times):.1f} / {np.percentile(times, 99):.1f}"
    rows.append(Row(f"random pages at {RATE} a second for {SECONDS} s: rate", f"{rate:.0f}", "200"))
    rows.append(Row("... errors", f"{errors} of {RATE * SECONDS:,}", "0"))
    rows.append(Row("... median / p99 in ms, from when each was due", reached, ""))
    return rows


def report(rows: list[Row], options: argparse.Namespace, engine: str) -> str:
    """Return reports/api.md, or that of PostgreSQL."""
    given = {"images": IMAGES, "side": SIDE}
    changed = [f" --{k} {vars(options)[k]}" for k, v in given.items() if vars(options)[k] != v]
    where = "" if engine == "SQLite" else " --database postgresql://..."
    command = "python tools/bench_api.py" + where + "".join(changed)
    prose = [
        f"({results.machine()}, {engine}, {options.workers} server processes,",
        "and the client on the same cores).",
        f"The database holds {options.images:,} generated images of {options.side} x "
        f"{options.side} pixels.",
    ]
    return page("How fast the API answers", command, prose, aligned(rows))


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=IMAGES, help="at least 2,000")
    parser.add_argument("--side", type=int, default=SIDE, help="pixels: 8 or more")
    parser.add_argument("--workers", type=int, default=2, help="server processes")
    parser.add_argument("--clients", type=int, default=2, help="that load PostgreSQL at a time")
    parser.add_argument("--database", help="a SQLite file, or postgresql://..., that is kept")
    options = parser.parse_args()
    if options.images < 2_000:
        parser.error("--images must be at least 2000: one emotion then fills a page of 50.")
    if options.side < SIDE:
        parser.error(f"--side must be at least {SIDE}: smaller images would be alike.")
    large = (options.database or "").startswith("postgres")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(options.database or f"{folder}/images.db").resolve()
        url = options.database if large else f"sqlite:///{file}"
        clients = options.clients if large else 1
        _, passed = fill(url, options.images, options.side, seed=1, clients=clients)
        rows = []
        if large:
            figure = f"{options.images:,} images by COPY, {clients} at a time, made here too, s"
            rows.append(Row(figure, f"{passed:.0f}", ""))
        else:
            loaded, _ = fill(f"sqlite:///{folder}/loading.db", 30_000, side=48, seed=2)
            figure = "30,000 images of 48 x 48 pixels through add_images, s"
            rows.append(Row(figure, f"{loaded:.1f}", "60"))
        rows += measure(url, options.images, options.workers)
    text = report(rows, options, "PostgreSQL" if large else "SQLite")
    print(text)
    name = "api_postgresql.md" if large else "api.md"
    write_text(paths.root() / "reports" / name, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
