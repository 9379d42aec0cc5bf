"""Basic OP and Form Post OP: each function is named after a module, and runs in both response modes."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, urlsplit

import pytest

from tests.conformance.browser import CHALLENGE, VERIFIER, Outcome
from tests.conformance.parties import CODE, OTHER, PARTIES, PASSENGER
from tests.conformance.subject import Subject, good, refused, refused_outcome

pytestmark = pytest.mark.parametrize("mode", ["query", "form_post"], indirect=True)

FIRST = PARTIES["first"]


def right(subject: Subject, outcome: Outcome, **expected: object) -> dict[str, object]:
    """A successful answer is what it should be in every way; the ID token's claims."""
    assert outcome.sent_to is not None
    assert outcome.sent_to.partition("?")[0] == FIRST.callback
    assert outcome.posted is (subject.mode == "form_post")
    assert outcome.parameters["state"] == "state-1"
    assert outcome.parameters["iss"] == subject.issuer
    body = good(subject.redeem(FIRST, outcome.code))
    assert body["token_type"] == "Bearer"
    return subject.claims(body["id_token"], aud=FIRST.client_id, **expected)


def unsigned(claims: dict[str, object]) -> str:
    """A request object with `alg` none."""
    parts = [{"alg": "none"}, claims]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def test_oidcc_server(subject: Subject) -> None:
    outcome = subject.browser().log_in(FIRST)
    claims = right(subject, outcome, nonce="nonce-1")
    assert isinstance(claims["sub"], str)
    assert 0 < len(claims["sub"]) <= 255


def test_oidcc_response_type_missing(subject: Subject) -> None:
    outcome = subject.browser().ask(FIRST, response_type=None)
    refused_outcome(outcome, "invalid_request", "unsupported_response_type")


def test_oidcc_idtoken_signature(subject: Subject) -> None:
    token = subject.tokens()["id_token"]
    header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    assert header["alg"] in subject.metadata["id_token_signing_alg_values_supported"]
    assert header["kid"] in {key["kid"] for key in subject.http.get(subject.metadata["jwks_uri"]).json()["keys"]}
    subject.claims(token)


def test_oidcc_userinfo_get(subject: Subject) -> None:
    tokens = subject.tokens()
    answer = subject.userinfo(tokens["access_token"])
    assert answer.status_code == 200
    assert answer.json()["sub"] == subject.claims(tokens["id_token"])["sub"]


def test_oidcc_userinfo_post_header(subject: Subject) -> None:
    tokens = subject.tokens()
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    answer = subject.http.post(subject.endpoint("userinfo_endpoint"), headers=header)
    assert answer.json()["sub"] == subject.claims(tokens["id_token"])["sub"]


def test_oidcc_userinfo_post_body(subject: Subject) -> None:
    tokens = subject.tokens()
    answer = subject.http.post(subject.endpoint("userinfo_endpoint"), data={"access_token": tokens["access_token"]})
    assert answer.json()["sub"] == subject.claims(tokens["id_token"])["sub"]


def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(subject: Subject) -> None:
    assert "nonce" not in right(subject, subject.browser().log_in(FIRST, nonce=None))


@pytest.fixture
def opened(subject: Subject, request: pytest.FixtureRequest) -> dict[str, object]:
    """What userinfo says after a login with the scope that the test is named after."""
    scope = request.function.__name__.rpartition("_")[2]
    subject.offers("scopes_supported", scope)
    tokens = subject.tokens(scope=f"openid {scope}")
    return dict(subject.userinfo(tokens["access_token"]).json())


def test_oidcc_scope_profile(opened: dict[str, object]) -> None:
    assert opened["name"] == PASSENGER.name
    assert opened["preferred_username"] == PASSENGER.login


def test_oidcc_scope_email(opened: dict[str, object]) -> None:
    assert opened["email"]
    assert isinstance(opened["email_verified"], bool)


def test_oidcc_scope_address(opened: dict[str, object]) -> None:
    assert isinstance(opened["address"], dict)


def test_oidcc_scope_phone(opened: dict[str, object]) -> None:
    assert opened["phone_number"] == PASSENGER.phone
    assert opened["phone_number_verified"] is True


