"""Who may call what: the house decides, and is passed in.

recon:read      look
recon:run       start a run
recon:resolve   propose and reject: resolutions, undos, closings, policies; assign
recon:approve   approve somebody else's proposal: an act of weight
recon:confirm   a channel answers for its own orders: who calls is then the channel
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

Scope = Literal["recon:read", "recon:run", "recon:resolve", "recon:approve", "recon:confirm"]
Authorise = Callable[[Scope], Callable[..., str]]
"""scope -> a FastAPI dependency that answers who calls, or raises ProblemError (unauthenticated, forbidden)."""

PAGE_MAX = 1000

Reason = Annotated[str, Field(min_length=3, max_length=200)]


@dataclass(frozen=True, slots=True)
class Who:
    """The dependencies that tell who calls."""

    reader: Callable[..., str]
    runner: Callable[..., str]
    resolver: Callable[..., str]
    approver: Callable[..., str]
    confirmer: Callable[..., str]

    @classmethod
    def by(cls, authorise: Authorise) -> "Who":
        return cls(
            authorise("recon:read"),
            authorise("recon:run"),
            authorise("recon:resolve"),
            authorise("recon:approve"),
            authorise("recon:confirm"),
        )
