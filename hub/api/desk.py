"""What operators do with a channel. The API and the console both come here, so that neither lets through what the other
refuses.

Every act is one transaction together with its row in the audit chain. A refusal is a problem whose pointer names the
field of the body, ``/body/endpoint``, so that a page can say it beside the field.

    register      connect a system                      configure     its terms
    rotate        a new secret, shown once              switch        pause, resume, disable
    test          a signed message that counts nowhere  replay        events again
    revive        dead letters again                    history       who did what to it
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.api.bodies import REASON_MAX, Changes, Range, Registration, Rotation, Switch
from hub.api.services import Services
from hub.delivery import signing, terms
from hub.delivery.terms import TermInvalid
from hub.delivery.trial import send_trial
from hub.ports import Profile
from hub.store import audit, channels, deliveries, replays
from hub.store.channels import Channel, State
from hub.store.concealing import without_numbers
from hub.store.deliveries import Letters, letters_shown
from hub.store.replays import Filter
from schemas.problems import Pointer, ProblemError, problem

SECRET_BYTES = 32
_STATES: dict[Switch, State] = {"pause": "paused", "resume": "active", "disable": "disabled"}


@dataclass(frozen=True, slots=True)
class Desk:
    """The acts. ``actor`` is whoever was verified to hold ``hub:operate``: the caller of the desk has checked that."""

    services: Services

    # --- what there is ------------------------------------------------------------------------------------------

    def shown(self, channel: str) -> dict[str, Any]:
        """Its terms and how its deliveries stand. Raises ``channel_unknown``."""
        services = self.services
        with services.pool.connection() as connection:
            known, profile = self._known(connection, channel)
            return terms.shown(connection, known, profile, services.seal, services.wall_clock())

    def history(self, channel: str, before: int | None, limit: int) -> list[dict[str, Any]]:
        """Acts on a channel from the audit chain, the newest first; ``before``: the position of the last one seen."""
        with self.services.pool.connection() as connection:
            if channels.find(connection, channel) is None:
                raise ProblemError(problem("channel_unknown"))
            return audit.of_subject(connection, channel, before, limit)

    # --- acts ---------------------------------------------------------------------------------------------------

    def register(self, actor: str, wanted: Registration) -> dict[str, Any]:
        """Connect a system: its name, its adapter and, this once, its secret."""
        services, secret = self.services, _shared_secret()
        with services.pool.connection() as connection, _told_at_its_place():
            adapter, tables = services.connect(wanted.channel, wanted.adapter, wanted.codes)
            if channels.find(connection, wanted.channel) is not None:
                raise TermInvalid("channel", f"{wanted.channel} is connected already")
            endpoint = terms.checked_endpoint(wanted.endpoint) if wanted.endpoint else None
            since = terms.since(wanted.history_from, endpoint)
            channels.register(
                connection,
                wanted.channel,
                endpoint,
                secret,
                services.seal,
                services.wall_clock(),
                adapter=adapter,
                code_tables=tables,
                since=since,
            )
            own = {"adapter": adapter, "code_tables": tables} if adapter or tables else {}
            own |= {"history_from": wanted.history_from} if wanted.history_from else {}
            self._audit(connection, actor, "channel.register", wanted.channel, {"endpoint": endpoint, **own})
        services.connected()
        return {"channel": wanted.channel, "endpoint": endpoint, "adapter": adapter or wanted.channel, "secret": secret}

    def configure(self, actor: str, channel: str, changes: Changes) -> dict[str, Any]:
        """Change what ``changes`` names; the terms as they are then."""
        services = self.services
        with services.pool.connection() as connection, _told_at_its_place():
            known, profile = self._known(connection, channel)
            wanted = terms.checked(changes.model_dump(exclude_unset=True), known, profile)
            channels.configure(connection, channel, wanted)
            detail = {name: _plain(value) for name, value in wanted.items()}
            self._audit(connection, actor, "channel.configure", channel, detail)
            changed, _ = self._known(connection, channel)
            return terms.shown(connection, changed, profile, services.seal, services.wall_clock())

    def rotate(self, actor: str, channel: str, rotation: Rotation) -> dict[str, Any]:
        """A new secret; the one before stays good until the overlap is over."""
        services = self.services
        overlap, now = timedelta(hours=rotation.overlap_hours), services.wall_clock()
        with services.pool.connection() as connection, _told_at_its_place():
            self._known(connection, channel)
            secret, told = _fresh(rotation)
            channels.rotate(connection, channel, secret, services.seal, now, overlap)
            detail: dict[str, Any] = {"kind": rotation.kind, "own_key": rotation.public_key is not None}
            detail |= {"overlap_hours": rotation.overlap_hours}
            self._audit(connection, actor, "channel.rotate", channel, detail)
        return {"channel": channel, "old_good_until": (now + overlap).isoformat(), **told}

    def switch(self, actor: str, channel: str, act: Switch, reason: str | None) -> dict[str, Any]:
        """Pause, resume or disable. Numbers of people in ``reason`` are masked before it is kept."""
        said = without_numbers(reason.strip())[:REASON_MAX] or None if reason else None
        with self.services.pool.connection() as connection:
            if not channels.set_state(connection, channel, _STATES[act], None if act == "resume" else said):
                raise ProblemError(problem("channel_unknown"))
            self._audit(connection, actor, f"channel.{act}", channel, {"reason": said} if said else {})
        return {"channel": channel, "state": _STATES[act]}

    def test(self, actor: str, channel: str) -> dict[str, Any]:
        """The test message with its signature, what came back, and how long it took."""
        services = self.services
        with services.pool.connection() as connection:
            known, profile = self._known(connection, channel)
        if known.endpoint is None:
            raise ProblemError(problem("query_invalid", f"Channel {channel} has no endpoint to send to."))
        now = services.wall_clock()
        secrets = channels.good_secrets(known, services.seal, now)
        trial = send_trial(known, profile, secrets, f"test_{uuid.uuid4().hex}", now, services.trials)
        detail = {"status": trial.response.status, "duration_ms": round(trial.response.duration_ms)}
        with services.pool.connection() as connection:
            self._audit(connection, actor, "channel.test", channel, detail)
        return trial.shown()

    def replay(self, actor: str, channel: str, wanted: Range) -> dict[str, Any]:
        """Queue a range of events again, or only count them."""
        chosen = Filter(wanted.since, wanted.until, wanted.event_types, wanted.order_id)
        with self.services.pool.connection() as connection:
            known, profile = self._known(connection, channel)
            types = terms.subscribed(known, profile)
            if wanted.dry_run:
                count = replays.count(connection, channel, types, chosen)
                return {"channel": channel, "events": count, "queued": False}
            count = replays.ask(connection, channel, types, chosen, actor, self.services.wall_clock())
            detail = wanted.model_dump(mode="json", exclude_none=True, exclude={"dry_run"}) | {"events": count}
            self._audit(connection, actor, "channel.replay", channel, detail)
        return {"channel": channel, "events": count, "queued": count > 0}

    def revive(self, actor: str, channel: str, letters: Letters, dry_run: bool = False) -> dict[str, Any]:
        """Queue dead letters again, or only count them."""
        with self.services.pool.connection() as connection:
            if channels.find(connection, channel) is None:
                raise ProblemError(problem("channel_unknown"))
            if dry_run:
                return {"channel": channel, "replayed": 0, "found": deliveries.count_dead(connection, channel, letters)}
            count = deliveries.revive(connection, channel, letters, self.services.wall_clock())
            detail = letters_shown(letters) | {"count": count}
            self._audit(connection, actor, "deadletter.replay", channel, detail)
        return {"channel": channel, "replayed": count, "found": count}

    def _known(self, connection: Connection[TupleRow], name: str) -> tuple[Channel, Profile]:
        known = channels.find(connection, name)
        if known is None or name not in self.services.adapters:
            raise ProblemError(problem("channel_unknown", f"No channel is called {name[:40]!r}."))
        return known, self.services.adapters[name].profile

    def _audit(
        self, connection: Connection[TupleRow], actor: str, action: str, subject: str, detail: dict[str, Any]
    ) -> None:
        self.services.audit.record(connection, self.services.clock(), actor, action, subject, detail)


@contextmanager
def _told_at_its_place() -> Iterator[None]:
    """A term that cannot be, as the problem that names its field."""
    try:
        yield
    except TermInvalid as error:
        place = Pointer(pointer=f"/body/{error.field}", expected=str(error)[:200])
        raise ProblemError(problem("query_invalid", f"{error}."[:400], (place,))) from error


def _fresh(rotation: Rotation) -> tuple[str, dict[str, str]]:
    """(what is kept, what the caller is told of it)."""
    if rotation.public_key is not None:
        try:
            if not rotation.public_key.startswith(signing.PUBLIC):
                raise ValueError("a public key begins with whpk_")
            return signing.check(rotation.public_key), {"public_key": rotation.public_key}
        except ValueError as error:
            raise TermInvalid("public_key", str(error)) from error
    if rotation.kind == "ed25519":
        secret = signing.private_key(os.urandom(SECRET_BYTES))
        return secret, {"public_key": signing.public_key(secret)}
    secret = _shared_secret()
    return secret, {"secret": secret}


def _shared_secret() -> str:
    return signing.shared_secret(os.urandom(SECRET_BYTES))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, time | datetime) else value
