"""The carry as files: what opens a date is what closed the date before, and every roll comes out."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection

from interlock.database import Pool
from reconciliation.carry import (
    Opening,
    Roll,
    carry_of,
    close,
    followed,
    gaps,
    opening,
    record,
    waits,
    waits_from,
)
from reconciliation.carry.files import EMPTY, Closing
from reconciliation.carry.waiting import EVERY_ROW
from reconciliation.datasets import SCHEMA
from reconciliation.definitions import Calendar, Definition, definitions
from reconciliation.rows import microseconds

DAY = date(2026, 1, 11)
NEXT = DAY + timedelta(days=1)
LATE = datetime(2026, 1, 20, tzinfo=UTC)
WECHAT = definitions()["hub-wechat"]

Waiting = tuple[str, str, int, str, str]
"""(side, key, amount, currency, carried)"""


def waiting_file(path: Path, rows: Sequence[Waiting]) -> Path:
    """One-sided rows as matching leaves them: columns ``l_*`` and ``r_*``, NULL on the side that is missing."""
    schema = pa.schema([("status", pa.string()), *((f"{s}_{f.name}", f.type) for s in "lr" for f in SCHEMA)])
    records = []
    for side, key, amount, currency, carried in rows:
        values = {"key": key, "kind": "payment", "order_no": f"E{key}", "currency": currency, "carried": carried}
        given = {f"{side[0]}_{name}": value for name, value in {**values, "amount": amount}.items()}
        records.append({"status": side, **given})
    pq.write_table(pa.Table.from_pylist(records, schema=schema), path)
    return path


def opened(closing: Closing) -> Opening:
    return Opening(closing.left, closing.right, closing.digest, tuple((s, d) for s, d, _ in closing.origins))


def test_what_waits_is_carried_and_rolls_forward(tmp_path: Path) -> None:
    nothing = Opening(None, None, EMPTY)
    first = close(
        nothing,
        waiting_file(
            tmp_path / "1", [("left", "a", 100, "CNY", ""), ("left", "b", 50, "CNY", ""), ("right", "c", 7, "EUR", "")]
        ),
        DAY,
        tmp_path,
    )
    assert first.rolls == (
        Roll("left", "CNY", new_count=2, new_minor=150, closing_count=2, closing_minor=150),
        Roll("right", "EUR", new_count=1, new_minor=7, closing_count=1, closing_minor=7),
    )
    assert first.origins == (("left", DAY, 2), ("right", DAY, 1))
    assert opened(first).order_nos() == {"Ea", "Eb", "Ec"}
    # a was cleared, b waits on with another amount, c waits, d is new.
    rows = [
        ("left", "b", 60, "CNY", DAY.isoformat()),
        ("right", "c", 7, "EUR", DAY.isoformat()),
        ("left", "d", 1, "CNY", ""),
    ]
    second = close(opened(first), waiting_file(tmp_path / "2", rows), NEXT, tmp_path)
    assert second.rolls == (
        Roll("left", "CNY", 2, 150, 2, 61, 2, 150, 2, 61),
        Roll("right", "EUR", 1, 7, 0, 0, 0, 0, 1, 7),
    )
    assert second.origins == (("left", DAY, 1), ("left", NEXT, 1), ("right", DAY, 1))
    third = close(opened(second), None, NEXT + timedelta(days=1), tmp_path)
    assert (third.left, third.right, third.digest) == (None, None, EMPTY)
    assert third.total.cleared_count == 3


def test_the_digest_of_a_carry_does_not_hang_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [("left", "a", 1, "CNY", ""), ("left", "b", 2, "CNY", ""), ("right", "a", 1, "CNY", "")]
    nothing = Opening(None, None, EMPTY)
    one = close(nothing, waiting_file(tmp_path / "1", rows), DAY, tmp_path)
    other = close(nothing, waiting_file(tmp_path / "2", rows[::-1]), DAY, tmp_path)
    assert (one.digest, one.left) == (other.digest, other.left)
    turned = close(
        nothing, waiting_file(tmp_path / "3", [("right", k, a, c, d) for _, k, a, c, d in rows[:2]]), DAY, tmp_path
    )
    assert turned.digest != close(nothing, waiting_file(tmp_path / "4", rows[:2]), DAY, tmp_path).digest


@settings(max_examples=8, deadline=None)
@given(
    days=st.lists(
        st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.sampled_from(["left", "right"]), st.integers(-9, 9))),
        min_size=1,
        max_size=4,
    )
)
def test_any_chain_of_days_rolls_forward(
    days: list[dict[str, tuple[str, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever waits from day to day: the news of all days less what was cleared is the last closing."""
    folder = tmp_path_factory.mktemp("carry")
    at = Opening(None, None, EMPTY)
    total = 0
    closing: Closing | None = None
    for number, day in enumerate(days):
        rows = [(side, key, amount, "CNY", "") for key, (side, amount) in day.items()]
        closing = close(at, waiting_file(folder / str(number), rows), DAY + timedelta(days=number), folder)
        total += closing.total.new_minor - closing.total.cleared_minor
        assert closing.total.opening_minor + closing.total.new_minor - closing.total.cleared_minor == total
        at = opened(closing)
    assert closing is not None
    assert total == sum(amount for _, amount in days[-1].values())


