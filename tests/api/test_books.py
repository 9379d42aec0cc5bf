"""The books over HTTP: balances, lines and orders as of any time, and a fact withdrawn by two people of finance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from hub.ledger import fold, rebuild
from hub.store import events, orders
from hub.store.books import Span, trial_balance
from interlock.cli.main import app
from interlock.web import build_app
from interlock.wiring import Hub
from tests.api.people import People, bearer, tokens
from tests.console.harness import PUBLIC_URL, connect_channels, sample, tell

AT_NOON = "2026-01-09T12:00:00+08:00"


@pytest.fixture
def site(hub: Hub) -> Iterator[TestClient]:
    connect_channels(hub)
    for name, minutes in (("sale-one-ticket", -90), ("sale-with-losses", -80), ("refund-two-of-three", -10)):
        assert tell(hub, "web", sample("web", name), name, minutes).outcome == "applied"
    with TestClient(build_app(hub), base_url=PUBLIC_URL, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def people(hub: Hub, site: TestClient) -> People:
    return tokens(hub, site)


class Desk:
    """Somebody of finance at the API."""

    def __init__(self, site: TestClient, token: str) -> None:
        self._site, self._headers = site, bearer(token)

    def get(self, path: str, status: int = 200, /, **query: Any) -> Any:
        answer = self._site.get(path, params=query, headers=self._headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, status: int = 200, body: Any = None) -> Any:
        answer = self._site.post(path, json=body, headers=self._headers)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def finance(site: TestClient, people: People) -> Desk:
    return Desk(site, people["finance"])


def order_ids(hub: Hub) -> list[Any]:
    with hub.pool.connection() as connection:
        return [row[0] for row in connection.execute("SELECT order_id FROM hub.orders ORDER BY order_no").fetchall()]


def test_the_trial_balance_sums_to_zero_and_says_so(finance: Desk) -> None:
    told = finance.get("/v1/books/balance")
    assert told["balanced"] is True
    assert told["totals"] == [
        {"currency": "CNY", "debit": told["totals"][0]["debit"], "credit": told["totals"][0]["debit"]}
        | {"balance": 0, "balanced": True}
    ]
    accounts = {row["account"]: row["balance"] for row in told["accounts"]}
    assert sum(accounts.values()) == 0
    assert accounts["sales"] < 0 < accounts["processor_clearing:wechat"]
    assert finance.get("/v1/books/balance", currency="EUR")["accounts"] == []


def test_an_account_page_by_page_leads_to_orders_facts_witnesses_and_events(finance: Desk, hub: Hub) -> None:
    (balance,) = finance.get("/v1/books/accounts/sales")["balances"]
    lines: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = finance.get("/v1/books/accounts/sales", 200, limit=1, **cursor)
        lines += page["lines"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(lines) == balance["lines"]
    assert sum(line["amount"] for line in lines) == balance["balance"]
    for line in lines:
        assert line["order_id"] in {str(order_id) for order_id in order_ids(hub)}
        assert line["fact"].startswith(("ticket.", "change."))
        assert (line["witness"], line["event"][:6]) == ("web", "order.")


def test_an_order_is_told_as_of_any_time_on_either_axis(finance: Desk, hub: Hub) -> None:
    """At every instant of every order: the API's order, its balance and the fold of the facts up to it agree."""
    for order_id in order_ids(hub):
        with hub.pool.connection() as connection:
            said = events.said(connection, order_id)
            document = orders.read(connection, [order_id])[order_id].document
        happened = sorted({s.statement.fact.occurred_at for s in said})
        recorded = sorted({s.statement.recorded_at for s in said})
        for as_of in (*happened, None):
            for known_by in (*recorded, None):
                kept = [s for s in said if known_by is None or s.statement.recorded_at <= known_by]
                then = rebuild(order_id, document.references, kept)
                then = then.as_of(as_of) if as_of else then
                query = {k: v.isoformat() for k, v in (("as_of", as_of), ("recorded_as_of", known_by)) if v}
                if not then.facts:
                    finance.get(f"/v1/orders/{order_id}", 404, **query)
                    finance.get(f"/v1/orders/{order_id}/balance", 404, **query)
                    continue
                expected = fold(then)
                shown = finance.get(f"/v1/orders/{order_id}", 200, **query)
                assert (shown["fulfilment"], shown["payment"]) == (expected.fulfilment, expected.payment)
                assert [t["state"] for t in shown["tickets"]] == [t.state for t in expected.tickets]
                told = finance.get(f"/v1/orders/{order_id}/balance", 200, **query)
                assert told["balance"] == expected.balance.model_dump() == shown["balance"]
                assert sum(row["balance"] for row in told["accounts"]) == 0
                assert (told["steps"][-1]["balance"] if told["steps"] else 0) == expected.balance.amount


