"""Dropped files, all the way: a station's windows write them, the hub's file drop takes them into the ledger."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from adapters.windows import adapter as windows
from adapters.windows.layout import RECORDS
from hub.intake import Intake
from hub.intake.files import FileDrop
from hub.intake.shelf import file_away
from hub.ports import Part
from hub.store import files, subjects
from hub.store.seal import Seal
from interlock.clock import SetClock
from interlock.console.operating import dropped_files
from interlock.database import Pool, open_pool
from interlock.wiring import new_id
from schemas.observation import Rejection
from simulators.channels.windows import Level, codec, shift_file, windows_file
from tests.adapters.acts import DAY, NOON, Story, order, pay, sale_family, sale_one

DESK = {"office": "VNP01", "window": "07", "shift": "2", "clerk": "0415", "terminal": "T07"}
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Drop:
    """A file drop over the test database, and what a station does with it."""

    folder: Path
    pool: Pool
    files: FileDrop

    def put(self, name: str, raw: bytes) -> None:
        """Write, then rename: as a sender should."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{name}.writing").write_bytes(raw)
        (self.folder / f"{name}.writing").rename(self.folder / name)

    def take(self, name: str, raw: bytes) -> dict[str, Any]:
        """Drop one file, have it taken, read its receipt."""
        self.put(name, raw)
        assert self.files.take_all("windows") == 1
        return self.receipt(name)

    def receipt(self, name: str) -> dict[str, Any]:
        found = list(self.folder.glob(f"*/{name}.receipt.json"))
        assert len(found) == 1, found
        receipt: dict[str, Any] = json.loads(found[0].read_text(encoding="utf-8"))
        return receipt

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query).fetchall()

    def ledger(self) -> dict[str, tuple[int, str]]:
        """order number -> version and digest-like totals."""
        found = self.rows("SELECT order_no, version, business_date::text AS day FROM hub.orders ORDER BY order_no")
        return {row["order_no"]: (row["version"], row["day"]) for row in found}

    def messages(self) -> dict[str, str]:
        """message id -> outcome"""
        found = self.rows("SELECT message_id, outcome FROM hub.messages WHERE channel = 'windows' ORDER BY position")
        return {row["message_id"]: row["outcome"] for row in found}

    def shown(self) -> dict[str, Any]:
        """The newest file as the operators' page has it."""
        with self.pool.connection() as connection:
            return dropped_files(connection, "windows", None, None, 1)[0]


class Broken:
    """An adapter of a stranger that fails on every file."""

    profile = windows.profile
    parse, format = windows.parse, windows.format

    def split(self, raw: bytes) -> Sequence[Part] | Rejection:
        raise RuntimeError("a stranger's mistake")


@pytest.fixture
def drop(pool: Pool, clock: SetClock, tmp_path: Path) -> Drop:
    return open_drop(pool, clock, tmp_path)


def open_drop(pool: Pool, clock: SetClock, folder: Path, adapter: Any = windows, bytes_max: int = 10**6) -> Drop:
    adapters = {"windows": adapter}
    intake = Intake(pool, adapters, Seal(b"f" * 32, b"b" * 32), new_id)
    return Drop(folder / "windows", pool, FileDrop(folder, intake, pool, adapters, clock, bytes_max))


def record(story: Story, act: int = 0) -> bytes:
    return codec.encode(story.acts[act], "").body


def shift(transactions: list[bytes], day: date = DAY, broken: Level | None = None, edition: int = 0) -> bytes:
    return shift_file(transactions, business_date=day, break_total=broken, edition=edition, **DESK)


def sale(serial: int, running: int, at: datetime = NOON, fare_fen: int = 55300, name: str = "") -> bytes:
    """One transaction: a ticket and its payment."""
    made = order("windows", serial, fare_fen=fare_fen)
    made.booked_at = at
    ticket = made.tickets[0]
    ticket.issued_at = ticket.state_at = at
    ticket.seat_no = f"{serial % 20 + 1}A"
    ticket.ticket_no = f"{made.order_no}105{ticket.seat_no:0>4}"
    ticket.name = name or ticket.name
    pay(made, at)
    story = Story("sale", made).act("sale", "windows", at)
    story.acts[0].desk["running"] = f"{running:06d}"
    return record(story)


