"""pyoidc (PyPI, module `oic`), an independent relying party, whose code is certified and old."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.browser import CHALLENGE, VERIFIER
from tests.conformance.parties import PARTIES, PASSENGER
from tests.conformance.subject import Subject

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
FLOWS = ("code", "userinfo", "refresh", "rp_logout", "backchannel_logout")
STATE = "state-of-pyoidc"


class Session:
    """A relying party that has logged the passenger in."""

    def __init__(self, subject: Subject) -> None:
        from oic.oauth2.message import ErrorResponse
        from oic.oic import Client
        from oic.oic.message import AccessTokenResponse, AuthorizationResponse, RegistrationResponse
        from oic.utils.authn.client import CLIENT_AUTHN_METHOD

        self.subject, self.party, self.browser = subject, PARTIES["first"], subject.browser()
        self.client: Any = Client(client_id="first", client_authn_method=CLIENT_AUTHN_METHOD)
        self.client.provider_config(subject.issuer)
        known = {"client_id": "first", "client_secret": self.party.secret, "redirect_uris": [self.party.callback]}
        self.client.store_registration_info(RegistrationResponse(**known))
        asked = self.client.construct_AuthorizationRequest(
            request_args={
                "response_type": "code",
                "scope": ["openid", "profile"],
                "state": STATE,
                "nonce": "nonce-1",
                "redirect_uri": self.party.callback,
                "code_challenge": CHALLENGE,
                "code_challenge_method": "S256",
            }
        )
        outcome = self.browser.agree(self.browser.open(asked.request(self.client.authorization_endpoint)))
        parsed = self.client.parse_response(AuthorizationResponse, info=dict(outcome.parameters), sformat="dict")
        assert not isinstance(parsed, ErrorResponse), parsed
        self.tokens = self.client.do_access_token_request(
            state=STATE,
            request_args={"code": parsed["code"], "redirect_uri": self.party.callback, "code_verifier": VERIFIER},
            authn_method="client_secret_basic",
        )
        assert isinstance(self.tokens, AccessTokenResponse), self.tokens


def code(subject: Subject) -> None:
    claims = Session(subject).tokens["id_token"]
    assert claims["aud"] == ["first"]
    assert claims["nonce"] == "nonce-1"


def userinfo(subject: Subject) -> None:
    session = Session(subject)
    said = session.client.do_user_info_request(state=STATE)
    assert said["name"] == PASSENGER.name
    assert said["sub"] == session.tokens["id_token"]["sub"]


def refresh(subject: Subject) -> None:
    session = Session(subject)
    later = session.client.do_access_token_refresh(state=STATE, authn_method="client_secret_basic")
    assert later["access_token"] != session.tokens["access_token"]
    assert session.client.do_user_info_request(token=later["access_token"])["name"] == PASSENGER.name


def rp_logout(subject: Subject) -> None:
    session = Session(subject)
    asked = session.client.construct_EndSessionRequest(
        state=STATE, request_args={"post_logout_redirect_uri": session.party.goodbye, "state": "bye-1"}
    )
    outcome = session.browser.agree(session.browser.open(asked.request(session.client.end_session_endpoint)))
    assert outcome.sent_to == f"{session.party.goodbye}?state=bye-1"


def backchannel_logout(subject: Subject) -> None:
    """The library's own check of the logout token that our provider sent."""
    from oic.oic.message import BackChannelLogoutRequest

    session = Session(subject)
    subject.deliver()
    subject.listening.forget()
    session.browser.agree(session.browser.open(subject.endpoint("end_session_endpoint")))
    subject.deliver()
    (arrived,) = subject.listening.at("/logout/first")
    request = BackChannelLogoutRequest().from_urlencoded(arrived.body)
    assert request.verify(keyjar=session.client.keyjar, iss=subject.issuer, aud="first")
    assert request["logout_token"]["sid"] == session.tokens["id_token"]["sid"]


PLAYED: dict[str, Callable[[Subject], None]] = {
    play.__name__: play for play in (code, userinfo, refresh, rp_logout, backchannel_logout)
}


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(subject: Subject, flow: str) -> None:
    PLAYED[flow](subject)
