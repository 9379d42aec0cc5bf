"""The clerk's pages: a passenger's document is confirmed, an old account vouched for; never without the passenger.

Joined accounts are parted for whoever holds the confirmed document.
"""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from tests.sso.asking import DOCUMENT, furnish_desk
from tests.sso.harness import PASSWORD, PHONE, STAFF_PASSWORD, Browser
from tests.sso.one_identity.conftest import OTHER_PASSWORD, OTHER_PHONE, People, confirmed, signed_in
from tests.sso.one_identity.test_real_names import STATE

PASSPORT = {"name": "LI WEI", "document_type": "passport", "number": "X12345678", "compared": "yes"}


@pytest.fixture
def clerk(people: People) -> Browser:
    """A clerk who has given two factors."""
    _, app = furnish_desk(people.site)
    people.site.clock.advance(timedelta(seconds=30))
    browser = signed_in(people.site, "clerk", STAFF_PASSWORD)
    form = browser.follow(browser.get("/window/real-name"))
    assert "Confirm a passenger" in browser.follow(browser.submit(form, proof=app.at(people.site.clock()))).text
    return browser


def code_of(page: httpx.Response) -> str:
    """The code that a page shows."""
    found = re.search(r'class="digits"><strong>([0-9]{8})<', page.text)
    assert found, page.text
    return found[1]


def shown_by(passenger: Browser) -> str:
    """The code that a passenger gets for the window."""
    return code_of(
        passenger.post(
            "/account/real-name/window",
            {"form_token": passenger.http.cookies["sso_form"]},
        )
    )


def test_a_clerk_confirms_the_document_of_whoever_shows_the_code(people: People, clerk: Browser) -> None:
    passenger = people.other()
    code = shown_by(passenger)
    done = clerk.submit(clerk.get("/window/real-name"), code=code, **PASSPORT)
    assert "The passenger is told" in done.text
    assert people.site.one(STATE, people.other_id) == "at_window"
    assert people.kinds(people.other_id) == ["real_name_confirmed"]
    audited = "SELECT detail->>'by' FROM sso.audit WHERE kind = 'real_name_at_window' AND identity_id = %s"
    clerk_id = people.site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'clerk'")
    assert people.site.one(audited, people.other_id) == f"clerk:{clerk_id}"
    assert "confirmed at a station window" in passenger.get("/account/real-name").text
    assert clerk.submit(clerk.get("/window/real-name"), code=code, **PASSPORT).status_code == 404  # once


def test_what_a_clerk_may_not_do(people: People, clerk: Browser) -> None:
    passenger, form = people.other(), clerk.get("/window/real-name")
    assert clerk.submit(form, code="00000000", **PASSPORT).status_code == 404
    code = shown_by(passenger)
    assert clerk.submit(form, code=code, **{**PASSPORT, "compared": ""}).status_code == 400
    taken = {"document_type": "resident_id", "number": "990101199001010019"}  # liwei's, by furnish_desk
    assert clerk.submit(form, code=code, **{**PASSPORT, **taken}).status_code == 409
    late = shown_by(passenger)
    people.site.clock.advance(timedelta(minutes=10))
    assert clerk.submit(form, code=late, **PASSPORT).status_code == 404
    assert people.site.one(STATE, people.other_id) is None


def test_the_windows_pages_are_for_clerks_with_two_factors(people: People, clerk: Browser) -> None:
    for path in ("/window/real-name", "/window/accounts"):
        assert people.me.get(path).status_code == 403
        operator = signed_in(people.site, "operator", STAFF_PASSWORD)
        assert operator.get(path).status_code == 403
        one_factor = signed_in(people.site, "other.clerk", STAFF_PASSWORD)
        assert "/login/second" in one_factor.get(path).headers["location"]


def test_a_clerk_vouches_and_the_passenger_links(people: People, clerk: Browser) -> None:
    vouched = clerk.submit(clerk.get("/window/accounts"), channel="phone", account="li")
    assert "li***" in vouched.text
    assert clerk.submit(clerk.get("/window/accounts"), channel="phone", account="nobody").status_code == 404
    passenger = signed_in(people.site, OTHER_PHONE, OTHER_PASSWORD)
    page = passenger.get("/account/links/new", way="window")
    confirmed(passenger, passenger.follow(passenger.submit(page, voucher=code_of(vouched))))
    assert people.site.one("SELECT identity_id FROM sso.linked_account") == people.other_id


