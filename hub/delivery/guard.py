"""Where deliveries may go: public addresses only, unless the operator allows private ones (SSRF guard).

The check is on the address that is connected to, after every name look-up, so that a name that changes its mind
between check and use gains nothing.
"""

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver


class AddressForbidden(OSError):
    """The address is private, loopback, link-local or otherwise not of the public network."""


def is_public(address: str) -> bool:
    """Whether an IP address (text) is one that strangers may be sent to."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not ip.is_multicast


def check_literal(url: str) -> None:
    """Raises ``AddressForbidden`` when the URL's host is itself an address that is not public."""
    host = urlsplit(url).hostname or ""
    try:
        public = is_public(host)
    except ValueError:
        return  # a name: the resolver below checks what it resolves to
    if not public:
        raise AddressForbidden(f"{host} is no public address")


class PublicOnly(AbstractResolver):
    """A resolver that keeps only public addresses of what the system's resolver finds."""

    def __init__(self) -> None:
        self._system = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = [item for item in await self._system.resolve(host, port, family) if is_public(item["host"])]
        if not found:
            raise AddressForbidden(f"{host} has no public address")
        return found

    async def close(self) -> None:
        await self._system.close()


def connector(allow_private: bool, idle_seconds: float) -> aiohttp.TCPConnector:
    """The connections of one channel, guarded unless private addresses are allowed. How many: its pump decides."""
    options: dict[str, Any] = {} if allow_private else {"resolver": PublicOnly()}
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=idle_seconds, **options)
