"""The books on the console: balance, drill down to lines, to the order, and a fact withdrawn by two people."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from interlock.wiring import Hub, sign_on
from sso.people import identities
from sso.people.identities import Identity
from tests.console.conftest import PASSKEYS
from tests.console.harness import PASSWORD, PUBLIC_URL, Browser
from tests.console.test_channel import audited
from tests.console.test_pages import order_page
from tests.sso.authenticator import SoftAuthenticator


@pytest.fixture
def finance(site: TestClient) -> Browser:
    browser = Browser(site)
    assert browser.log_in("finance").status_code == 200
    return browser


def hire_second(hub: Hub) -> SoftAuthenticator:
    """Another person of finance; answers their passkey."""
    provider, passkey = sign_on(hub), SoftAuthenticator(PUBLIC_URL)
    password, now = provider.passwords.hash(PASSWORD), provider.clock()
    person = Identity(provider.mint.identifier(), "staff", "second", "Second", password, None, ["finance"], "en", now)
    with hub.pool.connection() as connection:
        identities.add(connection, provider.cipher, person, None, now)
        passkey.belong_to(connection, person.identity_id, now)
    return passkey


def test_from_the_balance_to_the_lines_to_the_order(finance: Browser) -> None:
    page = finance.get("/console/books").text
    assert "in balance" in page
    assert "ticket income" in page
    assert (
        'href="/console/books/channel_clearing%3Aweb"' in page or 'href="/console/books/channel_clearing:web"' in page
    )
    told = finance.json("/console/books").json()
    assert told["balanced"] is True
    assert {abs(row["scale"]) for row in told["accounts"]} >= {100}
    lines = finance.json("/console/books/sales").json()["lines"]
    account = finance.get("/console/books/sales").text
    assert lines
    for line in lines:
        assert f"/console/orders/{line['order_id']}" in account
        assert line["fact"] in account
    owing = finance.get(f"/console/orders/{lines[0]['order_id']}/balance")
    assert owing.status_code == 200
    assert "ticket sold" in owing.text
    assert (
        f"/console/orders/{lines[0]['order_id']}/balance" in finance.get(f"/console/orders/{lines[0]['order_id']}").text
    )


def test_times_lead_through_the_books(finance: Browser) -> None:
    day = {"date": "2026-01-08", "recorded_as_of": "2026-01-09T12:30"}
    page = finance.get("/console/books", **day).text
    assert "recorded_as_of=2026-01-09T12%3A30" in page, "the account is shown as of the same times"
    before = finance.json("/console/books", as_of="2020-01-01T00:00").json()
    assert before["accounts"] == []
    assert "Nothing was posted" in finance.get("/console/books", as_of="2020-01-01T00:00").text
    for wrong in ({"date": "2026-13-01"}, {"currency": "yuan"}, {"from": "2026-01-02", "to": "2026-01-01"}):
        assert finance.get("/console/books", **wrong).status_code == 400, wrong
    assert finance.get("/console/books/sales", cursor="x").status_code == 400
    assert finance.get("/console/orders/nothing/balance").status_code == 404


def test_two_people_withdraw_a_fact(finance: Browser, site: TestClient, hub: Hub) -> None:
    page = order_page(finance) + "/balance"
    fact = finance.json(page).json()["steps"][0]["fact"]
    before = finance.json("/console/books").json()["accounts"]
    answer = finance.submit(page.replace("balance", "withdraw"), page, fact=fact, reason="entered by mistake")
    assert answer.status_code == 200
    assert "waits for a second person" in answer.text
    (waiting,) = finance.json("/console/books").json()["withdrawals"]
    assert (waiting["fact"], waiting["who"]) == (fact, "Finance")
    decision = {"retraction_id": waiting["retraction_id"], "decision": "approve"}
    asked = finance.submit(page.replace("balance", "decide"), page, **decision)
    assert "another kind" in asked.text  # RFC 9470: an approval needs two factors
    assert finance.step_up(asked, PASSKEYS["finance"]).url.path == page
    alone = finance.submit(page.replace("balance", "decide"), page, **decision)
    assert alone.status_code == 409
    assert finance.json("/console/books").json()["accounts"] == before
    passkey = hire_second(hub)
    second = Browser(site)
    assert second.log_in("second").status_code == 200
    second.step_up(second.submit(page.replace("balance", "decide"), page, **decision), passkey)
    done = second.submit(page.replace("balance", "decide"), page, **decision)
    assert done.status_code == 200
    assert "withdrawn: " in done.text
    assert second.json("/console/books").json()["accounts"] != before
    assert second.json("/console/books").json()["withdrawals"] == []
    assert [action for action, _, _ in audited(hub)][-2:] == ["retraction.propose", "retraction.approve"]


def test_only_finance_withdraws(operator: Browser) -> None:
    page = order_page(operator) + "/balance"
    assert "Withdraw" not in operator.get(page).text
    answer = operator.submit(page.replace("balance", "withdraw"), page, fact="x", reason="because")
    assert answer.status_code == 403


def test_a_withdrawal_without_a_reason_is_none(finance: Browser) -> None:
    page = order_page(finance) + "/balance"
    fact = finance.json(page).json()["steps"][0]["fact"]
    for fields in (
        {"fact": fact, "reason": ""},
        {"fact": fact, "reason": "x" * 101},
        {"fact": "", "reason": "because"},
    ):
        assert finance.submit(page.replace("balance", "withdraw"), page, **fields).status_code == 400, fields
    nothing = {"retraction_id": "x", "decision": "approve"}
    finance.step_up(finance.submit(page.replace("balance", "decide"), page, **nothing), PASSKEYS["finance"])
    assert finance.submit(page.replace("balance", "decide"), page, **nothing).status_code == 400
