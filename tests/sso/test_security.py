"""What people change about how they are recognised, and the second step."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pyotp
import pytest

from sso.pages.words import say
from sso.people import notices
from tests.sso.harness import PASSWORD, PHONE, Browser, Site, answer, first_form

HERE = "/account/security"
NEW_PHONE = "+8619900000088"
MULTI = "urn:interlock:acr:multi-factor"


def signed_in(site: Site, login: str = "liwei", password: str = PASSWORD) -> Browser:
    browser = site.browser()
    assert browser.submit(browser.get("/login"), login=login, password=password).status_code == 303
    return browser


def act(browser: Browser, path: str, **typed: str) -> httpx.Response:
    """Send one of the page's forms."""
    token = first_form(browser.get(HERE).text)[1]["form_token"]
    return browser.post(f"{HERE}/{path}", {"form_token": token, **typed})


def secret_on(page: httpx.Response) -> pyotp.TOTP:
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)
    assert found, page.text
    return pyotp.TOTP(found[1].replace(" ", ""))


def with_app(site: Site) -> tuple[Browser, pyotp.TOTP]:
    """The passenger, with an authenticator app whose first code is used."""
    browser = signed_in(site)
    page = act(browser, "app")
    app = secret_on(page)
    assert browser.submit(page, code=app.at(site.clock())).status_code == 303
    return browser, app


def step_up(browser: Browser, client_id: str = "web", **more: str) -> httpx.Response:
    return browser.follow(browser.authorize(client_id, acr_values=MULTI, **more))


# --- password and phone --------------------------------------------------------------------------------------------


def test_a_new_password_ends_the_other_sessions_and_is_told(site: Site) -> None:
    elsewhere, here = signed_in(site), signed_in(site)
    assert act(here, "password", password="a-much-better-one").status_code == 303
    assert elsewhere.get(HERE).status_code == 303
    shown = here.get(HERE)
    assert shown.status_code == 200
    assert "Your password was changed" in shown.text
    assert signed_in(site, password="a-much-better-one")


def test_a_short_password_changes_nothing(site: Site) -> None:
    browser = signed_in(site)
    assert act(browser, "password", password="short").status_code == 400
    assert signed_in(site)


def test_nothing_changes_without_a_fresh_login(site: Site) -> None:
    browser = signed_in(site)
    site.clock.advance(timedelta(minutes=6))
    for path in ("password", "password/remove", "app", "recovery-codes", "passkey/remove", "phone"):
        assert "/login" in act(browser, path, password="a-much-better-one", phone=NEW_PHONE).headers["location"], path
    assert site.gateway.sent == []
    assert signed_in(site)


def change_phone(site: Site, browser: Browser, phone: str = NEW_PHONE) -> httpx.Response:
    return browser.submit(browser.get(f"{HERE}/phone"), phone=phone)


def test_a_number_counts_when_its_holder_has_read_the_code_and_the_old_one_is_told(site: Site) -> None:
    browser, elsewhere = signed_in(site), signed_in(site)
    page = change_phone(site, browser)
    assert site.gateway.sent[-1][0] == NEW_PHONE
    assert site.gateway.purposes[-1] == "change"
    wrong = "000000" if site.gateway.last_code != "000000" else "111111"
    assert browser.submit(page, code=wrong).status_code == 401
    assert signed_in(site, PHONE)
    assert browser.submit(page, code=site.gateway.last_code).status_code == 303
    assert elsewhere.get(HERE).status_code == 303
    assert signed_in(site, NEW_PHONE)
    site.gateway.tell_due(site)
    assert [(phone, kind) for phone, kind, _ in site.gateway.told] == [(PHONE, "phone_changed")]


def test_somebody_elses_number_stays_theirs(site: Site) -> None:
    browser = signed_in(site, "operator", "the-books-must-balance")
    page = change_phone(site, browser, PHONE)
    assert browser.submit(page, code=site.gateway.last_code).status_code == 409
    assert signed_in(site, PHONE)


def test_the_code_of_one_person_changes_nobody_elses_number(site: Site) -> None:
    mine, theirs = signed_in(site), signed_in(site, "operator", "the-books-must-balance")
    change_phone(site, mine)
    token = first_form(theirs.get(HERE).text)[1]["form_token"]
    challenge = re.search(r'name="challenge" value="([^"]+)"', change_phone(site, mine).text)
    assert challenge is None  # too soon for a second code; the first page's is used below
    site.clock.advance(timedelta(seconds=61))
    page = change_phone(site, mine)
    found = re.search(r'name="challenge" value="([^"]+)"', page.text)
    assert found
    typed = {"form_token": token, "challenge": found[1], "code": site.gateway.last_code}
    assert theirs.post(f"{HERE}/phone/check", typed).status_code == 401
    assert site.one("SELECT count(*) FROM sso.identity WHERE phone_blind IS NOT NULL") == 1


