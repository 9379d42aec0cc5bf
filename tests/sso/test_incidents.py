"""What RFC 9700 and real incidents ask of requests, answers, redirects and cookies: from outside, over HTTP.

docs/reference/sso-security.md lists every item with the test that proves it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pyotp
import pytest
from fastapi import FastAPI

from sso.admin import Registration, register_client
from sso.api import application, rows
from sso.provider import Provider
from sso.tokens import TokenRefused
from tests.sso.harness import HUB, PASSWORD, SECRETS, Browser, Listener, Pkce, Site, answer, first_form
from tests.sso.test_resources import AGENTS, OTHER, SERVER, WINDOWS, introspect
from tests.sso.test_security import MULTI, with_app

WEB = "https://web.interlock.test/callback"
VARIANTS = {
    "trailing slash": f"{WEB}/",
    "case of the path": "https://web.interlock.test/Callback",
    "case of the host": "https://WEB.interlock.test/callback",
    "an encoded dot": "https://web.interlock%2etest/callback",
    "encoded dots in the path": "https://web.interlock.test/x/%2e%2e/callback",
    "userinfo": "https://web.interlock.test@evil.test/callback",
    "userinfo before our host": "https://evil.test@web.interlock.test/callback",
    "extra query": f"{WEB}?next=https://evil.test",
    "fragment": f"{WEB}#x",
    "port": "https://web.interlock.test:443/callback",
    "below it": f"{WEB}/deeper",
}
EVIL = "https://evil.test/callback"


def asked(browser: Browser, method: str, client_id: str = "web", **more: str) -> httpx.Response:
    """The answer to a request for authorization by GET or POST, with parameters that may be wrong."""
    good = dict(parse_qsl(urlsplit(str(browser.authorize(client_id).request.url)).query))
    sent = {**good, **more}
    return browser.get("/authorize", **sent) if method == "GET" else posted(browser, "/authorize", sent)


def posted(browser: Browser, path: str, sent: dict[str, str] | str) -> httpx.Response:
    """A request posted from another site comes without the cookie and is made again as a GET."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = sent if isinstance(sent, str) else urlencode(sent)
    told = browser.http.post(browser.site.issuer + path, content=body, headers=form)
    again = told.is_redirect and told.headers["location"].startswith(f"{browser.site.issuer}/authorize?")
    return browser.get(told.headers["location"]) if again else told


# --- where an answer may go ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_uri_that_is_not_the_registered_text_gets_no_answer(site: Site, method: str) -> None:
    """Also for somebody who is logged in, and where an error would be sent back at once (prompt=none)."""
    browser = site.browser()
    browser.log_in("web")
    for prompt in ("none", "login"):
        told = {name: asked(browser, method, redirect_uri=uri, prompt=prompt) for name, uri in VARIANTS.items()}
        assert {name: each.status_code for name, each in told.items()} == dict.fromkeys(VARIANTS, 400)
        assert not any("location" in each.headers for each in told.values())


def test_a_variant_is_refused_when_pushed_and_when_redeemed(site: Site) -> None:
    browser = site.browser()
    good = dict(parse_qsl(urlsplit(str(browser.authorize("web").request.url)).query))
    for uri in VARIANTS.values():
        pushed = browser.post("/par", {**good, "redirect_uri": uri})
        assert (pushed.status_code, pushed.json()["error"]) == (400, "invalid_request")
    browser.log_in("web")
    for uri in ("", *VARIANTS.values()):
        code = answer(browser.authorize("web"))["code"]
        assert browser.redeem("web", code, redirect_uri=uri).json()["error"] in ("invalid_grant", "invalid_request")


def test_a_redirect_uri_given_twice_gets_no_answer(site: Site) -> None:
    """In the address, in the body; one in each is one, the body's."""
    browser = site.browser()
    query, evil = urlsplit(str(browser.authorize("web").request.url)).query, f"redirect_uri={quote(EVIL)}"
    for twice in (f"{query}&{evil}", f"{evil}&{query}"):
        for told in (browser.get(f"/authorize?{twice}"), posted(browser, "/authorize", twice)):
            assert (told.status_code, "location" in told.headers) == (400, False)
    beside = posted(browser, f"/authorize?{evil}", dict(parse_qsl(query)))
    assert beside.headers["location"].startswith(f"{site.issuer}/login?")


def test_nothing_is_sent_anywhere_before_client_and_address_are_known(site: Site) -> None:
    """Whatever else is wrong, a stranger's address is neither followed nor linked to."""
    wrongs: list[dict[str, str]] = [
        {},
        {"prompt": "none"},
        {"response_type": "token"},
        {"scope": "nonsense"},
        {"response_mode": "form_post", "prompt": "none"},
        {"code_challenge_method": "plain"},
        {"request": "a.b.c"},
        {"request_uri": "https://evil.test/r"},
        {"max_age": "-1"},
    ]
    browser = site.browser()
    for who in ({"client_id": "nobody"}, {"redirect_uri": EVIL}, {"client_id": "channel-web", "redirect_uri": EVIL}):
        for wrong in wrongs:
            told = asked(browser, "GET", **{**who, **wrong})
            assert (told.status_code, "location" in told.headers) == (400, False), (who, wrong)
            assert f'"{EVIL}' not in told.text