def damaged(transaction: bytes, column: str, value: bytes, code: str = "SL0") -> bytes:
    """The transaction with other bytes in one column of its first such record."""
    first, last = RECORDS[code].spans[column]
    lines = transaction.split(b"\r\n")
    place = next(n for n, line in enumerate(lines) if line.startswith(code.encode()))
    assert len(value) == last - first + 1
    lines[place] = lines[place][: first - 1] + value + lines[place][last:]
    return b"\r\n".join(lines)


class TestTaken:
    def test_a_shift_is_taken_and_the_same_file_again_changes_nothing(self, drop: Drop) -> None:
        raw = shift([sale(1, 1), sale(2, 2), sale(3, 3)])
        first = drop.take("shift-2.txt", raw)
        assert (first["outcome"], first["messages"], first["rows"]) == ("accepted", 3, {"applied": 3})
        assert (drop.folder / "done" / "shift-2.txt").read_bytes() == raw
        before = drop.ledger()
        again = drop.take("again.txt", raw)
        assert (again["outcome"], again["messages"]) == ("duplicate", 0)
        assert (again["first"]["file"], again["first"]["messages"]) == ("shift-2.txt", 3)
        assert drop.ledger() == before
        assert len(before) == 3

    def test_a_resent_shift_with_one_more_row_applies_only_that_row(self, drop: Drop) -> None:
        drop.take("a", shift([sale(1, 1), sale(2, 2)]))
        before = drop.ledger()
        receipt = drop.take("b", shift([sale(1, 1), sale(2, 2), sale(3, 3)]))
        assert receipt["rows"] == {"applied": 1, "duplicate": 2}
        after = drop.ledger()
        assert {number: after[number] for number in before} == before
        assert after.keys() - before.keys() == {"EC00000003"}

    def test_an_empty_shift_is_a_shift(self, drop: Drop) -> None:
        receipt = drop.take("empty", shift([]))
        assert (receipt["outcome"], receipt["messages"], receipt["rows"]) == ("accepted", 0, {})

    def test_two_offices_and_three_shifts_in_one_file(self, drop: Drop) -> None:
        north = {("07", "2", "0415", "T07"): [sale(1, 1)], ("08", "2", "0416", "T08"): []}
        south = {("01", "1", "0900", "T01"): [sale(2, 1), sale(3, 2)]}
        receipt = drop.take("day", windows_file("S", DAY, {"VNP01": north, "AOH01": south}))
        assert receipt["rows"] == {"applied": 3}
        assert set(drop.messages()) == {
            "VNP01-07-2-20260109-000001",
            "AOH01-01-1-20260109-000001",
            "AOH01-01-1-20260109-000002",
        }

    def test_a_shift_over_midnight_keeps_its_date_and_gives_each_transaction_its_own(self, drop: Drop) -> None:
        late = NOON.replace(hour=23, minute=58)
        drop.take("night", shift([sale(1, 1, late), sale(2, 2, late + timedelta(minutes=5))]))
        assert {number: day for number, (_, day) in drop.ledger().items()} == {
            "EC00000001": "2026-01-09",
            "EC00000002": "2026-01-10",
        }
        assert all("-20260109-" in message_id for message_id in drop.messages())

    def test_a_file_of_december_read_in_january_keeps_its_years(self, drop: Drop) -> None:
        eve = NOON.replace(year=2025, month=12, day=31, hour=23, minute=50)
        drop.take("new-year", shift([sale(1, 1, eve), sale(2, 2, eve + timedelta(minutes=20))], date(2025, 12, 31)))
        assert [day for _, day in drop.ledger().values()] == ["2025-12-31", "2026-01-01"]

    def test_a_file_that_is_being_written_is_not_ours_yet(self, drop: Drop) -> None:
        drop.folder.mkdir(parents=True)
        (drop.folder / "half.writing").write_bytes(shift([sale(1, 1)])[:200])
        (drop.folder / ".hidden").write_bytes(b"?")
        assert drop.files.take_all("windows") == 0
        assert drop.ledger() == {}

    def test_files_are_taken_in_order_of_name_and_only_what_is_a_file(self, drop: Drop) -> None:
        drop.put("2", shift([sale(2, 1)]))
        drop.put("1", shift([sale(1, 1)]))
        outside = drop.folder.parent / "secret"
        outside.write_bytes(b"not for the hub")
        (drop.folder / "link").symlink_to(outside)
        assert drop.files.take_all("windows") == 2
        # one running number, two transactions: the first file by name has it
        assert drop.receipt("1")["rows"] == {"applied": 1}
        assert drop.receipt("2")["refused"][0]["code"] == "message_id_reused"
        assert outside.exists()

    def test_one_process_at_a_time(self, drop: Drop) -> None:
        drop.put("a", shift([sale(1, 1)]))
        with drop.pool.connection() as other:
            assert files.lock(other, "windows")
            assert drop.files.take_all("windows") == 0
        assert drop.files.take_all("windows") == 1

    def test_a_name_that_is_no_text_is_no_obstacle(self, drop: Drop) -> None:
        drop.put("shift-\udcff", shift([sale(1, 1)]))
        assert drop.files.take_all("windows") == 1
        assert drop.shown()["name"] == "shift-\\udcff"

    def test_a_file_waits_while_the_ledger_cannot_be_written(
        self, drop: Drop, clock: SetClock, database_url: str
    ) -> None:
        closed = open_pool(database_url, "closed", 1, 1)
        closed.close()
        adapters = {"windows": windows}
        away = Intake(closed, adapters, Seal(b"f" * 32, b"b" * 32), new_id)
        drop.put("a", shift([sale(1, 1)]))
        assert FileDrop(drop.folder.parent, away, drop.pool, adapters, clock).take_all("windows") == 0
        assert (drop.folder / "a").exists()
        assert drop.files.take_all("windows") == 1
        assert drop.receipt("a")["rows"] == {"applied": 1}

    def test_a_receipt_that_cannot_be_written_keeps_no_other_file_waiting(self, drop: Drop) -> None:
        drop.put("a.txt", shift([sale(1, 1)]))
        drop.put("b.txt", shift([sale(2, 1)], broken="file"))
        in_the_way = drop.folder / "done" / ".a.txt.receipt"
        in_the_way.mkdir(parents=True)
        assert drop.files.take_all("windows") == 1
        assert drop.receipt("b.txt")["outcome"] == "refused"
        in_the_way.rmdir()
        assert drop.files.take_all("windows") == 1
        assert drop.receipt("a.txt")["first"]["file"] == "a.txt"
        assert list(drop.messages().values()) == ["applied"]

    def test_a_crash_between_receipt_and_move_repeats_both(self, drop: Drop) -> None:
        raw = shift([sale(1, 1)])
        drop.take("a", raw)
        os.rename(drop.folder / "done" / "a", drop.folder / "a")
        assert drop.files.take_all("windows") == 1
        assert (drop.receipt("a")["outcome"], drop.receipt("a")["first"]["file"]) == ("duplicate", "a")
        assert (drop.folder / "done" / "a").exists()


