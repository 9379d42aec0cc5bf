"""The ledger as rows: followed, rebuilt and exported, always what a fold of all documents says."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.intake import Intake
from hub.intake.erasing import Eraser
from hub.intake.own_voice import OwnVoice
from hub.ledger import HUB
from hub.store import orders
from hub.store.audit import Audit
from hub.store.persons import Whom, subject_index
from interlock.clock import SetClock
from interlock.database import Pool
from interlock.wiring import new_id
from reconciliation.datasets import read_rows
from reconciliation.ports import HubDay, SourceMissing
from reconciliation.rows import Row
from reconciliation.sources import ledger
from reconciliation.sources.hub import RAILWAY_ZONE, hub_order, hub_rows
from reconciliation.sources.ledger import PostgresLedger, follow, follow_all, forget
from schemas.facts import Adjusted
from schemas.money import Money
from tests.hub.railway import Railway, content, observation, open_railway, refund, sale
from tests.hub.test_any_order import VOICES, messages, receipts
from tests.hub.test_joining import Story

LOOK_ANYWHERE = "SELECT l::text FROM recon.ledger_rows l UNION ALL SELECT l::text FROM recon.ledger_orders l"


@pytest.fixture
def railway(pool: Pool, clock: SetClock) -> Railway:
    return open_railway(pool, clock)


@pytest.fixture
def busy(railway: Railway) -> Railway:
    """The ledger with all journeys on it."""
    intake = Intake(railway.pool, VOICES | {HUB: OwnVoice(HUB, "枢纽", "hub")}, railway.seal, new_id)
    for receipt in receipts(railway, messages()):
        assert intake.take([receipt])[0].status == 200
    return railway


def day_of(railway: Railway) -> date:
    return railway.clock().astimezone(RAILWAY_ZONE).date()


def table(pool: Pool) -> list[tuple[Any, ...]]:
    with pool.connection() as connection:
        rows = connection.execute("SELECT l::text FROM recon.ledger_rows l").fetchall()
        return sorted(rows) + sorted(connection.execute("SELECT l::text FROM recon.ledger_orders l").fetchall())


def made_from_documents(railway: Railway, business_date: date) -> list[Row]:
    """A date's rows by the slow way: every document folded, the people left out."""
    with railway.pool.connection() as connection:
        ids = [row[0] for row in connection.execute("SELECT order_id FROM hub.orders")]
        documents = [stored.document for stored in orders.read(connection, ids).values()]
    found = []
    for document in documents:
        known = hub_order(document, business_date)
        rows = list(hub_rows(known))
        money = {datetime.fromtimestamp(r.at / 1e6, RAILWAY_ZONE).date() for r in rows if r.kind != "ticket"}
        if known.order.business_date == business_date or known.touched or business_date in money:
            found += rows
    return sorted(found, key=str)


def exported(railway: Railway, database_url: str, folder: Path, day: date | None = None) -> HubDay:
    with PostgresLedger(railway.pool, database_url).snapshot(day or day_of(railway)) as snapshot:
        return snapshot.export(folder)


def rows_of(day: HubDay) -> list[Row]:
    return sorted((replace(row, person="") for row in read_rows(day.dataset.paths)), key=str)


def test_every_date_is_what_its_documents_say(busy: Railway, database_url: str, tmp_path: Path) -> None:
    follow_all(busy.pool)
    with busy.pool.connection() as connection:
        dates = [row[0] for row in connection.execute("SELECT DISTINCT business_date FROM recon.ledger_rows")]
    assert len(dates) > 5
    for day in dates:
        assert rows_of(exported(busy, database_url, tmp_path, day)) == made_from_documents(busy, day)


