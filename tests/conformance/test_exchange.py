"""Token exchange (RFC 8693): whoever acts for a person says who they are. The control offers none."""

from __future__ import annotations

import httpx
import pytest

from tests.conformance.parties import AGENCY, CREDENTIALS, EXCHANGE, PARTIES, Party
from tests.conformance.subject import Subject, good, refused

AGENT, SYSTEM = PARTIES["agent"], PARTIES["system"]
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SCOPE = "hub:orders"


@pytest.fixture
def passengers_token(subject: Subject) -> str:
    """A token with which the passenger lets the agent act: logged in there, and agreed to it."""
    subject.offers("grant_types_supported", EXCHANGE)
    code = subject.browser().log_in(AGENT, scope=f"openid {SCOPE}", resource=AGENCY).code
    return str(good(subject.redeem(AGENT, code))["access_token"])


def exchange(subject: Subject, token: str, **more: str) -> httpx.Response:
    data = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, "scope": SCOPE}
    return subject.token(AGENT, {**data, **more})


def own_token(subject: Subject, party: Party, **more: str) -> dict[str, str]:
    """The party's own token, as the actor's."""
    token = good(subject.token(party, {"grant_type": CREDENTIALS, **more}))["access_token"]
    return {"actor_token": token, "actor_token_type": ACCESS_TOKEN}


def test_token_exchange_with_the_wrong_actor_token_fails(subject: Subject, passengers_token: str) -> None:
    right = own_token(subject, AGENT, scope=SCOPE, resource=AGENCY)
    claims = subject.claims(good(exchange(subject, passengers_token, **right))["access_token"])
    assert claims["act"], "with the right one it succeeds, and says who acts"
    for wrong in (own_token(subject, SYSTEM), {**right, "actor_token": "nonsense"}):
        refused(exchange(subject, passengers_token, **wrong), "invalid_grant", "invalid_request")


def test_token_exchange_with_no_actor_token_fails(subject: Subject, passengers_token: str) -> None:
    refused(exchange(subject, passengers_token), "invalid_grant", "invalid_request")