def test_oidcc_scope_all(subject: Subject) -> None:
    scopes = {"profile", "email", "address", "phone"} & set(subject.metadata["scopes_supported"])
    tokens = subject.tokens(scope=f"openid {' '.join(sorted(scopes))}")
    said = subject.userinfo(tokens["access_token"]).json()
    assert {"profile": "name", "phone": "phone_number"}.keys() <= scopes
    assert {"sub", "name", "phone_number"} <= said.keys()


def test_oidcc_display_page(subject: Subject) -> None:
    right(subject, subject.browser().log_in(FIRST, display="page"))


def test_oidcc_display_popup(subject: Subject) -> None:
    right(subject, subject.browser().log_in(FIRST, display="popup"))


def test_oidcc_prompt_login(subject: Subject) -> None:
    browser = subject.browser()
    before = right(subject, browser.log_in(FIRST, max_age="15000"))
    subject.wait(2)
    shown = browser.ask(FIRST, prompt="login", max_age="15000")
    assert shown.asks_to_log_in
    after = right(subject, browser.agree(shown), sub=before["sub"])
    assert int(str(after["auth_time"])) > int(str(before["auth_time"]))


def test_oidcc_prompt_none_not_logged_in(subject: Subject) -> None:
    outcome = subject.browser().ask(FIRST, prompt="none")
    assert outcome.error in ("login_required", "interaction_required")
    assert outcome.parameters["state"] == "state-1"
    assert outcome.parameters["iss"] == subject.issuer


def test_oidcc_prompt_none_logged_in(subject: Subject) -> None:
    browser = subject.browser()
    before = right(subject, browser.log_in(FIRST, max_age="10000"))
    right(subject, browser.ask(FIRST, prompt="none", max_age="10000"), sub=before["sub"], auth_time=before["auth_time"])


def test_oidcc_max_age_1(subject: Subject) -> None:
    browser = subject.browser()
    before = right(subject, browser.log_in(FIRST, max_age="15000"))
    subject.wait(2)
    shown = browser.ask(FIRST, max_age="1")
    assert shown.asks_to_log_in
    after = right(subject, browser.agree(shown), sub=before["sub"])
    assert int(str(after["auth_time"])) > int(str(before["auth_time"]))


def test_oidcc_max_age_10000(subject: Subject) -> None:
    browser = subject.browser()
    before = right(subject, browser.log_in(FIRST, max_age="10000"))
    subject.wait(2)
    right(subject, browser.ask(FIRST, max_age="10000"), sub=before["sub"], auth_time=before["auth_time"])


def test_oidcc_ensure_request_with_unknown_parameter_succeeds(subject: Subject) -> None:
    right(subject, subject.browser().log_in(FIRST, extra="foobar"))


def test_oidcc_id_token_hint(subject: Subject) -> None:
    browser = subject.browser()
    token = subject.tokens(browser=browser)["id_token"]
    outcome = browser.ask(FIRST, prompt="none", id_token_hint=token)
    right(subject, outcome, sub=subject.claims(token)["sub"])


def test_oidcc_login_hint(subject: Subject) -> None:
    browser = subject.browser()
    shown = browser.ask(FIRST, login_hint=PASSENGER.login)
    assert PASSENGER.login in shown.response.text
    right(subject, browser.agree(shown))


def test_oidcc_ui_locales(subject: Subject) -> None:
    right(subject, subject.browser().log_in(FIRST, ui_locales="se"))


def test_oidcc_claims_locales(subject: Subject) -> None:
    right(subject, subject.browser().log_in(FIRST, claims_locales="se"))


def test_oidcc_ensure_request_with_acr_values_succeeds(subject: Subject) -> None:
    offered = subject.metadata["acr_values_supported"][0]
    right(subject, subject.browser().log_in(FIRST, acr_values=offered))


def test_oidcc_codereuse(subject: Subject) -> None:
    code = subject.browser().log_in(FIRST).code
    good(subject.redeem(FIRST, code))
    refused(subject.redeem(FIRST, code), "invalid_grant")


def test_oidcc_codereuse_30seconds(subject: Subject) -> None:
    code = subject.browser().log_in(FIRST).code
    body = good(subject.redeem(FIRST, code))
    subject.wait(30)
    refused(subject.redeem(FIRST, code), "invalid_grant")
    assert subject.userinfo(body["access_token"]).status_code == 401, "what grew from the code is revoked"
    refused(subject.refresh(FIRST, body["refresh_token"]), "invalid_grant")


