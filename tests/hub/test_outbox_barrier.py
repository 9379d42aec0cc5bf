"""A reader with a cursor gets every event once, whatever transactions begin, write, commit and end around it."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store import outbox
from hub.store.outbox import Cursor
from interlock.database import Pool

WRITERS = 4
TYPE = "order.issued"

Step = tuple[str, int]


@st.composite
def schedules(draw: st.DrawFn) -> list[Step]:
    """Transactions of several writers, each begun, written to and ended, cut up and dealt out; reads between them."""
    left: list[list[Step]] = []
    for writer in range(WRITERS):
        steps: list[Step] = []
        for _ in range(draw(st.integers(1, 3))):
            steps += [("begin", writer), *[("write", writer)] * draw(st.integers(0, 2))]
            steps.append((draw(st.sampled_from(["commit", "commit", "rollback"])), writer))
        left.append(steps)
    dealt: list[Step] = []
    while any(left):
        dealt.append(draw(st.sampled_from([steps for steps in left if steps])).pop(0))
        dealt += [("read", draw(st.integers(1, 3)))] * draw(st.integers(0, 1))
    return dealt


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedules())
def test_no_schedule_of_transactions_hides_an_event(pool: Pool, schedule: Sequence[Step]) -> None:
    with ExitStack() as stack:
        reader = stack.enter_context(pool.connection())
        reader.autocommit = True
        stack.callback(setattr, reader, "autocommit", False)
        writers = [stack.enter_context(pool.connection()) for _ in range(WRITERS)]
        written: list[list[UUID]] = [[] for _ in writers]
        committed: set[UUID] = set()
        found: list[UUID] = []
        cursor = _end(reader)
        for act, number in schedule:
            if act == "read":
                cursor = _read(reader, cursor, number, found)
            elif act == "begin":
                writers[number].execute("SELECT pg_current_xact_id()")
            elif act == "write":
                written[number].append(_write(writers[number]))
            else:
                committed |= set(written[number]) if act == "commit" else set()
                written[number] = []
                writers[number].commit() if act == "commit" else writers[number].rollback()
        deadline = time.monotonic() + 20  # the barrier waits for every transaction of the server, other tests' too
        while len(found) < len(committed) and time.monotonic() < deadline:
            cursor = _read(reader, cursor, 3, found)
    assert sorted(found) == sorted(committed)


def _read(reader: Connection[TupleRow], cursor: Cursor, scan: int, found: list[UUID]) -> Cursor:
    ahead = outbox.stretch(reader, cursor, [TYPE], scan)
    found += [order_id for _, order_id in ahead.chosen]
    return ahead.end


def _end(reader: Connection[TupleRow]) -> Cursor:
    row = reader.execute("SELECT coalesce(max(txid), '0'::xid8)::text FROM hub.events").fetchone()
    assert row is not None
    return row[0], outbox.LAST_POSITION


def _write(writer: Connection[TupleRow]) -> UUID:
    order_id = uuid4()
    writer.execute(
        """INSERT INTO hub.events (event_id, order_id, sequence, type, origin, business_date, statements, postings,
                                   recorded_at)
           VALUES (%s, %s, 1, %s, 'north', '2026-03-12', '[]', '[]', now())""",
        (uuid4(), order_id, TYPE),
    )
    return order_id
