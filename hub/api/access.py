"""Who calls, and what they may. Deny by default: no scope, no answer.

A channel proves itself by a bearer token that speaks for it, or by a Standard Webhooks signature over the message.
Everybody else comes with a bearer token. The verifier of tokens is passed in; the hub knows no provider.

    hub:messages   send messages of the channel that the token speaks for
    hub:orders     read orders: a channel those it took part in, a person his own, staff all
    hub:operate    run channels: pause, resume, replay
    hub:finance    the books, withdrawing facts, reconciliation
    hub:erase      erase people's data
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.api.callers import Callers
from hub.delivery.signing import verify
from hub.intake.intake import Pool
from hub.store import channels
from hub.store.channels import Channel
from hub.store.seal import Seal
from schemas.problems import ProblemError, problem

_FRESH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose identity is proven: a channel, a person, or staff with a role.

    A channel reads the orders in which it took part, a person those in which he travels, staff every order; a caller
    who is none of these reads none, whatever its scopes.

    A person is known by ``phone`` (the blind index of the proven telephone) and by ``document`` (the keyed index of the
    document that the real name was confirmed with, as ``persons.subject_index`` makes it).

    ``actors``: who acts for the subject, the one who acts now first (RFC 8693); empty: the subject itself. ``client``
    is the application that the token was made for. ``acr``, ``auth_time``: how surely a person was recognised, and when
    (seconds since 1970).
    """

    subject: str
    scopes: frozenset[str]
    channel: str | None = None
    person: bool = False
    phone: str | None = None
    staff: bool = False
    client: str | None = None
    actors: tuple[str, ...] = ()
    acr: str | None = None
    auth_time: int | None = None
    document: str | None = None

    def need(self, scope: str) -> None:
        """Raises the problem ``forbidden`` that names the scope."""
        if scope not in self.scopes:
            raise ProblemError(problem("forbidden", f"This needs the scope {scope}."))


@dataclass(frozen=True, slots=True)
class StepUp:
    """What weighty acts ask of the login behind them (RFC 9470): its class ``acr``, proven at most ``age`` ago."""

    acr: str
    age: timedelta

    @property
    def asked(self) -> dict[str, str]:
        """The parameters of the authorization request that leads to such a login."""
        return {"acr_values": self.acr, "max_age": str(int(self.age.total_seconds()))}


class StepUpNeeded(ProblemError):
    """The person must prove more, or again. ``challenge`` is the WWW-Authenticate header (RFC 9470 section 3)."""

    def __init__(self, asked: StepUp) -> None:
        super().__init__(problem("insufficient_user_authentication"))
        self.asked = asked
        wanted = "".join(f', {name}="{value}"' for name, value in asked.asked.items())
        self.challenge = f'Bearer error="insufficient_user_authentication"{wanted}'


TokenCheck = Callable[[str], Principal]
"""A bearer token's principal; raises ``ProblemError`` (unauthenticated) for one that is not good."""
BoundCheck = Callable[[str, str], Principal]
"""The same for a token that is bound to a key (RFC 9449); the second text is the thumbprint of the proven key."""
PROVEN_KEY = "interlock-proven-key"
"""The header in which whoever stands before the hub hands on the proven key, having taken away what came in it."""


def no_bound_tokens(token: str, key: str) -> Principal:
    """For a hub before which nobody checks proofs."""
    raise ProblemError(problem("unauthenticated", "Tokens that are bound to a key are not taken here."))


