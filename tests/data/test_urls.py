from __future__ import annotations

import socket

import pytest
import requests
from urllib3.util import parse_url

from facevalue.data.http_retry import DownloadError, ServerUnavailable
from facevalue.data.urls import check_host, check_url, hostname, is_loopback, origin, redact_url

TRICKS = [
    "http://10.0.0.1\\@127.0.0.1/x",
    "http://127.0.0.1\\@example.org/x",
    "http://user@10.0.0.1:80@127.0.0.1/x",
    "http://127.0.0.1#@example.org/",
    "http://example.org?@127.0.0.1/",
    "HTTP://LOCALHOST:80/",
    "http://[::1]:8000/",
]


@pytest.mark.parametrize("url", TRICKS)
def test_the_host_is_the_one_that_the_client_connects_to(url: str) -> None:
    prepared = requests.Request("GET", url).prepare()
    adapter = requests.adapters.HTTPAdapter()
    pool = adapter.get_connection_with_tls_context(prepared, verify=True)
    assert hostname(url) == pool.host.strip("[]").lower()
    assert origin(url) == f"{pool.scheme}://{parse_url(url).host}:{pool.port}"


def test_a_server_of_this_machine_leads_to_itself_only() -> None:
    start = "http://127.0.0.1:8000/photos/"
    check_url("http://127.0.0.1:8000/other", start)
    for url in ("http://127.0.0.1:8001/", "http://localhost:8000/", "http://10.0.0.1:8000/"):
        with pytest.raises(DownloadError, match="private address"):
            check_url(url, start)
    with pytest.raises(DownloadError, match="private address"):
        check_url(start, "https://example.org/")
    with pytest.raises(DownloadError, match="private address"):
        check_url(start, "")


@pytest.mark.parametrize("private", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "fd00::1", "::1"])
def test_a_name_with_any_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    found = [(0, 0, 0, "", ("93.184.215.14", 0)), (0, 0, 0, "", (private, 0))]
    monkeypatch.setattr(requests.utils, "get_environ_proxies", lambda url: {})
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(DownloadError, match="example.org has a private address"):
        check_host("https://example.org/x")
    found.pop()
    check_host("https://example.org/x")


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(requests.utils, "get_environ_proxies", lambda url: {})
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ServerUnavailable, match="example.org is unknown"):
        check_host("https://example.org/x")


def test_what_is_not_a_url_is_no_server() -> None:
    assert not is_loopback("http://[::1")
    assert redact_url("http://[::1?key=secret") == "an invalid URL"
    with pytest.raises(ValueError):
        origin("http://[::1")


OUTSIDE = ["::ffff:0:127.0.0.1", "::ffff:0:10.0.0.1", "192.88.99.1", "3fff::1", "5f00::1"]


@pytest.mark.parametrize("number", OUTSIDE)
def test_what_python_takes_for_the_internet_is_refused(
    monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    url = f"http://[{number}]/" if ":" in number else f"http://{number}/"
    with pytest.raises(DownloadError, match="private address"):
        check_url(url)
    monkeypatch.setattr(requests.utils, "get_environ_proxies", lambda url: {})
    with pytest.raises(DownloadError, match="private address"):
        check_host(url)


@pytest.mark.parametrize("number", ["::ffff:0:8.8.8.8", "2606:4700::1111"])
def test_an_address_of_the_internet_is_none_of_these(number: str) -> None:
    check_url(f"http://[{number}]/")
