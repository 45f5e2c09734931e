"""Connections that never send a whole request do not keep others out."""

import asyncio
import re
import socket
import threading
import time
import zlib
from contextlib import contextmanager, suppress

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from websockets.sync.client import connect

from apps.api import addresses, connections
from apps.api.server import OPTIONS


@contextmanager
def running(app, **options):
    """Run an app with the servers' options, or others, in a thread; give its port."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, **(OPTIONS | options)))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    server.force_exit = True
    thread.join()


def application():
    app = FastAPI()
    app.add_api_route("/", lambda: "here")
    return app


HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


def opened(port, content=b""):
    client = socket.create_connection(("127.0.0.1", port), 5)
    client.sendall(content)
    return client


def ask(client):
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return client.recv(4096)


@pytest.mark.slow
def test_half_requests_make_room_for_whole_ones(monkeypatch):
    monkeypatch.setattr(connections, "PER_ADDRESS", 8)
    with running(application()) as port:
        kept = opened(port)
        assert b"200 OK" in ask(kept)
        half = [opened(port, HALF) for _ in range(40)]
        for _ in range(5):
            with opened(port) as other:
                assert b"200 OK" in ask(other)
        assert half[0].recv(10) == b""  # the oldest were closed
        for client in (kept, *half):
            client.close()


@pytest.mark.slow
@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "a byte now and then"])
def test_a_request_must_arrive_in_time(monkeypatch, drip):
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.4)
    with running(application()) as port, opened(port, HALF) as client:
        start = time.monotonic()
        client.settimeout(0.05)
        while time.monotonic() < start + 3:
            try:
                client.sendall(drip)
                if client.recv(10) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert 0.3 < time.monotonic() - start < 1.5


@pytest.mark.slow
def test_a_slow_answer_is_not_cut_off(monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.2)
    app = FastAPI()

    @app.get("/")
    async def slow():
        await asyncio.sleep(0.8)
        return "at last"

    with running(app) as port, opened(port) as client:
        for _ in range(2):  # and the connection lives on
            assert b"200 OK" in ask(client)


def until_closed(client):
    """Return what the server sends until it closes the connection."""
    client.settimeout(10)
    received = b""
    with suppress(ConnectionError):
        while part := client.recv(65_536):
            received += part
    return received


@pytest.mark.parametrize("rest", [b"X: " + b"a" * 100_000, b"a:b\r\n" * 20_000])
@pytest.mark.slow
def test_a_head_without_end_is_refused(rest):
    with running(application()) as port, opened(port) as client:
        with suppress(ConnectionError):
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + rest)
        assert b"400 Bad Request" in until_closed(client)


@pytest.mark.slow
def test_requests_that_do_not_wait_for_answers_are_answered_in_their_order():
    app = FastAPI()
    app.add_api_route("/{number}", lambda number: f"answer {number}.")
    asked = b"".join(b"GET /%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % k for k in range(300))
    last = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with running(app) as port, opened(port, asked + last) as client:
        answers = re.findall(rb"answer (\w+)\.", until_closed(client))
    assert answers == [b"%d" % k for k in range(300)] + [b"last"]


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [None, 1, 70_000])
def test_a_long_content_arrives_whole(chunk):
    app = FastAPI()

    @app.post("/")
    async def checksum(request: Request):
        return zlib.crc32(await request.body())

    content = bytes(range(256)) * 4_000
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    if chunk is None:
        sent = head + b"Content-Length: %d\r\n\r\n" % len(content) + content
    else:
        content = content[: 20_000 * chunk]
        parts = [content[k : k + chunk] for k in range(0, len(content), chunk)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        sent = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    with running(app) as port, opened(port, sent) as client:
        assert until_closed(client).endswith(b"\r\n\r\n%d" % zlib.crc32(content))


@pytest.mark.slow
def test_a_content_that_nobody_takes_waits_in_the_network():
    app = FastAPI()

    @app.post("/")
    async def wait(request: Request):
        await asyncio.sleep(30)

    with running(app) as port, opened(port) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n\r\n")
        client.settimeout(1)
        sent = 0
        with suppress(TimeoutError):
            while sent < 100_000_000:
                sent += client.send(b"x" * 1_000_000)
        assert sent < 50_000_000  # what the system keeps for both sides of a connection


@pytest.mark.slow
def test_who_takes_nothing_of_an_answer_is_left(monkeypatch):
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 1.5)
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.8)
    app = FastAPI()
    app.add_api_route("/", lambda: Response(b"x" * 30_000_000))
    with running(app) as port, opened(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionError):  # the server has closed the connection
            for _ in range(150):
                time.sleep(0.1)
                client.sendall(b"G")
        with opened(port) as other:  # who reads slowly but steadily gets all of it
            other.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            received = 0
            while part := other.recv(2_000_000):
                received += len(part)
                time.sleep(0.05)
            assert received > 30_000_000


@pytest.mark.slow
def test_messages_of_a_websocket_arrive_whole_and_in_order():
    app = FastAPI()

    @app.websocket("/")
    async def echo(socket: WebSocket):
        await socket.accept()
        while True:
            await socket.send_text(str(zlib.crc32(await socket.receive_bytes())))

    messages = [bytes([k]) * size for k, size in enumerate([0, 1, 100_000, 7, 900_000] * 4)]
    with running(app) as port, connect(f"ws://127.0.0.1:{port}/", compression=None) as client:
        for message in messages:
            client.send(message)
        client.send(iter([b"in ", b"three ", b"parts"]))
        client.ping()
        answers = [client.recv(timeout=20) for _ in range(len(messages) + 1)]
        assert client.ping().wait(20)
    assert answers == [str(zlib.crc32(each)) for each in (*messages, b"in three parts")]


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:0:1:aaaa::1", 1), "2001:db8:0:1::/64"),
        (("2001:db8:0:1:bbbb::2", 1), "2001:db8:0:1::/64"),
        (("testclient", 1), "testclient"),
        (None, ""),
    ],
)
def test_visitors_are_counted_by_address(client, address):
    assert addresses.address_of(client) == address


def test_one_address_has_four_requests_at_work_and_others_do_not_wait():
    async def requests():
        begun, go = [], asyncio.Event()

        async def app(scope, receive, send):
            begun.append(scope["client"][0])
            await go.wait()
            await send({"type": "http.response.start"})

        async def send(message):
            pass

        turns = addresses.RequestTurns(app)
        scopes = [{"type": "http", "client": ("192.0.2.1", k)} for k in range(9)]
        scopes.append({"type": "http", "client": ("192.0.2.2", 1)})
        tasks = [asyncio.create_task(turns(scope, None, send)) for scope in scopes]
        await asyncio.sleep(0.01)
        assert begun.count("192.0.2.1") == addresses.REQUESTS_AT_WORK
        assert begun.count("192.0.2.2") == 1
        go.set()
        await asyncio.gather(*tasks)
        assert len(begun) == 10

    asyncio.run(requests())
