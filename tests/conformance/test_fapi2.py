"""Highlights of the FAPI 2 plans: pushed requests (RFC 9126), DPoP (RFC 9449), codes bound to their client."""

from __future__ import annotations

import httpx

from tests.conformance.parties import CODE, PARTIES, Party
from tests.conformance.subject import Prover, Subject, good, refused, refused_outcome

PUSHING, FIRST, SECOND, BOUND = (PARTIES[name] for name in ("pushing", "first", "second", "bound"))


def push(subject: Subject, party: Party, **more: str | None) -> httpx.Response:
    address = subject.endpoint("pushed_authorization_request_endpoint")
    return subject.post(address, party, subject.browser().parameters(party, **more))


def pushed(subject: Subject, party: Party, **more: str | None) -> str:
    answer = push(subject, party, **more)
    assert answer.status_code == 201, answer.text
    assert 0 < answer.json()["expires_in"] <= 600
    return str(answer.json()["request_uri"])


def test_fapi2_par_attempt_reuse_request_uri(subject: Subject) -> None:
    uri, browser = pushed(subject, PUSHING), subject.browser()
    only = {"client_id": PUSHING.client_id, "request_uri": uri}
    address = subject.metadata["authorization_endpoint"]
    good(subject.redeem(PUSHING, browser.agree(browser.open(address, **only)).code))
    refused_outcome(browser.open(address, **only), "invalid_request_uri", "invalid_request")


def test_fapi2_par_attempt_to_use_request_uri_for_different_client(subject: Subject) -> None:
    uri, browser = pushed(subject, PUSHING), subject.browser()
    outcome = browser.open(subject.metadata["authorization_endpoint"], client_id="second", request_uri=uri)
    refused_outcome(outcome, "invalid_request_uri", "invalid_request", "invalid_request_object")
    refused_outcome(browser.ask(PUSHING), "invalid_request")


def test_fapi2_par_plain_pkce_rejected(subject: Subject) -> None:
    challenge = "a-challenge-that-would-be-sent-as-plain-text-0123"
    refused(push(subject, PUSHING, code_challenge=challenge, code_challenge_method="plain"), "invalid_request")


def test_fapi2_dpop_negative_tests(subject: Subject) -> None:
    subject.offers("dpop_signing_alg_values_supported", "ES256")
    address, prover = subject.endpoint("token_endpoint"), Prover(subject)
    browser = subject.browser()
    browser.log_in(BOUND)
    spoilt = {
        "no proof": {},
        "another method": {"DPoP": prover.proof(address, method="GET")},
        "another address": {"DPoP": prover.proof(f"{address}/else")},
        "too old": {"DPoP": prover.proof(address, iat=int(subject.now()) - 3600)},
        "from the future": {"DPoP": prover.proof(address, iat=int(subject.now()) + 3600)},
        "no jti": {"DPoP": prover.proof(address, jti=None)},
        "another type": {"DPoP": prover.proof(address, header={"typ": "jwt"})},
        "another key's signature": {"DPoP": prover.proof(address, key=Prover(subject).key)},
        "with the private key": {"DPoP": prover.proof(address, header={"jwk": prover.key.as_dict(private=True)})},
        "nonsense": {"DPoP": "nonsense"},
    }
    for wrong, headers in spoilt.items():
        answer = subject.redeem(BOUND, browser.ask(BOUND).code, **headers)
        assert answer.status_code in (400, 401), wrong
        assert answer.json()["error"] in ("invalid_dpop_proof", "invalid_grant", "invalid_request"), (
            wrong,
            answer.text,
        )
    body = good(subject.redeem(BOUND, browser.ask(BOUND).code, DPoP=prover.proof(address)))
    assert body["token_type"] == "DPoP"
    access = body["access_token"]
    userinfo = subject.endpoint("userinfo_endpoint")
    proof = prover.proof(userinfo, "GET", access)
    assert subject.userinfo(access, "DPoP", DPoP=proof).status_code == 200
    assert subject.userinfo(access, "DPoP", DPoP=proof).status_code == 401, "a proof is used once"
    assert subject.userinfo(access).status_code in (400, 401), "a bound token is no bearer token"
    assert subject.userinfo(access, "DPoP", DPoP=prover.proof(userinfo, "GET")).status_code == 401, "without ath"
    stranger = Prover(subject).proof(userinfo, "GET", access)
    assert subject.userinfo(access, "DPoP", DPoP=stranger).status_code == 401


def test_fapi2_ensure_authorization_code_is_bound_to_client(subject: Subject) -> None:
    code = subject.browser().log_in(FIRST).code
    data = {"grant_type": CODE, "code": code, "redirect_uri": FIRST.callback}
    refused(subject.redeem(SECOND, code, redirect_uri=FIRST.callback), "invalid_grant")
    refused(subject.token(PARTIES["public"], data), "invalid_grant", "invalid_request")


def test_fapi2_par_without_duplicate_parameters(subject: Subject) -> None:
    uri, browser = pushed(subject, PUSHING, state="pushed"), subject.browser()
    only = {"client_id": PUSHING.client_id, "request_uri": uri}
    outcome = browser.agree(browser.open(subject.metadata["authorization_endpoint"], **only))
    assert outcome.parameters["state"] == "pushed"
    assert outcome.sent_to is not None
    assert outcome.sent_to.startswith(PUSHING.callback)
    subject.claims(good(subject.redeem(PUSHING, outcome.code))["id_token"], aud="pushing", nonce="nonce-1")
