"""URLs: showing them without secrets, and checking whether they may be fetched.

The URLs of images come from search services, so they are untrusted. `check_url` and `check_host`
prevent requests to private addresses, such as a router or a cloud's metadata service. Call both
before each request and each redirect. One threat remains: the HTTP client looks the host up again
when it connects, so a hostile DNS server can give a public address to the check and a private one
to the client. If that matters, fetch images through a proxy, or on a machine without access to a
private network.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urljoin

import requests
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from facevalue.data.http_retry import DownloadError, ServerUnavailable

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

TRANSLATED = tuple(
    map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96"))
)
"""IPv6 networks whose addresses end in an IPv4 address (RFC 6052, 8215, 4291 and 2765)."""

RESERVED = tuple(map(ipaddress.ip_network, ("192.88.99.0/24", "3fff::/20", "5f00::/16")))
"""Networks outside the internet that Python takes for a part of it (RFC 7526, 9637 and 9602)."""

DEFAULT_PORTS = {"http": 80, "https": 443}


class Session(requests.Session):
    """A session that follows no redirects: `redirect_target` says where one leads.

    Even if it shall not follow them, requests reads the whole body of a redirect, which may never
    end, and fails in many ways at an address that is not valid.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Tell requests that no response is a redirect."""


def redirect_target(response: requests.Response) -> str | None:
    """Return the URL that a response redirects to, or None if it is no redirect.

    Raises:
        DownloadError: it redirects to what is not a valid URL.
    """
    try:
        target = requests.sessions.SessionRedirectMixin().get_redirect_target(response)
        return None if target is None else urljoin(response.url, target)
    except ValueError:  # its bytes are not UTF-8, or it has a broken IPv6 address
        raise DownloadError("The URL of the redirect is not valid.") from None


def redact_url(url: str) -> str:
    """Return a URL without the parts that may be secret: user, password, query and fragment.

    >>> redact_url("https://user:password@example.org/photos/1.jpg?key=secret")
    'https://example.org/photos/1.jpg'
    """
    try:
        parts = parse_url(url)
    except LocationParseError:
        return "an invalid URL"
    return Url(scheme=parts.scheme, host=parts.host, port=parts.port, path=parts.path).url


def origin(url: str) -> str:
    """Return the scheme, host and port of a URL; URLs with the same origin are on the same server.

    Raises:
        ValueError: the URL is not valid.

    >>> origin("https://Example.org/photos/1.jpg")
    'https://example.org:443'
    """
    parts = parse_url(url)
    port = parts.port or DEFAULT_PORTS.get(parts.scheme or "", 0)
    return f"{parts.scheme}://{parts.host or ''}:{port}"


def is_web_url(url: str) -> bool:
    """Return whether a URL is http or https and names a host."""
    try:
        return parse_url(url).scheme in DEFAULT_PORTS and bool(hostname(url))
    except LocationParseError:
        return False


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine: localhost, 127.0.0.1 or ::1.

    >>> is_loopback("http://127.0.0.1:8000/api/"), is_loopback("https://example.org/")
    (True, False)
    """
    try:
        host = hostname(url)
    except LocationParseError:
        return False
    number = _ip_address(host)
    mapped = getattr(number, "ipv4_mapped", None) or number
    return host == "localhost" or (mapped is not None and mapped.is_loopback)


def hostname(url: str) -> str:
    """Return the host of a URL, an IPv6 address without its brackets, or "".

    It uses the HTTP client's own parser, so that both agree on the host even for a URL such as
    `http://10.0.0.1\\@example.org/`.

    Raises:
        ValueError: the URL is not valid.
    """
    return (parse_url(url).host or "").strip("[]").lower()


def check_url(url: str, start: str | None = None) -> None:
    """Raise DownloadError unless a URL is http or https and does not name a private address.

    There is one exception: if somebody asked for `start`, such as the course's photo service on
    this machine, URLs of the same server are allowed. The host is not looked up here, but in
    `check_host`.

    Args:
        url: the URL to fetch.
        start: the URL that somebody asked for and that led to this one, by a redirect or in a
            response; by default nobody did.
    """
    subject = "The URL" if start in (None, url) else "The URL of the redirect"
    try:
        host = hostname(url)
    except LocationParseError:
        raise DownloadError(f"{subject} is not valid.") from None
    if not is_web_url(url):
        raise DownloadError(f"{subject} is not http or https.")
    if start and is_web_url(start) and origin(url) == origin(start):
        return
    number = _ip_address(host)
    name = host.rstrip(".")
    here = name == "localhost" or name.endswith(".localhost")
    if here or (number is not None and not _is_public(number)):
        raise DownloadError(f"{subject} leads to a private address, {host}.")


def check_host(url: str) -> None:
    """Raise DownloadError if the host of a URL has a private address or is unknown.

    With a proxy, nothing is looked up: the proxy does that, and decides what it connects to.
    """
    if requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)):
        return
    host = hostname(url)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ServerUnavailable(f"The host {host} is unknown.") from None
    numbers = [_ip_address(str(address[0])) for *_, address in found]
    if not all(number and _is_public(number) for number in numbers):
        raise DownloadError(f"The host {host} has a private address.")


def _ip_address(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return None


def _is_public(number: IPAddress) -> bool:
    """Return whether an IP address, and the one that is packed into it, is one of the internet."""
    if isinstance(number, ipaddress.IPv6Address):
        packed = number.ipv4_mapped or number.sixtofour
        if any(number in network for network in TRANSLATED):
            packed = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
        if packed is not None:
            return _is_public(packed)
        if number.is_site_local:
            return False
    if any(number in network for network in RESERVED):
        return False
    return number.is_global and not number.is_multicast