def test_a_code_lives_for_less_than_a_minute(site: Site) -> None:
    for waited, status in ((59, 200), (60, 400)):
        browser = site.browser()
        code = browser.log_in("web")
        site.clock.advance(timedelta(seconds=waited))
        assert browser.redeem("web", code).status_code == status


def test_every_answer_names_the_issuer(site: Site) -> None:
    """RFC 9207, success and errors alike: with it, a client of two providers notices a mix-up."""
    browser = site.browser()
    wrongs = [
        {"prompt": "none"},
        {"response_type": "token"},
        {"scope": "nonsense"},
        {"code_challenge_method": "plain"},
        {"request_uri": "https://elsewhere.test/r"},
        {"max_age": "soon"},
        {"resource": "https://elsewhere.test"},
    ]
    answers = [answer(asked(browser, "GET", **wrong)) for wrong in wrongs]
    assert all("error" in each for each in answers)
    browser.log_in("web")
    answers.append(answer(browser.authorize("web")))
    assert "code" in answers[-1]
    assert {each["iss"] for each in answers} == {site.issuer}
    assert {each["state"] for each in answers} == {"state-of-web"}


@pytest.mark.parametrize("kind", ["token", "id_token", "id_token token", "code token", "code id_token", "none"])
def test_there_is_no_implicit_grant(site: Site, kind: str) -> None:
    browser = site.browser()
    browser.log_in("web")
    told = asked(browser, "GET", response_type=kind)
    assert answer(told)["error"] == "unsupported_response_type"
    assert "token=" not in told.headers["location"]
    assert urlsplit(told.headers["location"]).fragment == ""


def test_there_is_no_password_grant(site: Site) -> None:
    typed = {"grant_type": "password", "username": "liwei", "password": PASSWORD, "scope": "openid"}
    for auth in (None, ("channel-web", SECRETS["web"])):
        told = site.token({**typed, "client_id": "web"} if auth is None else typed, auth)
        assert (told.status_code, told.json()["error"]) == (400, "unsupported_grant_type")
    offered = site.browser().get("/.well-known/openid-configuration").json()
    assert offered["response_types_supported"] == ["code"]
    assert not {"password", "implicit"} & set(offered["grant_types_supported"])


# --- whom a token is for -------------------------------------------------------------------------------------------


def test_a_token_for_one_channel_opens_no_other_and_not_the_hub(site: Site) -> None:
    """The resource servers ask over HTTP; each hears only of its own."""
    hub = ("hub-api", "a-secret-of-the-hub-api-0123456789abcdef01")
    for (name, secret), resource in ((SERVER, WINDOWS), (OTHER, AGENTS), (hub, HUB)):
        register_client(site.provider, Registration(name, name, name, ["hub:orders"], secret, resource=resource))
    register_client(
        site.provider,
        Registration(
            "machine",
            "机器",
            "Machine",
            ["hub:orders"],
            "a-secret-of-the-machine-0123456789abcdef01",
            client_credentials=True,
            audiences=[WINDOWS, AGENTS],
        ),
    )
    held = {}
    for resource in (WINDOWS, AGENTS, HUB):
        data = {"grant_type": "client_credentials", "scope": "hub:orders"} | (
            {"resource": resource} if resource != HUB else {}
        )
        held[resource] = site.token(data, ("machine", "a-secret-of-the-machine-0123456789abcdef01")).json()[
            "access_token"
        ]
    seen = [[introspect(site, token, server)["active"] for token in held.values()] for server in (SERVER, OTHER, hub)]
    assert seen == [[True, False, False], [False, True, False], [False, False, True]]
    for resource in (WINDOWS, AGENTS):
        with pytest.raises(TokenRefused, match="another audience"):
            site.provider.verifier(HUB, check_liveness=True).verify(held[resource])


