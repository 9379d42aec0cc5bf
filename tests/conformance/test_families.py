"""What Hydra's and Keycloak's own tests hold them to, said again here."""

from __future__ import annotations

from tests.conformance.browser import Browser, Outcome
from tests.conformance.parties import DEVICE, OTHER, PARTIES, PASSENGER, REFRESH
from tests.conformance.subject import Subject, good, refused

FIRST, KIOSK = PARTIES["first"], PARTIES["kiosk"]


def signed_in(browser: Browser) -> bool:
    return browser.ask(FIRST, prompt="none").error is None


def test_valid_logout_verifiers_cannot_log_out_other_users(subject: Subject) -> None:
    one, other = subject.browser(), subject.browser()
    hint = subject.tokens(browser=one)["id_token"]
    subject.tokens(person=OTHER, browser=other)
    question = one.open(subject.endpoint("end_session_endpoint")).form
    assert question is not None
    other.send(question)
    assert signed_in(other), "the answer to a question that was put in another browser"
    other.open(subject.endpoint("end_session_endpoint"), id_token_hint=hint)
    assert signed_in(other), "the ID token of somebody else"


def test_only_the_most_recent_token_generation_is_valid(subject: Subject) -> None:
    tokens = [subject.tokens()["refresh_token"]]
    for _ in range(3):
        tokens.append(good(subject.refresh(FIRST, tokens[-1]))["refresh_token"])
    subject.wait(60)  # past any grace for two tabs
    good(subject.refresh(FIRST, tokens[-1]))
    refused(subject.refresh(FIRST, tokens[0]), "invalid_grant")
    refused(subject.refresh(FIRST, tokens[1]), "invalid_grant")


def test_re_using_a_graceful_refresh_token_above_the_count_limit_invalidates_all(subject: Subject) -> None:
    used = subject.tokens()["refresh_token"]
    given = [good(subject.refresh(FIRST, used))["refresh_token"]]
    for _ in range(10):
        answer = subject.refresh(FIRST, used)
        if answer.status_code != 200:
            break
        given.append(answer.json()["refresh_token"])
    refused(answer, "invalid_grant")
    for token in given:
        refused(subject.refresh(FIRST, token), "invalid_grant")


def test_revoking_consent_revokes_all_tokens(subject: Subject) -> None:
    """Seen from outside, consent ends with the grant: whoever revokes the refresh token ends all that grew from it."""
    tokens = subject.tokens()
    later = good(subject.refresh(FIRST, tokens["refresh_token"]))
    address = subject.endpoint("revocation_endpoint")
    data = {"token": later["refresh_token"], "token_type_hint": REFRESH}
    assert subject.post(address, FIRST, data).status_code == 200
    refused(subject.refresh(FIRST, later["refresh_token"]), "invalid_grant")
    assert subject.userinfo(tokens["access_token"]).status_code == 401
    assert subject.userinfo(later["access_token"]).status_code == 401


def test_removing_the_session_does_not_break_refresh(subject: Subject) -> None:
    """A browser that forgets its cookies is no logout: what was granted goes on. (A logout ends it, on purpose.)"""
    browser = subject.browser()
    tokens = subject.tokens(browser=browser)
    browser.http.cookies.clear()
    assert not signed_in(browser)
    later = good(subject.refresh(FIRST, tokens["refresh_token"]))
    assert subject.userinfo(later["access_token"]).status_code == 200


def device(subject: Subject) -> dict[str, str]:
    """A kiosk asks for a pair of codes (RFC 8628 section 3.2)."""
    address = subject.endpoint("device_authorization_endpoint")
    return good(subject.post(address, KIOSK, {"scope": "openid"}))


def enter(subject: Subject, browser: Browser, user_code: str) -> Outcome:
    """The person follows the QR code and agrees to what is shown."""
    complete = device(subject)["verification_uri_complete"]
    address, query = complete.split("?", 1)
    name = query.partition("=")[0]
    return browser.agree(browser.open(address, **{name: user_code}), PASSENGER)


def test_cannot_reuse_user_code(subject: Subject) -> None:
    codes, browser = device(subject), subject.browser()
    enter(subject, browser, codes["user_code"])
    subject.wait(6)
    good(subject.token(KIOSK, {"grant_type": DEVICE, "device_code": codes["device_code"]}))
    page = enter(subject, browser, codes["user_code"]).response
    assert "user_code" in page.text or page.status_code >= 400, "asked for a code again, or refused"
    refused(subject.token(KIOSK, {"grant_type": DEVICE, "device_code": codes["device_code"]}), "invalid_grant")


def test_cannot_reuse_device_challenge(subject: Subject) -> None:
    codes = device(subject)
    data = {"grant_type": DEVICE, "device_code": codes["device_code"]}
    refused(subject.token(KIOSK, data), "authorization_pending")
    enter(subject, subject.browser(), codes["user_code"])
    subject.wait(6)
    tokens = good(subject.token(KIOSK, data))
    subject.claims(tokens["id_token"], aud="kiosk")
    subject.wait(6)
    refused(subject.token(KIOSK, data), "invalid_grant")


def test_id_token_hint_does_not_match(subject: Subject) -> None:
    other = subject.tokens(person=OTHER)["id_token"]
    browser = subject.browser()
    subject.tokens(browser=browser)
    assert browser.ask(FIRST, prompt="none", id_token_hint=other).error == "login_required"


def test_max_age_1_but_prompt_none(subject: Subject) -> None:
    browser = subject.browser()
    subject.tokens(browser=browser)
    subject.wait(3)
    assert browser.ask(FIRST, prompt="none", max_age="1").error == "login_required"
