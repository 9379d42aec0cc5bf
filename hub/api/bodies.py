"""What operators ask for: the bodies of requests and the forms of the console. Nothing unknown, nothing guessed."""

import uuid
from datetime import time
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

REASON_MAX = 200

Switch = Literal["pause", "resume", "disable"]


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


class Registration(Body):
    """A system to be connected. Its shared secret is made by the hub and shown once."""

    channel: Annotated[str, Field(max_length=41, description="the name of the connection")]
    adapter: Annotated[str, Field(max_length=41)] | None = Field(
        None, description="whose language it speaks, for one of many connections; null: the adapter of its own name"
    )
    codes: Annotated[list[Annotated[str, Field(max_length=4000)]], Field(max_length=50)] = Field(
        [], description="its own code tables: LIST:NATIVE=OURS,NATIVE=OURS"
    )
    endpoint: Annotated[str, Field(max_length=2000)] | None = None
    history_from: Annotated[str, Field(max_length=40)] | None = Field(
        None,
        description="what was before is told too, in the bulk lane: BEGINNING, a date, or a time with its zone;"
        " null: only what happens from now on",
    )


class Reason(Body):
    """Why a channel is held: the next shift reads it. Numbers of people in it are masked before it is kept."""

    reason: Annotated[str, Field(max_length=REASON_MAX)] | None = None


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
