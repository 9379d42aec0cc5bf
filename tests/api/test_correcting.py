"""What reconciliation sets right on a real ledger, and takes back: facts stand, no longer stand, and stand again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.store import orders
from interlock.correcting import HubCorrections
from interlock.wiring import Hub
from reconciliation.sources.hub import hub_order
from schemas.facts import Adjusted, Fact, PaymentFact, RefundFact
from schemas.money import Money
from tests.console.harness import play_day, sample

AT = datetime(2026, 1, 9, 3, 0, tzinfo=UTC)
DAY = AT.date()
FEN = Money(amount=10000)
FACTS: list[Fact] = [
    PaymentFact(
        fact="payment.captured", occurred_at=AT, processor="wechat", processor_ref="42TWICE", method="wechat_pay",
        amount_gross=FEN,
    ),
    RefundFact(
        fact="refund.requested", occurred_at=AT, processor="wechat", refund_ref="IR1", amount_gross=FEN,
        fee=Money(amount=0), amount_net=FEN,
    ),
]  # fmt: skip


@pytest.fixture
def corrections(hub: Hub) -> HubCorrections:
    play_day(hub)
    return HubCorrections(hub)


@pytest.fixture
def order_no(hub: Hub, corrections: HubCorrections) -> str:
    with hub.pool.connection() as connection:
        row = connection.execute("SELECT order_no FROM hub.orders ORDER BY order_no LIMIT 1").fetchone()
    assert row is not None
    return str(row[0])


def seen(hub: Hub, order_no: str) -> tuple[set[str], set[str], int, dict[str, int]]:
    """The order's payments, refunds and accepted differences, and the balances of its accounts."""
    with hub.pool.connection() as connection:
        order_id = orders.find_by_reference(connection, "rail", "order", order_no)
        assert order_id is not None
        found = hub_order(orders.read(connection, [order_id])[order_id].document, DAY)
        lines = connection.execute(
            "SELECT account, sum(amount)::bigint FROM hub.book_lines WHERE order_id = %s"
            " GROUP BY 1 HAVING sum(amount) <> 0",
            (order_id,),
        ).fetchall()
    payments = {p.processor_ref for p in found.order.payments if p.state == "captured"}
    return payments, {r.refund_ref for r in found.order.refunds}, len(found.adjusted), dict(lines)


def test_stated_withdrawn_restored(hub: Hub, corrections: HubCorrections, order_no: str) -> None:
    before = seen(hub, order_no)
    said = corrections.state(order_no, "recon/r1", FACTS, AT)
    names = ("payment.captured|wechat|42TWICE", "refund.requested|wechat|IR1")
    assert (said.done, set(said.facts)) == (True, set(names))
    after = seen(hub, order_no)
    assert after != before
    again = corrections.state(order_no, "recon/r1", FACTS, AT)
    assert (again.word, set(again.facts), seen(hub, order_no)) == ("duplicate", set(names), after)
    for act in ("u1", "u2"):
        assert corrections.withdraw(order_no, names, act, "a mistake").done
        assert seen(hub, order_no) == before
        assert corrections.withdraw(order_no, names, act, "a mistake").word == "duplicate"
        assert set(corrections.restore(order_no, names, act, "not a mistake").facts) == set(names)
        assert seen(hub, order_no) == after


def test_an_accepted_difference_is_taken_back(hub: Hub, corrections: HubCorrections, order_no: str) -> None:
    before = seen(hub, order_no)
    fact = Adjusted(
        occurred_at=AT, definition="hub-web", subject="T1", kind="AMOUNT", hub_value="10000", other_value="9950",
        amount=Money(amount=50), reason="agreed", by="anna, approved by bert",
    )  # fmt: skip
    said = corrections.adjust(order_no, fact)
    assert (said.done, said.facts) == (True, (fact.identity,))
    assert seen(hub, order_no)[3]["suspense"] == before[3].get("suspense", 0) + 50
    assert corrections.adjust(order_no, fact).facts == (fact.identity,)
    assert corrections.withdraw(order_no, [fact.identity], "u1", "a mistake").done
    assert seen(hub, order_no) == before


def test_what_cannot_be_found_is_refused(hub: Hub, corrections: HubCorrections, order_no: str) -> None:
    assert corrections.withdraw("EW00000000", ["x"], "u1", "no").word == "refused"
    assert corrections.redeliver("web", "EW00000000").word == "refused"
    assert corrections.withdraw(order_no, ["ticket.issued|nothing"], "u1", "no").word == "duplicate"
    known = corrections.post("web", "recon-1", sample("web", "sale-one-ticket"))
    assert (known.done, known.facts) == (True, ())