class Access:
    """Checks callers. Channel rows are kept for a few seconds: a pause takes effect within that time."""

    def __init__(
        self,
        pool: Pool,
        seal: Seal,
        tokens: TokenCheck,
        clock: Callable[[], datetime],
        callers: Callers | None = None,
        remembered: Callable[[str], bool] = lambda token: False,
        step_up: StepUp | None = None,
        bound: BoundCheck = no_bound_tokens,
    ) -> None:
        """``remembered``: whether ``tokens`` has this token's verdict at hand, so that it asks nobody for it.

        ``step_up``: what weighty acts ask; None: any login of somebody with the scope will do.
        """
        self._step_up = step_up
        self._bound = bound
        self._remembered = remembered
        self.callers = callers or Callers()
        self._pool = pool
        self._seal = seal
        self._tokens = tokens
        self._clock = clock
        self._known: dict[str, tuple[float, Channel | None]] = {}

    def caller(self, headers: Mapping[str, str], scope: str) -> Principal:
        """The bearer of a token with this scope."""
        principal = self._bearer(headers)
        principal.need(scope)
        return principal

    def sure(self, headers: Mapping[str, str], scope: str) -> Principal:
        """The same for an act of weight: an approval, an erasure. Raises ``insufficient_user_authentication``."""
        principal = self.caller(headers, scope)
        self.must_be_sure(principal)
        return principal

    def must_be_sure(self, principal: Principal) -> None:
        """Raises :class:`StepUpNeeded` unless this person was recognised as surely and as lately as asked."""
        asked = self._step_up
        if asked is None:
            return
        since = self._clock().timestamp() - (principal.auth_time or 0)
        if principal.acr != asked.acr or since > asked.age.total_seconds():
            raise StepUpNeeded(asked)

    def anybody(self, headers: Mapping[str, str]) -> Principal:
        """The bearer of any good token: who asks, not yet whether he may."""
        return self._bearer(headers)

    def reader(self, headers: Mapping[str, str]) -> Principal:
        """Who may read orders: a channel, staff, or a passenger's own application."""
        return self.caller(headers, "hub:orders")

    def at_hand(self, name: str, headers: Mapping[str, str]) -> bool:
        """Whether :meth:`channel` and :meth:`sender` answer at once, without the database."""
        token = headers.get("authorization", "").partition(" ")[2].strip()
        return self._is_fresh(self._known.get(name)) and (not token or self._remembered(token))

    @staticmethod
    def _is_fresh(known: tuple[float, Channel | None] | None) -> bool:
        return known is not None and time.monotonic() - known[0] <= _FRESH_SECONDS

    def channel(self, name: str) -> Channel:
        """The channel; raises ``channel_unknown`` or ``channel_paused``."""
        known = self._known.get(name)
        if known is None or not self._is_fresh(known):
            with self._pool.connection() as connection:
                known = self._known[name] = (time.monotonic(), channels.find(connection, name))
        channel = known[1]
        if channel is None:
            raise ProblemError(problem("channel_unknown", f"No channel is called {name[:40]!r}."))
        if channel.state == "paused":  # a disabled one is not told any more; what it says is still heard
            raise ProblemError(problem("channel_paused", f"Channel {name} is {channel.state}."))
        return channel

    def sender(self, channel: Channel, headers: Mapping[str, str], message_id: str, body: bytes) -> None:
        """Whether this message is the channel's own: a token that speaks for it, or its signature."""
        if "authorization" in headers:
            principal = self._bearer(headers)
            principal.need("hub:messages")
            if principal.channel != channel.channel:
                raise ProblemError(problem("forbidden", "This token speaks for another channel."))
            return
        signatures = headers.get("webhook-signature")
        if not signatures:
            raise ProblemError(problem("unauthenticated"))
        secrets = channels.good_secrets(channel, self._seal, self._clock())
        timestamp = headers.get("webhook-timestamp", "")
        if not verify(secrets, message_id, timestamp, signatures, body, self._clock()):
            raise ProblemError(problem("signature_invalid"))

    def _bearer(self, headers: Mapping[str, str]) -> Principal:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        proven = headers.get(PROVEN_KEY)
        if scheme.lower() == "dpop" and token and proven:
            principal = self._bound(token.strip(), proven)
        elif scheme.lower() == "bearer" and token:
            principal = self._tokens(token.strip())
        else:
            raise ProblemError(problem("unauthenticated"))
        self.callers.vouch(token.strip())
        return principal
