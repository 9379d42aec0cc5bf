"""The relying parties that the tests speak for: one table, registered with every provider under test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from joserfc.jwk import ECKey

ELSEWHERE = "https://{}.interlock.test"
"""Where an application lives. Nothing is fetched from there: the tests' browser stops at the redirect."""

RESOURCE = "https://hub.interlock.test/v1"
AGENCY = "https://agent.interlock.test/api"
CODE, REFRESH, CREDENTIALS = "authorization_code", "refresh_token", "client_credentials"
CIBA = "urn:openid:params:grant-type:ciba"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
PERSON = "openid profile phone hub:orders"


@dataclass(frozen=True, slots=True)
class Party:
    """One relying party.

    auth: how it authenticates at the token endpoint. notified: CIBA ping instead of poll. par, dpop: required of it.
    acts: it may act for people who agree to that, with tokens for its own resource, `AGENCY`.
    """

    client_id: str
    grants: tuple[str, ...]
    auth: str = "client_secret_basic"
    scope: str = PERSON
    notified: bool = False
    par: bool = False
    dpop: bool = False
    acts: bool = False

    @property
    def secret(self) -> str:
        return f"{self.client_id}-secret-for-the-checklist-0123456789"

    @property
    def home(self) -> str:
        return ELSEWHERE.format(self.client_id)

    @property
    def callback(self) -> str:
        return f"{self.home}/callback"

    @property
    def goodbye(self) -> str:
        return f"{self.home}/bye"


PARTIES: Mapping[str, Party] = {
    party.client_id: party
    for party in (
        Party("first", (CODE, REFRESH)),
        Party("second", (CODE, REFRESH)),
        Party("posting", (CODE, REFRESH), auth="client_secret_post"),
        Party("public", (CODE, REFRESH), auth="none"),
        Party("keyed", (CODE, REFRESH), auth="private_key_jwt"),
        Party("pushing", (CODE, REFRESH), par=True),
        Party("bound", (CODE, REFRESH), dpop=True),
        Party("system", (CREDENTIALS,), scope="hub:messages"),
        Party("caller", (CODE, REFRESH, CIBA)),
        Party("rival", (CODE, REFRESH, CIBA)),
        Party("pinged", (CODE, REFRESH, CIBA), notified=True),
        Party("kiosk", (CODE, REFRESH, DEVICE)),
        Party("agent", (CODE, REFRESH, CREDENTIALS, EXCHANGE), scope="openid hub:orders", acts=True),
    )
}

KEY = ECKey.generate_key("P-256", parameters={"kid": "key-of-keyed", "alg": "ES256", "use": "sig"})
"""The key of the party `keyed`."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented who can log in."""

    login: str
    password: str
    name: str
    phone: str


PASSENGER = Person("liwei", "slow-train-to-lhasa", "李未", "+8619900000001")
OTHER = Person("zhaomin", "fast-train-to-harbin", "赵敏", "+8619900000002")
