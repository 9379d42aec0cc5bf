"""RP-initiated and back-channel logout. A provider may ask before it ends a session; the browser then says yes."""

from __future__ import annotations

import base64
import json
from functools import partial

from tests.conformance.browser import Browser, Outcome
from tests.conformance.parties import PARTIES
from tests.conformance.relying import patient
from tests.conformance.subject import Subject

FIRST = PARTIES["first"]
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def leave(subject: Subject, browser: Browser, **parameters: str) -> Outcome:
    """Send the browser to the end-session endpoint, and say yes when asked."""
    outcome = browser.open(subject.endpoint("end_session_endpoint"), **parameters)
    return outcome if outcome.is_error_page else browser.agree(outcome)


def signed_in(browser: Browser) -> bool:
    return browser.ask(FIRST, prompt="none").error is None


def left(subject: Subject, **parameters: str) -> tuple[Browser, Outcome]:
    """Log in, then leave with our ID token and these parameters."""
    browser = subject.browser()
    hint = subject.tokens(browser=browser)["id_token"]
    return browser, leave(subject, browser, id_token_hint=hint, **parameters)


def stays(outcome: Outcome) -> None:
    """The browser is not sent away: a page of the provider's own, perhaps an error."""
    assert outcome.sent_to is None, outcome.sent_to


def test_oidcc_rp_initiated_logout(subject: Subject) -> None:
    browser, outcome = left(subject, post_logout_redirect_uri=FIRST.goodbye, state="bye-1")
    assert outcome.sent_to == f"{FIRST.goodbye}?state=bye-1"
    assert not signed_in(browser)


def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(subject: Subject) -> None:
    _, outcome = left(subject, post_logout_redirect_uri="https://evil.test/bye", state="bye-1")
    stays(outcome)
    assert outcome.is_error_page


def test_oidcc_rp_initiated_logout_modified_id_token_hint(subject: Subject) -> None:
    browser = subject.browser()
    head, body, signature = subject.tokens(browser=browser)["id_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "somebody-else"}).encode()).rstrip(b"=").decode()
    hint = ".".join([head, forged, signature])
    stays(leave(subject, browser, id_token_hint=hint, post_logout_redirect_uri=FIRST.goodbye, state="bye-1"))
    assert signed_in(browser)


def test_oidcc_rp_initiated_logout_no_id_token_hint(subject: Subject) -> None:
    browser = subject.browser()
    subject.tokens(browser=browser)
    stays(browser.open(subject.endpoint("end_session_endpoint"), post_logout_redirect_uri=FIRST.goodbye, state="bye-1"))
    assert signed_in(browser), "nobody is logged out without being asked"


def test_oidcc_rp_initiated_logout_no_params(subject: Subject) -> None:
    browser = subject.browser()
    subject.tokens(browser=browser)
    stays(browser.open(subject.endpoint("end_session_endpoint")))
    assert signed_in(browser), "nobody is logged out without being asked"
    stays(leave(subject, browser))
    assert not signed_in(browser)


def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(subject: Subject) -> None:
    browser, outcome = left(subject, state="bye-1")
    stays(outcome)
    assert not outcome.is_error_page
    assert not signed_in(browser)


def test_oidcc_rp_initiated_logout_no_state(subject: Subject) -> None:
    browser, outcome = left(subject, post_logout_redirect_uri=FIRST.goodbye)
    assert outcome.sent_to == FIRST.goodbye
    assert not signed_in(browser)


def test_oidcc_rp_initiated_logout_only_state(subject: Subject) -> None:
    browser = subject.browser()
    subject.tokens(browser=browser)
    stays(leave(subject, browser, state="bye-1"))


def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(subject: Subject) -> None:
    _, outcome = left(subject, post_logout_redirect_uri=f"{FIRST.goodbye}?extra=1", state="bye-1")
    stays(outcome)
    assert outcome.is_error_page


def test_oidcc_rp_initiated_logout_bad_id_token_hint(subject: Subject) -> None:
    browser = subject.browser()
    subject.tokens(browser=browser)
    stays(leave(subject, browser, id_token_hint="nonsense", post_logout_redirect_uri=FIRST.goodbye, state="bye-1"))
    assert signed_in(browser)


def told_of(subject: Subject, party: str, sid: str) -> list[str]:
    """The logout tokens that a party got for one session; the ends of other tests' sessions may come too."""
    tokens = [each.form["logout_token"] for each in subject.listening.at(f"/logout/{party}")]
    return [token for token in tokens if subject.claims(token)["sid"] == sid]


def test_oidcc_backchannel_rp_initiated_logout(subject: Subject) -> None:
    assert subject.metadata["backchannel_logout_supported"] is True
    browser = subject.browser()
    hint = subject.tokens(browser=browser)["id_token"]
    claims = {
        "first": subject.claims(hint),
        "second": subject.claims(subject.tokens(PARTIES["second"], browser=browser)["id_token"]),
    }
    leave(subject, browser, id_token_hint=hint, post_logout_redirect_uri=FIRST.goodbye)
    subject.deliver()
    for party in ("first", "second"):
        (token,) = patient(partial(told_of, subject, party, claims[party]["sid"]))
        told = subject.claims(token, aud=party)
        assert told["events"] == {EVENT: {}}
        assert "nonce" not in told
        assert told["jti"]
        assert told["sub"] == claims[party]["sub"]
        assert json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))["alg"] != "none"
