"""The five account pre-hijacking attacks (Sudhodanan and Paverd, USENIX Security 2022), each tried on us.

Somebody gets into an account before its person does, and wants to stay in it afterwards. Two of the five need a
provider that believes identifiers nobody has proven; here nobody has an account under a number without its code.
"""

from __future__ import annotations

import re

import pytest

from tests.sso.authenticator import SoftAuthenticator, asked_of
from tests.sso.harness import PASSWORD, PHONE, Browser, Site, first_form
from tests.sso.windows import Window

VICTIM_PHONE, ATTACKER_PHONE = "+8619900000066", "+8619900000099"
NEW = "only-the-victim-knows-it"


def log_in(site: Site, login: str = "liwei", password: str = PASSWORD) -> Browser:
    browser = site.browser()
    assert browser.submit(browser.get("/login"), login=login, password=password).status_code == 303
    return browser


@pytest.fixture
def window(site: Site) -> Window:
    """Where the victim, whose account somebody else got into, gets it back."""
    return Window.open(site)


def test_classic_federated_merge(site: Site) -> None:
    """The attacker registers with the victim's number and waits for the victim's own login to be merged into it."""
    attacker = site.browser()
    page = attacker.submit(attacker.get("/register"), phone=VICTIM_PHONE)
    wrong = "000000" if site.gateway.last_code != "000000" else "111111"
    refused = attacker.submit(page, code=wrong)
    assert refused.status_code == 401
    challenge = first_form(page.text)[1]["challenge"]
    token = first_form(refused.text)[1]["form_token"]
    form = {"form_token": token, "challenge": challenge, "name": "x", "login_name": "", "password": NEW}
    assert attacker.post("/register/finish", form).status_code == 410
    assert site.one("SELECT count(*) FROM sso.identity WHERE kind = 'passenger'") == 1
    victim = site.browser()
    page = victim.submit(victim.get("/register"), phone="+8619900000067")
    details = victim.submit(page, code=site.gateway.last_code)
    assert victim.submit(details, name="Victim", password=NEW).status_code == 303
    assert site.one("SELECT count(*) FROM sso.identity WHERE kind = 'passenger'") == 2


def test_unexpired_session(window: Window) -> None:
    """The attacker stays logged in while the victim gets the account back."""
    site = window.site
    attacker = site.browser()
    tokens = attacker.tokens("web")
    assert window.recover(VICTIM_PHONE, NEW).status_code == 200
    assert attacker.get("/account").status_code == 303
    assert attacker.refresh("web", tokens["refresh_token"]).status_code == 400
    site.gateway.tell_due(site)
    assert log_in(site, "liwei", NEW)


def test_unexpired_session_after_a_mere_change_of_password(site: Site) -> None:
    """The same when the victim, logged in by phone, only changes the password."""
    attacker, victim = log_in(site), log_in(site)
    token = first_form(victim.get("/account/security").text)[1]["form_token"]
    victim.post("/account/security/password", {"form_token": token, "password": NEW})
    assert attacker.get("/account").status_code == 303
    assert victim.get("/account").status_code == 200


def test_trojan_identifier(window: Window) -> None:
    """The attacker adds ways in of their own: a passkey, an app, recovery codes."""
    site = window.site
    attacker, passkey = log_in(site), SoftAuthenticator(site.provider.options.origin)
    page = attacker.get("/account/security/passkey")
    assert attacker.submit(page, credential=passkey.create(asked_of(page.text)), label="x").status_code == 303
    token = first_form(attacker.get("/account/security").text)[1]["form_token"]
    codes = attacker.post("/account/security/recovery-codes", {"form_token": token})
    assert len(re.findall(r"<code>", codes.text)) == 10
    window.recover(VICTIM_PHONE, NEW)
    late = site.browser()
    page = late.get("/login", method="passkey")
    assert late.submit(page, credential=passkey.get(asked_of(page.text))).status_code == 401
    for table in ("passkey", "totp", "recovery_code"):
        owned = f"SELECT count(*) FROM sso.{table} t JOIN sso.identity i USING (identity_id) WHERE login_name = 'liwei'"
        assert site.one(owned) == 0, table
    assert site.one("SELECT count(*) FROM sso.session WHERE ended_at IS NULL AND identity_id = %s", _liwei(site)) == 0


def test_unexpired_change_of_the_number(window: Window) -> None:
    """The attacker starts a change to their own number and finishes it after the victim has the account back."""
    site = window.site
    attacker = log_in(site)
    page = attacker.submit(attacker.get("/account/security/phone"), phone=ATTACKER_PHONE)
    code = site.gateway.last_code
    window.recover(VICTIM_PHONE, NEW)
    again = attacker.submit(page, code=code)
    assert "/login" in again.headers["location"]
    victim = log_in(site, "liwei", NEW)  # even with the victim's session the pending change is gone
    token, challenge = first_form(victim.get("/account/security").text)[1], first_form(page.text)[1]["challenge"]
    typed = {"form_token": token["form_token"], "challenge": challenge, "code": code}
    assert victim.post("/account/security/phone/check", typed).status_code == 401
    assert site.provider.cipher.open(site.one("SELECT phone_sealed FROM sso.identity WHERE login_name = 'liwei'")) == (
        VICTIM_PHONE
    )


def test_non_verifying_provider(site: Site) -> None:
    """An identifier that nobody has verified counts for nothing, whoever sends it: there is no door to send it through.

    Numbers become somebody's by our own code (register, change, recover) or by staff; a client cannot say whose one is.
    """
    victim = log_in(site)
    before = site.one("SELECT phone_blind FROM sso.identity WHERE login_name = 'liwei'")
    asked = '{"id_token": {"phone_number": {"value": "+8619900000099"}, "phone_number_verified": {"value": true}}}'
    victim.follow(victim.authorize("web", scope="openid phone", claims=asked, login_hint=ATTACKER_PHONE))
    attacker = site.browser()
    page = attacker.submit(attacker.get("/register"), phone=PHONE)
    assert "registered" in attacker.submit(page, code=site.gateway.last_code).text
    assert site.one("SELECT phone_blind FROM sso.identity WHERE login_name = 'liwei'") == before


def _liwei(site: Site) -> object:
    return site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'liwei'")
