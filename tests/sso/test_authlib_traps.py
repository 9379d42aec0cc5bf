"""One test for each trap proven in Authlib 1.9.9. Each fails if our server does what Authlib does by default."""

from __future__ import annotations

import io
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from sso.keys import rotate
from tests.sso.asking import approve_device, at_window, signed_in
from tests.sso.harness import HUB, PASSWORD, PHONE, SECRETS, Pkce, Site, answer

CREDENTIALS = ("channel-web", SECRETS["web"])


def test_trap_01_tokens_do_not_live_for_ten_days(site: Site) -> None:
    tokens = site.browser().tokens("web")
    claims = site.claims(tokens["access_token"])
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 300
    machine = site.token({"grant_type": "client_credentials"}, CREDENTIALS).json()
    assert machine["expires_in"] == 300


@pytest.mark.parametrize("method", [None, "plain", "s256"])
def test_trap_02_a_challenge_without_s256_is_refused_at_authorize(site: Site, method: str | None) -> None:
    refused = answer(site.browser().authorize("web", code_challenge_method=method))
    assert refused["error"] == "invalid_request"
    assert "code" not in refused


def test_trap_02_the_verifier_is_never_compared_in_plain(site: Site) -> None:
    browser = site.browser()
    code = browser.log_in("web")
    assert browser.redeem("web", code, code_verifier=Pkce().challenge).json()["error"] == "invalid_grant"


def test_trap_03_pkce_is_required_at_authorize_and_for_confidential_clients(site: Site) -> None:
    from sso.admin import Registration, register_client

    secret = "a-secret-of-a-confidential-client-0123456789"
    register_client(
        site.provider,
        Registration(
            "portal", "门户", "Portal", ["openid"], secret, redirect_uris=["https://portal.interlock.test/callback"]
        ),
    )
    browser = site.browser()
    refused = answer(browser.authorize("portal", scope="openid", code_challenge=None, code_challenge_method=None))
    assert refused["error"] == "invalid_request"
    code = browser.log_in("portal", scope="openid")
    without_verifier = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://portal.interlock.test/callback",
    }
    assert site.token(without_verifier, ("portal", secret)).json()["error"] == "invalid_request"


def test_trap_04_a_code_posted_eight_times_at_once_is_redeemed_once(site: Site) -> None:
    browser = site.browser()
    code = browser.log_in("web")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: browser.redeem("web", code), range(8)))
    good = [each for each in answers if each.status_code == 200]
    assert len(good) == 1
    assert {each.json()["error"] for each in answers if each not in good} == {"invalid_grant"}
    # The other seven were replays, so the family that the one had started is gone.
    assert browser.refresh("web", good[0].json()["refresh_token"]).json()["error"] == "invalid_grant"
    assert site.one("SELECT count(*) FROM sso.token_grant") == 1
    assert site.one("SELECT revoke_reason FROM sso.token_grant") == "code_replayed"


def test_trap_04_a_code_is_spent_even_when_its_redemption_fails(site: Site) -> None:
    browser = site.browser()
    code = browser.log_in("web")
    wrong = "another-verifier-that-is-long-enough-for-rfc-7636"
    assert browser.redeem("web", code, code_verifier=wrong).json()["error"] == "invalid_grant"
    assert browser.redeem("web", code).json()["error"] == "invalid_grant"


def test_trap_05_a_refresh_token_used_twice_revokes_its_family(site: Site) -> None:
    browser = site.browser()
    first = browser.tokens("web")
    second = browser.refresh("web", first["refresh_token"]).json()
    site.clock.advance(site.provider.options.refresh_grace)
    assert browser.refresh("web", first["refresh_token"]).json()["error"] == "invalid_grant"
    assert browser.refresh("web", second["refresh_token"]).json()["error"] == "invalid_grant"
    assert site.one("SELECT revoke_reason FROM sso.token_grant") == "refresh_token_reused"


def test_trap_05_a_refresh_token_posted_eight_times_at_once_never_branches(site: Site) -> None:
    browser = site.browser()
    first = browser.tokens("web")
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: browser.refresh("web", first["refresh_token"]), range(8)))
    good = [each.json() for each in answers if each.status_code == 200]
    assert len(good) == 3  # the first use and two within its grace; the fourth ends the family
    assert len({each["refresh_token"] for each in good}) == 1
    assert site.one("SELECT count(*) FROM sso.refresh_token WHERE generation = 1") == 1
    assert site.one("SELECT revoke_reason FROM sso.token_grant") == "refresh_token_reused"


