"""Measure the live page from end to end, and write reports/live.md.

    python tools/bench_live.py                   a few minutes
    python tools/bench_live.py --soak 3600       with an hour of changing visitors

A headless Chromium plays drawn faces as its camera, 640 x 480 pixels at 30 frames per second. It
renders without a graphics card, on the server's cores: a visitor's own machine is faster.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from bench_report import Row, aligned, page
from PIL import Image
from tqdm import tqdm
from websockets.sync.client import connect
from websockets.typing import Origin

from facevalue import paths
from facevalue.drawing import faces
from facevalue.evaluation import results
from facevalue.files import write_text
from facevalue.recognition import tracking
from facevalue.recognition.recogniser import Recogniser

SIZE = (640, 480)
VISITORS = 8
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
LEAK = 50.0
"""Megabytes that the server may grow by in an hour of visitors."""


def picture(recogniser: Recogniser, people: int) -> np.ndarray:
    """Draw a camera picture whose faces are all found: uint8, shape (480, 640, 3)."""
    for seed in range(100):
        photo = faces.photo(seed, people)
        image = cv2.resize(photo.image, SIZE, interpolation=cv2.INTER_AREA)
        if len(tracking.recognise_frame(image, recogniser)) == people:
            return image
    raise RuntimeError(f"In none of 100 drawn photos {people} faces are found: check the detector.")


def camera(file: Path, image: np.ndarray) -> None:
    """Write a second of video for Chromium's camera: the picture with noise and small movements."""
    rng = np.random.default_rng(0)
    with file.open("wb") as opened:
        opened.write(f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F30:1 Ip A1:1 C420\n".encode())
        for k in range(30):
            moved = np.roll(image, round(8 * np.sin(k / 15 * np.pi)), axis=1)
            noisy = cv2.add(moved, rng.integers(0, 6, image.shape, np.uint8))
            opened.write(b"FRAME\n" + cv2.cvtColor(noisy, cv2.COLOR_RGB2YUV_I420).tobytes())


@contextlib.contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Run the live page on a free port during the block; yield its address and process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "apps.api.live", "--port", "0"],
        cwd=paths.root(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.match(r"http://[^:]+:(\d+)/", line):
                yield f"127.0.0.1:{found.group(1)}", process.pid
                return
        raise RuntimeError("The server did not start: see its message above.")
    finally:
        process.terminate()
        process.wait()


def browse(
    address: str, file: Path, people: int, mode: str, seconds: float
) -> tuple[float, np.ndarray]:
    """Return the frames per second of one page, and the milliseconds that each frame took."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={file}",
        *(["--no-sandbox"] if root else []),
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://{address}/")
        page.check(f"input[value={mode}]")
        page.click("#start")
        page.wait_for_selector(f".name >> nth={people - 1}", timeout=60_000)
        page.wait_for_timeout(3_000)  # the first frames are slower
        page.evaluate(
            """() => {
                window.took = [];
                document.querySelector("#live").addEventListener(
                    "frame", (event) => window.took.push(event.detail));
            }"""
        )
        start = time.perf_counter()
        for _ in tqdm(range(round(seconds)), f"{mode} mode", unit="s"):
            page.wait_for_timeout(1_000)
        took = np.array(page.evaluate("window.took"))
        passed = time.perf_counter() - start
        browser.close()
    return len(took) / passed, took


def browser_rows(address: str, files: dict[int, Path], seconds: float) -> list[Row]:
    """Measure both modes of the page in a browser, by the number of faces before the camera."""
    rows = []
    for mode, rate in (("browser", 25), ("server", 15)):
        for people, file in files.items():
            reached, took = browse(address, file, people, mode, seconds)
            name = f"{mode} mode, {people} {'face' if people == 1 else 'faces'}: frames a second"
            rows.append(Row(name, f"{reached:.1f}", f"{rate}"))
            spread = f"{np.median(took):.0f} / {np.percentile(took, 95):.0f}"
            rows.append(Row("... from picture to answer, median / p95 in ms", spread, "- / 150"))
    return rows


def visit(address: str, jpeg: bytes, seconds: float, waits: list[float]) -> None:
    """Send a frame whenever the previous one is answered; append the seconds to `waits`."""
    with connect(
        f"ws://{address}/live/frames",
        origin=Origin(f"http://{address}"),
        compression=None,
    ) as socket:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            socket.send(jpeg)
            answer = json.loads(socket.recv(timeout=30))
            waits.append(time.perf_counter() - start)
            if len(answer.get("faces", ())) != 1:
                raise RuntimeError(f"The server answered {answer} instead of one face.")


def crowd(address: str, jpeg: bytes, visitors: int, seconds: float) -> list[np.ndarray]:
    """Return the seconds that each frame took, for each of several visitors at once."""
    waits: list[list[float]] = [[] for _ in range(visitors)]
    threads = [
        threading.Thread(target=visit, args=(address, jpeg, seconds, each), daemon=True)
        for each in waits
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [np.array(each) for each in waits]


def crowd_rows(address: str, jpeg: bytes, seconds: float) -> list[Row]:
    """Measure one visitor, and several at once, without a browser."""
    rows = []
    for visitors in (1, VISITORS):
        waits = crowd(address, jpeg, visitors, seconds)
        rates = [len(each) / seconds for each in waits]
        every = 1000 * np.concatenate(waits)
        name = "one program" if visitors == 1 else f"{visitors} programs at once"
        bar = "15" if visitors == 1 else ""
        rows.append(Row(f"{name}: frames a second, together", f"{sum(rates):.1f}", bar))
        spread = f"{np.median(every):.0f} / {np.percentile(every, 95):.0f} / {every.max():.0f}"
        bar = "- / 150 / -" if visitors == 1 else "- / - / 1,000"
        rows.append(Row("... median / p95 / longest wait in ms", spread, bar))
        if visitors > 1:
            fair = f"{min(rates):.1f} / {max(rates):.1f}"
            rows.append(Row("... least / most frames a second of a visitor", fair, "alike"))
    return rows


def memory(process: int) -> float:
    """Return the resident memory of a process in megabytes (Linux)."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def soak_rows(address: str, process: int, jpeg: bytes, seconds: float) -> list[Row]:
    """Let visitors come and go, and measure how the server's memory grows."""
    if not Path("/proc/self/statm").is_file():
        return [Row("soak: memory cannot be read on this system", "-", "")]
    moments, used, frames = [], [], 0
    start = time.perf_counter()
    with tqdm(total=round(seconds), desc="soak", unit="s") as bar:
        while (passed := time.perf_counter() - start) < seconds:
            frames += sum(map(len, crowd(address, jpeg, 2, min(5.0, max(1.0, seconds / 10)))))
            moments.append(passed)
            used.append(memory(process))
            bar.update(round(time.perf_counter() - start) - bar.n)
    half = len(used) // 2  # the first half fills caches and pools
    slope = float(np.polyfit(moments[half:], used[half:], 1)[0]) if len(used) - half > 2 else 0.0
    visitors = 2 * len(used)
    return [
        Row(f"soak of {seconds / 60:.0f} min, {visitors} visitors, {frames:,} frames",
            "", ""),
        Row("... MB at the start / end", f"{used[0]:.0f} / {used[-1]:.0f}",
            f"at most {LEAK:.0f} more"),
        Row("... slope over the second half, MB an hour", f"{3600 * slope:.1f}", f"{LEAK:.0f}"),
    ]  # fmt: skip


def report(rows: list[Row], command: str) -> str:
    """Return reports/live.md."""
    prose = [
        f"({results.machine()}).",
        "Drawn faces in frames of 640 x 480 pixels, one where nothing else is said; server,",
        "browser and programs on the same cores, the browser a headless Chromium that draws",
        "without a graphics card. In browser mode one frame tells where the faces are, and the",
        "next one the emotions of up to two of them, those that were named longest ago.",
    ]
    return page("How fast the live page is", command, prose, aligned(rows))


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="for each figure")
    parser.add_argument("--soak", type=float, default=300, help="seconds; 0 leaves it out")
    parser.add_argument("--out", type=Path, default=paths.root() / "reports" / "live.md")
    options = parser.parse_args()
    recogniser = Recogniser("accurate")
    images = {people: picture(recogniser, people) for people in (1, 3)}
    stream = io.BytesIO()
    Image.fromarray(images[1]).save(stream, "JPEG", quality=85)
    jpeg = stream.getvalue()
    with tempfile.TemporaryDirectory() as folder, server() as (address, process):
        files = {people: Path(folder) / f"camera{people}.y4m" for people in images}
        for people, file in files.items():
            camera(file, images[people])
        rows = browser_rows(address, files, options.seconds)
        rows += crowd_rows(address, jpeg, options.seconds)
        if options.soak:
            rows += soak_rows(address, process, jpeg, options.soak)
    command = f"python tools/bench_live.py --seconds {options.seconds:g} --soak {options.soak:g}"
    text = report(rows, command)
    print(text)
    write_text(options.out, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
