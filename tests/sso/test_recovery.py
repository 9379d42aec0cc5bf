"""Recovery at a station window: two clerks, one ticket, and nothing of before opens the account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from sso import admin
from tests.sso.asking import DOCUMENT, person
from tests.sso.harness import PASSWORD, PHONE, STAFF_PASSWORD, Site
from tests.sso.windows import Window

NEW_PHONE = "+8619900000044"


@pytest.fixture
def window(site: Site) -> Window:
    return Window.open(site)


def log_in(site: Site, login: str, password: str) -> int:
    browser = site.browser()
    return browser.submit(browser.get("/login"), login=login, password=password).status_code


def test_two_clerks_and_a_ticket_give_the_account_back(window: Window) -> None:
    site, before = window.site, window.site.browser()
    tokens = before.tokens("web")
    done = window.recover(NEW_PHONE, "a-much-better-one")
    assert "The account is yours again" in done.text
    assert log_in(site, "liwei", "a-much-better-one") == log_in(site, NEW_PHONE, "a-much-better-one") == 303
    assert log_in(site, "liwei", PASSWORD) == log_in(site, PHONE, "a-much-better-one") == 401
    assert before.get("/account").status_code == 303
    assert before.refresh("web", tokens["refresh_token"]).status_code == 400
    site.gateway.tell_due(site)
    assert {(PHONE, "recovery_asked"), (PHONE, "recovered_at_window")} <= {each[:2] for each in site.gateway.told}
    audited = "SELECT detail FROM sso.audit WHERE kind = 'recovered_at_window'"
    assert site.one(audited) == {"asked_by": str(window.clerk_ids[0]), "confirmed_by": str(window.clerk_ids[1])}


def test_without_a_password_the_new_phone_is_the_way_in(window: Window) -> None:
    assert "yours again" in window.recover(NEW_PHONE).text
    browser = window.site.browser()
    window.site.clock.advance(timedelta(seconds=61))
    page = browser.submit(browser.get("/login", method="code"), phone=NEW_PHONE)
    assert browser.submit(page, code=window.site.gateway.last_code).status_code == 303


def test_whoever_was_locked_out_is_let_in_again(window: Window) -> None:
    for _ in range(6):
        log_in(window.site, "liwei", "wrong")
    window.recover(NEW_PHONE, "a-much-better-one")
    assert log_in(window.site, "liwei", "a-much-better-one") == 303


def test_one_clerk_alone_recovers_nothing(window: Window) -> None:
    window.ask()
    refused = window.confirm(window.first)
    assert refused.status_code == 403
    assert "Somebody else than the first clerk" in refused.text
    assert window.site.one("SELECT confirmed_at FROM sso.recovery") is None


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"number": "990101199001010010"}, 400),
        ({"number": "990101198001010014"}, 404),
        ({"name": "王未"}, 404),
        ({"compared": ""}, 400),
        ({"office": " "}, 400),
    ],
)
def test_the_document_must_be_that_of_the_confirmed_name(window: Window, changes: dict[str, str], status: int) -> None:
    assert window.ask(**changes).status_code == status
    assert window.site.one("SELECT count(*) FROM sso.recovery") == 0


def test_a_clerk_cannot_try_documents_for_ever(window: Window) -> None:
    for _ in range(5):
        assert window.ask(name="王未").status_code == 404
    assert window.ask().status_code == 429


def test_another_document_before_the_second_clerk_ends_it(window: Window) -> None:
    window.ask()
    assert window.confirm(number="990101198001010014").status_code == 409
    assert window.confirm().status_code == 410


def test_an_account_without_a_confirmed_name_cannot_be_recovered(window: Window) -> None:
    admin.create_passenger(window.site.provider, "other", "王未", PASSWORD, "+8619900000055")
    assert window.ask(name="王未", number="990101198001010014").status_code == 404


def test_only_clerks_with_two_factors_come_in(window: Window) -> None:
    site = window.site
    for login, status in (("liwei", 403), ("operator", 403)):
        browser = site.browser()
        browser.submit(browser.get("/login"), login=login, password=PASSWORD if login == "liwei" else STAFF_PASSWORD)
        assert browser.get("/window/recovery").status_code == status
    clerk = site.browser()
    clerk.submit(clerk.get("/login"), login="clerk.one", password=STAFF_PASSWORD)
    assert "/login/second" in clerk.get("/window/recovery").headers["location"]


def test_a_ticket_cannot_be_guessed(window: Window) -> None:
    ticket = window.ticket()
    for _ in range(5):
        assert window.begin("00000-00000", NEW_PHONE)[1].status_code == 401
    assert window.begin(ticket, NEW_PHONE)[1].status_code == 429
    assert window.site.gateway.sent == []


def test_a_ticket_of_one_document_opens_no_other(window: Window) -> None:
    ticket = window.ticket()
    assert window.begin(ticket, NEW_PHONE, number="990101198001010014")[1].status_code == 401


def test_a_ticket_is_good_once_and_not_for_ever(window: Window) -> None:
    ticket = window.ticket()
    started = []
    for place in range(3):
        window.site.clock.advance(timedelta(seconds=1))
        browser, page = window.begin(ticket, f"+861990000006{place}")
        started.append((browser, page, window.site.gateway.last_code))
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda each: each[0].submit(each[1], code=each[2]).status_code, started))
    # Who comes too late finds the ticket used, or already the code that went with it gone.
    assert answers.count(200) == 1
    assert set(answers) <= {200, 401, 410}
    late = window.ticket()
    window.site.clock.advance(timedelta(minutes=31))
    assert window.begin(late, NEW_PHONE)[1].status_code == 401


def test_a_number_that_is_somebody_elses_leaves_everything_as_it_was(window: Window) -> None:
    admin.create_passenger(window.site.provider, "other", "王未", PASSWORD, NEW_PHONE)
    assert window.recover(NEW_PHONE, "a-much-better-one").status_code == 409
    assert log_in(window.site, "liwei", PASSWORD) == 303
    assert window.site.one("SELECT consumed_at FROM sso.recovery") is None


def test_nobody_recovers_their_own_account_at_their_window(window: Window) -> None:
    site = window.site
    with site.provider.pool.connection() as connection:
        connection.execute(
            "UPDATE sso.identity SET kind = 'staff', roles = '{window}' WHERE identity_id = %s",
            (person(site, "liwei"),),
        )
    assert window.ask(**DOCUMENT).status_code == 404