def test_trap_06_auth_time_acr_amr_and_sid_survive_a_refresh(site: Site) -> None:
    browser = site.browser()
    first = browser.tokens("web")
    before = site.claims(first["id_token"])
    site.clock.advance(timedelta(hours=3))
    second = browser.refresh("web", first["refresh_token"]).json()
    after = site.claims(second["id_token"])
    kept = ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["iat"] == before["iat"] + 3 * 3600
    assert "nonce" in before
    assert "nonce" not in after
    access = site.claims(second["access_token"])
    assert (access["auth_time"], access["sid"]) == (before["auth_time"], before["sid"])


def test_trap_07_a_device_code_is_spent_by_its_tokens_and_every_poll_gets_its_own_error(site: Site) -> None:
    window, phone = at_window(site), signed_in(site)
    asked = window.device()
    assert window.error(asked) == "authorization_pending"
    assert window.poll_now(asked).json()["error"] == "slow_down"
    approve_device(phone, asked["user_code"])
    window.tokens(asked)
    assert window.error(asked) == "invalid_grant"


def test_trap_08_access_tokens_follow_rfc_9068(site: Site) -> None:
    from joserfc import jws

    token = site.token({"grant_type": "client_credentials"}, CREDENTIALS).json()["access_token"]
    header = jws.extract_compact(token.encode()).headers()
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "ES256"
    assert header["kid"] in {key["kid"] for key in site.provider.keys.jwks()["keys"]}
    claims = site.claims(token)
    assert claims["aud"] == [HUB]
    assert claims["sub"] == "client:channel-web"
    assert claims["client_id"] == "channel-web"


