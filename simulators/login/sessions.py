"""Who is logged in at a channel: its own sessions, each known by the `sid` of the provider's session behind it."""

import secrets
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Guest:
    """Somebody who is logged in here. ``key`` names the session in this channel (a cookie, a call, a window's code).

    ``how``: the grant; ``actor``: who acts for the passenger, when somebody does.
    """

    key: str
    how: str
    sub: str
    sid: str
    name: str
    access_token: str
    id_token: str | None = None
    refresh_token: str | None = None
    actor: str | None = None

    def shown(self) -> dict[str, Any]:
        """What may be shown to the director: never a token."""
        return {"key": self.key[:6], "how": self.how, "sub": self.sub, "sid": self.sid, "actor": self.actor}


@dataclass
class Sessions:
    """The sessions of one channel, in memory: who restarts the channel logs its guests out of it, and nothing else."""

    open: dict[str, Guest] = field(default_factory=dict)

    def begin(self, how: str, claims: dict[str, Any], tokens: dict[str, Any], key: str | None = None) -> Guest:
        """A session for who is named by ``claims`` (checked), with the tokens that came with them."""
        guest = Guest(
            key=key or secrets.token_urlsafe(32),
            how=how,
            sub=str(claims["sub"]),
            sid=str(claims.get("sid", "")),
            name=str(claims.get("name", "")),
            access_token=str(tokens["access_token"]),
            id_token=tokens.get("id_token"),
            refresh_token=tokens.get("refresh_token"),
        )
        self.open[guest.key] = guest
        return guest

    def of(self, key: str | None) -> Guest | None:
        """The guest with this key."""
        return self.open.get(key or "")

    def end(self, sid: str, sub: str) -> int:
        """End the sessions behind ``sid``; without one all of the person (Back-Channel Logout 1.0 section 2.7)."""
        over = [guest for guest in self.open.values() if (guest.sid == sid if sid else guest.sub == sub)]
        for guest in over:
            del self.open[guest.key]
        return len(over)
