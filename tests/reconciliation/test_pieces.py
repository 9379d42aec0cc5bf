"""Pieces of a run: claimed by one worker at a time, bounded in memory, found again by content; breaks by COPY."""

import csv
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pyarrow.parquet as pq
import pytest

from interlock.database import Pool
from reconciliation.breaks import Break, write_breaks
from reconciliation.matching.spark import REMEDY
from reconciliation.runs import PieceFailed, Reconciler, ReconOptions
from reconciliation.runs.matched import write_list
from reconciliation.runs.persist import record_breaks
from reconciliation.runs.pieces import take_piece, take_pieces
from reconciliation.runs.worklist import ATTEMPTS_MAX, PieceTask, Worklist
from tests.reconciliation.house import DAY, Clock, House, at, bill_of, content, issued, reconciler, sale, tell

NOW = datetime(2026, 1, 12, 4, 0, tzinfo=UTC)


class Cut(Exception):
    """The run is left where it is: its pieces are written down, and nobody has done one."""


def cut(run_id: str, watch: object) -> None:
    raise Cut(run_id)


def cut_run(pool: Pool, folder: Path, options: ReconOptions | None = None, orders: int = 40) -> tuple[str, Reconciler]:
    """A run of hub-web in two pieces, cut off before its matching, and a reconciler to go on with."""
    world = House()
    for number in range(orders):
        world.both(sale("web", f"EW1000{number:04d}", at("09:00"), coach=f"{number % 16 + 1:02d}"))
    world.channel(sale("web", "EW10009999", at("10:00"), coach="17"))
    given = options or ReconOptions(folder, rows_at_once=1)
    with pytest.raises(Cut) as stopped:
        reconciler(pool, world, Clock(), folder, cut, options=given).run_day(DAY, ["hub-web"])
    return str(stopped.value), reconciler(pool, world, Clock(), folder, options=given)


def pieces(pool: Pool, run_id: str) -> list[tuple[int, str, int]]:
    with pool.connection() as connection:
        rows = connection.execute(
            "SELECT piece, state, attempt FROM recon.pieces WHERE run_id = %s ORDER BY piece", (run_id,)
        ).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


