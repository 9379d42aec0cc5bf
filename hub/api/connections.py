"""The terms of a connection over HTTP: settings, secrets, replays, test messages. Every act is audited."""

import os
import uuid
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from psycopg import Connection
from psycopg.rows import TupleRow
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.api.services import Services
from hub.delivery import signing, terms
from hub.delivery.trial import send_trial
from hub.ports import Profile
from hub.store import channels, replays
from hub.store.channels import Channel
from hub.store.replays import Filter
from schemas.problems import ProblemError, problem

SECRET_BYTES = 32


class Body(BaseModel):
    """A request body: nothing unknown, nothing guessed."""

    model_config = ConfigDict(extra="forbid")


class Changes(Body):
    """What is to be changed of a connection; what is not named stays. ``null`` takes a limit away."""

    endpoint: Annotated[str, Field(max_length=2000)] | None = None
    form: Literal["native", "cloudevents"] = "native"
    event_types: Annotated[list[str], Field(max_length=50)] | None = Field(
        None, description="which of the profile's types it is told of; null: all"
    )
    personal_data: bool = Field(False, description="whether CloudEvents carry document numbers in clear")
    rate_per_second: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    quota_per_minute: Annotated[int, Field(gt=0, le=100_000_000)] | None = None
    opens_at: time | None = Field(None, description="when it may begin to ask, local time of the channel's zone")
    closes_at: time | None = None


class Rotation(Body):
    """``hmac``: a new shared secret. ``ed25519``: a new key pair of ours; ``public_key``: the channel's own."""

    kind: Literal["hmac", "ed25519"] = "hmac"
    overlap_hours: Annotated[float, Field(ge=0, le=720)] = 24
    public_key: Annotated[str, Field(max_length=200)] | None = Field(None, description="whpk_..., instead of a new one")


class Range(Body):
    """Which of a channel's events go out again: committed (wall clock) from ``since`` until before ``until``."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    event_types: Annotated[list[str], Field(max_length=50)] | None = None
    order_id: uuid.UUID | None = None
    dry_run: bool = Field(False, description="only count")


def connections_router(services: Services) -> APIRouter:
    router = APIRouter(tags=["channels"])

    @router.patch("/channels/{channel}", summary="Change the terms of a connection")
    def configure(channel: str, changes: Changes, request: Request) -> dict[str, Any]:
        """Form, subscriptions, rate, quota, hours. Deliveries follow with the next drain, the door within seconds."""
        caller = services.access.caller(request.headers, "hub:operate")
        with services.pool.connection() as connection:
            known, profile = _known(services, connection, channel)
            try:
                wanted = terms.checked(changes.model_dump(exclude_unset=True), known, profile)
            except ValueError as error:
                raise ProblemError(problem("query_invalid", f"{error}.")) from error
            channels.configure(connection, channel, wanted)
            detail = {name: _plain(value) for name, value in wanted.items()}
            services.audit.record(connection, services.clock(), caller.subject, "channel.configure", channel, detail)
            return _shown(services, connection, channel, profile)

    @router.post("/channels/{channel}/rotate", summary="Give a channel a new secret")
    def rotate(channel: str, rotation: Rotation, request: Request) -> dict[str, Any]:
        """The one before stays good until the overlap is over. A new shared secret is shown this once."""
        caller = services.access.caller(request.headers, "hub:operate")
        overlap, now = timedelta(hours=rotation.overlap_hours), services.wall_clock()
        secret, told = _fresh(rotation)
        with services.pool.connection() as connection:
            _known(services, connection, channel)
            channels.rotate(connection, channel, secret, services.seal, now, overlap)
            detail: dict[str, Any] = {"kind": rotation.kind, "own_key": rotation.public_key is not None}
            detail |= {"overlap_hours": rotation.overlap_hours}
            services.audit.record(connection, services.clock(), caller.subject, "channel.rotate", channel, detail)
        return {"channel": channel, "old_good_until": (now + overlap).isoformat(), **told}

    @router.post("/channels/{channel}/replay", summary="Send a channel's events again")
    def replay(channel: str, wanted: Range, request: Request) -> dict[str, Any]:
        """Under their old ids, signed with the current secret, in the room that live deliveries leave.

        Asked twice, it is sent twice. Works for a disabled channel too; counts in no health figure.
        """
        caller = services.access.caller(request.headers, "hub:operate")
        chosen = Filter(wanted.since, wanted.until, wanted.event_types, wanted.order_id)
        with services.pool.connection() as connection:
            known, profile = _known(services, connection, channel)
            types = terms.subscribed(known, profile)
            if wanted.dry_run:
                return {
                    "channel": channel,
                    "events": replays.count(connection, channel, types, chosen),
                    "queued": False,
                }
            count = replays.ask(connection, channel, types, chosen, caller.subject, services.wall_clock())
            detail = wanted.model_dump(mode="json", exclude_none=True, exclude={"dry_run"}) | {"events": count}
            services.audit.record(connection, services.clock(), caller.subject, "channel.replay", channel, detail)
        return {"channel": channel, "events": count, "queued": count > 0}

    @router.post("/channels/{channel}/test", summary="Send a channel a test message")
    def test(channel: str, request: Request) -> dict[str, Any]:
        """A signed ``interlock.test``; answers the request with its signature and what came back. Counts nowhere."""
        caller = services.access.caller(request.headers, "hub:operate")
        with services.pool.connection() as connection:
            known, profile = _known(services, connection, channel)
        if known.endpoint is None:
            raise ProblemError(problem("query_invalid", f"Channel {channel} has no endpoint to send to."))
        now = services.wall_clock()
        secrets = channels.good_secrets(known, services.seal, now)
        trial = send_trial(known, profile, secrets, f"test_{uuid.uuid4().hex}", now, services.trials)
        detail = {"status": trial.response.status, "duration_ms": round(trial.response.duration_ms)}
        with services.pool.connection() as connection:
            services.audit.record(connection, services.clock(), caller.subject, "channel.test", channel, detail)
        return trial.shown()

    return router


def _known(services: Services, connection: Connection[TupleRow], name: str) -> tuple[Channel, Profile]:
    known = channels.find(connection, name)
    if known is None or name not in services.adapters:
        raise ProblemError(problem("channel_unknown", f"No channel is called {name[:40]!r}."))
    return known, services.adapters[name].profile


def _shown(services: Services, connection: Connection[TupleRow], name: str, profile: Profile) -> dict[str, Any]:
    channel, _ = _known(services, connection, name)
    return terms.shown(connection, channel, profile, services.seal, services.wall_clock())


def _fresh(rotation: Rotation) -> tuple[str, dict[str, str]]:
    """(what is kept, what the caller is told of it)."""
    if rotation.public_key is not None:
        try:
            if not rotation.public_key.startswith(signing.PUBLIC):
                raise ValueError("a public key begins with whpk_")
            return signing.check(rotation.public_key), {"public_key": rotation.public_key}
        except ValueError as error:
            raise ProblemError(problem("query_invalid", f"{error}.")) from error
    if rotation.kind == "ed25519":
        secret = signing.private_key(os.urandom(SECRET_BYTES))
        return secret, {"public_key": signing.public_key(secret)}
    secret = signing.shared_secret(os.urandom(SECRET_BYTES))
    return secret, {"secret": secret}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, time | datetime) else value
