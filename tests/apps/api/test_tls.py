"""Half-finished TLS handshakes and slow requests do not keep others out of an encrypted server."""

import contextlib
import ssl
import time

import pytest
from fastapi import FastAPI, WebSocket
from test_connections import HALF, application, opened, running
from websockets.sync.client import connect

from apps.api import certificates, connections
from apps.api.connections import encrypted

pytestmark = pytest.mark.slow

HELLO = bytes.fromhex("1603010200010001fc0303")
"""How a client begins a handshake."""


@pytest.fixture
def options(tmp_path):
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    return encrypted(*certificates.self_signed(tmp_path, ["127.0.0.1"]))


def client_context():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def secure(port):
    return client_context().wrap_socket(opened(port))


def answered(client):
    """Ask for the page; header and body come in two parts."""
    client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while not answer.endswith(b'here"'):
        answer += client.recv(4096)
    return answer.startswith(b"HTTP/1.1 200 OK")


def is_closed(client):
    client.settimeout(0.05)
    try:
        return client.recv(10) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_pages_and_websockets_are_encrypted(options):
    app = FastAPI()

    @app.get("/")
    def here():
        return "here"

    @app.websocket("/echo")
    async def echo(visitor: WebSocket):
        await visitor.accept()
        await visitor.send_text(visitor.url.scheme + await visitor.receive_text())

    with running(app, **options) as port:
        for _ in range(20):
            with secure(port) as client:
                assert answered(client)
                assert answered(client)  # the connection lives on
        with connect(f"wss://127.0.0.1:{port}/echo", ssl=client_context()) as visitor:
            visitor.send("x" * 100_000)
            assert visitor.recv(timeout=5) == "wss" + "x" * 100_000


@pytest.mark.parametrize("begin", [b"", HELLO], ids=["silent", "half a handshake"])
def test_handshakes_make_room_for_visitors(options, begin, monkeypatch):
    monkeypatch.setattr(connections, "PER_ADDRESS", 8)
    with running(application(), **options) as port:
        half = [opened(port, begin) for _ in range(40)]
        for _ in range(5):
            with secure(port) as other:
                assert answered(other)
        assert is_closed(half[0]) and not is_closed(half[-1])
        for client in half:
            client.close()


@pytest.mark.parametrize("begin", ["", "half a handshake", "half a request"])
def test_a_handshake_and_a_request_must_arrive_in_time(options, begin, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.5)
    with running(application(), **options) as port:
        start = time.monotonic()
        client = secure(port) if begin == "half a request" else opened(port)
        client.sendall({"": b"", "half a handshake": HELLO, "half a request": HALF}[begin])
        while not is_closed(client) and time.monotonic() < start + 5:
            pass
        assert 0.4 < time.monotonic() - start < 2
        client.close()


def test_who_speaks_no_tls_is_closed_without_a_word_in_the_log(options, caplog, capfd):
    with running(application(), **options) as port:
        with opened(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") as client:
            while not is_closed(client):
                pass
        with secure(port) as other:
            assert answered(other)
        assert caplog.text + capfd.readouterr().err == ""


def test_a_request_may_come_with_the_end_of_the_handshake(options):
    """As browsers send it: in the same packet."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    visitor = client_context().wrap_bio(incoming, outgoing)
    with running(application(), **options) as port, opened(port) as client:
        while True:
            try:
                visitor.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                incoming.write(client.recv(65_536))
        visitor.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        client.sendall(outgoing.read())  # the last of the handshake, and the request
        answer = b""
        while not answer.endswith(b'here"'):
            incoming.write(client.recv(65_536))
            with contextlib.suppress(ssl.SSLWantReadError):
                while part := visitor.read(65_536):  # nothing more after the server's last word
                    answer += part
        assert answer.startswith(b"HTTP/1.1 200 OK")
