"""The pages: both languages, forms that only we can make, proofs that cannot be guessed, registration."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from sso.pages.words import GROUPS, WORDS, choose_locale
from tests.sso.harness import PASSWORD, PHONE, STAFF_PASSWORD, Browser, Site, answer, first_form

NEW_PHONE = "+8619900000077"


# --- language ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/login?method=code", "/register", "/signed-out"])
def test_each_page_speaks_both_languages_and_offers_the_other(site: Site, path: str) -> None:
    chinese = site.browser(**{"Accept-Language": "zh-CN,zh;q=0.9"}).get(path)
    english = site.browser(**{"Accept-Language": "en-GB"}).get(path)
    assert '<html lang="zh-CN">' in chinese.text
    assert re.search("[一-鿿]", chinese.text)
    assert '<html lang="en">' in english.text
    assert not re.search("[一-鿿]", english.text.replace("中文", ""))
    assert english.headers["content-language"] == "en"
    switch = re.search(r'href="([^"]*ui_locales=zh-CN)"', english.text)
    assert switch
    assert '<html lang="zh-CN">' in site.browser().http.get(switch[1].replace("&amp;", "&")).text


def test_a_sentence_has_one_name_and_one_home() -> None:
    assert len(WORDS) == sum(len(group.WORDS) for group in GROUPS)


def test_the_chosen_language_is_remembered(site: Site) -> None:
    browser = site.browser()
    browser.get("/login", ui_locales="zh-CN")
    assert '<html lang="zh-CN">' in browser.get("/register").text


def test_every_sentence_exists_in_both_languages_with_the_same_blanks() -> None:
    for key, (chinese, english) in WORDS.items():
        assert re.search("[一-鿿]", chinese), key
        assert not re.search("[一-鿿]", english), key
        assert set(re.findall(r"\{\w+\}", chinese)) == set(re.findall(r"\{\w+\}", english)), key


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "chosen"),
    [
        (None, None, None, "zh-CN"),
        ("en", "zh-CN", "zh", "en"),
        (None, "en", "zh", "en"),
        ("fr", None, "de, en;q=0.3, zh;q=0.7", "zh-CN"),
        (None, None, "en;q=0, zh", "zh-CN"),
        (None, None, "en;q=x", "zh-CN"),
    ],
)
def test_choosing_a_language(asked: str | None, remembered: str | None, accepted: str | None, chosen: str) -> None:
    assert choose_locale(asked, remembered, accepted, "zh-CN") == chosen


# --- what every page carries ---------------------------------------------------------------------------------------


def test_pages_cannot_be_framed_cached_or_scripted(site: Site) -> None:
    browser = site.browser()
    for page in (browser.follow(browser.authorize("web")), browser.get("/register"), browser.get("/authorize")):
        policy = page.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "script-src 'none'" in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in page.text
        assert "access-control-allow-origin" not in page.headers
        addresses = re.findall(r'(?:src|href|action)="([^"]+)"', page.text)
        assert all(address.startswith((site.issuer, "#")) for address in addresses)


def test_the_login_form_may_end_at_the_client_and_nowhere_else(site: Site) -> None:
    browser = site.browser()
    page = browser.follow(browser.authorize("web"))
    assert "form-action 'self' https://web.interlock.test;" in page.headers["content-security-policy"]
    assert "form-action 'self';" in browser.get("/login").headers["content-security-policy"]


def test_what_was_typed_is_escaped(site: Site) -> None:
    browser = site.browser()
    page = browser.submit(browser.get("/login"), login='"><script>alert(1)</script>', password="x")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_secure_cookies_are_host_bound(site: Site) -> None:
    from sso.options import SsoOptions
    from sso.pages.page import Pages
    from sso.ports import SystemMinter

    pages = Pages(SsoOptions("https://login.interlock.test/sso", "https://hub"), SystemMinter())
    response = pages.go("/signed-in")
    pages.set_cookie(response, "session", "secret")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Host-sso_session=secret;")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_the_static_files_are_served(site: Site) -> None:
    style = site.browser().get("/static/sso.css")
    assert style.status_code == 200
    assert style.headers["content-type"].startswith("text/css")
    assert "http" not in style.text
    assert site.browser().get("/static/submit.js").status_code == 200


# --- forms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/login",
        "/login/code",
        "/login/code/check",
        "/register",
        "/register/check",
        "/register/finish",
        "/logout/confirmed",
    ],
)
def test_a_form_that_is_not_ours_does_nothing(site: Site, path: str) -> None:
    browser = site.browser()
    browser.tokens("web")
    typed = {"login": "liwei", "password": PASSWORD, "phone": PHONE, "code": "000000"}
    token = first_form(browser.get("/login").text)[1]["form_token"]
    without_token = browser.post(path, typed)
    wrong_token = browser.post(path, {**typed, "form_token": "x" * 43})
    other_origin = browser.post(path, {**typed, "form_token": token}, Origin="https://evil.test")
    other_site = browser.post(path, {**typed, "form_token": token}, **{"Sec-Fetch-Site": "cross-site"})
    for refused in (without_token, wrong_token, other_origin, other_site):
        assert refused.status_code == 403
        assert "form_not_ours" in refused.text
        assert "set-cookie" not in refused.headers
    assert browser.get("/signed-in").status_code == 200
    assert site.gateway.sent == []


def test_the_form_token_of_another_browser_is_worth_nothing(site: Site) -> None:
    mine, theirs = site.browser(), site.browser()
    token = first_form(mine.get("/login").text)[1]["form_token"]
    theirs.get("/login")
    refused = theirs.post("/login", {"form_token": token, "login": "liwei", "password": PASSWORD})
    assert refused.status_code == 403


# --- password ------------------------------------------------------------------------------------------------------


def log_in(browser: Browser, login: str, password: str) -> httpx.Response:
    return browser.submit(browser.get("/login"), login=login, password=password)


def test_a_login_may_be_written_as_people_write_it(site: Site) -> None:
    for login in ("liwei", " LiWei ", PHONE, "199 0000 0001", "+86 199-0000-0001"):
        assert log_in(site.browser(), login, PASSWORD).status_code == 303, login


def test_a_cookie_from_before_a_login_is_worth_nothing_after_it(site: Site) -> None:
    def signed_in_with(cookie: str) -> bool:
        return site.browser(Cookie=f"sso_session={cookie}").get("/signed-in").status_code == 200

    browser = site.browser()
    log_in(browser, "liwei", PASSWORD)
    first = browser.http.cookies["sso_session"]
    assert signed_in_with(first)
    log_in(browser, "liwei", PASSWORD)
    second = browser.http.cookies["sso_session"]
    assert signed_in_with(second)
    assert not signed_in_with(first)
    assert not signed_in_with("planted-by-somebody")
    assert site.one("SELECT count(*) FROM sso.session") == 1


def test_wrong_password_and_unknown_login_look_the_same(site: Site) -> None:
    def shown(response: httpx.Response) -> str:
        return re.sub(r'value="[^"]*"', "", response.text)

    wrong, unknown = log_in(site.browser(), "liwei", "no"), log_in(site.browser(), "nobody", "no")
    assert (wrong.status_code, shown(wrong)) == (unknown.status_code, shown(unknown))
    assert wrong.status_code == 401


@pytest.mark.parametrize("login", ["liwei", "nobody"])
def test_five_wrong_passwords_lock_the_password_and_nothing_else(site: Site, login: str) -> None:
    for _ in range(5):
        assert log_in(site.browser(), login, "wrong").status_code == 401
    locked = log_in(site.browser(), login, PASSWORD)
    assert locked.status_code == 429
    assert "paused for 15 minutes" in locked.text
    assert log_in(site.browser(), "operator", STAFF_PASSWORD).status_code == 303
    site.clock.advance(timedelta(minutes=15))
    assert log_in(site.browser(), "liwei", PASSWORD).status_code == 303


def test_a_locked_person_is_locked_under_every_name_but_the_phone_code_still_works(site: Site) -> None:
    for _ in range(5):
        log_in(site.browser(), "liwei", "wrong")
    assert log_in(site.browser(), PHONE, PASSWORD).status_code == 429
    browser = site.browser()
    page = browser.submit(browser.get("/login", method="code"), phone=PHONE)
    assert browser.submit(page, code=site.gateway.last_code).status_code == 303


def test_parallel_guesses_do_not_slip_past_the_limit(site: Site) -> None:
    browsers = [site.browser() for _ in range(12)]
    pages = [browser.get("/login") for browser in browsers]
    with ThreadPoolExecutor(12) as threads:
        answers = list(
            threads.map(
                lambda pair: pair[0].submit(pair[1], login="liwei", password="wrong"), zip(browsers, pages, strict=True)
            )
        )
    assert sorted(each.status_code for each in answers) == [401] * 5 + [429] * 7


def test_a_right_password_forgets_the_wrong_ones(site: Site) -> None:
    for _ in range(3):
        for _ in range(4):
            log_in(site.browser(), "liwei", "wrong")
        assert log_in(site.browser(), "liwei", PASSWORD).status_code == 303


def test_a_password_hashed_at_an_older_cost_is_renewed_at_login(site: Site) -> None:
    from sso.options import Argon2Options
    from sso.people.passwords import Passwords

    older = Passwords(Argon2Options(memory_kib=16, passes=1, lanes=1)).hash(PASSWORD)
    with site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.identity SET password_hash = %s WHERE login_name = 'liwei'", (older,))
    assert log_in(site.browser(), "liwei", PASSWORD).status_code == 303
    assert "m=8," in site.one("SELECT password_hash FROM sso.identity WHERE login_name = 'liwei'")


# --- phone code ----------------------------------------------------------------------------------------------------


def ask_code(site: Site, phone: str = PHONE) -> tuple[Browser, httpx.Response]:
    browser = site.browser()
    return browser, browser.submit(browser.get("/login", method="code"), phone=phone)


def test_a_phone_code_logs_in_through_to_the_client(site: Site) -> None:
    browser = site.browser()
    page = browser.follow(browser.authorize("web"))
    tab = re.search(r'href="([^"]*method=code)"', page.text)
    assert tab
    form = browser.http.get(tab[1].replace("&amp;", "&"))
    asked = browser.submit(form, phone="199 0000 0001")
    code = answer(browser.follow(browser.submit(asked, code=site.gateway.last_code)))["code"]
    assert site.claims(browser.redeem("web", code).json()["id_token"])["amr"] == ["otp", "sms"]


def test_a_phone_code_works_once_and_not_for_ever(site: Site) -> None:
    browser, page = ask_code(site)
    assert browser.submit(page, code=site.gateway.last_code).status_code == 303
    assert browser.submit(page, code=site.gateway.last_code).status_code == 401
    site.clock.advance(timedelta(minutes=2))
    browser, page = ask_code(site)
    site.clock.advance(timedelta(minutes=5))
    assert browser.submit(page, code=site.gateway.last_code).status_code == 401


def test_five_wrong_codes_lock_the_code_and_not_the_password(site: Site) -> None:
    browser, page = ask_code(site)
    wrong = "000000" if site.gateway.last_code != "000000" else "111111"
    for _ in range(5):
        assert browser.submit(page, code=wrong).status_code == 401
    assert browser.submit(page, code=site.gateway.last_code).status_code == 429
    assert log_in(site.browser(), "liwei", PASSWORD).status_code == 303


def test_an_unknown_number_gets_the_same_page_and_no_message(site: Site) -> None:
    _, known = ask_code(site)
    browser, unknown = ask_code(site, NEW_PHONE)
    assert len(site.gateway.sent) == 1
    assert known.status_code == unknown.status_code == 200
    assert browser.submit(unknown, code="123456").status_code == 401


def test_codes_cannot_be_asked_for_too_often(site: Site) -> None:
    ask_code(site)
    assert ask_code(site)[1].status_code == 429
    for _ in range(4):
        site.clock.advance(timedelta(seconds=61))
        assert ask_code(site)[1].status_code == 200
    site.clock.advance(timedelta(seconds=61))
    assert ask_code(site)[1].status_code == 429
    assert len(site.gateway.sent) == 5


def test_a_gateway_that_is_down_is_said_so(site: Site) -> None:
    site.gateway.down = True
    _, page = ask_code(site)
    assert page.status_code == 503
    assert "could not send" in page.text


def test_rubbish_is_no_phone_number(site: Site) -> None:
    for phone in ("12345", "abc", "+0123456789"):
        assert ask_code(site, phone)[1].status_code == 400


# --- registration --------------------------------------------------------------------------------------------------


def verified(site: Site, phone: str = NEW_PHONE) -> tuple[Browser, httpx.Response]:
    browser = site.browser()
    page = browser.follow(browser.authorize("web"))
    link = re.search(r'href="([^"]*/register[^"]*)"', page.text)
    assert link
    asked = browser.submit(browser.http.get(link[1].replace("&amp;", "&")), phone=phone)
    return browser, browser.submit(asked, code=site.gateway.last_code)


def test_registration_proves_the_phone_and_goes_on_to_the_client(site: Site) -> None:
    browser, details = verified(site)
    done = browser.submit(details, name="Hoa Nguyen", login_name="Hoa", password="trains-run-on-time")
    tokens = browser.redeem("web", answer(browser.follow(done))["code"]).json()
    assert tokens["scope"] == "openid profile hub:orders"
    assert log_in(site.browser(), "hoa", "trains-run-on-time").status_code == 303
    assert log_in(site.browser(), NEW_PHONE, "trains-run-on-time").status_code == 303


@pytest.mark.parametrize(
    ("typed", "status"),
    [
        ({"name": "", "password": "trains-run-on-time"}, 400),
        ({"name": "Hoa", "password": "short"}, 400),
        ({"name": "Hoa", "password": "trains-run-on-time", "login_name": "9x"}, 400),
        ({"name": "Hoa", "password": "trains-run-on-time", "login_name": "liwei"}, 409),
    ],
)
def test_a_mistake_in_the_details_keeps_what_was_proven(site: Site, typed: dict[str, str], status: int) -> None:
    browser, details = verified(site)
    again = browser.submit(details, **typed)
    assert again.status_code == status
    assert 'role="alert"' in again.text
    assert browser.submit(again, name="Hoa", login_name="hoa", password="trains-run-on-time").status_code == 303


def test_details_without_a_proven_phone_register_nobody(site: Site) -> None:
    browser = site.browser()
    page = browser.get("/register")
    asked = browser.submit(page, phone=NEW_PHONE)
    _, fields = first_form(asked.text)
    typed = {"name": "Mallory", "password": "trains-run-on-time"}
    skipped = browser.post("/register/finish", {**fields, **typed})
    assert skipped.status_code == 410
    assert site.one("SELECT count(*) FROM sso.identity") == 3


def test_a_proven_phone_registers_once(site: Site) -> None:
    browser, details = verified(site)
    assert browser.submit(details, name="Hoa", password="trains-run-on-time").status_code == 303
    assert browser.submit(details, name="Hoa", password="trains-run-on-time").status_code == 410


def test_a_registered_number_is_told_to_its_holder_only_after_the_code(site: Site) -> None:
    browser = site.browser()
    asked = browser.submit(browser.get("/register"), phone=PHONE)
    assert asked.status_code == 200
    told = browser.submit(asked, code=site.gateway.last_code)
    assert told.status_code == 409
    assert "registered already" in told.text


def test_a_registration_code_is_no_login_code(site: Site) -> None:
    browser = site.browser()
    asked = browser.submit(browser.get("/register"), phone=PHONE)
    _, fields = first_form(asked.text)
    assert browser.post("/login/code/check", {**fields, "code": site.gateway.last_code}).status_code == 401
