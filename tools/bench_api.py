"""Measure the API on a database of a million images, and write reports/api.md.

    python tools/bench_api.py                            in a temporary folder: a few minutes
    python tools/bench_api.py --database /tmp/big.db     keep the database for the next time

The images are small ones made here (8 x 8 pixels); the 30,000 that are loaded have 48 x 48.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import func, select
from tqdm import tqdm

from facevalue import database, paths, results
from facevalue.emotions import EMOTIONS

IMAGES = 1_000_000
AT_ONCE = 20_000
SOURCES = ("Pixabay", "DuckDuckGo", "Kaggle", "FER-2013")
SHARES = (0.14, 0.02, 0.14, 0.25, 0.17, 0.11, 0.17)
"""FER-2013's shares of the seven emotions."""

WARM_UP = 30
REQUESTS = 500
RATE, SECONDS, CLIENTS = 200, 15, 16


class Row(NamedTuple):
    """One line of the table: what was measured, and what is to be reached."""

    figure: str
    reached: str
    bar: str


def chunk(rng: np.random.Generator, first: int, n: int, side: int) -> pd.DataFrame:
    """Return `n` rows for `add_images`, no two of them alike: noise and the row's own number."""
    pixels = rng.integers(0, 256, (n, side, side), np.uint8)
    pixels[:, 0, :8] = np.arange(first, first + n, dtype=">u8").view(np.uint8).reshape(n, 8)
    kinds = rng.choice(len(EMOTIONS), n, p=SHARES)
    places = rng.choice(len(SOURCES), n)
    rows = [
        database.image_row(image, SOURCES[place], EMOTIONS[kind], f"generated {number}")
        for number, (image, place, kind) in enumerate(zip(pixels, places, kinds, strict=True))
    ]
    ratios = rng.choice([1.0, 0.75, 1.05, 1.33], n, p=[0.85, 0.05, 0.05, 0.05])
    colours = rng.choice(["Grayscale", "RGB"], n, p=[0.8, 0.2])
    return pd.DataFrame(rows).assign(aspect_ratio=ratios, colour_space=colours)


def fill(url: str, images: int, side: int, seed: int) -> float:
    """Bring a database up to `images` images; return the seconds that `add_images` took."""
    engine = database.create(url)
    names = pd.DataFrame({"name": SOURCES, "address": "tools/bench_api.py", "licence": "MIT"})
    database.add_sources(engine, names)
    with engine.connect() as connection:
        there = connection.scalar(select(func.count()).select_from(database.Image)) or 0
    spent = 0.0
    with tqdm(total=images, initial=there, desc="images", unit="image") as bar:
        for first in range(there, images, AT_ONCE):
            rng = np.random.default_rng([seed, first])
            rows = chunk(rng, first, min(AT_ONCE, images - first), side)
            start = time.perf_counter()
            database.add_images(engine, rows)
            spent += time.perf_counter() - start
            bar.update(len(rows))
    engine.dispose()
    return spent


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


def report(rows: list[Row], images: int, workers: int, engine: str) -> str:
    """Return reports/api.md."""
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = [
        f"{row.figure:<{widths[0]}}  {row.reached:>{widths[1]}}   {row.bar}".rstrip()
        for row in [Row("figure", "reached", "to reach"), *rows]
    ]
    command = "python tools/bench_api.py" + (f" --images {images}" if images != IMAGES else "")
    return "\n".join(
        [
            "# How fast the API answers",
            "",
            f"Printed on {datetime.now(UTC):%Y-%m-%d} by `{command}`",
            f"({results.machine()}, {engine}, {workers} server processes,",
            "and the client on the same cores).",
            f"The database holds {images:,} generated images of 8 x 8 pixels.",
            "",
            "```text",
            *lines,
            "```",
            "",
        ]
    )


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=IMAGES, help="at least 2,000")
    parser.add_argument("--workers", type=int, default=2, help="server processes")
    parser.add_argument("--database", type=Path, help="a SQLite file that is kept")
    options = parser.parse_args()
    if options.images < 2_000:
        parser.error("--images must be at least 2000: one emotion then fills a page of 50.")
    with tempfile.TemporaryDirectory() as folder:
        file = options.database or Path(folder) / "images.db"
        url = f"sqlite:///{file.resolve()}"
        fill(url, options.images, side=8, seed=1)
        loaded = fill(f"sqlite:///{folder}/loading.db", 30_000, side=48, seed=2)
        rows = [Row("30,000 images of 48 x 48 pixels through add_images, s", f"{loaded:.1f}", "60")]
        rows += measure(url, options.images, options.workers)
    text = report(rows, options.images, options.workers, "SQLite")
    print(text)
    paths.write_text(paths.root() / "reports" / "api.md", text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
