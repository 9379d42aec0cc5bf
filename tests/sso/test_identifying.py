"""A clerk signs a passenger in by their ID document, at a window (acr document-at-window)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from sso.people import assurance
from tests.sso.asking import DOCUMENT, Asker, at_window, furnish_desk, person, signed_in
from tests.sso.harness import STAFF_PASSWORD, Browser, Site

SHANGHAI = {"office": "上海虹桥站", "window": "8"}


@dataclass
class Desk:
    """A window, its clerk (logged in with two factors), and a passenger whose name a window has confirmed."""

    site: Site
    window: Asker
    clerk: Browser
    clerk_id: UUID

    def identify(self, asked: dict[str, Any], **changes: str) -> httpx.Response:
        """Fill the clerk's form; a change replaces what is typed."""
        typed = {"user_code": asked["user_code"], **DOCUMENT, "compared": "yes", **changes}
        return self.clerk.submit(self.clerk.get("/window/identify"), **typed)


@pytest.fixture
def desk(site: Site) -> Desk:
    clerk_id, app = furnish_desk(site)
    site.clock.advance(timedelta(seconds=30))
    clerk = signed_in(site, "clerk", STAFF_PASSWORD)
    form = clerk.follow(clerk.submit(clerk.follow(clerk.get("/window/identify")), proof=app.at(site.clock())))
    assert "Sign a passenger in by document" in form.text
    return Desk(site, at_window(site), clerk, clerk_id)


def test_a_passenger_without_a_phone_is_signed_in_by_document(desk: Desk) -> None:
    site, asked = desk.site, desk.window.device(**SHANGHAI)
    done = desk.identify(asked)
    assert "李* is signed in at the window, and out again after 15 minutes unused." in done.text
    claims = site.claims(desk.window.tokens(asked)["id_token"])
    assert (claims["acr"], claims["amr"]) == (assurance.DOCUMENT_AT_WINDOW, [])
    assert claims["sub"] == str(person(site, "liwei"))
    assert site.one("SELECT parent_id FROM sso.session WHERE session_id = %s", claims["sid"]) is None
    assert site.one("SELECT kind FROM sso.session WHERE session_id = %s", claims["sid"]) == "window"
    audited = "SELECT detail->>'clerk' FROM sso.audit WHERE kind = 'identified_at_window' AND identity_id = %s"
    assert site.one(audited, claims["sub"]) == str(desk.clerk_id)
    assert "上海虹桥站 8" in site.one("SELECT detail->>'place' FROM sso.notice WHERE kind = 'identified_at_window'")


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"number": "990101199001010010"}, 400, "not a number of that kind"),
    ({"number": "990101198001010014"}, 404, "No passenger is confirmed"),
    ({"name": "王未"}, 404, "No passenger is confirmed"),
    ({"document_type": "passport", "number": "E12345678"}, 404, "No passenger is confirmed"),
    ({"compared": ""}, 400, "Compare the person with the document first"),
    ({"user_code": "BCDF-GHJK"}, 404, "There is no such code"),
]


def test_all_of_it_must_be_right(desk: Desk) -> None:
    asked = desk.window.device(**SHANGHAI)
    for changes, status, sentence in WRONG:
        answered = desk.identify(asked, **changes)
        assert answered.status_code == status, changes
        assert sentence in answered.text, changes
    assert desk.site.one("SELECT state FROM sso.approval") == "waiting"


def test_a_clerk_cannot_try_documents_for_ever(desk: Desk) -> None:
    asked = desk.window.device(**SHANGHAI)
    for _ in range(10):
        assert desk.identify(asked, name="王未").status_code == 404
    assert desk.identify(asked).status_code == 429


def test_a_code_that_does_not_say_where_it_is_from_is_not_approved_by_document(desk: Desk) -> None:
    assert desk.identify(desk.window.device()).status_code == 409


def test_a_document_gives_no_consent(desk: Desk) -> None:
    at_window(desk.site, consent="explicit")
    assert desk.identify(desk.window.device(**SHANGHAI)).status_code == 409


def test_an_unconfirmed_name_is_nobodys(desk: Desk) -> None:
    with desk.site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.real_name SET state = 'unverified', confirmed_at = NULL, confirmed_by = NULL")
    assert desk.identify(desk.window.device(**SHANGHAI)).status_code == 404


def test_a_locked_passenger_is_not_signed_in(desk: Desk) -> None:
    guesser = desk.site.browser()
    for _ in range(5):
        guesser.submit(guesser.get("/login"), login="liwei", password="wrong")
    assert desk.identify(desk.window.device(**SHANGHAI)).status_code == 429


def test_only_clerks_of_windows_and_only_with_two_factors(desk: Desk) -> None:
    site = desk.site
    assert signed_in(site).get("/window/identify").status_code == 403
    assert signed_in(site, "operator", STAFF_PASSWORD).get("/window/identify").status_code == 403
    half = signed_in(site, "other.clerk", STAFF_PASSWORD)
    assert "/login/second" in half.get("/window/identify").headers["location"]
    token = half.get("/account").text.split('name="form_token" value="')[1].split('"')[0]
    asked = desk.window.device(**SHANGHAI)
    typed = {"user_code": asked["user_code"], **DOCUMENT, "compared": "yes", "form_token": token}
    assert "/login/second" in half.post("/window/identify", typed).headers["location"]
    assert site.one("SELECT state FROM sso.approval") == "waiting"