def test_oidcc_ensure_registered_redirect_uri(subject: Subject) -> None:
    parts = urlsplit(FIRST.callback)
    for wrong in (
        f"{FIRST.callback}/",
        FIRST.callback.replace("callback", "Callback"),
        FIRST.callback.replace("callback", "c%61llback"),
        FIRST.callback.replace("/callback", "/%2e/callback"),
        f"https://somebody@{parts.netloc}{parts.path}",
        f"{FIRST.callback}?extra=1",
        f"{FIRST.callback}#fragment",
        f"https://{parts.netloc}.evil.test{parts.path}",
        FIRST.callback.replace("https", "http"),
    ):
        outcome = subject.browser().ask(FIRST, redirect_uri=wrong)
        assert outcome.is_error_page, wrong
    address = subject.metadata["authorization_endpoint"]
    good_query = str(subject.http.build_request("GET", address, params=subject.browser().parameters(FIRST)).url)
    outcome = subject.browser().open(f"{good_query}&redirect_uri={quote('https://evil.test/', safe='')}")
    assert outcome.sent_to is None or outcome.error == "invalid_request"


def test_oidcc_ensure_post_request_succeeds(subject: Subject) -> None:
    browser = subject.browser()
    right(subject, browser.agree(browser.ask_by_post(FIRST)))


def test_oidcc_server_client_secret_post(subject: Subject) -> None:
    posting = PARTIES["posting"]
    subject.claims(good(subject.redeem(posting, subject.browser().log_in(posting).code))["id_token"], aud="posting")


def test_oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported(subject: Subject) -> None:
    outcome = subject.browser().ask(FIRST, request_uri=f"{subject.relying}/request-object")
    refused_outcome(outcome, "request_uri_not_supported", "invalid_request_uri", "invalid_request")
    assert not subject.listening.at("/request-object"), "nothing is fetched for a stranger"


def test_oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported(subject: Subject) -> None:
    outcome = subject.browser().ask(FIRST, request=unsigned({"state": "of the object"}))
    refused_outcome(outcome, "request_not_supported", "invalid_request_object", "invalid_request")


def test_oidcc_claims_essential(subject: Subject) -> None:
    asked = json.dumps({"userinfo": {"name": {"essential": True}}})
    tokens = subject.tokens(claims=asked)
    assert subject.userinfo(tokens["access_token"]).json()["name"] == PASSENGER.name


def test_oidcc_ensure_request_object_with_redirect_uri(subject: Subject) -> None:
    outcome = subject.browser().ask(FIRST, request=unsigned({"redirect_uri": "https://evil.test/"}))
    refused_outcome(outcome, "request_not_supported", "invalid_request_object", "invalid_request")
    assert outcome.sent_to is None or outcome.sent_to.startswith(FIRST.callback)


def test_oidcc_refresh_token(subject: Subject) -> None:
    first = subject.tokens(max_age="10000")
    before = subject.claims(first["id_token"])
    subject.wait(2)
    second = good(subject.refresh(FIRST, first["refresh_token"]))
    after = subject.claims(second["id_token"], sub=before["sub"], aud=before["aud"], auth_time=before["auth_time"])
    assert after["iat"] > before["iat"]
    assert second["access_token"] != first["access_token"]
    assert subject.userinfo(second["access_token"]).status_code == 200
    refused(subject.refresh(PARTIES["second"], second["refresh_token"]), "invalid_grant")
    other = subject.tokens(person=OTHER)
    assert subject.claims(other["id_token"])["sub"] != before["sub"]


def test_oidcc_ensure_request_with_valid_pkce_succeeds(subject: Subject) -> None:
    browser = subject.browser()
    right(subject, browser.log_in(FIRST, code_challenge=CHALLENGE, code_challenge_method="S256"))
    wrong = {"grant_type": CODE, "redirect_uri": FIRST.callback}
    for verifier in ({"code_verifier": VERIFIER[::-1]}, {}):
        code = browser.ask(FIRST).code
        refused(subject.token(FIRST, {**wrong, "code": code, **verifier}), "invalid_grant", "invalid_request")
