"""One logout ends every channel: RP-initiated logout, and logout tokens that reach the clients whatever happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
from joserfc import jws

from sso import admin
from sso.issuing import LOGOUT_EVENT
from sso.logout import Drained
from tests.sso.harness import PASSWORD, STAFF_PASSWORD, Browser, Site, answer


def two_clients(site: Site) -> tuple[Browser, dict[str, str], dict[str, str]]:
    """Somebody logged in at web, then at app without typing."""
    browser = site.browser()
    web = browser.tokens("web")
    app = browser.redeem("app", answer(browser.authorize("app"))["code"]).json()
    return browser, web, app


def test_one_logout_ends_both_clients_and_tells_both(site: Site) -> None:
    browser, web, app = two_clients(site)
    out = browser.get(
        "/logout",
        id_token_hint=web["id_token"],
        post_logout_redirect_uri="https://web.interlock.test/bye",
        state="s-9",
    )
    assert out.status_code == 303
    assert out.headers["location"] == "https://web.interlock.test/bye?state=s-9"
    assert "sso_session" not in browser.http.cookies
    assert browser.refresh("web", web["refresh_token"]).json()["error"] == "invalid_grant"
    assert browser.refresh("app", app["refresh_token"]).json()["error"] == "invalid_grant"
    assert answer(browser.authorize("app", prompt="none"))["error"] == "login_required"

    assert site.deliver_logouts() == Drained(delivered=2, waiting=0, given_up=0)
    for name in ("web", "app"):
        (token,) = site.receivers[name].tokens
        assert jws.extract_compact(token.encode()).headers()["typ"] == "logout+jwt"
        claims = site.claims(token)
        before = site.claims({"web": web, "app": app}[name]["id_token"])
        assert (claims["iss"], claims["aud"], claims["sub"], claims["sid"]) == (
            site.issuer,
            name,
            before["sub"],
            before["sid"],
        )
        assert claims["events"] == {LOGOUT_EVENT: {}}
        assert "nonce" not in claims
        assert claims["exp"] - claims["iat"] == 120
    assert site.deliver_logouts() == Drained(0, 0, 0)


def test_a_client_that_is_down_is_told_later_with_growing_pauses(site: Site) -> None:
    browser, web, _ = two_clients(site)
    browser.get("/logout", id_token_hint=web["id_token"])
    site.receivers["app"].answers = [500, 503]
    assert site.deliver_logouts() == Drained(delivered=1, waiting=1, given_up=0)
    assert site.deliver_logouts() == Drained(0, 0, 0)
    site.clock.advance(timedelta(seconds=5))
    assert site.deliver_logouts() == Drained(0, 1, 0)
    site.clock.advance(timedelta(seconds=5))
    assert site.deliver_logouts() == Drained(0, 0, 0)
    site.clock.advance(timedelta(seconds=5))
    assert site.deliver_logouts() == Drained(1, 0, 0)
    jtis = {site.claims(token)["jti"] for token in site.receivers["app"].tokens}
    assert len(site.receivers["app"].tokens) == 3
    assert len(jtis) == 1
    assert site.one("SELECT attempts FROM sso.logout_delivery WHERE client_id = 'app'") == 3


def test_a_client_that_never_answers_is_given_up_and_stays_visible(site: Site) -> None:
    browser, web, _ = two_clients(site)
    browser.get("/logout", id_token_hint=web["id_token"])

    def nobody(uri: str, token: str) -> int:
        raise httpx.ConnectError("nobody")

    given_up = 0
    for _ in range(site.provider.options.logout_attempts_max):
        given_up += site.deliver_logouts(nobody).given_up
        site.clock.advance(timedelta(hours=1))
    assert given_up == 2
    assert site.deliver_logouts() == Drained(0, 0, 0)
    assert site.one("SELECT last_error FROM sso.logout_delivery WHERE state = 'given_up'") == "ConnectError"


def test_a_process_that_dies_while_sending_loses_nothing(site: Site) -> None:
    browser, web, _ = two_clients(site)
    browser.get("/logout", id_token_hint=web["id_token"])

    def die(uri: str, token: str) -> int:
        raise KeyboardInterrupt

    for _ in range(2):
        try:
            site.deliver_logouts(die)
        except KeyboardInterrupt:
            continue
    assert site.one("SELECT count(*) FROM sso.logout_delivery WHERE state = 'waiting'") == 2
    site.clock.advance(site.provider.options.logout_lease)
    assert site.deliver_logouts() == Drained(2, 0, 0)


def test_many_workers_send_each_token_once(site: Site) -> None:
    browser, web, _ = two_clients(site)
    browser.get("/logout", id_token_hint=web["id_token"])
    with ThreadPoolExecutor(4) as threads:
        drained = list(threads.map(lambda _: site.deliver_logouts(), range(4)))
    assert sum(each.delivered for each in drained) == 2
    assert [len(site.receivers[name].tokens) for name in ("web", "app")] == [1, 1]


def test_an_unregistered_post_logout_uri_stops_everything(site: Site) -> None:
    browser, web, _ = two_clients(site)
    for uri in ("https://evil.test/", "https://web.interlock.test/bye/", "https://app.interlock.test/bye"):
        refused = browser.get("/logout", id_token_hint=web["id_token"], post_logout_redirect_uri=uri)
        assert refused.status_code == 400
        assert "location" not in refused.headers
    assert answer(browser.authorize("app", prompt="none"))["code"]


def test_a_modified_or_foreign_hint_stops_everything(site: Site) -> None:
    browser, web, _ = two_clients(site)
    broken = web["id_token"][:-6] + "AAAAAA"
    assert browser.get("/logout", id_token_hint=broken).status_code == 400
    assert browser.get("/logout", id_token_hint=web["access_token"]).status_code == 400
    assert browser.get("/logout", id_token_hint=web["id_token"], client_id="app").status_code == 400
    assert answer(browser.authorize("app", prompt="none"))["code"]


def test_without_a_hint_the_person_is_asked_and_only_their_own_session_ends(site: Site) -> None:
    browser, _, _ = two_clients(site)
    page = browser.get("/logout", client_id="web", post_logout_redirect_uri="https://web.interlock.test/bye", state="s")
    assert page.status_code == 200
    assert answer(browser.authorize("app", prompt="none"))["code"]  # nothing has happened yet
    done = browser.submit(page)
    assert done.headers["location"] == "https://web.interlock.test/bye?state=s"
    assert answer(browser.authorize("app", prompt="none"))["error"] == "login_required"


def test_a_valid_hint_cannot_log_out_somebody_else(site: Site) -> None:
    _, web, _ = two_clients(site)
    colleague = site.browser()
    colleague.log_in("web", "operator", STAFF_PASSWORD)
    page = colleague.get("/logout", id_token_hint=web["id_token"])
    assert page.status_code == 200  # asked, because the hint is for another session
    colleague.submit(page)
    assert answer(colleague.authorize("web", prompt="none"))["error"] == "login_required"
    assert site.browser().refresh("web", web["refresh_token"]).status_code == 200


def test_logout_without_a_session_and_twice_is_calm(site: Site) -> None:
    browser, web, _ = two_clients(site)
    browser.get("/logout", id_token_hint=web["id_token"])
    again = browser.get("/logout", id_token_hint=web["id_token"])
    assert browser.follow(again).status_code == 200
    assert browser.follow(site.browser().get("/logout")).status_code == 200
    assert site.one("SELECT count(*) FROM sso.logout_delivery") == 2


def test_an_expired_id_token_still_logs_out(site: Site) -> None:
    browser, web, _ = two_clients(site)
    site.clock.advance(timedelta(hours=6))
    browser.get("/logout", id_token_hint=web["id_token"])
    assert browser.refresh("web", web["refresh_token"]).json()["error"] == "invalid_grant"


def test_everywhere_ends_every_browser_and_this_device_only_this_one(site: Site) -> None:
    here, there = site.browser(), site.browser()
    here.tokens("web")
    elsewhere = there.tokens("app")
    here.submit(here.get("/signed-in"))
    assert there.get("/signed-in").status_code == 200
    here.follow(here.submit(here.follow(here.get("/login")), login="liwei", password=PASSWORD))
    here.submit(here.get("/signed-in"), everywhere="yes")
    assert there.get("/signed-in").status_code == 303
    assert there.refresh("app", elsewhere["refresh_token"]).json()["error"] == "invalid_grant"


def test_another_person_at_the_same_browser_ends_the_first_ones_session(site: Site) -> None:
    browser, web, _ = two_clients(site)
    page = browser.follow(browser.authorize("web", prompt="login"))
    browser.follow(browser.submit(page, login="operator", password=STAFF_PASSWORD))
    assert browser.refresh("web", web["refresh_token"]).json()["error"] == "invalid_grant"
    assert site.deliver_logouts().delivered == 2


def test_a_session_ends_by_idleness_and_by_age(site: Site) -> None:
    browser = site.browser()
    browser.tokens("web")
    for _ in range(8):
        site.clock.advance(timedelta(hours=40))
        assert "code" in answer(browser.authorize("web", prompt="none"))
    site.clock.advance(timedelta(hours=40))
    assert answer(browser.authorize("web", prompt="none"))["error"] == "login_required"  # older than 14 days
    browser.tokens("web")
    site.clock.advance(timedelta(hours=49))
    assert answer(browser.authorize("web", prompt="none"))["error"] == "login_required"  # idle for 2 days


def test_a_new_password_ends_the_sessions_of_whoever_knew_the_old_one(site: Site) -> None:
    browser, web, _ = two_clients(site)
    assert len(admin.list_sessions(site.provider, "liwei")) == 1
    assert admin.set_password(site.provider, "liwei", "a-completely-new-one")
    assert admin.list_sessions(site.provider, "liwei") == []
    assert browser.refresh("web", web["refresh_token"]).json()["error"] == "invalid_grant"
    assert site.deliver_logouts().delivered == 2


def test_a_silent_address_is_tried_once_in_a_drain_and_holds_nobody_up(site: Site) -> None:
    browsers = [two_clients(site)[0] for _ in range(6)]
    for browser in browsers:
        browser.submit(browser.get("/signed-in"))
    tried: list[str] = []

    def half_dead(uri: str, token: str) -> int:
        tried.append(uri)
        if uri.endswith("/app"):
            raise httpx.ConnectTimeout("nobody")
        return 200

    assert site.deliver_logouts(half_dead) == Drained(delivered=6, waiting=6, given_up=0)
    assert [uri.rpartition("/")[2] for uri in tried].count("app") == 1
    assert site.one("SELECT sum(attempts) FROM sso.logout_delivery WHERE client_id = 'app'") == 1
    site.clock.advance(timedelta(seconds=5))
    assert site.deliver_logouts() == Drained(delivered=6, waiting=0, given_up=0)


def test_a_logout_posted_from_another_site_finds_the_session_all_the_same(site: Site) -> None:
    browser, _, _ = two_clients(site)
    asked = {"client_id": "web", "post_logout_redirect_uri": "https://web.interlock.test/bye", "state": "s"}
    stranger = site.browser()  # a SameSite=Lax cookie does not come along with such a post
    redirected = stranger.post("/logout", asked, Origin="https://web.interlock.test")
    assert redirected.status_code == 303
    page = browser.http.get(redirected.headers["location"])
    assert browser.submit(page).headers["location"] == "https://web.interlock.test/bye?state=s"
    long = stranger.post("/logout", {"logout_hint": "x" * 9_000})
    assert long.status_code == 413


def test_a_posted_logout_with_the_cookie_is_answered_at_once(site: Site) -> None:
    browser, web, _ = two_clients(site)
    out = browser.post("/logout", {"id_token_hint": web["id_token"]})
    assert "/signed-out?receipt=" in out.headers["location"]
    assert answer(browser.authorize("app", prompt="none"))["error"] == "login_required"


def test_parameters_given_twice_end_nothing(site: Site) -> None:
    browser, web, _ = two_clients(site)
    twice = browser.http.get(f"{site.issuer}/logout?state=a&state=b&id_token_hint={web['id_token']}")
    assert twice.status_code == 400
    assert answer(browser.authorize("app", prompt="none"))["code"]


def test_a_client_without_an_address_is_shown_and_not_waited_for(site: Site) -> None:
    browser, _, _ = two_clients(site)
    with site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.client SET backchannel_logout_uri = NULL WHERE client_id = 'app'")
    out = browser.submit(browser.get("/signed-in"))
    assert site.deliver_logouts() == Drained(1, 0, 0)
    page = browser.follow(out)
    assert "It takes no notice" in page.text
    assert "Nobody is left to be told" in page.text


def test_what_was_given_up_can_be_told_again(site: Site) -> None:
    browser, _, _ = two_clients(site)
    browser.submit(browser.get("/signed-in"))
    site.receivers["app"].answers = [500] * 40
    while due := site.one("SELECT min(next_attempt_at) FROM sso.logout_delivery WHERE state = 'waiting'"):
        site.clock.advance(max(timedelta(0), due - site.clock()))
        site.deliver_logouts()
    (lost,) = admin.undelivered_logouts(site.provider)
    assert (lost.client_id, lost.state, lost.last_status) == ("app", "given_up", 500)
    site.receivers["app"].answers = []
    assert admin.retry_logouts(site.provider, ["web"]) == 0
    assert admin.retry_logouts(site.provider, ["app"]) == 1
    assert site.deliver_logouts() == Drained(1, 0, 0)
    assert admin.undelivered_logouts(site.provider) == []