def test_an_order_says_why(finance: Desk, hub: Hub) -> None:
    told = [finance.get(f"/v1/orders/{order_id}/balance") for order_id in order_ids(hub)]
    refunded = next(t for t in told if t["promised"]["amount"])
    amount = f"{refunded['promised']['amount'] // 100}.{refunded['promised']['amount'] % 100:02d}"
    assert refunded["sentence"]["en"] == (
        f"A refund of {amount} CNY is promised; nobody has told yet that it was paid out."
    )
    assert amount in refunded["sentence"]["zh"]
    assert {"ticket sold", "paid", "ticket given back", "refund promised"} <= {
        step["why"]["en"] for step in refunded["steps"]
    }
    settled = next(t for t in told if not t["promised"]["amount"])
    assert settled["sentence"] == {"zh": "两清，互不相欠。", "en": "Nothing is owed on either side."}


def test_two_people_withdraw_a_fact_and_the_books_of_before_stand(
    finance: Desk, site: TestClient, people: People, hub: Hub
) -> None:
    order_id = order_ids(hub)[0]
    with hub.pool.connection() as connection:
        before = trial_balance(connection)
    fact = finance.get(f"/v1/orders/{order_id}/balance")["steps"][0]["fact"]
    asked = {"fact": fact, "reason": "entered by mistake"}
    proposal = finance.post(f"/v1/orders/{order_id}/retractions", body=asked)
    assert (proposal["state"], proposal["fact"]) == ("proposed", fact)
    decision = f"/v1/retractions/{proposal['retraction_id']}"
    assert finance.post(f"{decision}/approve", 409)["code"] == "second_person_needed"
    with hub.pool.connection() as connection:
        assert trial_balance(connection) == before, "one person alone moves nothing"
        known = hub.clock()
    admin = Desk(site, people["admin"])
    assert admin.get("/v1/retractions", state="proposed")["retractions"][0]["fact"] == fact
    done = admin.post(f"{decision}/approve")
    assert (done["state"], done["outcome"]) == ("done", "applied")
    assert admin.post(f"{decision}/approve", 404)["code"] == "not_found"
    steps = finance.get(f"/v1/orders/{order_id}/balance")["steps"]
    assert sum(step["owed"] for step in steps if step["fact"] == fact) == 0
    assert [step["withdrawn"] for step in steps if step["fact"] == fact] == [False, True]
    with hub.pool.connection() as connection:
        assert trial_balance(connection) != before
        assert trial_balance(connection, Span.of(recorded_as_of=known)) == before
        actions = [row[0] for row in connection.execute("SELECT action FROM hub.audit ORDER BY position").fetchall()]
    assert actions[-2:] == ["retraction.propose", "retraction.approve"]


NO_SENSE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/v1/books/balance", {"as_of": "2026-01-09T12:00:00"}),
    ("/v1/books/balance", {"recorded_as_of": "yesterday"}),
    ("/v1/books/balance", {"date": "2026-01-09", "from": "2026-01-08"}),
    ("/v1/books/balance", {"from": "2026-01-09", "to": "2026-01-08"}),
    ("/v1/books/balance", {"to": "9999-12-31"}),
    ("/v1/books/balance", {"as_of": "0001-01-01T00:00:00+14:00"}),
    ("/v1/books/balance", {"currency": "yuan"}),
    ("/v1/books/accounts/sales", {"cursor": "elsewhere"}),
    ("/v1/books/accounts/sales", {"limit": 0}),
    ("/v1/books/accounts/%00", {}),
    ("/v1/retractions", {"state": "open"}),
)


