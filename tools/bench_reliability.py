"""Attack the live page, kill the database's writers, and write reports/reliability.md.

    python tools/bench_reliability.py                 about six minutes, on Linux
    python tools/bench_reliability.py --seconds 3     a quick look

One address attacks the live page (127.0.0.2) while another visitor (127.0.0.1) sends the frames of
a camera, 30 a second. Server, visitor and attacker share the cores.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import itertools
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bench_live
import numpy as np
import pandas as pd
import psutil
from bench_report import Row, aligned, page
from PIL import Image
from sqlalchemy import select
from tqdm import tqdm
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from facevalue import paths
from facevalue.collection import database, database_import, database_schema
from facevalue.emotions import EMOTIONS
from facevalue.evaluation import results
from facevalue.files import write_text
from facevalue.recognition.recogniser import Recogniser

ATTACKER = ("127.0.0.2", 0)
FRAMES_PER_SECOND = 30
LEAST_FRAMES, LONGEST_WAIT = 15, 1.0
"""What another visitor must reach: frames a second, and seconds."""

IMAGES, BATCH = 1_400, 70


def scans(number: int = 142_000) -> bytes:
    """Return a progressive JPEG of 2000 x 2000 pixels with that many empty scans: 2 MB."""
    stream = io.BytesIO()
    Image.new("L", (2000, 2000)).save(stream, "JPEG", progressive=True)
    content = stream.getvalue()
    start = content.index(b"\xff\xda")
    header = content[start : start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")]
    return content[:-2] + header * number + content[-2:]


def noise(width: int, height: int, most: int) -> bytes:
    """Return a JPEG of noise of almost `most` bytes."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    for quality in range(95, 5, -5):
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
        if stream.tell() < most:
            return stream.getvalue()
    raise ValueError(f"{width} x {height} pixels of noise do not fit {most:,} bytes.")


def visit(address: str, query: str = "", source: tuple[str, int] | None = None) -> ClientConnection:
    """Open a WebSocket of the live page."""
    return connect(
        f"ws://{address}/live/frames{query}",
        origin=Origin(f"http://{address}"),
        compression=None,
        source_address=source,
        open_timeout=30,
    )


def send_pictures(address: str, query: str, content: bytes, patient: bool = True) -> None:
    """Send a picture for ever, again after each answer, or without waiting for answers."""
    while True:
        with contextlib.suppress(OSError, WebSocketException), visit(address, query, ATTACKER) as s:
            while True:
                s.send(content)
                if patient:
                    s.recv(timeout=60)


def hold_places(address: str) -> None:
    """Open a WebSocket, and send a byte of a message every five seconds."""
    while True:
        with contextlib.suppress(OSError, WebSocketException), visit(address, "", ATTACKER) as s:
            s.socket.sendall(b"\x82\xfe\x7f\xff\0\0\0\0")
            while True:
                time.sleep(5)
                s.socket.sendall(b"\0")
        time.sleep(0.1)


def half_requests(address: str) -> None:
    """Keep 1,100 connections open that never finish their request."""
    host, port = address.split(":")
    held: list[socket.socket] = []
    while True:
        with contextlib.suppress(OSError):
            held.append(socket.create_connection((host, int(port)), 5, ATTACKER))
            held[-1].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        if len(held) >= 1_100:
            held.pop(0).close()
            time.sleep(0.01)


def ask(address: str, path: str, content: bytes | None = None) -> None:
    """Ask for a page for ever, or send it some content."""
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = http.client.HTTPConnection(address, timeout=60, source_address=ATTACKER)
            while True:
                client.request("GET" if content is None else "POST", path, content)
                client.getresponse().read()


def upload_slowly(address: str) -> None:
    """Send a picture to POST /recognise, a byte every five seconds."""
    host, port = address.split(":")
    head = b"POST /recognise HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n"
    while True:
        with contextlib.suppress(OSError):
            client = socket.create_connection((host, int(port)), 5, ATTACKER)
            client.sendall(head)
            while True:
                time.sleep(5)
                client.sendall(b"\xff")
        time.sleep(0.1)