# --- the app -------------------------------------------------------------------------------------------------------


def test_a_code_of_the_app_is_the_second_step_and_goes_to_the_client(site: Site) -> None:
    _, app = with_app(site)
    browser = signed_in(site)
    page = step_up(browser)
    assert "another kind" in page.text
    before = browser.http.cookies["sso_session"]
    site.clock.advance(timedelta(seconds=30))
    code = answer(browser.follow(browser.submit(page, proof=app.at(site.clock()))))["code"]
    claims = site.claims(browser.redeem("web", code).json()["id_token"])
    assert (claims["acr"], claims["amr"]) == (MULTI, ["pwd", "otp", "mfa"])
    assert claims["auth_time"] == int(site.clock().timestamp())
    assert browser.http.cookies["sso_session"] != before
    assert answer(browser.authorize("app", acr_values=MULTI))["code"]


def test_a_step_of_the_app_is_good_once_also_in_parallel(site: Site) -> None:
    _, app = with_app(site)
    site.clock.advance(timedelta(seconds=30))
    browsers = [signed_in(site) for _ in range(4)]
    pages = [step_up(browser) for browser in browsers]
    code = app.at(site.clock())
    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(lambda pair: pair[0].submit(pair[1], proof=code).status_code, zip(browsers, pages, strict=True))
        )
    assert sorted(answers) == [303, 401, 401, 401]


def test_the_code_that_confirmed_the_app_cannot_be_used_again(site: Site) -> None:
    _, app = with_app(site)
    browser = signed_in(site)
    assert browser.submit(step_up(browser), proof=app.at(site.clock())).status_code == 401


@pytest.mark.parametrize(("seconds", "status"), [(-90, 401), (-30, 303), (0, 303), (30, 303), (90, 401)])
def test_a_clock_may_be_off_by_one_step(site: Site, seconds: int, status: int) -> None:
    _, app = with_app(site)
    site.clock.advance(timedelta(minutes=2))
    browser = signed_in(site)
    code = app.at(site.clock() + timedelta(seconds=seconds))
    assert browser.submit(step_up(browser), proof=code).status_code == status


def test_five_wrong_codes_of_the_app_lock_it_in_every_browser(site: Site) -> None:
    _, app = with_app(site)
    site.clock.advance(timedelta(seconds=30))
    for _ in range(5):
        browser = signed_in(site)
        assert browser.submit(step_up(browser), proof="000000").status_code == 401
    browser = signed_in(site)
    assert browser.submit(step_up(browser), proof=app.at(site.clock())).status_code == 429


def test_an_app_that_was_not_confirmed_counts_for_nothing(site: Site) -> None:
    browser = signed_in(site)
    act(browser, "app")
    assert "Authenticator app" not in step_up(browser).text


def test_a_confirmed_app_is_not_replaced_by_another_form(site: Site) -> None:
    browser, _ = with_app(site)
    assert "<svg" not in act(browser, "app").text.split("<main")[1]


# --- other second steps --------------------------------------------------------------------------------------------


def test_a_code_by_message_is_a_second_step_after_a_password(site: Site) -> None:
    browser = signed_in(site)
    page = browser.submit(step_up(browser))
    assert site.gateway.purposes == ["step_up"]
    assert "+86 ••• 0001" in page.text
    assert PHONE not in page.text
    code = answer(browser.follow(browser.submit(page, code=site.gateway.last_code)))["code"]
    assert site.claims(browser.redeem("web", code).json()["id_token"])["acr"] == MULTI


def test_after_a_code_by_message_the_second_step_is_the_password(site: Site) -> None:
    browser = site.browser()
    page = browser.submit(browser.get("/login", method="code"), phone=PHONE)
    browser.submit(page, code=site.gateway.last_code)
    page = step_up(browser)
    assert browser.submit(page, proof="wrong").status_code == 401
    code = answer(browser.follow(browser.submit(page, proof=PASSWORD)))["code"]
    assert site.claims(browser.redeem("web", code).json()["id_token"])["amr"] == ["otp", "sms", "pwd", "mfa"]


def test_recovery_codes_work_once_each_and_new_ones_end_the_old(site: Site) -> None:
    browser, _ = with_app(site)
    codes = re.findall(r"<code>([0-9]{5}-[0-9]{5})</code>", act(browser, "recovery-codes").text)
    assert len(set(codes)) == 10

    def use(code: str) -> int:
        other = signed_in(site)
        other.get("/account")
        step_up(other)
        page = other.get(html.unescape(_link(step_up(other), "recovery_code")))
        return other.submit(page, proof=code).status_code

    assert [use(codes[0]), use(codes[0]), use(codes[1].replace("-", ""))] == [303, 401, 303]
    act(browser, "recovery-codes")
    assert use(codes[2]) == 401


