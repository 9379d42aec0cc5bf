"""Pushed authorization requests (RFC 9126)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from sso.admin import Registration, register_client
from tests.sso.harness import PASSWORD, Browser, Pkce, Site, answer
from tests.sso.signing import assertion, proof, public

KEY = ECKey.generate_key("P-256")
REDIRECT = "https://pusher.interlock.test/callback"
GOOD: dict[str, str] = {
    "response_type": "code",
    "redirect_uri": REDIRECT,
    "scope": "openid hub:orders",
    "state": "s-1",
    "code_challenge": Pkce().challenge,
    "code_challenge_method": "S256",
}


@pytest.fixture
def pusher(site: Site) -> Site:
    for name in ("pusher", "other"):
        register_client(
            site.provider,
            Registration(
                name,
                "推送",
                "Pusher",
                ["openid", "hub:orders"],
                redirect_uris=[REDIRECT],
                jwks=public(KEY),
                require_par=name == "pusher",
            ),
        )
    return site


def push(site: Site, client: str = "pusher", *, proven: dict[str, str] | None = None, **more: str) -> httpx.Response:
    data = {**GOOD, **more, **assertion(site, client, KEY)}
    return httpx.post(f"{site.issuer}/par", data=data, headers=proven, trust_env=False)


def pushed(site: Site, **more: Any) -> str:
    answered = push(site, "pusher", **more)
    assert answered.status_code == 201, answered.text
    assert answered.json()["expires_in"] == 60
    return str(answered.json()["request_uri"])


def bring(browser: Browser, request_uri: str, client: str = "pusher", **more: str) -> httpx.Response:
    return browser.get("/authorize", client_id=client, request_uri=request_uri, **more)


def test_a_pushed_request_logs_in_and_what_comes_beside_it_is_ignored(pusher: Site) -> None:
    browser = pusher.browser()
    page = browser.follow(
        bring(browser, pushed(pusher), scope="admin", state="forged", redirect_uri="https://evil.test")
    )
    told = answer(browser.follow(browser.submit(page, login="liwei", password=PASSWORD)))
    assert (told["state"], told["iss"]) == ("s-1", pusher.issuer)
    data = {"grant_type": "authorization_code", "code": told["code"], "redirect_uri": REDIRECT}
    redeemed = pusher.token({**data, "code_verifier": Pkce().verifier, **assertion(pusher, "pusher", KEY)})
    assert redeemed.json()["scope"] == "openid hub:orders"


def test_a_request_uri_is_good_once_for_its_client_and_its_minute(pusher: Site) -> None:
    """par-attempt-reuse-request_uri, par-attempt-to-use-request_uri-for-different-client."""
    browser, uri = pusher.browser(), pushed(pusher)
    assert bring(browser, uri, client="other").status_code == 400
    assert "/login?" in bring(browser, uri).headers["location"]
    again = bring(browser, uri)
    assert (again.status_code, "location" in again.headers) == (400, False)
    late = pushed(pusher)
    pusher.clock.advance(timedelta(seconds=60))
    assert bring(browser, late).status_code == 400
    assert bring(browser, uri[:-1] + "x").status_code == 400


def test_eight_browsers_with_one_request_uri(pusher: Site) -> None:
    uri = pushed(pusher)

    def race(_: int) -> int:
        return httpx.get(
            f"{pusher.issuer}/authorize", params={"client_id": "pusher", "request_uri": uri}, trust_env=False
        ).status_code

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(race, range(8))) == [303] + [400] * 7


def test_a_client_that_must_push_is_not_heard_otherwise(pusher: Site) -> None:
    browser = pusher.browser()
    plain = browser.authorize("pusher", redirect_uri=REDIRECT)
    assert answer(plain)["error"] == "invalid_request"
    assert answer(browser.authorize("other", redirect_uri=REDIRECT, request_uri="https://evil.test"))["error"] == (
        "request_uri_not_supported"
    )


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"redirect_uri": "https://pusher.interlock.test/callback/"}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"scope": "admin"}, "invalid_scope"),
    ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "request_uri_not_supported"),
    ({"request": "e30.e30."}, "request_not_supported"),
    ({"resource": "https://elsewhere.test"}, "invalid_target"),
    ({"prompt": "none login"}, "invalid_request"),
]


def test_a_pushed_request_is_checked_as_authorize_would(pusher: Site) -> None:
    told = [(change, push(pusher, **change).json()["error"]) for change, _ in WRONG]
    assert told == WRONG
    nobody = httpx.post(f"{pusher.issuer}/par", data={**GOOD, "client_id": "pusher"}, trust_env=False)
    assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")
    twice = httpx.post(
        f"{pusher.issuer}/par",
        content="scope=openid&scope=admin",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        trust_env=False,
    )
    assert twice.json()["error"] == "invalid_request"


def test_a_proof_that_came_with_the_push_binds_the_code(pusher: Site) -> None:
    sent = push(pusher, proven=proof(pusher, KEY, "/par")).json()["request_uri"]
    browser = pusher.browser()
    page = browser.follow(bring(browser, sent))
    code = answer(browser.follow(browser.submit(page, login="liwei", password=PASSWORD)))["code"]
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    unproven = pusher.token({**data, "code_verifier": Pkce().verifier, **assertion(pusher, "pusher", KEY)})
    assert unproven.json()["error"] == "invalid_dpop_proof"


def test_nothing_of_a_pushed_request_is_stored_in_clear(pusher: Site) -> None:
    uri = pushed(pusher, login_hint="+8619900000001")
    stored = str(pusher.one("SELECT p::text FROM sso.pushed_request p"))
    assert "+8619900000001" not in stored
    assert uri.rpartition(":")[2] not in stored
