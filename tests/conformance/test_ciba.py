"""CIBA: a party starts, the person decides on their own phone (OpenID Connect CIBA Core 1.0)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conformance.parties import CIBA, PARTIES, PASSENGER, Party
from tests.conformance.relying import patient
from tests.conformance.subject import Subject, good, refused

CALLER, RIVAL, PINGED = PARTIES["caller"], PARTIES["rival"], PARTIES["pinged"]
NOTIFICATION_TOKEN = "a-notification-token-of-the-party-0123456789"


def start(subject: Subject, party: Party = CALLER, **more: str) -> httpx.Response:
    data = {"scope": "openid", "login_hint": PASSENGER.login, "binding_message": "G1234-07", **more}
    if party.notified:
        data["client_notification_token"] = NOTIFICATION_TOKEN
    return subject.post(subject.endpoint("backchannel_authentication_endpoint"), party, data)


def begun(subject: Subject, party: Party = CALLER, **more: str) -> dict[str, Any]:
    answer = start(subject, party, **more)
    assert answer.status_code == 200, answer.text
    body = dict(answer.json())
    assert body["expires_in"] > 0
    return body


def poll(subject: Subject, auth_req_id: str, party: Party = CALLER) -> httpx.Response:
    subject.wait(6)  # longer than any interval; a party that polls faster is told slow_down
    return subject.token(party, {"grant_type": CIBA, "auth_req_id": auth_req_id})


def finished(subject: Subject, auth_req_id: str, party: Party = CALLER) -> dict[str, Any]:
    body = good(poll(subject, auth_req_id, party))
    subject.claims(body["id_token"], aud=party.client_id)
    assert subject.userinfo(body["access_token"]).status_code == 200
    return body


def test_fapi_ciba_id1(subject: Subject) -> None:
    auth_req_id = begun(subject)["auth_req_id"]
    refused(poll(subject, auth_req_id), "authorization_pending")
    subject.decide(auth_req_id, True)
    finished(subject, auth_req_id)


def test_fapi_ciba_id1_user_rejects_authentication(subject: Subject) -> None:
    auth_req_id = begun(subject)["auth_req_id"]
    subject.decide(auth_req_id, False)
    refused(poll(subject, auth_req_id), "access_denied")


def test_fapi_ciba_id1_multiple_call_to_token_endpoint(subject: Subject) -> None:
    auth_req_id = begun(subject)["auth_req_id"]
    for _ in range(3):
        refused(poll(subject, auth_req_id), "authorization_pending", "slow_down")
    subject.decide(auth_req_id, True)
    finished(subject, auth_req_id)
    refused(poll(subject, auth_req_id), "invalid_grant")


def test_fapi_ciba_id1_auth_req_id_expired(subject: Subject) -> None:
    body = begun(subject, requested_expiry="30")
    subject.wait(float(body["expires_in"]) + 1)
    refused(poll(subject, body["auth_req_id"]), "expired_token", "invalid_grant")


def test_fapi_ciba_id1_ensure_authorization_request_with_binding_message_succeeds(subject: Subject) -> None:
    auth_req_id = begun(subject, binding_message="1234")["auth_req_id"]
    subject.decide(auth_req_id, True)
    finished(subject, auth_req_id)


def test_fapi_ciba_id1_ensure_requested_expiry_as_string_succeeds(subject: Subject) -> None:
    auth_req_id = begun(subject, requested_expiry="120")["auth_req_id"]
    subject.decide(auth_req_id, True)
    finished(subject, auth_req_id)


def test_fapi_ciba_id1_ensure_authorization_request_with_potentially_bad_binding_message(subject: Subject) -> None:
    answer = start(subject, binding_message="1234 👍 \u202e 品川 Lor" + "em ipsum" * 30)
    if answer.status_code != 200:
        refused(answer, "invalid_binding_message", "invalid_request")


def test_fapi_ciba_id1_ensure_authorization_request_with_multiple_hints_fails(subject: Subject) -> None:
    hint = subject.tokens(CALLER)["id_token"]
    refused(start(subject, id_token_hint=hint), "invalid_request")


def test_fapi_ciba_id1_ensure_wrong_auth_req_id_in_token_endpoint_request(subject: Subject) -> None:
    auth_req_id = begun(subject)["auth_req_id"]
    subject.decide(auth_req_id, True)
    refused(poll(subject, f"{auth_req_id}-and-more"), "invalid_grant")


def test_fapi_ciba_id1_ensure_wrong_client_id_in_token_endpoint_request(subject: Subject) -> None:
    auth_req_id = begun(subject)["auth_req_id"]
    subject.decide(auth_req_id, True)
    refused(poll(subject, auth_req_id, RIVAL), "invalid_grant")


@pytest.fixture
def pinged(subject: Subject) -> str:
    """The id of a request whose party will be notified."""
    subject.offers("backchannel_token_delivery_modes_supported", "ping")
    return str(begun(subject, PINGED)["auth_req_id"])


def notified(subject: Subject, auth_req_id: str, status: int, body: str = "", location: str | None = None) -> None:
    """The person agrees; whatever the party's endpoint answers, it is told once and may fetch its tokens."""
    subject.listening.answers["/notified"] = (status, body, location)
    subject.decide(auth_req_id, True)
    subject.deliver()
    arrived = patient(lambda: subject.listening.at("/notified"))
    assert arrived[0].headers["authorization"] == f"Bearer {NOTIFICATION_TOKEN}"
    assert arrived[0].json == {"auth_req_id": auth_req_id}
    assert not subject.listening.at("/elsewhere"), "a redirect is not followed"
    finished(subject, auth_req_id, PINGED)


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_has_body(subject: Subject, pinged: str) -> None:
    notified(subject, pinged, 200, '{"body": "to be ignored"}')


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_401(subject: Subject, pinged: str) -> None:
    notified(subject, pinged, 401)


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_403(subject: Subject, pinged: str) -> None:
    notified(subject, pinged, 403)


def test_fapi_ciba_id1_ping_backchannel_notification_endpoint_response_return_redirect_request(
    subject: Subject, pinged: str
) -> None:
    notified(subject, pinged, 302, location=f"{subject.listening.address}/elsewhere")


def test_fapi_ciba_id1_refresh_token(subject: Subject) -> None:
    auth_req_id = begun(subject)["auth_req_id"]
    subject.decide(auth_req_id, True)
    first = finished(subject, auth_req_id)
    second = good(subject.refresh(CALLER, first["refresh_token"]))
    assert second["access_token"] != first["access_token"]
    assert subject.userinfo(second["access_token"]).status_code == 200