def test_no_client_can_have_the_sub_of_a_person(site: Site) -> None:
    person = str(site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'liwei'"))
    secret = "a-secret-of-the-impostor-0123456789abcdef0"
    register_client(
        site.provider, Registration(person, "冒名", "Impostor", ["hub:orders"], secret, client_credentials=True)
    )
    token = site.token({"grant_type": "client_credentials"}, (person, secret)).json()["access_token"]
    assert site.claims(token)["sub"] == f"client:{person}"
    assert site.claims(site.browser().tokens("web")["access_token"])["sub"] == person
    told = httpx.get(f"{site.issuer}/userinfo", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    assert told.status_code in (401, 403)


# --- what every answer carries -------------------------------------------------------------------------------------


def addresses(site: Site) -> Iterator[tuple[str, str]]:
    """(method, path) of every address of the provider, placeholders filled."""
    for row in rows(site.provider):
        for method in row.methods.split():
            yield method, row.path.replace("{", "").replace("}", "")


def test_every_page_forbids_to_be_framed(site: Site) -> None:
    """Every address that answers a page, for a stranger and for somebody who is logged in."""
    pages = 0
    for browser in (site.browser(), site.browser()):
        for method, path in addresses(site):
            told = browser.http.request(method, site.issuer + path)
            if told.headers.get("content-type", "").startswith("text/html"):
                pages += 1
                assert "frame-ancestors 'none'" in told.headers["content-security-policy"], (method, path)
        browser.log_in("web")
    assert pages > 30


def test_no_redirect_repeats_a_post_and_none_leaves_for_a_forged_host(site: Site) -> None:
    """303 everywhere (RFC 9700 4.12), with and without a slash too many, whatever the request says of its host."""
    forged = {
        "Host": "evil.test",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.test;proto=https",
        "X-Original-URL": "/evil.test",
    }
    browser, redirects = site.browser(), 0
    for method, path in addresses(site):
        for slash in ("", "/"):
            told = browser.http.request(method, site.issuer + path + slash, headers=forged)
            redirects += told.is_redirect
            assert told.status_code == 303 or not told.is_redirect, (method, path, told.status_code)
            assert "evil" not in told.text + str(told.headers), (method, path)
    assert redirects > 5


def test_no_other_site_may_read_what_people_are_shown(site: Site) -> None:
    """No CORS where a session or a form is: not at /authorize, and nowhere else that looks at a cookie."""
    browser = site.browser()
    browser.log_in("web")
    for method, path in addresses(site):
        for sent in (method, "OPTIONS"):
            told = browser.http.request(
                sent,
                site.issuer + path,
                headers={"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"},
            )
            allowed = [name for name in told.headers if name.startswith("access-control-")]
            assert allowed == [], (sent, path)


# --- cookies -------------------------------------------------------------------------------------------------------


def set_cookies(told: httpx.Response) -> dict[str, str]:
    """Name=value and attributes of each cookie that an answer sets, by name."""
    return {each.partition("=")[0]: each for each in told.headers.get_list("set-cookie")}


def test_over_https_the_session_is_a_host_cookie_and_no_other_is_read(site: Site, listener: Listener) -> None:
    """The same provider as a TLS proxy's clients see it: `__Host-` cannot be planted by a sibling host."""
    given = site.provider
    options = replace(given.options, issuer="https://login.interlock.test/sso", secure_cookies=True)
    outer = FastAPI()
    outer.mount("/sso", application(Provider.assemble(options, given.pool, site.clock, given.cipher, site.gateway)))
    behind, listener.app = listener.app, outer
    try:
        with httpx.Client(trust_env=False, base_url=site.issuer + "/") as http:
            page = http.get("login")
            form = set_cookies(page)["__Host-sso_form"]
            _, fields = first_form(page.text)
            typed = {**fields, "login": "liwei", "password": PASSWORD}
            headers = {"Cookie": form.partition(";")[0], "Origin": "https://login.interlock.test"}
            session = set_cookies(http.post("login", data=typed, headers=headers))["__Host-sso_session"]
            for cookie in (form, session):
                attributes = {each.strip().lower() for each in cookie.split(";")[1:]}
                assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes
                assert not any(each.startswith("domain") for each in attributes)
            value = session.partition(";")[0]
            assert http.get("account/sessions", headers={"Cookie": value}).status_code == 200
            planted = value.removeprefix("__Host-")
            assert http.get("account/sessions", headers={"Cookie": planted}).status_code == 303
    finally:
        listener.app = behind


def test_the_cookie_changes_at_a_login_at_another_one_and_at_a_step_up(site: Site) -> None:
    """Each earlier one is worth nothing from that moment on (session fixation). At a link: test_links."""
    browser, app = with_app(site)
    held = [browser.http.cookies["sso_session"]]
    browser.submit(browser.get("/login"), login="liwei", password=PASSWORD)
    held.append(browser.http.cookies["sso_session"])
    site.clock.advance(timedelta(minutes=1))
    step_up(site, browser, app)
    held.append(browser.http.cookies["sso_session"])
    assert len(set(held)) == 3
    worth: list[Any] = []
    for cookie in held:
        other = site.browser()
        other.http.cookies.set("sso_session", cookie)
        worth.append(other.get("/account/sessions").status_code)
    assert worth == [303, 303, 200]


def step_up(site: Site, browser: Browser, app: pyotp.TOTP) -> None:
    """A client asks for two factors; the code of the app is the second."""
    page = browser.follow(browser.authorize("web", acr_values=MULTI))
    code = answer(browser.follow(browser.submit(page, proof=app.at(site.clock()))))["code"]
    assert browser.redeem("web", code, code_verifier=Pkce().verifier).status_code == 200