def pour(address: str, head: bytes, rest: bytes) -> None:
    """Send a beginning and then the same bytes for ever, and take what the server answers."""
    host, port = address.split(":")
    while True:
        with contextlib.suppress(OSError):
            client = socket.create_connection((host, int(port)), 5, ATTACKER)
            client.settimeout(30)
            client.sendall(head)
            threading.Thread(target=drain, args=(client,), daemon=True).start()
            while True:
                client.sendall(rest)
        time.sleep(0.01)


def drain(client: socket.socket) -> None:
    """Take what a server sends until it closes."""
    with contextlib.suppress(OSError):
        while client.recv(65_536):
            pass


def pour_messages(address: str, first: bytes, rest: bytes) -> None:
    """Open a WebSocket, and send parts of messages for ever, as the bytes of their frames."""
    while True:
        with contextlib.suppress(OSError, WebSocketException), visit(address, "", ATTACKER) as s:
            s.socket.sendall(first)
            while True:
                s.socket.sendall(rest)
        time.sleep(0.01)


def never_read(address: str) -> None:
    """Ask for many large pages, and take nothing of the answers."""
    host, port = address.split(":")
    held = []
    while True:
        with contextlib.suppress(OSError):
            held.append(socket.create_connection((host, int(port)), 5, ATTACKER))
            held[-1].sendall(
                b"GET /images/?page_size=200&pixels=true HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
        if len(held) >= 60:
            time.sleep(1)
            held.pop(0).close()


GET, POST = (
    b"%s HTTP/1.1\r\nHost: localhost\r\n" % each for each in (b"GET /", b"POST /recognise")
)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"

ATTACKS: dict[str, tuple[int, Callable[[str], None]]] = {
    "nobody": (0, lambda address: None),
    "2 photos of 142,000 scans": (2, lambda a: send_pictures(a, "?photo=true", scans())),
    "2 frames of 142,000 scans": (2, lambda a: send_pictures(a, "", scans(70_000))),
    "10 photos of noise, 4 megapixels": (
        10,
        lambda a: send_pictures(a, "?photo=true", noise(2000, 2000, 2_000_000)),
    ),
    "16 uploads of noise, 4 megapixels": (
        16,
        lambda a: ask(a, "/recognise", noise(2000, 2000, 2_000_000)),
    ),
    "16 frames of noise, 1 megapixel": (
        16,
        lambda a: send_pictures(a, "", noise(1000, 1000, 1_000_000)),
    ),
    "16 that send frames without a pause": (
        16,
        lambda a: send_pictures(a, "", noise(1000, 1000, 1_000_000), patient=False),
    ),
    "100 that send a byte every 5 s": (100, hold_places),
    "100 slow uploads": (100, upload_slowly),
    "1,100 half requests": (1, half_requests),
    "a header without end": (1, lambda a: pour(a, GET + b"X: ", b"a" * 1_000_000)),
    "headers without end": (1, lambda a: pour(a, GET, b"a:b\r\n" * 200_000)),
    "8 bodies in chunks of a byte": (8, lambda a: pour(a, GET + CHUNKED, b"1\r\na\r\n" * 20_000)),
    "8 uploads in chunks of a byte": (8, lambda a: pour(a, POST + CHUNKED, b"1\r\na\r\n" * 20_000)),
    "32 that do not wait for answers": (32, lambda a: pour(a, b"", (GET + b"\r\n") * 5_000)),
    "16 that send empty pings": (
        16,
        lambda a: pour_messages(a, b"", b"\x89\x80\0\0\0\0" * 20_000),
    ),
    "16 that send empty parts": (
        16,
        lambda a: pour_messages(a, b"\x02\x80\0\0\0\0", b"\x00\x80\0\0\0\0" * 20_000),
    ),
    "60 that read no answer": (1, never_read),
    "32 requests for pages": (32, lambda a: ask(a, "/gallery")),
    "32 requests for pixels": (32, lambda a: ask(a, "/images/?page_size=200&pixels=true")),
}
"""What one address does, in how many threads."""


def attack(name: str, address: str) -> None:
    """Attack the live page until somebody ends this process."""
    threads, work = ATTACKS[name]
    for _ in range(threads):
        threading.Thread(target=work, args=(address,), daemon=True).start()
    threading.Event().wait()


def watch(address: str, jpeg: bytes, seconds: float) -> np.ndarray:
    """Send the frames of a camera; return when each was answered and its wait, shape (n, 2)."""
    moments = []
    with visit(address) as socket:
        start = time.perf_counter()
        while (sent := time.perf_counter()) < start + seconds:
            socket.send(jpeg)
            socket.recv(timeout=60)
            now = time.perf_counter()
            moments.append((now - start, now - sent))
            time.sleep(max(0.0, sent + 1 / FRAMES_PER_SECOND - now))
    return np.array(moments)


def memory(process: int) -> float:
    """Return the megabytes of a process and its children, shared ones counted once."""
    family = [psutil.Process(process), *psutil.Process(process).children(recursive=True)]
    return sum(each.memory_full_info().pss for each in family) / 1e6


def attacked(seconds: float) -> list[Row]:
    """Measure what another visitor has of the live page during each attack."""
    stream = io.BytesIO()
    picture = bench_live.picture(Recogniser("accurate"), 1)
    Image.fromarray(picture).save(stream, "JPEG", quality=85)
    rows = []
    bar = f"{LEAST_FRAMES} / {1000 * LONGEST_WAIT:,.0f}"
    for name in tqdm(ATTACKS, desc="attacks"):
        with bench_live.server() as (address, process):
            watch(address, stream.getvalue(), 1)  # its processes have started
            command = [sys.executable, __file__, "--attack", name, "--address", address]
            attacker = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            try:
                time.sleep(2)
                seen = watch(address, stream.getvalue(), seconds)
                used = memory(process)
            finally:
                attacker.kill()
                attacker.wait()
        rate, wait = len(seen) / seconds, 1000 * seen[:, 1].max()
        rows.append(Row(name, f"{rate:.1f} / {wait:,.0f} / {used:.0f}", bar))
    return rows


def requests_without_errors(number: int) -> Row:
    """Send random requests, right ones and wrong ones, and count answers that blame the server."""
    rng = np.random.default_rng(1)
    values = ("1", "0", "-1", "7", "x", "", "%00", "1%0A", "9" * 30, "happy", "1e3", "../..", "é")
    templates = (
        "/", "/gallery?page={}", "/gallery/{}", "/faces?face={}", "/images/?page={}",
        "/images/?page_size={}&pixels=true", "/images/?emotion={}&source_id={}",
        "/images/{}", "/images/{}/file?size={}", "/images/{}/guess", "/docs", "/{}",
        "/video_feed?source={}", "/live/settings.json", "/recognise?{}",
    )  # fmt: skip
    asked = [
        templates[rng.integers(len(templates))].format(*rng.choice(values, 2)).replace("é", "%E9")
        for _ in range(number)
    ]
    statuses: list[int] = []
    with bench_live.server() as (address, _):

        def work(paths: Iterator[str]) -> None:
            client = http.client.HTTPConnection(address, timeout=60)
            for path in paths:
                uploads = path.startswith("/recognise")
                client.request("POST" if uploads else "GET", path, path if uploads else None)
                answer = client.getresponse()
                answer.read()
                statuses.append(answer.status)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, (asked[k::4] for k in range(4))))
    errors = sum(status >= 500 for status in statuses)
    return Row(f"{len(statuses):,} random requests: answers of 500 and more", f"{errors}", "0")