def _link(page: httpx.Response, way: str) -> str:
    found = re.search(rf'href="([^"]*way={way})"', page.text)
    assert found, page.text
    return found[1]


def test_who_has_nothing_else_is_told_how_to_get_it_and_the_client_hears_why(site: Site) -> None:
    browser = signed_in(site, "operator", "the-books-must-balance")
    page = step_up(browser)
    assert "no second proof yet" in page.text
    refused = answer(browser.follow(browser.submit(page)))
    assert refused["error"] == "unmet_authentication_requirements"
    assert refused["iss"] == site.issuer


def test_an_old_login_is_proven_again_before_the_second_step(site: Site) -> None:
    with_app(site)
    browser = signed_in(site)
    site.clock.advance(timedelta(hours=13))
    page = step_up(browser)
    assert 'name="password"' in page.text
    assert "Confirm it is you" in browser.follow(browser.submit(page, login="liwei", password=PASSWORD)).text


def test_an_old_login_is_not_built_on_by_a_form_that_was_kept(site: Site) -> None:
    _, app = with_app(site)
    browser = signed_in(site)
    page = step_up(browser)
    site.clock.advance(timedelta(hours=13))
    sent = browser.submit(page, proof=app.at(site.clock()))
    assert "/login?" in sent.headers["location"]
    assert site.one("SELECT count(*) FROM sso.session WHERE acr = %s", MULTI) == 0


def test_two_proofs_of_one_kind_are_one_factor(site: Site) -> None:
    _, app = with_app(site)
    browser = site.browser()
    page = browser.submit(browser.get("/login", method="code"), phone=PHONE)
    browser.submit(page, code=site.gateway.last_code)
    site.clock.advance(timedelta(seconds=30))
    page = browser.get("/login/second")
    token = first_form(page.text)[1]["form_token"]
    again = browser.post("/login/second", {"form_token": token, "way": "totp", "proof": app.at(site.clock())})
    assert again.status_code == 200
    assert site.one("SELECT count(*) FROM sso.session WHERE acr = %s", MULTI) == 0


def test_a_session_of_two_factors_is_not_asked_again_and_a_new_login_begins_anew(site: Site) -> None:
    _, app = with_app(site)
    browser = signed_in(site)
    site.clock.advance(timedelta(seconds=30))
    browser.follow(browser.submit(step_up(browser), proof=app.at(site.clock())))
    assert answer(browser.authorize("web", acr_values=MULTI))["code"]
    browser.submit(browser.get("/login"), login="liwei", password=PASSWORD)
    assert "Confirm it is you" in step_up(browser).text


def test_nobody_else_can_finish_the_second_step(site: Site) -> None:
    _, app = with_app(site)
    other = signed_in(site, "operator", "the-books-must-balance")
    page = step_up(other)
    token = first_form(page.text)[1]["form_token"]
    site.clock.advance(timedelta(seconds=30))
    handle = first_form(page.text)[1]["i"]
    typed = {"form_token": token, "i": handle, "way": "totp", "proof": app.at(site.clock())}
    assert other.post("/login/second", typed).status_code == 200
    assert site.one("SELECT count(*) FROM sso.session WHERE acr = %s", MULTI) == 0
    assert site.browser().get("/login/second").status_code == 303


# --- notices -------------------------------------------------------------------------------------------------------


def test_a_message_is_sent_after_the_commit_once_and_again_when_the_gateway_was_down(site: Site) -> None:
    act(signed_in(site), "password", password="a-much-better-one")
    site.gateway.down = True
    assert site.gateway.tell_due(site) == {"sent": 0, "waiting": 1, "given_up": 0}
    site.gateway.down = False
    assert site.gateway.tell_due(site) == {"sent": 0, "waiting": 0, "given_up": 0}
    site.clock.advance(timedelta(minutes=2))
    assert site.gateway.tell_due(site) == {"sent": 1, "waiting": 0, "given_up": 0}
    assert site.gateway.tell_due(site) == {"sent": 0, "waiting": 0, "given_up": 0}
    assert "密码已更改" in site.gateway.told[0][2]
    assert site.one("SELECT phone_sealed FROM sso.notice") is None


def test_a_gateway_that_never_answers_is_given_up(site: Site) -> None:
    act(signed_in(site), "password", password="a-much-better-one")
    site.gateway.down = True
    for _ in range(notices.ATTEMPTS_MAX - 1):
        assert site.gateway.tell_due(site)["waiting"] == 1
        site.clock.advance(timedelta(hours=2))
    assert site.gateway.tell_due(site)["given_up"] == 1
    assert say("notice_password_changed", "en") in signed_in(site, password="a-much-better-one").get(HERE).text