def test_a_question_that_makes_no_sense_is_answered_with_what_would(finance: Desk) -> None:
    for path, query in NO_SENSE:
        assert finance.get(path, 400, **query)["code"] == "query_invalid", (path, query)


def test_a_day_is_a_railway_day(finance: Desk, hub: Hub) -> None:
    whole = finance.get("/v1/books/balance")
    with hub.pool.connection() as connection:
        first, last = connection.execute(
            "SELECT min(happened_at), max(happened_at) FROM hub.book_lines"
        ).fetchone() or (None, None)
    assert isinstance(first, datetime)
    begin = (first + timedelta(hours=8)).date()
    day = finance.get("/v1/books/balance", date=begin.isoformat())
    assert day["since"] == f"{begin}T00:00:00+08:00"
    assert day["until"] == f"{begin + timedelta(days=1)}T00:00:00+08:00"
    assert day["balanced"] is True
    many = {"from": begin.isoformat(), "to": (last + timedelta(days=1)).date().isoformat()}
    assert finance.get("/v1/books/balance", 200, **many)["accounts"] == whole["accounts"]
    noon = finance.get("/v1/books/balance", 200, **many, as_of=AT_NOON)
    assert (noon["until"] or "") <= "2026-01-09T12:00:01"


def test_the_command_line_says_the_same(
    finance: Desk, hub: Hub, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERLOCK_DATABASE_URL", database_url)
    monkeypatch.setenv("INTERLOCK_DATA_DIR", str(hub.data_dir))
    monkeypatch.setenv("COLUMNS", "250")

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        assert result.exit_code == 0, result.output
        return result.stdout

    def told(*words: str) -> Any:
        return json.loads(run(*words, "--json"))

    order_id = str(order_ids(hub)[0])
    assert told("books", "balance") == finance.get("/v1/books/balance")
    day = ("--from", "2026-01-01", "--to", "2026-01-31", "--as-of", AT_NOON)
    query = {"from": "2026-01-01", "to": "2026-01-31", "as_of": AT_NOON}
    assert told("books", "balance", *day) == finance.get("/v1/books/balance", 200, **query)
    assert told("books", "account", "sales", "--limit", "1") == finance.get("/v1/books/accounts/sales", limit=1)
    assert told("books", "order", order_id) == finance.get(f"/v1/orders/{order_id}/balance")
    with hub.pool.connection() as connection:
        said = events.said(connection, order_ids(hub)[0])
    for moment in sorted({s.statement.fact.occurred_at for s in said} | {s.statement.recorded_at for s in said}):
        then = {"as_of": moment.isoformat(), "recorded_as_of": hub.clock().isoformat()}
        words = [word for name, value in then.items() for word in (f"--{name.replace('_', '-')}", value)]
        shown, answered = told("order", "show", order_id, *words), finance.get(f"/v1/orders/{order_id}", 200, **then)
        for name in ("version", "fulfilment", "payment", "refund", "balance", "complete"):
            assert shown[name] == answered[name], (name, moment)
    assert "in balance 平衡" in run("books", "balance")
    assert "ticket.issued|" in run("books", "account", "sales")
    assert "ticket sold 出票" in run("books", "order", order_id)
    assert told("books", "rebuild") == {"pages": 0}
    assert told("order", "retractions") == {"retractions": []}
    assert "nobody wants" in run("order", "retractions")
    for wrong in (
        ("books", "balance", "--date", "2026-01-01", "--to", "2026-01-02"),
        ("books", "balance", "--as-of", "2026-01-01T00:00:00"),
        ("books", "account", "sales", "--cursor", "x"),
        ("books", "account", "nowhere"),
        ("books", "order", order_id, "--as-of", "1999-01-01T00:00:00+08:00"),
        ("order", "retractions", "--state", "open"),
    ):
        assert CliRunner().invoke(app, list(wrong)).exit_code != 0, wrong
