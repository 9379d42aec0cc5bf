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
from hub.ledger.fold import RAILWAY_ZONE
from hub.ports import Profile
from hub.store import replays
from hub.store.channels import BEGINNING, Channel
from hub.store.outbox import Wanted
from hub.store.seal import Seal

OVERLAP_MAX = timedelta(days=30)


class TermInvalid(ValueError):
    """A term that cannot be. ``field``: which of ``channels.SETTINGS`` it is about, so that it is told beside it."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(what)
        self.field = field


_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/(s|min))?")
_KINDS = {PRIVATE: "ed25519", PUBLIC: "ed25519, the channel's own"}


def checked(changes: Mapping[str, Any], channel: Channel, profile: Profile) -> dict[str, Any]:
    """The changes as columns of ``channels.SETTINGS``. Raises :class:`TermInvalid`, which says what is wrong."""
    found = dict(changes)
    if (endpoint := found.get("endpoint")) is not None:
        found["endpoint"] = checked_endpoint(endpoint)
    types = found.get("event_types")
    if types is not None:
        unknown = sorted(set(types) - profile.subscribes)
        if unknown:
            offered = ", ".join(sorted(profile.subscribes))
            what = f"{', '.join(unknown)}: this channel's adapter is told of {offered or 'nothing'}"
            raise TermInvalid("event_types", what)
        found["event_types"] = sorted(set(types))
    for name in ("rate_per_second", "quota_per_minute"):
        if found.get(name) is not None and found[name] <= 0:
            raise TermInvalid(name, f"{name} is more than nothing; leave it empty for no limit")
    hours = [found.get(name, getattr(channel, name)) for name in ("opens_at", "closes_at")]
    if (hours[0] is None) != (hours[1] is None) or (hours[0] is not None and hours[0] == hours[1]):
        what = "operating hours have a beginning and another end, for example 05:00 to 23:30"
        raise TermInvalid("closes_at" if hours[1] is None else "opens_at", what)
    return found


def rate(text: str) -> float:
    """A rate as people write it, as a number per second: ``200/s``, ``600/min``, ``50``. Raises ``ValueError``."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no rate: write 200/s or 600/min")
    return float(match[1]) / (60 if match[2] == "min" else 1)


def since(text: str | None, endpoint: str | None) -> datetime | None:
    """From when a new subscription wants its history: ``BEGINNING``, a date (its first moment on the railway), a time.

    None: from now on. Raises :class:`TermInvalid`.
    """
    if text is None:
        return None
    if endpoint is None:
        raise TermInvalid("history_from", "history is told to an endpoint: name one")
    if text == "BEGINNING":
        return BEGINNING
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise TermInvalid("history_from", f"{text[:40]!r} is neither BEGINNING nor a date nor a time") from error
    if moment.tzinfo is None and len(text) > len("2026-11-22"):
        raise TermInvalid("history_from", f"{text[:40]!r} says no zone: 2026-11-22T14:00+08:00")
    return moment if moment.tzinfo else moment.replace(tzinfo=RAILWAY_ZONE)


def checked_endpoint(text: str) -> str:
    """Where a channel listens, without a slash at its end. Raises :class:`TermInvalid`."""
    wrong = TermInvalid("endpoint", f"{text[:100]!r} is no address: it begins with https:// and has no query")
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for what is no port
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise wrong
    if parts.username or parts.password:  # not repeated: it would be on screens and in problems
        raise TermInvalid("endpoint", "an endpoint has no user name or password in it: deliveries are signed")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise wrong
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
        "reads_history": _reads_history(channel),
        "quiet_until": channel.retry_at if channel.retry_at and channel.retry_at > now else None,
        "secrets": _secrets(channel, seal, now),
        "replays": [replay_shown(replay) for replay in replays.of_channel(connection, channel.channel, 5)],
    }


def _reads_history(channel: Channel) -> bool:
    """Whether it is still being told of what was before it subscribed."""
    cursor = (channel.bulk_txid, channel.bulk_position)
    return Wanted(channel.channel, (), channel.history_txid).in_history(cursor)


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
