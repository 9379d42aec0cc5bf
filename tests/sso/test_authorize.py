"""The authorization endpoint: what it refuses, whom it asks to log in, and what it never does."""

from __future__ import annotations

from datetime import timedelta

from sso.admin import Registration, register_client
from tests.sso.harness import PASSWORD, SECRETS, STAFF_PASSWORD, Pkce, Site, answer

UNREGISTERED = [
    "https://web.interlock.test/callback/",
    "https://web.interlock.test/Callback",
    "https://web.interlock.test/callback?x=1",
    "https://web.interlock.test/callback#f",
    "https://web.interlock.test/%63allback",
    "https://web.interlock.test/./callback",
    "https://web.interlock.test/x%2e%2e/callback",
    "https://user@web.interlock.test/callback",
    "https://web.interlock.test:443/callback",
    "https://web.interlock.test.evil.test/callback",
    "http://web.interlock.test/callback",
    'https://web.interlock.test/"<é>',
    "javascript:alert(1)",
    None,
]


def test_a_redirect_uri_that_is_not_exactly_registered_is_never_followed(site: Site) -> None:
    browser = site.browser()
    answers = {uri: browser.authorize("web", redirect_uri=uri) for uri in UNREGISTERED}
    assert {uri: each.status_code for uri, each in answers.items()} == dict.fromkeys(UNREGISTERED, 400)
    assert not any("location" in each.headers for each in answers.values())
    assert all("invalid_request" in each.text for each in answers.values())


def test_an_unknown_client_is_told_to_the_person_only(site: Site) -> None:
    refused = site.browser().authorize("nobody", redirect_uri="https://web.interlock.test/callback")
    assert refused.status_code == 400
    assert "location" not in refused.headers


def test_a_repeated_parameter_is_refused(site: Site) -> None:
    good = site.browser().authorize("web").request.url
    twice_uri = site.browser().get(f"{good}&redirect_uri=https%3A%2F%2Fevil.test%2F")
    assert twice_uri.status_code == 400
    assert "location" not in twice_uri.headers
    assert answer(site.browser().get(f"{good}&scope=openid"))["error"] == "invalid_request"


def test_a_loopback_redirect_of_a_native_app_may_use_any_port(site: Site) -> None:
    register_client(
        site.provider,
        Registration("native", "本机应用", "Native", ["openid"], redirect_uris=["http://127.0.0.1/callback"]),
    )
    browser = site.browser()
    assert "/login?" in browser.authorize("native", redirect_uri="http://127.0.0.1:51004/callback").headers["location"]
    for uri in ("http://127.0.0.1:51004/other", "http://127.0.0.1:x/callback", "http://127.0.0.1.evil.test/callback"):
        assert browser.authorize("native", redirect_uri=uri).status_code == 400


TOLD: list[tuple[str, str, str]] = [
    ("unsupported_response_type", "response_type", "code id_token"),
    ("invalid_request", "code_challenge", "too-short"),
    ("invalid_request", "code_challenge", "=" * 43),
    ("invalid_request", "prompt", "none login"),
    ("invalid_request", "prompt", "dance"),
    ("invalid_request", "max_age", "-1"),
    ("invalid_request", "max_age", "soon"),
    ("invalid_request", "id_token_hint", "not.a.token"),
    ("invalid_request", "claims", "{"),
    ("invalid_request", "claims", "[]"),
    ("invalid_target", "resource", "https://elsewhere.test"),
    ("request_not_supported", "request", "e30.e30."),
    ("request_uri_not_supported", "request_uri", "https://web.interlock.test/r"),
    ("invalid_scope", "scope", "hub:messages"),
    ("login_required", "prompt", "none"),
    ("invalid_request", "state", "x" * 3000),
]


def test_the_client_is_told_what_was_wrong(site: Site) -> None:
    browser = site.browser()
    told = [(answer(browser.authorize("web", **{name: value}))["error"], name, value) for _, name, value in TOLD]
    assert told == TOLD


def test_an_unknown_parameter_and_a_missing_nonce_do_no_harm(site: Site) -> None:
    tokens = site.browser().tokens("web", nonce=None, extra="foobar", display="popup")
    assert "nonce" not in site.claims(tokens["id_token"])


