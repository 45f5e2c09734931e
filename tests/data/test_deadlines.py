"""Deadlines hold whatever a server does, and Ctrl+C ends every wait."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facevalue.data.deadlines import Deadline, DeadlinePassed, Stopped
from facevalue.data.download import download
from facevalue.data.http_retry import DownloadError

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n"
SLOW = {
    "never answers": b"",
    "drips its headers": HEAD,
    "drips the file": HEAD + b"\r\n",
    "drips chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n",
}


@pytest.fixture
def dripping(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], str]]:
    """A server that sends a beginning, and then a byte every 0.1 seconds; gives its URL."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(begin: bytes) -> None:
        while not done.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(client, begin), daemon=True).start()

    def drip(client: socket.socket, begin: bytes) -> None:
        try:
            client.sendall(begin)
            while not done.wait(0.1):
                if begin:
                    client.sendall(b"x")
        except OSError:
            pass
        client.close()

    def start(begin: bytes) -> str:
        threading.Thread(target=serve, args=(begin,), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/file.bin"

    yield start
    done.set()
    listener.close()


@pytest.mark.slow
@pytest.mark.parametrize("begin", SLOW.values(), ids=list(SLOW))
def test_a_download_ends_at_its_deadline(
    dripping: Callable[[bytes], str], tmp_path: Path, begin: bytes
) -> None:
    url, start = dripping(begin), time.monotonic()
    with pytest.raises(DownloadError, match="file.bin: it had not arrived when the time was over"):
        download(url, tmp_path / "file.bin", deadline=0.5)
    assert time.monotonic() - start < 1.5


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has another Ctrl+C")
def test_ctrl_c_ends_a_download_from_a_slow_server(
    dripping: Callable[[bytes], str], tmp_path: Path
) -> None:
    url = dripping(SLOW["drips the file"])
    code = (
        "import sys, pathlib; from facevalue.data.download import download\n"
        "print('begun', flush=True); download(sys.argv[1], pathlib.Path(sys.argv[2]))"
    )
    program = subprocess.Popen(
        [sys.executable, "-c", code, url, str(tmp_path / "file.bin")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert program.stdout is not None
    program.stdout.readline()
    time.sleep(0.5)
    program.send_signal(signal.SIGINT)
    program.wait(timeout=2)


def test_what_arrives_in_time_is_returned_and_errors_too() -> None:
    deadline = Deadline(5)
    assert list(deadline.each(lambda: range(100))) == list(range(100))
    assert deadline.call(lambda: "answer") == "answer"
    with pytest.raises(ZeroDivisionError):
        deadline.call(lambda: 1 // 0)


def test_who_stops_a_wait_does_not_wait_for_it() -> None:
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    start = time.monotonic()
    with pytest.raises(Stopped):
        Deadline(60, stop).call(lambda: time.sleep(1))
    assert time.monotonic() - start < 0.5


def test_pauses_do_not_count() -> None:
    deadline = Deadline(0.2)
    with deadline.paused():
        deadline.call(lambda: time.sleep(0.25))
    deadline.call(lambda: None)
    with pytest.raises(DeadlinePassed):
        deadline.call(lambda: time.sleep(1))