def test_workers_beside_each_other_do_each_piece_once(pool: Pool, tmp_path: Path) -> None:
    run_id, recon = cut_run(pool, tmp_path)
    workers = [
        threading.Thread(
            target=take_pieces,
            args=(Worklist(pool, name), recon.options, run_id, Clock(), lambda: None),
        )
        for name in ("one", "another", "a third")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert pieces(pool, run_id) == [(0, "done", 1), (1, "done", 1)]


def test_what_one_worker_holds_another_leaves_alone(pool: Pool, tmp_path: Path) -> None:
    run_id, recon = cut_run(pool, tmp_path)
    held, other = Worklist(pool, "slow"), Worklist(pool, "fast")
    with held.claimed(run_id, Clock()) as task:
        assert task is not None
        assert take_piece(other, recon.options, run_id, Clock())
        assert not take_piece(other, recon.options, run_id, Clock())
        assert pieces(pool, run_id) == [(0, "running", 1), (1, "done", 1)]
    # The slow one has died without a word: its piece is free again.
    assert take_piece(other, recon.options, run_id, Clock())
    assert pieces(pool, run_id) == [(0, "done", 2), (1, "done", 1)]


def test_a_piece_that_kills_its_workers_stops_the_run(pool: Pool, tmp_path: Path) -> None:
    run_id, recon = cut_run(pool, tmp_path)
    worklist = Worklist(pool, "dying")
    for _ in range(ATTEMPTS_MAX):
        with worklist.claimed(run_id, Clock()) as task:
            assert isinstance(task, PieceTask)
        with pool.connection() as connection:
            # The other piece is not in the way.
            connection.execute(
                "UPDATE recon.pieces SET state = 'failed', failure = '-' WHERE piece = 1 AND state = 'waiting'"
            )
    with worklist.claimed(run_id, Clock()) as task:
        assert task is None
    with pytest.raises(PieceFailed, match="piece 0: its worker died 3 times"):
        worklist.look(run_id, "hub-web")
    # Whoever runs the day again gives it another chance.
    assert recon.run_day(DAY, ["hub-web"]).definitions[0].state == "done"


def test_a_piece_beyond_its_memory_says_so(pool: Pool, tmp_path: Path) -> None:
    """The pair fails with a sentence, another pair goes on, and with more memory the same run is done."""
    small = ReconOptions(tmp_path, memory_limit="1MB")
    _, recon = cut_run(pool, tmp_path, small, orders=3)
    outcome = recon.run_day(DAY, ["hub-web", "seats"])
    assert [(d.definition, d.state) for d in outcome.definitions] == [("hub-web", "failed"), ("seats", "done")]
    assert "do not fit into 1MB" in str(outcome.definitions[0].reason)
    recon.options = recon.matcher.options = ReconOptions(tmp_path)
    assert recon.run_day(DAY, ["hub-web"]).definitions[0].state == "done"


def test_an_engine_that_is_not_there_says_what_to_do(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spark is chosen and not installed; the same run is done as soon as the default engine is chosen again."""
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    _, recon = cut_run(pool, tmp_path, ReconOptions(tmp_path, engine="spark"), orders=3)
    outcome = recon.run_day(DAY, ["hub-web"])
    assert outcome.definitions[0].state == "failed"
    assert REMEDY in str(outcome.definitions[0].reason)
    recon.options = recon.matcher.options = ReconOptions(tmp_path)
    assert recon.run_day(DAY, ["hub-web"]).definitions[0].state == "done"


def test_the_same_content_is_matched_once(pool: Pool, tmp_path: Path) -> None:
    run_id, recon = cut_run(pool, tmp_path)
    recon.run_day(DAY, ["hub-web"])
    results = sorted((tmp_path / "recon" / "pieces").rglob("*.parquet"))
    before = [path.stat().st_mtime_ns for path in results]
    with pool.connection() as connection:
        connection.execute("DELETE FROM recon.pieces WHERE run_id = %s", (run_id,))
        connection.execute("UPDATE recon.runs SET state = 'running', finished_at = NULL WHERE run_id = %s", (run_id,))
    recon.run_day(DAY, ["hub-web"])
    assert len(results) == 2
    assert [path.stat().st_mtime_ns for path in results] == before


def test_a_run_tells_how_far_it_is(pool: Pool, tmp_path: Path) -> None:
    run_id, recon = cut_run(pool, tmp_path)
    take_piece(recon.worklist, recon.options, run_id, Clock())
    found = recon.journal.run(run_id) or {}
    assert (found["state"], found["stage"], found["pieces_done"], found["pieces_total"]) == ("running", "match", 1, 2)
    assert 0 < found["rows_done"] < found["rows_total"]
    recon.run_day(DAY, ["hub-web"])
    found = recon.journal.run(run_id) or {}
    assert (found["state"], found["stage"], found["pieces_done"]) == ("done", "finished", 2)
    assert sorted((s["stage"], s["attempt"], s["finished_at"] is None) for s in found["stages"]) == [
        ("explain", 1, False),
        ("later", 1, False),
        ("match", 1, True),
        ("match", 2, False),
        ("persist", 1, False),
    ]


def test_the_full_list_of_a_run(pool: Pool, tmp_path: Path) -> None:
    """Every row of both sides once, with what became of it; no cell that a spreadsheet takes for a formula."""
    world = House()
    world.both(sale("web", "EW10000001", at("09:00")))
    world.both(sale("web", "EW10000002", at("09:00"), coach="06"))
    world.channel(sale("web", "EW10000003", at("10:00"), coach="07"))
    world.hub(tell("web", "EW10000004", at("11:00"), [issued(content("EW10000004", "web", 10000, "08"), at("11:00"))]))
    world.channel(
        tell("web", "EW10000004", at("11:00"), [issued(content("EW10000004", "web", 10050, "08"), at("11:00"))])
    )
    bill_of(world)
    recon = reconciler(pool, world, Clock(), tmp_path)
    run_id = recon.run_day(DAY, ["hub-web"]).definitions[0].run_id
    assert write_list(recon.worklist, recon.options, run_id, tmp_path / "list.csv", "csv") == 7
    with (tmp_path / "list.csv").open(encoding="utf-8", newline="") as file:
        lines = sorted((line["order_no"], line["kind"], line["fate"], line["kinds"]) for line in csv.DictReader(file))
    assert lines == [
        ("EW10000001", "payment", "matched", ""),
        ("EW10000001", "ticket", "matched", ""),
        ("EW10000002", "payment", "matched", ""),
        ("EW10000002", "ticket", "matched", ""),
        ("EW10000003", "payment", "broken", "covered"),
        ("EW10000003", "ticket", "broken", "MISSING_IN_HUB"),
        ("EW10000004", "ticket", "broken", "AMOUNT"),
    ]
    assert write_list(recon.worklist, recon.options, run_id, tmp_path / "list.parquet", "parquet") == 7
    assert pq.read_metadata(tmp_path / "list.parquet").num_rows == 7


# --- breaks by COPY -------------------------------------------------------------------------------------------------


def a_break(number: int) -> Break:
    return Break(
        definition="hub-web",
        business_date=DAY,
        kind="AMOUNT",
        key=f'T{number:06d}"\n,',
        order_no="" if number % 2 else None,
        left={"amount": 100, "state": "issued"},
        right=None,
        amount=number,
        currency="CNY",
        since=NOW,
    )


def states(pool: Pool) -> list[tuple[UUID, str, int, str | None]]:
    with pool.connection() as connection:
        rows = connection.execute(
            "SELECT break_id, state, amount_at_stake, order_no FROM recon.breaks ORDER BY key"
        ).fetchall()
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def test_breaks_are_opened_seen_again_and_cleared(pool: Pool, tmp_path: Path) -> None:
    """Text with every character that CSV minds comes through; an empty text is not NULL."""
    run_id, _ = cut_run(pool, tmp_path, orders=1)
    first, second = [a_break(n) for n in range(4)], [a_break(n) for n in range(2, 5)]
    for found in (first, second, second):
        write_breaks(found, tmp_path / "breaks.parquet")
        with pool.connection() as connection:
            record_breaks(connection, run_id, tmp_path / "breaks.parquet", "hub-web", DAY, NOW)
    assert states(pool) == [
        (a_break(n).break_id, "cleared" if n < 2 else "open", n, "" if n % 2 else None) for n in range(5)
    ]
