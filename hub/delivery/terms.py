"""The terms of a connection: what an operator may set of it, checked, and how it stands.

The command line and the API both come here, so that neither lets through what the other refuses.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.delivery.pacing import Breaker
from hub.delivery.signing import PRIVATE, PUBLIC, public_key
from hub.ports import Profile
from hub.store import replays
from hub.store.channels import Channel
from hub.store.seal import Seal

OVERLAP_MAX = timedelta(days=30)
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min))?")
_KINDS = {PRIVATE: "ed25519", PUBLIC: "ed25519, the channel's own"}


def checked(changes: Mapping[str, Any], channel: Channel, profile: Profile) -> dict[str, Any]:
    """The changes as columns of ``channels.SETTINGS``. Raises ``ValueError`` that says what is wrong with them."""
    found = dict(changes)
    if (endpoint := found.get("endpoint")) is not None:
        found["endpoint"] = _endpoint(endpoint)
    types = found.get("event_types")
    if types is not None:
        unknown = sorted(set(types) - profile.subscribes)
        if unknown:
            offered = ", ".join(sorted(profile.subscribes))
            raise ValueError(f"{', '.join(unknown)}: this channel's adapter is told of {offered or 'nothing'}")
        found["event_types"] = sorted(set(types))
    for name in ("rate_per_second", "quota_per_minute"):
        if found.get(name) is not None and found[name] <= 0:
            raise ValueError(f"{name} is more than nothing; leave it empty for no limit")
    hours = [found.get(name, getattr(channel, name)) for name in ("opens_at", "closes_at")]
    if (hours[0] is None) != (hours[1] is None) or (hours[0] is not None and hours[0] == hours[1]):
        raise ValueError("operating hours have a beginning and another end, for example 05:00 to 23:30")
    return found


def rate(text: str) -> float:
    """A rate as people write it, as a number per second: ``200/s``, ``600/min``, ``50``. Raises ``ValueError``."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no rate: write 200/s or 600/min")
    return float(match[1]) / (60 if match[2] == "min" else 1)


def _endpoint(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text[:100]!r} is no address: it begins with https:// and has no query")
    return text.rstrip("/")


def shown(
    connection: Connection[TupleRow], channel: Channel, profile: Profile | None, seal: Seal, now: datetime
) -> dict[str, Any]:
    """How the connection is set and how its deliveries stand. Of secrets only kind and time are told."""
    breaker = Breaker(channel.breaker_failures, channel.breaker_openings, channel.breaker_until)
    subscribed = sorted(profile.subscribes) if profile else []
    return {
        "channel": channel.channel,
        "endpoint": channel.endpoint,
        "state": channel.state,
        "state_reason": channel.state_reason,
        "form": channel.form,
        "event_types": subscribed if channel.event_types is None else channel.event_types,
        "personal_data": channel.personal_data or channel.form == "native",
        "rate_per_second": channel.rate_per_second,
        "quota_per_minute": channel.quota_per_minute,
        "opens_at": channel.opens_at.isoformat("minutes") if channel.opens_at else None,
        "closes_at": channel.closes_at.isoformat("minutes") if channel.closes_at else None,
        "zone": profile.zone if profile else None,
        "breaker": {
            "state": breaker.state(now),
            "failures": breaker.failures,
            "openings": breaker.openings,
            "until": breaker.until if breaker.state(now) == "open" else None,
        },
        "quiet_until": channel.retry_at if channel.retry_at and channel.retry_at > now else None,
        "secrets": _secrets(channel, seal, now),
        "replays": [replay_shown(replay) for replay in replays.of_channel(connection, channel.channel, 5)],
    }


def replay_shown(replay: replays.Replay) -> dict[str, Any]:
    """A replay for people: what was asked for, how far it is."""
    hidden = {"channel", "txid", "position", "last_txid", "last_position"}
    return {name: value for name, value in asdict(replay).items() if name not in hidden}


def _secrets(channel: Channel, seal: Seal, now: datetime) -> list[dict[str, Any]]:
    """Kind and end of each good secret; of our own key pair also the public half, which is no secret."""
    current = [(sealed, None) for sealed in channel.secrets]
    fading = [(f["secret"], f["until"]) for f in channel.former_secrets if datetime.fromisoformat(f["until"]) > now]
    found: list[dict[str, Any]] = []
    for sealed, until in (*current, *fading):
        text = seal.open(sealed)
        kind = next((kind for prefix, kind in _KINDS.items() if text.startswith(prefix)), "hmac")
        row: dict[str, Any] = {"kind": kind, "until": until}
        found.append(row | ({"public_key": public_key(text)} if text.startswith(PRIVATE) else {}))
    return found


def subscribed(channel: Channel, profile: Profile) -> list[str]:
    """The types of event that this connection is told of."""
    mine = profile.subscribes if channel.event_types is None else profile.subscribes & set(channel.event_types)
    return sorted(mine)