class TestRefusedWhole:
    @pytest.mark.parametrize(("level", "line"), [("shift", 8), ("office", 9), ("file", 10)])
    def test_each_control_total(self, drop: Drop, level: Level, line: int) -> None:
        receipt = drop.take("bad", shift([sale(1, 1), sale(2, 2)], broken=level))
        found = receipt["problem"]
        assert (receipt["outcome"], receipt["messages"], found["code"]) == ("refused", 0, "control_total_wrong")
        assert f"'amount' of the {level} trailer is 2213.00, the records below it are 2212.00" in found["detail"]
        assert found["pointers"][0]["pointer"] == f"line {line}, columns 16-28"
        assert (drop.folder / "refused" / "bad").exists()
        assert drop.ledger() == {}
        assert drop.shown()["problem"]["detail"] == found["detail"]

    @pytest.mark.parametrize(
        ("trailer", "column", "says"),
        [
            (b"ST ", 4, "'units' of the shift trailer is 3, the records below it are 2"),
            (b"ST ", 10, "'records' of the shift trailer is 5, the records below it are 4"),
            (b"OT ", 4, "'units' of the office trailer is 2, the records below it are 1"),
            (b"OT ", 10, "'records' of the office trailer is 5, the records below it are 4"),
            (b"FT ", 4, "'units' of the file trailer is 2, the records below it are 1"),
            (b"FT ", 10, "'records' of the file trailer is 5, the records below it are 4"),
        ],
    )
    def test_each_count(self, drop: Drop, trailer: bytes, column: int, says: str) -> None:
        lines = shift([sale(1, 1), sale(2, 2)]).split(b"\r\n")
        place = next(n for n, line in enumerate(lines) if line.startswith(trailer))
        number = int(lines[place][column - 1 : column + 5]) + 1
        lines[place] = lines[place][: column - 1] + b"%06d" % number + lines[place][column + 5 :]
        receipt = drop.take("bad", b"\r\n".join(lines))
        assert receipt["problem"]["code"] == "control_total_wrong"
        assert says in receipt["problem"]["detail"]
        assert drop.ledger() == {}

    def test_a_right_file_after_the_refused_one(self, drop: Drop) -> None:
        drop.take("a", shift([sale(1, 1)], broken="office"))
        receipt = drop.take("a", shift([sale(1, 1)]))
        assert (receipt["outcome"], receipt["rows"]) == ("accepted", {"applied": 1})

    @pytest.mark.parametrize(
        ("damage", "code", "words"),
        [
            (lambda raw: raw[: len(raw) // 2], "message_", ""),
            (lambda raw: raw.rsplit(b"FT ", 1)[0], "message_truncated", "the file trailer is missing"),
            (lambda raw: raw.replace(b"\r\n", b"\n"), "message_malformed", "ended by LF alone"),
            (lambda raw: b"\xef\xbb\xbf" + raw, "encoding_damaged", "byte order mark of UTF-8"),
            (lambda raw: raw.decode("gb18030").encode("utf-16"), "encoding_damaged", "byte order mark of UTF-16"),
            (lambda raw: raw + b"\x1a", "message_malformed", "something follows the file trailer"),
            (lambda raw: raw + raw, "message_malformed", "something follows the file trailer"),
            (lambda raw: b"", "message_malformed", "no file header"),
            (lambda raw: raw.replace(b"FH S0120260109", b"FH S0120261301"), "time_invalid", "no date"),
            (lambda raw: raw.replace(b"FH S01", b"FH S09"), "unknown_code", "version"),
            (lambda raw: raw.replace(b"OH VNP01", b"OH V/P01"), "message_malformed", "letters and digits"),
            (lambda raw: raw.replace(b"SH ", b"ST ", 1), "message_malformed", "may stand inside a shift only"),
        ],
    )
    def test_what_is_no_file_says_so(self, drop: Drop, damage: Any, code: str, words: str) -> None:
        receipt = drop.take("bad", damage(shift([sale(1, 1), sale(2, 2)])))
        assert receipt["outcome"] == "refused"
        assert receipt["problem"]["code"].startswith(code)
        assert words in receipt["problem"]["detail"]
        assert receipt["problem"]["pointers"][0]["pointer"].startswith("line ")
        assert drop.ledger() == {}

    def test_a_file_cut_anywhere_takes_nothing(self, drop: Drop) -> None:
        raw = shift([sale(1, 1)])
        for end in range(0, len(raw) - 2, 37):
            assert drop.take(f"cut-{end}", raw[:end])["outcome"] == "refused"
        assert drop.ledger() == {}

    def test_a_file_too_large_is_refused_unread(self, pool: Pool, clock: SetClock, tmp_path: Path) -> None:
        drop = open_drop(pool, clock, tmp_path, bytes_max=400)
        receipt = drop.take("large", shift([sale(1, 1)]))
        assert (receipt["outcome"], receipt["problem"]["code"]) == ("refused", "message_too_large")

    def test_a_file_that_breaks_an_adapter_does_not_come_again(
        self, pool: Pool, clock: SetClock, tmp_path: Path
    ) -> None:
        drop = open_drop(pool, clock, tmp_path, Broken())
        receipt = drop.take("poison", b"anything")
        assert (receipt["outcome"], receipt["problem"]["code"]) == ("refused", "message_malformed")
        assert drop.files.take_all("windows") == 0


class TestRefusedAlone:
    def test_a_bad_row_is_refused_alone_and_seen(self, drop: Drop) -> None:
        raw = shift([sale(1, 1), damaged(sale(2, 2), "depart", b"02300800"), sale(3, 3)])
        receipt = drop.take("a", raw)
        assert (receipt["outcome"], receipt["rows"]) == ("accepted", {"applied": 2, "refused": 1})
        (row,) = receipt["refused"]
        assert row["place"] == "lines 6-7, transaction 000002 of VNP01-07-2-20260109"
        assert (row["code"], row["pointer"]) == ("time_invalid", "line 4, columns 170-177")
        assert (row["expected"], row["message_id"]) == ("MMDDhhmm", "VNP01-07-2-20260109-000002")
        shown = drop.shown()["problem"]
        assert shown["code"] == receipt["problem"]["code"] == "rows_refused"
        assert shown["detail"] == "1 of 3 transactions were refused, the others are taken."
        assert row["place"] in shown["pointers"][0]["pointer"]
        assert sorted(drop.ledger()) == ["EC00000001", "EC00000003"]
        assert drop.messages()["VNP01-07-2-20260109-000002"] == "refused"

    def test_the_corrected_row_comes_in_a_later_file_under_its_number(self, drop: Drop) -> None:
        bad = shift([sale(1, 1), damaged(sale(2, 2), "depart", b"02300800")])
        drop.take("a", bad)
        worse = shift([sale(1, 1), damaged(sale(2, 2), "depart", b"02310800")])
        assert drop.take("b", worse)["rows"] == {"duplicate": 1, "refused": 1}
        good = shift([sale(1, 1), sale(2, 2)])
        assert drop.take("c", good)["rows"] == {"applied": 1, "duplicate": 1}
        assert sorted(drop.ledger()) == ["EC00000001", "EC00000002"]
        assert drop.messages() == {
            "VNP01-07-2-20260109-000001": "applied",
            "VNP01-07-2-20260109-000002": "refused",
            "VNP01-07-2-20260109-000002~2": "refused",
            "VNP01-07-2-20260109-000002~3": "applied",
        }
        more = shift([sale(1, 1), sale(2, 2), sale(3, 3)])
        assert drop.take("d", more)["rows"] == {"applied": 1, "duplicate": 2}
        assert drop.rows("SELECT code FROM hub.rejections") == []

    def test_a_row_that_cannot_be_cut_spoils_nobody(self, drop: Drop) -> None:
        lines = shift([sale(1, 1), sale(2, 2), sale(3, 3)]).split(b"\r\n")
        lines[5] = lines[5][:40] + lines[5][44:]
        receipt = drop.take("a", b"\r\n".join(lines))
        assert receipt["rows"] == {"applied": 2, "refused": 1}
        assert receipt["refused"][0]["expected"] == "253 bytes"

    def test_a_row_without_a_number_is_named_by_its_line(self, drop: Drop) -> None:
        lines = shift([sale(1, 1), sale(2, 2)]).split(b"\r\n")
        lines[5] = lines[5][:3] + b"??????" + lines[5][9:]
        receipt = drop.take("a", b"\r\n".join(lines))
        assert [row["place"].split(" of ")[0] for row in receipt["refused"]] == ["lines 6-6, transaction line6"]

    def test_a_half_character_at_the_edge_of_a_column(self, drop: Drop) -> None:
        """The name is full to its last byte; a sender that cut text by characters leaves half of one behind."""
        full = ("测试" * 10).encode("gb18030")
        whole = sale(1, 1, name="测试" * 10)
        half = damaged(sale(2, 2), "name", full[:-1] + b" ")
        receipt = drop.take("a", shift([whole, half]))
        assert receipt["rows"] == {"applied": 1, "refused": 1}
        assert receipt["refused"][0]["code"] == "encoding_damaged"
        assert receipt["refused"][0]["pointer"] == "line 4, columns 91-130"

    def test_other_bytes_under_a_number_that_was_taken_are_refused(self, drop: Drop) -> None:
        drop.take("a", shift([sale(1, 1)]))
        receipt = drop.take("b", shift([sale(1, 1, fare_fen=50000)]))
        assert receipt["rows"] == {"refused": 1}
        assert receipt["refused"][0]["code"] == "message_id_reused"

    def test_a_later_edition_of_the_shift_corrects_what_was_taken(self, drop: Drop) -> None:
        drop.take("a", shift([sale(1, 1, fare_fen=55300), sale(2, 2)]))
        receipt = drop.take("b", shift([sale(1, 1, fare_fen=50000), sale(2, 2)], edition=1))
        assert receipt["rows"] == {"applied": 1, "witnessed": 1}
        (stored,) = drop.rows("SELECT document::text AS facts FROM hub.orders WHERE order_no = 'EC00000001'")
        said = json.loads(stored["facts"])["facts"]["ticket.issued|EC00000001105002A"]["windows"]["fact"]
        assert said["ticket"]["fare_gross"]["amount"] == 50000
        assert drop.take("c", shift([sale(1, 1, fare_fen=55300), sale(2, 2)]))["outcome"] == "duplicate"

    def test_receipts_and_the_table_of_files_name_no_passenger(self, drop: Drop) -> None:
        raw = shift([damaged(record(sale_one("windows")), "document_no", b"990101199003070018".ljust(24)), sale(2, 9)])
        receipt = drop.take("a", raw)
        kept = json.dumps(receipt) + json.dumps(drop.rows("SELECT name, problem FROM hub.files"))
        assert receipt["refused"][0]["code"] == "identifier_invalid"
        assert "990101199003070018" not in kept
        assert "测试" not in kept


class TestAtRest:
    def test_plaintext_is_deleted_after_its_time(self, drop: Drop) -> None:
        drop.take("good", shift([record(sale_family("windows"))]))
        drop.take("bad", shift([sale(1, 1)], broken="file"))
        now = datetime.now(UTC)
        assert drop.files.sweep("windows", now + timedelta(days=6), WEEK) == 0
        assert drop.files.sweep("windows", now + timedelta(days=8), WEEK) == 2
        assert [path for path in drop.folder.rglob("*") if path.is_file()] == []
        # the ledger still has every transaction, sealed
        (stored,) = drop.rows("SELECT raw FROM hub.messages WHERE channel = 'windows'")
        with drop.pool.connection() as connection:
            (clear,) = subjects.opened_raw(connection, Seal(b"f" * 32, b"b" * 32), [bytes(stored["raw"])])
        assert clear is not None
        assert clear.startswith(b"FH S0120260109")

    def test_what_waits_is_never_swept(self, drop: Drop) -> None:
        drop.put("waiting", shift([sale(1, 1)]))
        assert drop.files.sweep("windows", datetime.now(UTC) + timedelta(days=99), WEEK) == 0
        assert (drop.folder / "waiting").exists()

    def test_an_old_receipt_of_the_same_name_does_not_answer_for_the_new_file(self, tmp_path: Path) -> None:
        for outcome in ("refused", "accepted"):
            (tmp_path / "a").write_bytes(b"x")
            file_away(tmp_path / "a", {"outcome": outcome})
        assert [path.parent.name for path in tmp_path.glob("*/a.receipt.json")] == ["done"]
