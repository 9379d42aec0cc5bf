"""Suspense that always equals the open breaks; how old they are; a date that is closed, sealed and opened again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from interlock.database import Pool
from reconciliation.definitions import definitions
from reconciliation.policies import policy
from reconciliation.resolution import Closing, ageing, suspense
from reconciliation.resolution.ageing import AgeLine
from reconciliation.runs import Reconciler
from schemas.problems import ProblemError
from tests.reconciliation.house import DAY, Clock, House, at, bill_of, reconciler, sale
from tests.reconciliation.ledger_of_breaks import RUN, BreakTable

# --- suspense

SETTLED = """
WITH made AS (
    INSERT INTO recon.resolutions (resolution_id, break_id, attempt, action, reason, policy, proposed_by, proposed_at,
                                   state)
    SELECT gen_random_uuid(), break_id, 1 + (SELECT count(*) FROM recon.resolutions r WHERE r.break_id = b.break_id),
           'write_off', 'x', 'p@1 r', 'policy:p@1', now(), 'approved'
    FROM recon.breaks b WHERE break_id = ANY(%(ids)s) AND state IN ('open', 'left') RETURNING resolution_id
) SELECT resolution_id FROM made
"""

MOVES: dict[str, str] = {
    "leave": "UPDATE recon.breaks SET state = 'left' WHERE break_id = ANY(%(ids)s) AND state = 'open'",
    "clear": "UPDATE recon.breaks SET state = 'cleared', cleared_run_id = %(run)s WHERE break_id = ANY(%(ids)s)",
    "seen again": (
        "UPDATE recon.breaks SET state = CASE WHEN state IN ('cleared', 'resolved') THEN 'open' ELSE state END,"
        " cleared_run_id = NULL, amount_at_stake = amount_at_stake + %(more)s WHERE break_id = ANY(%(ids)s)"
    ),
    "in euros": "UPDATE recon.breaks SET currency = 'EUR' WHERE break_id = ANY(%(ids)s)",
    "shrink": "UPDATE recon.breaks SET amount_at_stake = amount_at_stake / 2 WHERE break_id = ANY(%(ids)s)",
}


def settle(connection: Connection[TupleRow], ids: list[UUID]) -> None:
    made = [row[0] for row in connection.execute(SETTLED, {"ids": ids}).fetchall()]
    connection.execute("UPDATE recon.resolutions SET state = 'applied' WHERE resolution_id = ANY(%s)", (made,))
    connection.execute(
        "UPDATE recon.breaks SET state = 'resolved' WHERE state IN ('open', 'left') AND break_id IN"
        " (SELECT break_id FROM recon.resolutions WHERE resolution_id = ANY(%s))",
        (made,),
    )


def ties(connection: Connection[TupleRow]) -> None:
    assert suspense.check(connection) == []
    posted = {(b.account, b.currency): b.amount for b in suspense.balances(connection)}
    unsettled = connection.execute(
        "SELECT definition, currency, sum(amount_at_stake)::bigint FROM recon.breaks WHERE state IN ('open', 'left')"
        " GROUP BY 1, 2 HAVING sum(amount_at_stake) <> 0"
    ).fetchall()
    expected = {(f"suspense:{name}", currency): amount for name, currency, amount in unsettled}
    assert {key: amount for key, amount in posted.items() if key[0].startswith("suspense:")} == expected
    assert sum(posted.values()) == 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["open", "settle", *MOVES]), st.integers(0, 10**9), st.sets(st.integers(0, 7), max_size=4)
        ),
        max_size=12,
    )
)
def test_suspense_is_what_is_open_whatever_happens(
    connection: Connection[TupleRow], moves: list[tuple[str, int, set[int]]]
) -> None:
    """After every statement, not only at the end."""
    table = BreakTable(connection)
    ids = [table.put(amount) for amount in (1, 0, 500)]
    for move, amount, places in moves:
        named = [ids[place % len(ids)] for place in places]
        if move == "open":
            ids.append(table.put(amount, definition=("hub-web", "hub-wechat")[amount % 2]))
        elif move == "settle":
            settle(connection, named)
        else:
            connection.execute(MOVES[move].encode(), {"ids": named, "run": RUN, "more": amount})
        ties(connection)
    connection.rollback()


# --- ageing

AGES = """
days before | amount | kind             | bucket | due after hours
0           | 100    | AMOUNT           | 0-1    | 120
1           | 100    | AMOUNT           | 0-1    | 120
2           | 1000000| AMOUNT           | 2-3    | 24
7           | 100    | PAID_NO_TICKET   | 4-7    | 48
8           | 100    | AMOUNT           | 8-30   | 120
30          | 0      | DOUBLE_SOLD_SEAT | 8-30   | 2
31          | 100    | AMOUNT           | >30    | 120
"""


def test_age_and_time_that_is_over(connection: Connection[TupleRow]) -> None:
    table = BreakTable(connection)
    lines = [[cell.strip() for cell in line.split("|")] for line in AGES.strip().splitlines()[1:]]
    for days, amount, kind, _, _ in lines:
        day = DAY - timedelta(days=int(days))
        table.put(int(amount), kind, day)
        ageing.set_due(connection, policy("default"), ["hub-web"], day)
    due = connection.execute("SELECT (due_at - opened_at)::text FROM recon.breaks ORDER BY seq").fetchall()
    hours = {"2": "02:00:00", "24": "1 day", "48": "2 days", "120": "5 days"}
    assert [row[0] for row in due] == [hours[line[4]] for line in lines]
    now = at("15:00")
    found = ageing.buckets(connection, DAY, now)
    assert {(line.bucket, line.kind): line.count for line in found} == {
        ("0-1", "AMOUNT"): 2, ("2-3", "AMOUNT"): 1, ("4-7", "PAID_NO_TICKET"): 1, ("8-30", "AMOUNT"): 1,
        ("8-30", "DOUBLE_SOLD_SEAT"): 1, (">30", "AMOUNT"): 1,
    }  # fmt: skip
    assert ageing.buckets(connection, DAY, now, DAY - timedelta(days=30)) == [
        AgeLine("hub-web", "DOUBLE_SOLD_SEAT", "CNY", "8-30", 1, 0, 1)
    ]
    assert [row["kind"] for row in ageing.overdue(connection, now)] == ["DOUBLE_SOLD_SEAT"]
    assert [[row["kind"] for row in ageing.escalate(connection, now)] for _ in range(2)] == [["DOUBLE_SOLD_SEAT"], []]


@pytest.mark.parametrize(
    ("days", "bucket"), [(-1, "0-1"), (1, "0-1"), (3, "2-3"), (4, "4-7"), (30, "8-30"), (99, ">30")]
)
def test_buckets(days: int, bucket: str) -> None:
    assert ageing.bucket_of(days) == bucket


# --- closing

WEB = "hub-web"


@pytest.fixture
def recon(pool: Pool, tmp_path: Path) -> Reconciler:
    """A day with one pair that is due: the web, on which one sale is missing in the channel."""
    house = House()
    house.heeding = False
    house.both(sale(WEB.removeprefix("hub-"), "EW10000001", at("09:00")))
    house.hub(sale("web", "EW10000002", at("09:10"), coach="06"))
    bill_of(house)
    return reconciler(pool, house, Clock(), tmp_path)


def closing_of(recon: Reconciler, pairs: Callable[[], set[str]] = lambda: {WEB}) -> Closing:
    """The closing of a railway that has only these pairs."""
    return replace(recon.closing, known=lambda: {name: definitions()[name] for name in pairs()})


def hindered(closing: Closing, day: date = DAY) -> list[tuple[str, str]]:
    return [(h.what, h.definition) for h in closing.hindrances(day)]


def test_a_day_is_closed_sealed_and_opened_again(recon: Reconciler, pool: Pool) -> None:
    closing = closing_of(recon)
    assert hindered(closing) == [("not_run", WEB)]
    recon.run_day(DAY, [WEB])
    assert hindered(closing) == [("open_breaks", WEB)]
    with pytest.raises(ProblemError, match="close_hindered"):
        closing.propose(DAY, "close", "all is explained", "anna")
    (found,) = closing.hindrances(DAY)[0].breaks
    made = recon.resolver.propose(UUID(found), "write_off", "the web has lost it", "anna")
    assert hindered(closing) == [("open_breaks", WEB), ("proposals", WEB)]
    recon.resolver.approve(made["resolution_id"], "bert", recon.kept_parts)
    proposed = closing.propose(DAY, "close", "all is explained", "anna")
    with pytest.raises(ProblemError, match="second_person_needed"):
        closing.decide(proposed["closing_id"], "Anna", agree=True)
    sealed = closing.decide(proposed["closing_id"], "bert", agree=True)
    assert sealed["summary"]["runs"][0]["definition"] == WEB
    assert (closing.state(DAY)["closed"], closing.verify_seals()) == (True, None)
    refused_while_closed(recon, UUID(found), made["resolution_id"])
    again = closing.propose(DAY, "reopen", "the web has found it", "bert")
    closing.decide(again["closing_id"], "anna", agree=True)
    assert closing.state(DAY)["closed"] is False
    recon.run_day(DAY, [WEB])
    once_more = closing.propose(DAY, "close", "now it is", "anna")
    closing.decide(once_more["closing_id"], "bert", agree=True)
    assert closing.verify_seals() is None
    with pool.connection() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("""UPDATE recon.closings SET summary = '{"runs": []}' WHERE seal = %s""", (sealed["seal"],))
    assert closing.verify_seals() == DAY


def refused_while_closed(recon: Reconciler, break_id: UUID, resolution_id: UUID) -> None:
    """A run says so before it reads anything; so does an undo."""
    with pytest.raises(ProblemError, match="date_closed"):
        recon.run_day(DAY, [WEB])
    with pytest.raises(ProblemError, match="date_closed"):
        recon.resolver.propose_undo(resolution_id, "a mistake", "bert")
    assert recon.cases.one(break_id)["state"] == "resolved"


def test_what_else_keeps_a_day_open(recon: Reconciler) -> None:
    """A pair that waits for its file; one that is going on; nothing for a pair that is not used."""
    names = {WEB, "hub-wechat", "seats"}
    closing = closing_of(recon, lambda: names)
    house = recon.gatherer.ledger
    assert isinstance(house, House)
    house.channel(sale("web", "EW10000002", at("09:10"), coach="06"))
    house.statements.clear()
    recon.run_day(DAY, sorted(names))
    assert hindered(closing) == [("waiting", "hub-wechat")]
    names.remove("hub-wechat")
    proposed = closing.propose(DAY, "close", "all is explained", "anna")
    with recon.journal.locked([(WEB, DAY)]), pytest.raises(ProblemError, match="is going on"):
        closing.decide(proposed["closing_id"], "bert", agree=True)
    closing.decide(proposed["closing_id"], "bert", agree=False)
    assert closing.state(DAY)["closed"] is False
