"""Token exchange (RFC 8693): whoever acts for a person says who they are. The control offers none."""

from __future__ import annotations

import httpx

from tests.conformance.parties import CREDENTIALS, EXCHANGE, PARTIES
from tests.conformance.subject import Subject, good, refused

AGENT, SYSTEM = PARTIES["agent"], PARTIES["system"]
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def exchange(subject: Subject, **more: str) -> httpx.Response:
    subject.offers("grant_types_supported", EXCHANGE)
    token = subject.tokens(scope="openid hub:orders")["access_token"]
    data = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN, "scope": "hub:orders"}
    return subject.token(AGENT, {**data, **more})


def test_token_exchange_with_the_wrong_actor_token_fails(subject: Subject) -> None:
    wrong = good(subject.token(SYSTEM, {"grant_type": CREDENTIALS}))["access_token"]
    answer = exchange(subject, actor_token=wrong, actor_token_type=ACCESS_TOKEN)
    refused(answer, "invalid_grant", "invalid_request", "access_denied", "unauthorized_client")


def test_token_exchange_with_no_actor_token_fails(subject: Subject) -> None:
    refused(exchange(subject), "invalid_grant", "invalid_request", "access_denied", "unauthorized_client")