def test_a_second_client_gets_its_code_without_anything_typed(site: Site) -> None:
    browser = site.browser()
    first = browser.tokens("web")
    silent = browser.authorize("app")
    second = browser.redeem("app", answer(silent)["code"]).json()
    one, two = site.claims(first["id_token"]), site.claims(second["id_token"])
    assert one["sid"] == two["sid"]
    assert one["sub"] == two["sub"]
    assert (one["aud"], two["aud"]) == ("web", "app")
    assert answer(browser.authorize("app", prompt="none"))["code"]


def test_prompt_login_asks_again_and_cannot_be_walked_around(site: Site) -> None:
    browser = site.browser()
    before = site.claims(browser.tokens("web")["id_token"])
    site.clock.advance(timedelta(minutes=5))
    redirect = browser.authorize("web", prompt="login")
    handle = redirect.headers["location"].partition("i=")[2]
    # Going straight to where the login would lead, with the old session, leads back to the login.
    assert "/login?" in browser.get("/authorize/resume", i=handle).headers["location"]
    page = browser.follow(redirect)
    code = answer(browser.follow(browser.submit(page, login="liwei", password=PASSWORD)))["code"]
    after = site.claims(browser.redeem("web", code).json()["id_token"])
    assert after["auth_time"] == before["auth_time"] + 300
    assert after["sid"] == before["sid"]


def test_an_interaction_is_answered_once(site: Site) -> None:
    browser = site.browser()
    redirect = browser.authorize("web")
    handle = redirect.headers["location"].partition("i=")[2]
    answer(browser.follow(browser.submit(browser.follow(redirect), login="liwei", password=PASSWORD)))
    assert browser.get("/authorize/resume", i=handle).status_code == 410
    assert browser.get("/login", i=handle).status_code == 410


def test_a_login_page_left_open_too_long_says_so(site: Site) -> None:
    browser = site.browser()
    page = browser.follow(browser.authorize("web"))
    site.clock.advance(timedelta(minutes=16))
    stale = browser.follow(browser.submit(page, login="liwei", password=PASSWORD))
    assert stale.status_code == 410
    assert "page_expired" in stale.text


def test_a_posted_request_works_like_a_get(site: Site) -> None:
    browser = site.browser()
    posted = browser.post(
        "/authorize",
        {
            "response_type": "code",
            "client_id": "web",
            "redirect_uri": "https://web.interlock.test/callback",
            "scope": "openid",
            "code_challenge": Pkce().challenge,
            "code_challenge_method": "S256",
        },
    )
    assert posted.status_code == 303
    assert "/login?" in browser.http.get(posted.headers["location"]).headers["location"]


def test_staff_get_only_the_roles_they_hold(site: Site) -> None:
    browser = site.browser()
    code = browser.log_in("web", "finance", STAFF_PASSWORD, scope="openid operator finance auditor admin")
    claims = site.claims(browser.redeem("web", code).json()["access_token"])
    assert claims["scope"] == "openid finance auditor"
    assert claims["roles"] == ["finance", "auditor"]
    passenger = site.browser().tokens("web", scope="openid operator")
    assert passenger["scope"] == "openid"
    assert "roles" not in site.claims(passenger["access_token"])


def test_a_role_taken_away_is_gone_with_the_next_refresh(site: Site) -> None:
    browser = site.browser()
    tokens = browser.redeem("web", browser.log_in("web", "operator", STAFF_PASSWORD, scope="openid operator")).json()
    with site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.identity SET roles = '{}' WHERE login_name = 'operator'")
    assert browser.refresh("web", tokens["refresh_token"]).json()["scope"] == "openid"


def test_a_code_is_bound_to_client_redirect_and_minute(site: Site) -> None:
    browser = site.browser()
    code = browser.log_in("web")
    other = browser.redeem("app", code, redirect_uri="https://web.interlock.test/callback")
    assert other.json()["error"] == "invalid_grant"
    elsewhere = browser.redeem(
        "web", answer(browser.authorize("web"))["code"], redirect_uri="https://web.interlock.test/"
    )
    assert elsewhere.json()["error"] == "invalid_grant"
    late = answer(browser.authorize("web"))["code"]
    site.clock.advance(timedelta(seconds=61))
    assert browser.redeem("web", late).json()["error"] == "invalid_grant"


def test_a_channel_system_cannot_log_people_in(site: Site) -> None:
    refused = site.browser().authorize("channel-web", redirect_uri="https://web.interlock.test/callback")
    assert refused.status_code == 400
    code = site.browser().log_in("web")
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://web.interlock.test/callback"}
    assert site.token(data, ("channel-web", SECRETS["web"])).json()["error"] == "unauthorized_client"
