"""Where deliveries may go: public addresses only, unless the operator allows private ones (SSRF guard).

The check is on the address that is connected to, after every name look-up, so that a name that changes its mind
between check and use gains nothing.
"""

import ipaddress
import socket
from typing import Any

import pycurl


def is_public(address: str) -> bool:
    """Whether an IP address (text) is one that strangers may be sent to."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_global and not ip.is_multicast


class Guard:
    """libcurl's ``CURLOPT_OPENSOCKETFUNCTION``: a socket for the address that is connected to, or none.

    ``refused``: whether an address was not public since this was last set to False.
    """

    __slots__ = ("refused",)

    def __init__(self) -> None:
        self.refused = False

    def __call__(self, _purpose: int, to: Any) -> socket.socket | int:
        if to.family in (socket.AF_INET, socket.AF_INET6) and is_public(to.addr[0]):
            return socket.socket(to.family, to.socktype, to.protocol)
        self.refused = True
        return int(pycurl.SOCKET_BAD)
