"""idpyoidc (PyPI), an independent relying party of the identity federations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.browser import Browser
from tests.conformance.parties import PARTIES, PASSENGER
from tests.conformance.subject import Subject

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
FLOWS = ("code", "userinfo", "refresh", "private_key_jwt", "rp_logout", "backchannel_logout")
SERVICES = {
    name: {"class": f"idpyoidc.client.oidc.{path}"}
    for name, path in {
        "discovery": "provider_info_discovery.ProviderInfoDiscovery",
        "authorization": "authorization.Authorization",
        "access_token": "access_token.AccessToken",
        "refresh_access_token": "refresh_access_token.RefreshAccessToken",
        "userinfo": "userinfo.UserInfo",
        "end_session": "end_session.EndSession",
    }.items()
}


class Session:
    """A relying party in the middle of its flow."""

    def __init__(self, subject: Subject, client_id: str) -> None:
        from idpyoidc.client.rp_handler import RPHandler

        party = PARTIES[client_id]
        configuration: dict[str, Any] = {
            "issuer": subject.issuer,
            "client_id": party.client_id,
            "client_type": "oidc",
            "redirect_uris": [party.callback],
            "post_logout_redirect_uris": [party.goodbye],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile"],
            "token_endpoint_auth_methods_supported": [party.auth],
            "client_authn_methods": [party.auth, "bearer_header"],
            "preference": {"response_types": ["code"], "scope": ["openid", "profile"]},
            "services": SERVICES,
            "add_ons": {
                "pkce": {
                    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
                }
            },
        }
        if party.auth == "private_key_jwt":
            configuration["token_endpoint_auth_signing_alg_values_supported"] = ["ES256"]
        else:
            configuration["client_secret"] = party.secret
        self.subject, self.party, self.browser = subject, party, subject.browser()
        self.handler = RPHandler(base_url=party.home, client_configs={subject.issuer: configuration}, keyjar=_keyjar())
        begun = self.handler.begin(subject.issuer)
        outcome = self.browser.agree(self.browser.open(begun if isinstance(begun, str) else begun["url"]))
        self.found = self.handler.finalize(subject.issuer, dict(outcome.parameters))
        assert "error" not in self.found, self.found
        self.client = self.handler.issuer2rp[subject.issuer]


def _keyjar() -> Any:
    from cryptojwt import KeyJar

    from tests.conformance.parties import KEY

    jar = KeyJar()
    jar.import_jwks({"keys": [KEY.as_dict(private=True)]}, "")
    jar.import_jwks({"keys": [KEY.as_dict(private=True)]}, "keyed")
    return jar


def code(subject: Subject) -> None:
    session = Session(subject, "first")
    assert session.found["id_token"]["aud"] == ["first"]


def userinfo(subject: Subject) -> None:
    assert Session(subject, "first").found["userinfo"]["name"] == PASSENGER.name


def refresh(subject: Subject) -> None:
    session = Session(subject, "first")
    before = session.found["token"]
    after = session.handler.refresh_access_token(session.found["state"])["access_token"]
    assert after != before
    assert session.handler.get_user_info(session.found["state"], access_token=after)["name"] == PASSENGER.name


def private_key_jwt(subject: Subject) -> None:
    assert Session(subject, "keyed").found["id_token"]["aud"] == ["keyed"]


def rp_logout(subject: Subject) -> None:
    session = Session(subject, "first")
    asked = session.handler.logout(session.found["state"], post_logout_redirect_uri=session.party.goodbye)
    outcome = session.browser.agree(session.browser.open(asked["url"]))
    assert outcome.sent_to is not None
    assert outcome.sent_to.startswith(session.party.goodbye)


def backchannel_logout(subject: Subject) -> None:
    """The library's own check of the logout token that our provider sent."""
    from idpyoidc.message.oidc.session import BackChannelLogoutRequest

    session = Session(subject, "first")
    _end(session.browser, subject)
    (arrived,) = subject.listening.at("/logout/first")
    context = session.client.get_context()
    request = BackChannelLogoutRequest().from_urlencoded(arrived.body)
    assert request.verify(keyjar=context.keyjar, iss=subject.issuer, aud="first", allowed_sign_alg="RS256")
    assert request["__verified_logout_token"]["sid"] == session.found["id_token"]["sid"]


def _end(browser: Browser, subject: Subject) -> None:
    subject.deliver()
    subject.listening.forget()
    browser.agree(browser.open(subject.endpoint("end_session_endpoint")))
    subject.deliver()


PLAYED: dict[str, Callable[[Subject], None]] = {
    play.__name__: play for play in (code, userinfo, refresh, private_key_jwt, rp_logout, backchannel_logout)
}


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library writes keys of its own into the folder it is started in."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("flow", FLOWS)
def test_flow(subject: Subject, flow: str) -> None:
    PLAYED[flow](subject)
