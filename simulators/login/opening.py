"""Which channel logs its passengers in how: one table."""

from collections.abc import Callable

from simulators.configuration import ChannelAccess
from simulators.login.agents import AgentLogin
from simulators.login.booking import BookingLogin
from simulators.login.calls import CallLogin
from simulators.login.desk import Desk, Login
from simulators.login.proofs import new_key, read_key
from simulators.login.provider import ProviderClient
from simulators.login.sessions import Sessions
from simulators.login.windows import WindowLogin

LOGINS: dict[str, Callable[[Desk], Login]] = {
    "web": BookingLogin,
    "app": BookingLogin,
    "phone": CallLogin,
    "windows": WindowLogin,
    "agents": AgentLogin,
}
BOUND = frozenset({"app"})
"""Channels on a device of the passenger's own: their tokens are bound to a key that never leaves it (RFC 9449)."""
EXCHANGING = frozenset({"agents"})
"""Channels that act for passengers: tokens of people are for themselves, and are exchanged (RFC 8693)."""


def open_desk(channel: str, access: ChannelAccess, hub_url: str) -> Desk:
    """What the channel logs people in with. Without a key of its own it is a public client."""
    key = read_key(access.login_key) if access.login_key else None
    provider = ProviderClient(f"{hub_url}/sso", channel, key, new_key() if channel in BOUND else None)
    home = f"http://127.0.0.1:{access.port}"
    # What a passenger gives an agents' company is no key to the hub: only what the company exchanges it for is.
    audience = home if channel in EXCHANGING else f"{hub_url}/v1"
    return Desk(channel, home, hub_url, provider, Sessions(), audience)