# --- who waits


def test_a_row_of_the_edge_waits_until_grace_is_over() -> None:
    calendar = WECHAT.calendar
    edge = calendar.span(DAY)[1] - 600_000_000
    inside, outside = calendar.grace_over_at(DAY) - timedelta(seconds=1), calendar.grace_over_at(DAY)
    assert waits_from(WECHAT, "left", DAY, DAY, inside, followed=False) == edge
    assert waits_from(WECHAT, "left", DAY, DAY, outside, followed=False) is None


def test_what_the_next_date_has_decided_is_not_decided_again() -> None:
    """Grace is long over, but the next date was run: whatever it cleared must not become a break of the old date."""
    assert waits_from(WECHAT, "left", DAY, DAY, LATE, followed=True) is not None
    # The next date is the window's last: there it becomes a break.
    assert waits_from(WECHAT, "left", DAY, NEXT, LATE, followed=True) is None


def test_a_pair_that_settles_later_carries_the_whole_date() -> None:
    slow = WECHAT.model_copy(
        update={
            "calendar": Calendar(
                edge_minutes=1440, grace_minutes=2880, window_days=(0, 2), holidays="CN", settles_after=1
            )
        }
    )
    found = waits(slow, DAY, [], datetime(2026, 1, 12, tzinfo=UTC), followed=False)
    assert found == {("left", DAY): EVERY_ROW, ("right", DAY): EVERY_ROW}
    # Nothing of the bank stands earlier than what was paid: its rows do not wait for a later date to be run.
    assert waits_from(slow, "right", DAY, DAY, LATE, followed=True) is None


# --- in the database


def run_of(connection: Connection[Any], day: date, definition: str = WECHAT.name, state: str = "done") -> str:
    row = connection.execute(
        "INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest, left_digest,"
        " right_digest, context_digest, state, started_at, finished_at, finish_order)"
        " SELECT lpad(to_hex(n), 64, '0'), %s, %s, '', '', '', '', '', %s, %s, %s, n"
        " FROM nextval('recon.run_order') AS n RETURNING run_id",
        (definition, day, state, LATE, LATE),
    ).fetchone()
    assert row is not None
    return str(row[0])


def roll(connection: Connection[Any], day: date, rows: Sequence[Waiting], folder: Path) -> Closing:
    """Run a date: open, close, write down."""
    at = opening(connection, WECHAT.name, day, folder)
    closing = close(at, waiting_file(folder / "waiting", rows), day, folder)
    record(connection, run_of(connection, day), WECHAT.name, day, at, closing, False, folder, LATE)
    return closing