# --- parted at the window ---------------------------------------------------------------------------------------------


def parted_by(clerk: Browser, login: str, **changed: str) -> httpx.Response:
    """The page after a clerk has sent the form with liwei's document."""
    form = {"form_token": clerk.http.cookies["sso_form"], "login": login, **DOCUMENT, "compared": "yes", **changed}
    return clerk.post("/window/accounts/part", form)


def can_log_in(people: People, login: str, password: str) -> bool:
    return signed_in(people.site, login, password).get("/account").status_code == 200


def test_a_clerk_parts_what_a_thief_has_joined(people: People, clerk: Browser) -> None:
    """Who knew liwei's password joined liwei to the other account; liwei has lost the phone and shows the document."""
    thief = people.other()
    preview = thief.follow(thief.submit(thief.get("/account/links/join"), login="liwei", password=PASSWORD))
    confirmed(thief, preview)
    assert people.site.one(STATE, people.other_id) == "at_window"  # the name went along
    assert "Parted; both are told" in parted_by(clerk, "liwei").text

    clerk_id = people.site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'clerk'")
    audited = "SELECT detail->>'clerk' FROM sso.audit WHERE kind = 'accounts_parted_at_window' AND identity_id = %s"
    assert people.site.one(audited, people.other_id) == str(clerk_id)
    assert people.site.one("SELECT parted_by FROM sso.joining") == "staff"
    assert people.site.one(STATE, people.my_id) == "at_window"
    assert people.site.one(STATE, people.other_id) is None
    for person in (people.my_id, people.other_id):
        assert people.kinds(person)[-1] == "accounts_parted"
    assert not can_log_in(people, "liwei", PASSWORD)  # the thief knows it
    assert can_log_in(people, OTHER_PHONE, OTHER_PASSWORD)
    assert parted_by(clerk, "liwei").status_code == 404  # once


def test_a_clerk_finds_the_sleeping_account_by_the_number_it_had(people: People, clerk: Browser) -> None:
    confirmed(people.me, people.proven_other_by_code(), phone="other")
    assert parted_by(clerk, PHONE).status_code == 404  # that is the number it has got for its own
    assert "Parted" in parted_by(clerk, OTHER_PHONE).text
    assert people.site.one("SELECT parted_by FROM sso.joining") == "staff"
    assert can_log_in(people, OTHER_PHONE, OTHER_PASSWORD)  # a code was the proof: nobody else knows the password


def test_what_is_not_parted_at_a_window(people: People, clerk: Browser) -> None:
    people.join()
    assert parted_by(clerk, OTHER_PHONE, compared="").status_code == 400
    assert parted_by(clerk, OTHER_PHONE, name="LI WEI").status_code == 404
    assert parted_by(clerk, OTHER_PHONE, **PASSPORT).status_code == 404
    assert parted_by(clerk, OTHER_PHONE, number="1").status_code == 400
    assert parted_by(clerk, "nobody").status_code == 404
    assert parted_by(people.me, OTHER_PHONE).status_code == 403
    one_factor = signed_in(people.site, "other.clerk", STAFF_PASSWORD)
    assert "/login/second" in parted_by(one_factor, OTHER_PHONE).headers["location"]
    assert parted_by(clerk, OTHER_PHONE, form_token="elsewhere").status_code == 403
    assert people.site.one("SELECT parted_at FROM sso.joining") is None
    counted = "SELECT failures FROM sso.attempt_counter WHERE subject LIKE 'clerk:%%' AND method = %s"
    assert people.site.one(counted, "document") == 4


def test_after_thirty_days_no_clerk_parts_them(people: People, clerk: Browser) -> None:
    people.join()
    with people.site.provider.pool.connection() as connection:
        connection.execute("UPDATE sso.joining SET undo_until = %s", (people.site.clock(),))
    page = parted_by(clerk, OTHER_PHONE)
    assert page.status_code == 404
    assert "30 days have passed" in page.text
