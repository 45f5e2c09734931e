"""Web addresses: what may be shown of them, and which may be asked for."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from facevalue.data.web_errors import DownloadError


class PrivateAddress(ValueError):
    """A host's name led to a private address. No OSError: urllib3 would wrap it."""


def public(url: str) -> str:
    """Return an address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def origin(url: str) -> str:
    """Return scheme, host and port of an address: what makes two addresses the same server."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def is_this_machine(url: str) -> bool:
    """Return whether an address plainly names this machine: localhost, 127.0.0.1 or ::1."""
    host = (urlsplit(url).hostname or "").lower()
    number = _ip(host)
    return host == "localhost" or (number is not None and number.is_loopback)


def check_address(url: str, start: str) -> None:
    """Raise DownloadError unless `url` may be fetched on behalf of the address `start`.

    Only http and https, and only public hosts; except that an address that names this machine,
    as the local photo service's do, may be followed on the same server. A host's *name* that
    leads to a private address is caught when it is connected to.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - a port that is no number raises here
    except ValueError:
        raise DownloadError("this is not an address.") from None
    whom = "this" if url == start else "it redirects to what"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DownloadError(f"{whom} is not an http or https address.")
    if is_this_machine(start) and origin(url) == origin(start):
        return
    number = _ip(parts.hostname)
    if parts.hostname.lower() == "localhost" or (number is not None and not number.is_global):
        raise DownloadError(f"{whom} is a private address, {parts.hostname}.")


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        number = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return None
    return getattr(number, "ipv4_mapped", None) or number


def _refuse_private(line: socket.socket, host: str) -> socket.socket:
    """Hang up if a host's name led to a private address, before anything is said there."""
    number = _ip(line.getpeername()[0])
    if number is None or not number.is_global:
        line.close()
        raise PrivateAddress(f"its host, {host}, leads to a private address.")
    return line


# urllib3's own SOCKS support overrides the same method
class _PublicHTTP(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _refuse_private(super()._new_conn(), self.host)


class _PublicHTTPS(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _refuse_private(super()._new_conn(), self.host)


class _PublicHTTPPool(HTTPConnectionPool):
    ConnectionCls = _PublicHTTP


class _PublicHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _PublicHTTPS


class PublicOnly(HTTPAdapter):
    """Connects to public hosts only; through a proxy, what the proxy can reach is its matter."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        pools = {"http": _PublicHTTPPool, "https": _PublicHTTPSPool}
        self.poolmanager.pool_classes_by_scheme = pools