def test_followed_a_little_at_a_time_or_rebuilt_it_is_the_same_table(
    busy: Railway, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_all(busy.pool)
    whole = table(busy.pool)
    forget(busy.pool)
    assert table(busy.pool) == []
    monkeypatch.setattr(ledger, "STRETCH", 7)
    stretches = 0
    while follow(busy.pool).more:
        stretches += 1
    assert stretches > 5
    assert table(busy.pool) == whole
    assert follow_all(busy.pool) == 0, "nothing is left"


def test_a_rebuild_that_was_interrupted_goes_on_and_takes_what_came_meanwhile(
    busy: Railway, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(busy.pool)
    monkeypatch.setattr(ledger, "STRETCH", 10)
    follow(busy.pool)
    busy.tell("north", "late", sale("EW00000077", "north", busy.clock()))
    with pytest.raises(SourceMissing, match="made anew"):
        _snapshot_without_following(busy, database_url, monkeypatch)
    assert [row for row in rows_of(exported(busy, database_url, tmp_path)) if row.order_no == "EW00000077"]


def _snapshot_without_following(railway: Railway, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "follow_all", lambda pool: 0)
        with PostgresLedger(railway.pool, database_url).snapshot(day_of(railway)):
            pass


def test_what_nobody_followed_yet_is_in_the_export_all_the_same(
    railway: Railway, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold = sale("EW00000001", "north", railway.clock())
    railway.tell("north", "m-1", sold)
    follow_all(railway.pool)
    ticket_no = sold.facts[0].ticket.ticket_no  # type: ignore[union-attr]  # an issued ticket
    railway.clock.advance(timedelta(hours=1))
    railway.tell("south", "m-2", refund("EW00000001", "south", railway.clock(), ticket_no))
    monkeypatch.setattr(ledger, "follow_all", lambda pool: 0)
    rows = rows_of(exported(railway, database_url, tmp_path))
    assert rows == made_from_documents(railway, day_of(railway))
    assert {(row.kind, row.state, row.actors, row.fee) for row in rows} == {
        ("ticket", "refunded", "|north|south|", None),
        ("payment", None, "|north|", None),
        ("refund", None, "|south|", 2_750_000),
    }


def test_a_snapshot_does_not_see_what_comes_after_it(railway: Railway, database_url: str, tmp_path: Path) -> None:
    railway.tell("north", "m-1", sale("EW00000001", "north", railway.clock()))
    with PostgresLedger(railway.pool, database_url).snapshot(day_of(railway)) as snapshot:
        railway.tell("north", "m-2", sale("EW00000002", "north", railway.clock(), seat="13A"))
        follow_all(railway.pool)
        assert {row.order_no for row in rows_of(snapshot.export(tmp_path))} == {"EW00000001"}
        assert rows_of(snapshot.export_orders(["EW00000002"], tmp_path)) == []


def test_orders_that_others_speak_of_come_without_acts(railway: Railway, database_url: str, tmp_path: Path) -> None:
    railway.tell("north", "m-1", sale("EW00000001", "north", railway.clock()))
    railway.clock.advance(timedelta(days=2))
    with PostgresLedger(railway.pool, database_url).snapshot(day_of(railway)) as snapshot:
        assert rows_of(snapshot.export(tmp_path)) == []
        asked = ["EW00000001", "E' OR true --", "x\0y"]
        found = rows_of(snapshot.export_orders(asked, tmp_path))
    assert [(row.kind, row.actors) for row in found] == [("ticket", ""), ("payment", "")]


def test_a_joined_order_has_its_rows_once(railway: Railway, database_url: str, tmp_path: Path) -> None:
    story = Story(railway)
    railway.tell("north", "sold", story.sold)
    railway.tell("south", "back", story.back)
    follow_all(railway.pool)
    railway.tell("east", "link", story.link)
    assert rows_of(exported(railway, database_url, tmp_path)) == made_from_documents(railway, day_of(railway))
    followed = table(railway.pool)
    forget(railway.pool)
    follow_all(railway.pool)
    assert table(railway.pool) == followed


def test_accepted_differences_and_rivals_come_along(railway: Railway, database_url: str, tmp_path: Path) -> None:
    railway.tell("north", "m-1", sale("EW00000001", "north", railway.clock()))
    railway.tell("south", "m-2", sale("EW00000002", "south", railway.clock()))
    fact = Adjusted(
        occurred_at=railway.clock(),
        definition="hub-north",
        subject="EW0000000110500" + "12A"[:2],
        kind="AMOUNT",
        hub_value="1",
        other_value="2",
        amount=Money(amount=1),
        reason="a test",
        by="somebody",
    )
    railway.tell("north", "m-3", observation("EW00000001", "north", [fact], railway.clock(), sequence=1))
    day = exported(railway, database_url, tmp_path)
    assert [(a.definition, a.kind) for a in day.adjusted] == [("hub-north", "AMOUNT")]
    assert day.rivals == {"EW00000001"}, "the later of the two was not granted its seat"
    with PostgresLedger(railway.pool, database_url).snapshot(day_of(railway) + timedelta(days=9)) as snapshot:
        assert snapshot.export(tmp_path).adjusted == ()
        assert snapshot.export_orders(["EW00000001"], tmp_path).adjusted == day.adjusted


def test_people_are_an_index_that_goes_with_them(railway: Railway, database_url: str, tmp_path: Path) -> None:
    person = content("EW00000001", "north").passenger
    railway.tell("north", "m-1", sale("EW00000001", "north", railway.clock()))
    index = subject_index(railway.seal, person.document.type, person.document.number)

    def persons() -> set[str]:
        return {r.person for r in read_rows(exported(railway, database_url, tmp_path).dataset.paths) if r.person}

    assert persons() == {index}
    with railway.pool.connection() as connection:
        written = str(connection.execute(LOOK_ANYWHERE).fetchall())
    assert person.document.number not in written
    assert person.name not in written
    eraser = Eraser(VOICES, railway.seal, Audit(b"a" * 32), railway.clock, lambda: datetime.now(UTC))
    with railway.pool.connection() as connection:
        eraser.erase(connection, Whom(person.document.type, person.document.number), "a-test", "he asked for it")
    assert persons() == set()
    with railway.pool.connection() as connection:
        assert index not in str(connection.execute(LOOK_ANYWHERE).fetchall())


def test_nothing_of_a_slow_transaction_is_passed_over(railway: Railway, database_url: str, tmp_path: Path) -> None:
    """An order whose transaction began first and commits last is followed when it has committed."""
    railway.tell("north", "m-1", sale("EW00000001", "north", railway.clock()))
    follow_all(railway.pool)
    with _an_event_under_way(railway.pool):
        railway.tell("north", "m-2", sale("EW00000002", "north", railway.clock(), seat="13A"))
        follow_all(railway.pool)
        assert "EW00000002" not in str(table(railway.pool)), "behind the barrier"
        seen = {row.order_no for row in rows_of(exported(railway, database_url, tmp_path))}
        assert seen == {"EW00000001", "EW00000002"}, "an export sees what is committed"
    follow_all(railway.pool)
    assert "EW00000002" in str(table(railway.pool))


@contextmanager
def _an_event_under_way(pool: Pool) -> Iterator[None]:
    """A transaction with an id that has not ended."""
    with pool.connection() as connection:
        connection.execute("SELECT pg_current_xact_id()")
        yield


def test_two_follow_at_once(busy: Railway) -> None:
    """The second one waits for the first and goes on behind it: rows are never written twice."""
    with ThreadPoolExecutor(4) as several:
        done = list(several.map(lambda _: follow_all(busy.pool), range(4)))
    followed = table(busy.pool)
    assert sum(done) > 0
    forget(busy.pool)
    follow_all(busy.pool)
    assert table(busy.pool) == followed