def table() -> pd.DataFrame:
    """Return the images that the killed writers add."""
    pixels = np.random.default_rng(2).integers(0, 256, (IMAGES, 48, 48), np.uint8)
    return pd.DataFrame(
        [
            database_import.image_row(image, "noise", EMOTIONS[k % 7], f"image {k}")
            for k, image in enumerate(pixels)
        ]
    )


def add(url: str) -> None:
    """Add the images to a database, in batches; again what is missing."""
    engine = database.create(url)
    source = {"name": "noise", "address": "tools/bench_reliability.py", "licence": "MIT"}
    database_import.add_sources(engine, pd.DataFrame([source]))
    rows = table()
    for start in range(0, IMAGES, BATCH):
        database_import.add_images(engine, rows[start : start + BATCH])
    engine.dispose()


def content(url: str) -> list[tuple[int, str, str]]:
    """Return id, origin and hash of all images in a database."""
    engine = database.create(url)
    image = database_schema.Image
    with engine.connect() as connection:
        rows = connection.execute(select(image.id, image.origin, image.sha256).order_by(image.id))
        found = [(row.id, row.origin, row.sha256) for row in rows]
    engine.dispose()
    return found


def killed(kills: int) -> Row:
    """Kill the writer of a database at random moments, and compare it with an uninterrupted one."""
    rng = np.random.default_rng(3)
    wrong = done = 0
    with tempfile.TemporaryDirectory() as folder, tqdm(total=kills, desc="kills") as bar:
        whole = f"sqlite:///{folder}/whole.db"
        start = time.perf_counter()
        subprocess.run([sys.executable, __file__, "--add", whole], check=True)
        lasts = time.perf_counter() - start
        expected = content(whole)
        for number in itertools.count():
            url = f"sqlite:///{folder}/{number}.db"
            while done < kills:
                writer = subprocess.Popen([sys.executable, __file__, "--add", url])
                with contextlib.suppress(subprocess.TimeoutExpired):
                    writer.wait(rng.uniform(0.4, 1) * lasts)
                    break
                writer.kill()
                writer.wait()
                done += 1
                bar.update()
            subprocess.run([sys.executable, __file__, "--add", url], check=True)
            wrong += content(url) != expected
            if done >= kills:
                break
    return Row(f"{done} kills of a writer: databases with other rows", f"{wrong}", "0")


