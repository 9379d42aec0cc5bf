"""Highlights of the Dynamic OP plan: registration (RFC 7591), keys that change, client assertions (RFC 7523)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx

from tests.conformance.parties import CODE, ELSEWHERE, KEY, PARTIES, REFRESH, Party
from tests.conformance.subject import ASSERTION, Subject, good, refused


def register(subject: Subject, party: Party, **more: Any) -> httpx.Response:
    """Register a party whose id the provider chooses; where registration is guarded, with the token for it."""
    headers = {}
    if subject.initial_access_token:
        headers["Authorization"] = f"Bearer {subject.initial_access_token}"
    asked = {
        "client_name": party.client_id,
        "redirect_uris": [party.callback],
        "grant_types": [CODE, REFRESH],
        "response_types": ["code"],
        "scope": "openid profile",
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        **more,
    }
    return subject.http.post(subject.endpoint("registration_endpoint"), json=asked, headers=headers)


def test_oidcc_registration_jwks_uri(subject: Subject) -> None:
    subject.offers("token_endpoint_auth_methods_supported", "private_key_jwt")
    keys = json.dumps({"keys": [KEY.as_dict(private=False)]})
    subject.listening.answers["/keys"] = (200, keys, None)
    stranger = Party("stranger", (CODE, REFRESH), auth="private_key_jwt")
    answer = register(subject, stranger, jwks_uri=f"{subject.relying}/keys")
    assert answer.status_code == 201, answer.text
    client_id = answer.json()["client_id"]
    browser = subject.browser()
    code = browser.log_in(stranger, client_id=client_id).code
    assertion = subject.assertion(stranger, iss=client_id, sub=client_id)
    data = {"client_assertion_type": ASSERTION, "client_assertion": assertion}
    body = good(subject.redeem(Party(client_id, (CODE,), auth="none"), code, redirect_uri=stranger.callback, **data))
    subject.claims(body["id_token"], aud=client_id)
    assert subject.listening.at("/keys"), "the keys were fetched"


def test_oidcc_registration_sector_uri(subject: Subject) -> None:
    subject.offers("subject_types_supported", "pairwise")
    stranger = Party("sectoral", (CODE,))
    subject.listening.answers["/sector"] = (200, json.dumps(["https://somebody-else.test/callback"]), None)
    more = {"subject_type": "pairwise", "sector_identifier_uri": f"{subject.relying}/sector"}
    refused(register(subject, stranger, **more), "invalid_client_metadata", "invalid_redirect_uri")


def test_oidcc_server_rotate_keys(subject: Subject) -> None:
    assert subject.rotate is not None
    before = subject.tokens()["id_token"]
    known = {key["kid"] for key in subject.http.get(subject.metadata["jwks_uri"]).json()["keys"]}
    subject.rotate()
    subject.wait(61)  # a process may know the old key for a minute
    after = subject.tokens()["id_token"]
    now_known = {key["kid"] for key in subject.http.get(subject.metadata["jwks_uri"]).json()["keys"]}
    assert now_known > known, "the old keys stay, a new one is there"
    subject.claims(before)
    subject.claims(after)


def test_oidcc_redirect_uri_query_mismatch(subject: Subject) -> None:
    callback = f"{ELSEWHERE.format('queried')}/callback"
    keys = {"keys": [KEY.as_dict(private=False)]}
    answer = register(subject, Party("queried", (CODE,)), redirect_uris=[f"{callback}?foo=bar"], jwks=keys)
    assert answer.status_code == 201, answer.text
    browser, party = subject.browser(), Party(answer.json()["client_id"], (CODE,))
    assert browser.ask(party, redirect_uri=f"{callback}?foo=baz").is_error_page
    assert browser.ask(party, redirect_uri=callback).is_error_page
    sent_to = browser.log_in(party, redirect_uri=f"{callback}?foo=bar").sent_to
    assert sent_to is not None
    assert sent_to.startswith(f"{callback}?foo=bar&")


def test_oidcc_ensure_client_assertion_with_iss_aud_succeeds(subject: Subject) -> None:
    subject.offers("token_endpoint_auth_methods_supported", "private_key_jwt")
    keyed, browser = PARTIES["keyed"], subject.browser()
    subject.claims(good(subject.redeem(keyed, browser.log_in(keyed).code))["id_token"], aud="keyed")
    bare, now = Party("keyed", (CODE,), auth="none"), int(subject.now())
    used = subject.assertion(keyed)
    for assertion, right in (
        (used, True),
        (used, False),
        (subject.assertion(keyed, aud="https://somebody-else.test/"), False),
        (subject.assertion(keyed, iss="first"), False),
        (subject.assertion(keyed, exp=now - 60, iat=now - 120), False),
        (subject.assertion(keyed, jti=str(uuid.uuid4()), sub="first"), False),
    ):
        data = {"client_assertion_type": ASSERTION, "client_assertion": assertion}
        answer = subject.redeem(bare, browser.ask(keyed).code, redirect_uri=keyed.callback, **data)
        if right:
            good(answer)
        else:
            refused(answer, "invalid_client", "invalid_request", "invalid_grant")
