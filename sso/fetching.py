"""Addresses that clients name, spoken to without being led astray: documents fetched (`jwks_uri`), notices posted.

An address that a stranger names must not make us speak to our own house (SSRF): https only, the name resolved once,
every answer of the resolver a public address, the connection made to that very address, no redirect, no proxy, five
seconds, 64 kB. Hosts that the operator named (`plain_http_hosts`, loopback in tests) are let through.
"""

import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

from sso.options import SsoOptions


@cache
def authorities() -> ssl.SSLContext:
    """Whose certificates are believed. Kept: reading them costs 24 ms of CPU, more than all else about a request."""
    return ssl.create_default_context()


FetchJson = Callable[[str], Any]
"""Answers the JSON document at an address. Raises FetchRefused when it may not, or cannot, be had."""

TIMEOUT_S = 5.0
BYTES_MAX = 65_536


class FetchRefused(Exception):
    """Not fetched; the sentence names the rule, not what was found behind the address."""


def guarded_fetch(options: SsoOptions) -> FetchJson:
    """The `FetchJson` for real addresses."""

    def fetch(uri: str) -> Any:
        parts, named = _allowed(uri, options)
        try:
            status, body = _exchange(parts, _address(parts, any_address=named), "GET")
            if status != 200:
                raise FetchRefused("the answer is not 200")
            return json.loads(body)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            raise FetchRefused(f"nothing usable was answered ({type(error).__name__})") from error

    return fetch


PostForm = Callable[[str, dict[str, str]], int]
"""Posts a form to an address and answers the HTTP status. Raises FetchRefused as `FetchJson` does."""


def guarded_post(options: SsoOptions) -> PostForm:
    """The `PostForm` for real addresses. What is answered beside the status is not looked at."""

    def post(uri: str, form: dict[str, str]) -> int:
        parts, named = _allowed(uri, options)
        try:
            status, _ = _exchange(parts, _address(parts, any_address=named), "POST", urlencode(form))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FetchRefused(f"nobody usable answered ({type(error).__name__})") from error
        return status

    return post


def _allowed(uri: str, options: SsoOptions) -> tuple[SplitResult, bool]:
    """The address in its parts, and whether the operator named its host."""
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise FetchRefused("the address is none") from error
    named = parts.hostname in options.plain_http_hosts
    if not parts.hostname or not (parts.scheme == "https" or (named and parts.scheme == "http")):
        raise FetchRefused("the address must be https")
    return parts, named


def _address(parts: SplitResult, *, any_address: bool) -> tuple[str, int]:
    """The one address to connect to; refused when any that the name stands for is not public."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = [str(each[4][0]) for each in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)]
    if not any_address and not all(_is_public(each.partition("%")[0]) for each in found):
        raise FetchRefused("the address leads to a private network")
    return found[0], port


_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address behind a translator (RFC 6052), any at all


def _is_public(address: str) -> bool:
    """Whether an address is one host of the world's; forms that carry another address inside them are not."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and (found.sixtofour or found.teredo or found in _TRANSLATED):
        return False
    return found.is_global and not found.is_multicast


def _exchange(parts: SplitResult, address: tuple[str, int], method: str, form: str | None = None) -> tuple[int, bytes]:
    host = parts.hostname or ""
    connected: socket.socket = socket.create_connection(address, TIMEOUT_S)
    if parts.scheme == "https":
        connected = authorities().wrap_socket(connected, server_hostname=host)
    connection = http.client.HTTPConnection(host, address[1], timeout=TIMEOUT_S)
    connection.sock = connected
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "application/json", "Host": parts.netloc}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, form, headers)
        answer = connection.getresponse()
        body = answer.read(BYTES_MAX + 1)
    finally:
        connection.close()
    if len(body) > BYTES_MAX:
        raise FetchRefused("the answer is longer than 64 kB")
    return answer.status, body