def test_dates_chain_and_a_date_run_again_shows_the_gap(pool: Pool, tmp_path: Path) -> None:
    with pool.connection() as connection:
        roll(connection, DAY, [("left", "a", 100, "CNY", "")], tmp_path)
        roll(connection, NEXT, [("left", "a", 100, "CNY", DAY.isoformat())], tmp_path)
        assert gaps(connection) == []
        assert opening(connection, WECHAT.name, NEXT, tmp_path).origins == (("left", DAY),)
        # The earlier date again, with another result: the later one has opened with what no longer stands.
        roll(connection, DAY, [("left", "a", 100, "CNY", ""), ("right", "z", 5, "CNY", "")], tmp_path)
        (gap,) = gaps(connection)
        assert (gap.business_date, gap.side, gap.closed_count, gap.closed_minor, gap.opened_count) == (
            NEXT,
            "right",
            1,
            5,
            0,
        )
        roll(connection, NEXT, [], tmp_path)
        assert gaps(connection) == []
        (line,) = carry_of(connection, NEXT)
        assert [(r["side"], r["opening_count"], r["cleared_count"], r["closing_count"]) for r in line["rolls"]] == [
            ("left", 1, 1, 0),
            ("right", 1, 1, 0),
        ]
        connection.rollback()


def test_a_carry_whose_file_is_gone_stops_the_run(pool: Pool, tmp_path: Path) -> None:
    with pool.connection() as connection:
        closing = roll(connection, DAY, [("left", "a", 100, "CNY", "")], tmp_path)
        assert closing.left is not None
        closing.left.unlink()
        with pytest.raises(FileNotFoundError, match="hub-wechat"):
            opening(connection, WECHAT.name, NEXT, tmp_path)
        connection.rollback()


def test_a_run_of_before_is_opened_from_the_table(pool: Pool, tmp_path: Path) -> None:
    """An installation that is upgraded with rows still waiting loses none of them."""
    with pool.connection() as connection:
        run_of(connection, DAY)
        connection.execute(
            "INSERT INTO recon.carry (definition, business_date, side, key, origin_date, amount, record)"
            " VALUES (%s, %s, 'left', 'wechat|1', %s, 5,"
            """ '{"key": "wechat|1", "kind": "payment", "order_no": "E1", "at": 7, "amount": 5}')""",
            (WECHAT.name, DAY, DAY),
        )
        found = opening(connection, WECHAT.name, NEXT, tmp_path)
        assert (found.origins, found.order_nos(), found.right) == ((("left", DAY),), {"E1"}, None)
        connection.rollback()


def test_the_database_refuses_a_roll_that_does_not_come_out(pool: Pool, tmp_path: Path) -> None:
    wrong = Closing(None, None, EMPTY, (), (Roll("left", "CNY", new_count=1, closing_count=2),))
    with pool.connection() as connection:
        run_id = run_of(connection, DAY)
        with pytest.raises(psycopg.errors.CheckViolation, match="roll_comes_out"):
            record(connection, run_id, WECHAT.name, DAY, Opening(None, None, EMPTY), wrong, False, tmp_path, LATE)
        connection.rollback()


def test_a_later_date_in_the_window_follows(pool: Pool) -> None:
    with pool.connection() as connection:
        assert not followed(connection, WECHAT, DAY)
        run_of(connection, NEXT, state="waiting")
        run_of(connection, NEXT + timedelta(days=1))
        assert not followed(connection, WECHAT, DAY)
        run_of(connection, NEXT)
        assert followed(connection, WECHAT, DAY)
        connection.rollback()


def test_the_edge_is_the_end_of_the_sides_own_date() -> None:
    two: Definition = WECHAT.model_copy(update={"right_calendar": Calendar.model_validate({"cut_off": "23:00"})})
    now = WECHAT.calendar.begins_at(DAY)
    assert waits_from(two, "left", DAY, DAY, now, False) == microseconds(WECHAT.calendar.ends_at(DAY)) - 600_000_000
    assert waits_from(two, "right", DAY, DAY, now, False) == microseconds(WECHAT.calendar.ends_at(DAY)) - 4_200_000_000