def report(attacks: list[Row], faults: list[Row], command: str) -> str:
    """Return reports/reliability.md."""
    heads = (
        Row("what one address does", "frames a second / longest wait in ms / MB", "to reach"),
        Row("what is done to it", "found", "to reach"),
    )
    upper, lower = (
        aligned(rows, head) for head, rows in zip(heads, (attacks, faults), strict=True)
    )
    prose = [
        f"({results.machine()}).",
        "The upper table is what another visitor has of the live page, who sends the frames of",
        f"a camera, {FRAMES_PER_SECOND} a second, while one address attacks; attacker, visitor",
        "and server share the cores. MB is the memory of the server and its processes.",
    ]
    return page("What the servers bear", command, prose, [*upper, "", *lower])


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10, help="for each attack")
    parser.add_argument("--requests", type=int, default=20_000, help="how many random requests")
    parser.add_argument("--kills", type=int, default=60, help="how many kills of a writer")
    parser.add_argument("--out", type=Path, default=paths.root() / "reports" / "reliability.md")
    for hidden in ("--attack", "--address", "--add"):  # for the processes that this one starts
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        attack(options.attack, options.address)
    if options.add:
        add(options.add)
        return 0
    if not sys.platform.startswith("linux"):
        parser.error("only on Linux has this machine the second address 127.0.0.2.")
    attacks = attacked(options.seconds)
    faults = [requests_without_errors(options.requests), killed(options.kills)]
    given = {"seconds": 10, "requests": 20_000, "kills": 60}
    changed = [f" --{k} {vars(options)[k]:g}" for k, v in given.items() if vars(options)[k] != v]
    text = report(attacks, faults, "python tools/bench_reliability.py" + "".join(changed))
    print(text)
    write_text(options.out, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