def test_trap_09_max_age_is_honoured(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    site.clock.advance(timedelta(seconds=30))
    assert "code" in answer(browser.authorize("app", max_age="10000"))
    assert "/login?" in browser.authorize("app", max_age="1").headers["location"]
    assert answer(browser.authorize("app", max_age="1", prompt="none"))["error"] == "login_required"


def test_trap_09_response_mode_form_post_is_honoured(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    page = browser.authorize("app", response_mode="form_post")
    assert page.status_code == 200
    assert 'action="https://app.interlock.test/callback"' in page.text
    assert 'name="code"' in page.text
    assert 'name="iss"' in page.text
    assert answer(browser.authorize("app", response_mode="fragment"))["error"] == "invalid_request"


def test_trap_09_id_token_hint_of_somebody_else_asks_for_a_login(site: Site) -> None:
    mine = site.browser().tokens("web")
    colleague = site.browser()
    colleague.log_in("web", "operator", "the-books-must-balance")
    again = colleague.authorize("web", id_token_hint=mine["id_token"])
    assert "/login?" in again.headers["location"]
    silent = answer(colleague.authorize("web", id_token_hint=mine["id_token"], prompt="none"))
    assert silent["error"] == "login_required"


def test_trap_09_login_hint_ui_locales_and_claims_are_honoured(site: Site) -> None:
    browser = site.browser()
    page = browser.follow(browser.authorize("web", login_hint="liwei", ui_locales="zh-CN", acr_values="whatever"))
    assert 'value="liwei"' in page.text
    assert '<html lang="zh-CN">' in page.text
    wanted = '{"id_token": {"name": null}, "userinfo": {"phone_number": {"essential": true}}}'
    tokens = site.browser().tokens("web", scope="openid", claims=wanted)
    assert site.claims(tokens["id_token"])["name"] == "李未"
    person = httpx.get(
        f"{site.issuer}/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"}, trust_env=False
    )
    assert person.json()["phone_number"] == PHONE
    assert "name" not in person.json()


@pytest.mark.parametrize(
    "change",
    [
        {"response_type": None},
        {"response_type": "token"},
        {"prompt": "none"},
        {"scope": "nothing-we-know"},
        {"code_challenge": None},
        {"request": "e30.e30."},
    ],
)
def test_trap_10_every_error_redirect_is_a_303_with_iss_and_state(site: Site, change: dict[str, str | None]) -> None:
    response = site.browser().authorize("web", **change)
    assert response.status_code == 303
    refused = answer(response)
    assert refused["error"]
    assert refused["iss"] == site.issuer
    assert refused["state"] == "state-of-web"


def test_trap_11_no_secret_reaches_a_log_even_at_debug(site: Site) -> None:
    stream = io.StringIO()
    handler, root = logging.StreamHandler(stream), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        browser = site.browser()
        code = browser.log_in("web")
        tokens = browser.redeem("web", code).json()
        refreshed = browser.refresh("web", tokens["refresh_token"]).json()
        browser.redeem("web", code)
        machine = site.token({"grant_type": "client_credentials"}, CREDENTIALS).json()
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
    # The client's own connection log prints request lines; it is the test's, not the server's.
    lines = [line for line in stream.getvalue().splitlines() if "/authorize" not in line and "location" not in line]
    logged = "\n".join(lines)
    secrets = [code, PASSWORD, SECRETS["web"], machine["access_token"]]
    secrets += [body[name] for body in (tokens, refreshed) for name in ("access_token", "id_token", "refresh_token")]
    assert [secret for secret in secrets if secret in logged] == []


def test_trap_12_userinfo_answers_without_flask_or_django(site: Site) -> None:
    tokens = site.browser().tokens("web", scope="openid profile phone")
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    expected = {
        "sub": site.claims(tokens["id_token"])["sub"],
        "name": "李未",
        "preferred_username": "liwei",
        "locale": "zh-CN",
        "updated_at": int(site.clock().timestamp()),
        "phone_number": PHONE,
        "phone_number_verified": True,
    }
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{site.issuer}/userinfo", headers=bearer).json() == expected
        assert client.post(f"{site.issuer}/userinfo", headers=bearer).json() == expected
        in_form = client.post(f"{site.issuer}/userinfo", data={"access_token": tokens["access_token"]})
        assert in_form.json() == expected
        nothing = client.get(f"{site.issuer}/userinfo")
        assert (nothing.status_code, nothing.headers["www-authenticate"]) == (401, "Bearer")
        in_query = client.get(f"{site.issuer}/userinfo", params={"access_token": tokens["access_token"]})
        assert in_query.status_code == 401


def test_trap_13_forged_host_and_forwarded_headers_change_no_url(site: Site) -> None:
    forged = {
        "Host": "evil.test",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.test;proto=https",
    }
    browser = site.browser(**forged)
    document = browser.get("/.well-known/openid-configuration")
    assert document.json()["issuer"] == site.issuer
    assert "evil" not in document.text
    redirect = browser.authorize("web").headers["location"]
    assert redirect.startswith(f"{site.issuer}/login?i=")
    assert "evil" not in browser.http.get(redirect).text
    assert site.claims(browser.tokens("web")["id_token"])["iss"] == site.issuer


def test_trap_14_nothing_that_opens_a_door_is_stored_in_clear(site: Site) -> None:
    browser = site.browser()
    code = browser.log_in("web")
    tokens = browser.redeem("web", code).json()
    browser.submit(browser.get("/login", method="code"), phone=PHONE)
    site.browser().authorize("web", login_hint=PHONE)
    with site.provider.pool.connection() as connection:
        rotate(connection, "ES256", site.provider.cipher, site.clock(), site.provider.options)
    cookie = browser.http.cookies["sso_session"]
    stored = "\n".join(everything_stored(site))
    doors = [code, tokens["refresh_token"], tokens["access_token"], cookie, PASSWORD, *SECRETS.values(), PHONE]
    doors += [PHONE.removeprefix("+86"), '"d":']
    assert [door for door in doors if door in stored] == []
    assert site.gateway.last_code not in {
        word for word in site.one("SELECT string_agg(code_digest, ' ') FROM sso.phone_challenge").split()
    }
    assert site.one("SELECT password_hash FROM sso.identity WHERE login_name = 'liwei'").startswith("$argon2id$")


def everything_stored(site: Site) -> list[str]:
    """Every row of every table of ours, as text (bytes as they are, not in hexadecimal only)."""
    with site.provider.pool.connection() as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'sso'").fetchall()
        lines = []
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM sso."{table}"'):
                lines += [repr(bytes(value)) if isinstance(value, bytes) else str(value) for value in row]
    assert len(lines) > 100
    return lines
