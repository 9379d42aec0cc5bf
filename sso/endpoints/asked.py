"""A request on its way down its endpoint's column of the table in `steps`: what is known of it so far."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection

from sso.clients import Client
from sso.dpop import Proof
from sso.incoming import Incoming, Parameters
from sso.provider import Provider


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request asks for; each field is filled by the one rule that checks it."""

    redirect_uri: str = ""
    response_mode: str = "query"
    code_challenge: str | None = None
    prompts: frozenset[str] = frozenset()
    max_age: timedelta | None = None
    acr_values: tuple[str, ...] = ()
    acr_essential: bool = False
    hinted_subject: str | None = None
    claims: dict[str, list[str]] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    audience: str | None = None
    """The resource that the tokens will be for; None: the hub API."""
    jkt: str | None = None
    """The key (RFC 7638 thumbprint) that alone may redeem what is issued."""
    place: dict[str, str] = field(default_factory=dict)
    """`office` and `window` where a device stands or a clerk sits."""
    binding_message: str | None = None
    expires_in: timedelta | None = None
    notification_token: str | None = None
    leaving: UUID | None = None
    """The session that a logout's hint names."""
    goodbye: str | None = None
    """Where the browser goes after a logout."""


NOTHING = Wishes()


@dataclass(slots=True)
class Asked:
    """One request, one transaction. `endpoint` is the column; `parameters` those that count, also when pushed before.

    now: the moment of the whole request.
    """

    provider: Provider
    connection: Connection
    incoming: Incoming
    endpoint: str
    parameters: Parameters
    now: datetime
    wishes: Wishes = NOTHING
    proof: Proof | None = None
    pushed: bool = False
    _client: Client | None = None

    @classmethod
    def from_incoming(cls, provider: Provider, connection: Connection, incoming: Incoming, endpoint: str) -> "Asked":
        """A request as it came in."""
        return cls(provider, connection, incoming, endpoint, incoming.parameters, provider.clock())

    @property
    def knows_client(self) -> bool:
        """Whether it is known who asks; at logout it need not be."""
        return self._client is not None

    @property
    def client(self) -> Client:
        """The client that asks. A rule that looks at it stands below the rule that finds it."""
        assert self._client is not None, f"{self.endpoint}: a rule asks for the client before it is known"
        return self._client

    @client.setter
    def client(self, client: Client) -> None:
        self._client = client

    def wish(self, **found: Any) -> None:
        """Note what a rule has found."""
        self.wishes = replace(self.wishes, **found)


Rule = Callable[[Asked], None]
"""Checks one thing and notes what it found; raises OAuth2Error (RFC 6749 5.2) when the request breaks it."""
