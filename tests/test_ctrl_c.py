"""Ctrl+C ends every command soon, in a sentence, and with all its processes.

On a quiet machine it takes at most two seconds: CTRL_C_SECONDS=2 pytest tests/test_ctrl_c.py
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import video_files
from PIL import Image

from facevalue.drawing import faces

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has another Ctrl+C"),
]

SECONDS = float(os.environ.get("CTRL_C_SECONDS", "15"))

START = """
import sys, time
from pathlib import Path
from facevalue import paths
FOLDER = Path(sys.argv.pop(1))
paths.processed = lambda: FOLDER
{before}
from {module} import main
sys.exit(main())
"""

FEW_FACES = """
from facevalue.drawing import course_faces, drawn_set
course_faces.load = lambda name: drawn_set.sample(70, clean=True, progress=False)
"""

SLOW_PAGE = """
from apps.api import {0} as module
create = module.create_{0}
def with_slow_page(*arguments, **options):
    app = create(*arguments, **options)
    app.add_api_route("/slow", lambda: time.sleep(60))
    return app
module.create_{0} = with_slow_page
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos and a video that take long, and a recipe."""
    place = tmp_path_factory.mktemp("work")
    (place / "photos").mkdir()
    photo = Image.fromarray(faces.photo(4, 2).image)
    photo.save(place / "photos" / "0.jpg")
    for k in range(1, 300):
        os.link(place / "photos" / "0.jpg", place / "photos" / f"{k}.jpg")
    frames = np.repeat(np.asarray(photo.resize((640, 480)))[None], 600, axis=0)
    video_files.write(place / "v.mp4", frames, [k / 25 for k in range(600)])
    (place / "r.toml").write_text('name = "r"\nepochs = 1000\n')
    return place


@contextlib.contextmanager
def started(
    folder: Path, *arguments: str, module: str = "facevalue.__main__", before: str = "", **more: str
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    """Start a command in a group of processes of its own; give it, and what it has printed."""
    root = Path(__file__).parents[1]
    code = START.format(module=module, before=before)
    path = os.pathsep.join([str(root), str(root / "src"), str(root / "tests")])
    environment = os.environ | {"PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"} | more
    with tempfile.NamedTemporaryFile("w") as printed:

        def told() -> str:
            return Path(printed.name).read_text()

        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder), *arguments],
            stdout=printed,
            stderr=printed,
            start_new_session=True,
            env=environment,
            cwd=root,
        )
        try:
            yield process, told
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(text: str, process: subprocess.Popen[bytes], told: Callable[[], str]) -> str:
    end = time.monotonic() + 200
    while not re.search(text, told()):
        assert process.poll() is None and time.monotonic() < end, told()[-2000:]
        time.sleep(0.05)
    return told()


def ends_in_time(process: subprocess.Popen[bytes], told: Callable[[], str]) -> str:
    """Press Ctrl+C, which reaches all processes of the terminal; return what was printed."""
    children = psutil.Process(process.pid).children(recursive=True)
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(60)
    took = time.monotonic() - start
    assert took < SECONDS, told()[-2000:]
    _, alive = psutil.wait_procs(children, SECONDS)
    assert not alive
    assert "Traceback" not in told()
    return told()


@pytest.mark.parametrize(
    ("arguments", "ready"),
    [
        (["score", "photos", "--out", "s.csv"], "scoring:"),
        (["score", "v.mp4", "--every", "0.04", "--csv"], "scoring:"),
        (["live", "--source", "v.mp4", "--out", "out.mp4"], " [1-9]/600"),
        (["train", "r.toml", "--data", "rendered"], "Epoch 2/"),
        (["tune", "r.toml", "--data", "rendered", "--epochs", "1000"], "trials:"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_ends(arguments: list[str], ready: str, folder: Path) -> None:
    if arguments[0] == "tune":
        pytest.importorskip("optuna", reason="Optuna is not installed")
    given = [str(folder / one) if "." in one or one == "photos" else one for one in arguments]
    given = ["0.04" if one.endswith("/0.04") else one for one in given]
    before = sorted(file.name for file in folder.iterdir())
    with started(folder, *given, before=FEW_FACES) as (process, told):
        wait_for(ready, process, told)
        time.sleep(1)
        last = ends_in_time(process, told).splitlines()[-1]
    assert process.returncode == 130
    assert last in (
        "Stopped. Finished work is kept, and the same command continues.",
        "Stopped. Nothing was written.",
    )
    if arguments[0] == "live":
        assert sorted(file.name for file in folder.iterdir()) == before


def test_the_downloads_of_the_data_end(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked = threading.Event()

        def drip() -> None:
            client, _ = listener.accept()
            client.recv(1000)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            asked.set()
            with contextlib.suppress(OSError):
                while True:
                    client.sendall(b"x")
                    time.sleep(0.5)

        threading.Thread(target=drip, daemon=True).start()
        hub = f"http://127.0.0.1:{listener.getsockname()[1]}"
        raw = str(folder / "raw")
        more = {"HF_ENDPOINT": hub, "FACEVALUE_DATA": raw, "NO_PROXY": "127.0.0.1"}
        with started(folder, "data", **more) as (process, told):
            assert asked.wait(200)
            time.sleep(0.5)
            assert ends_in_time(process, told).endswith("The same command resumes the download.\n")
        assert process.returncode == 130


def ask(port: int, *requests: str) -> list[socket.socket]:
    """Send requests, and half of one; return the open connections."""
    clients = []
    for request in (*requests, ""):
        clients.append(socket.create_connection(("127.0.0.1", port)))
        end = "\r\n\r\n" if request else "\r\nX-Slow: "
        head = f"GET {request or '/'} HTTP/1.1\r\nHost: localhost{end}"
        clients[-1].sendall(head.encode())
    return clients


@pytest.mark.parametrize("workers", [1, 2])
def test_the_api_ends_although_requests_run(workers: int, folder: Path) -> None:
    with started(
        folder,
        "--port",
        "0",
        "--workers",
        str(workers),
        module="apps.api.__main__",
        before=SLOW_PAGE.format("app") if workers == 1 else "",  # workers import it anew
        DATABASE_URL=f"sqlite:///{folder / 'faces.db'}",
    ) as (process, told):
        port = int(re.findall(r":(\d+)/", wait_for("Ctrl", process, told))[0])
        clients = ask(port, "/", "/slow")
        assert clients[0].recv(15) == b"HTTP/1.1 200 OK"
        time.sleep(0.5)
        ends_in_time(process, told)
        for client in clients:
            client.close()


def test_the_live_page_ends_although_pictures_are_sent(folder: Path) -> None:
    from websockets.sync.client import connect

    with started(
        folder,
        *("--port", "0", "--videos", str(folder)),
        module="apps.api.live",
        before=SLOW_PAGE.format("live_app"),
        DATABASE_URL=f"sqlite:///{folder / 'faces.db'}",
    ) as (process, told):
        port = int(re.findall(r":(\d+)/", wait_for("Ctrl", process, told))[0])
        clients = ask(port, "/slow", "/video_feed?source=v.mp4")
        assert clients[1].recv(15) == b"HTTP/1.1 200 OK"
        origin = f"http://localhost:{port}"
        with contextlib.closing(
            connect(f"ws://localhost:{port}/live/frames?photo=1", origin=origin)  # type: ignore[arg-type]
        ) as visitor:
            for _ in range(2):
                visitor.send((folder / "photos" / "0.jpg").read_bytes())
            visitor.recv(timeout=60)
            ends_in_time(process, told)
        for client in clients:
            client.close()


LOST = """
import sys, time
from facevalue.interrupts import end_in_time
end_in_time(130, lambda: print("Stopped.", flush=True))
while True:
    try:
        print("begun", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        pass  # as Python does it in a callback of its garbage collection
"""


def test_an_interrupt_that_is_lost_ends_the_process_all_the_same() -> None:
    process = subprocess.Popen([sys.executable, "-c", LOST], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert time.monotonic() - start < SECONDS
    assert process.stdout.read().replace("begun\n", "") == "Stopped.\n"
