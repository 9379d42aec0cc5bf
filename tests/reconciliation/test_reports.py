"""A day's report: its totals are the ledger's, or it says in red which are not; and its three forms say the same."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from hub.store import orders
from interlock.clock import SetClock
from interlock.database import Pool
from reconciliation.datasets import write_dataset
from reconciliation.definitions import SourceName, definitions
from reconciliation.reports import Report, Scope, as_csv, as_pdf, as_xlsx, build
from reconciliation.reports.lettering import lettered
from reconciliation.reports.tables import Column, Table, added
from reconciliation.rows import Row
from reconciliation.sources.hub import hub_order, hub_rows
from tests.hub.railway import Railway, open_railway, refund, sale
from tests.reconciliation.exchange_desk import DAY, Room, noon

NOW = datetime(2026, 1, 13, 1, 0, tzinfo=UTC)
AT = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
TODAY = AT.date()
KNOWN = {
    name: definitions()["hub-web"].model_copy(update={"name": name, "right": SourceName(source=source, of=of)})
    for name, source, of in (("hub-north", "channel", "north"), ("hub-money", "processor", "wechat"))
}


def report_of(pool: Pool, folder: Path, scope: Scope | None = None) -> Report:
    return build(pool, folder, definitions(), scope or Scope(DAY), "anna", NOW)


@pytest.fixture
def room(pool: Pool) -> Room:
    made = Room(pool, noon)
    made.put(3)
    made.put(2, "ORPHAN_REFUND", definition="hub-wechat", amount=90_000, since=NOW - timedelta(days=40))
    made.put(1, day=DAY - timedelta(days=5), since=NOW - timedelta(days=6))
    return made


# --- the sections ---------------------------------------------------------------------------------------------------


def test_the_sections_say_what_the_table_holds(room: Room, pool: Pool, tmp_path: Path) -> None:
    report = report_of(pool, tmp_path)
    assert [(r[0], *r[2:]) for r in report.table("kinds").rows] == [
        ("AMOUNT", 0, 3, 0, 0, 450),
        ("ORPHAN_REFUND", 0, 2, 0, 0, 180_000),
    ]
    ageing = {row[0]: row[3:9] for row in report.table("ageing").rows}
    assert ageing == {"hub-web": (0, 450, 150, 0, 0, 600), "hub-wechat": (0, 180_000, 0, 0, 0, 180_000)}
    assert [row[7] for row in report.table("top").rows] == [90_000, 90_000, 150, 150, 150]
    assert (report.table("unmatched").listed, len(report.table("unmatched").rows)) == (5, 5)
    assert [t.name for t in report.tables][:2] == ["ties", "channels"]


def test_a_part_of_a_day(room: Room, pool: Pool, tmp_path: Path) -> None:
    part = report_of(pool, tmp_path, Scope(DAY, "hub-wechat", "ORPHAN_REFUND"))
    assert [row[0] for row in part.table("kinds").rows] == ["ORPHAN_REFUND"]
    assert ("范围", "scope", "hub-wechat ORPHAN_REFUND") in part.head


def test_decisions_of_people_are_visible(room: Room, pool: Pool, tmp_path: Path) -> None:
    resolution = room.propose_one()
    with pool.connection() as connection:
        connection.execute(
            "UPDATE recon.resolutions SET state = 'rejected', approved_by = 'bert', approved_at = %s"
            " WHERE resolution_id = %s",
            (NOW, resolution),
        )
    (row,) = report_of(pool, tmp_path).table("manual").rows
    assert row[3:9] == ("write_off", 150, "as agreed", "anna", "bert", "rejected")


# --- the ties -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(pool: Pool, clock: SetClock) -> Railway:
    """Two sales and one refund, through the hub's own intake."""
    railway = open_railway(pool, clock)
    _sell(railway)
    return railway


def test_totals_tie_to_the_books_or_it_is_said_where_not(ledger: Railway, pool: Pool, tmp_path: Path) -> None:
    """Compared by a run whose snapshot is whole, by one that lost a payment, and by none."""
    none = build(pool, tmp_path, KNOWN, Scope(TODAY), "anna", NOW)
    assert {tie[6] for tie in none.table("ties").rows} == {"ties", "not compared"}
    rows = _snapshot(pool)
    _run(pool, tmp_path, rows, 1)
    whole = build(pool, tmp_path, KNOWN, Scope(TODAY), "anna", NOW)
    assert whole.ties, whole.alarms
    assert {row[0]: row[3:6] for row in whole.table("ties").rows} == {
        "试算平衡：借方与贷方 trial balance: debit and credit": (331800, 331800, 0),
        "售票 north tickets sold, north": (110600, 110600, 0),
        "收款 wechat payments captured, wechat": (110600, 110600, 0),
        "应退款 wechat refunds promised, wechat": (52550, 52550, 0),
    }
    lost = next(row for row in rows if row.kind == "payment")
    _run(pool, tmp_path, [row for row in rows if row is not lost], 2)
    short = build(pool, tmp_path, KNOWN, Scope(TODAY), "anna", NOW)
    ((_, alarm),) = short.alarms
    assert (
        alarm
        == "payments captured, wechat: account processor_clearing:wechat and the reconciliation differ by 553.00 CNY"
    )


def _sell(railway: Railway) -> None:
    told = (
        sale("E100000071", "north", AT),
        sale("E100000072", "north", AT, seat="12B"),
        refund("E100000072", "north", AT + timedelta(hours=1), "E100000072105012B"),
    )
    for number, said in enumerate(told):
        answer = railway.tell("north", f"m{number}", said)
        assert answer.status == 200, answer.body


KNOWN_IDS = {name: number for number, name in enumerate(KNOWN)}


def _snapshot(pool: Pool) -> list[Row]:
    """The hub's rows of the day, as a run takes them."""
    with pool.connection() as connection:
        return [row for document in orders.stated_on(connection, TODAY) for row in hub_rows(hub_order(document, TODAY))]


def _run(pool: Pool, folder: Path, rows: list[Row], number: int) -> None:
    """A finished run of each pair over these rows."""
    lies = write_dataset(folder / "datasets", rows).folder.relative_to(folder)
    with pool.connection() as connection:
        for name in KNOWN:
            run_id = f"{number}{KNOWN_IDS[name]}".ljust(64, "0")
            connection.execute(
                "INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest,"
                " left_digest, right_digest, context_digest, state, started_at, finished_at, finish_order)"
                " VALUES (%s, %s, %s, '1', 'd', 'l', 'r', 'c', 'done', %s, %s, nextval('recon.run_order'))",
                (run_id, name, TODAY, NOW, NOW),
            )
            connection.execute(
                "INSERT INTO recon.inputs (run_id, side, source, name, sha256, digest, bytes, rows, folder)"
                " VALUES (%s, 'left', 'hub', 'hub', '', '', 0, %s, %s)",
                (run_id, len(rows), str(lies)),
            )


# --- the three forms ------------------------------------------------------------------------------------------------


def test_excel_has_numbers_and_red_where_it_does_not_tie(room: Room, pool: Pool, tmp_path: Path) -> None:
    report = report_of(pool, tmp_path)
    out = io.BytesIO()
    as_xlsx(report, out)
    book = load_workbook(out)
    page = book["按种类 kinds"]
    assert [page.cell(5, place).value for place in (1, 4, 7)] == ["ORPHAN_REFUND", 2, 1800]
    assert "#,##0.00" in page.cell(5, 7).number_format
    cover = [str(cell.value) for row in book["报告 report"].iter_rows() for cell in row if cell.value]
    assert any("differs" in text for text in cover) is not report.ties


def test_csv_has_every_section(room: Room, pool: Pool, tmp_path: Path) -> None:
    report = report_of(pool, tmp_path)
    out = io.BytesIO()
    as_csv(report, out)
    lines = list(csv.reader(io.StringIO(out.getvalue().decode("utf-8-sig"))))
    assert [line[0] for line in lines if line and line[0].startswith("# ") and len(line) == 3][-1] == "# unmatched"
    assert ["ORPHAN_REFUND", "CNY", "0", "2", "0", "0", "1800.00"] in lines


def test_print_carries_its_own_chinese_letters(room: Room, pool: Pool, tmp_path: Path) -> None:
    report = report_of(pool, tmp_path)
    first = io.BytesIO()
    as_pdf(report, first)
    pages = PdfReader(first).pages
    text = "".join(page.extract_text() for page in pages)
    for words in ("每日对账报告", "与总账核对", "未结差异账龄", "1,800.00", f"/ 共 {len(pages)} 页", "编制人签字"):
        assert words in text, words
    assert b"/FontFile2" in first.getvalue()


def test_a_long_list_is_cut_in_print_and_said(tmp_path: Path) -> None:
    columns = (Column("名称", "name"), Column("金额", "amount", "money"))
    rows = [(f"第{n}行 𠮷", n) for n in range(40)]
    table = Table("long", "长表", "Long", columns, list(rows), added(rows, columns), in_print=30)
    report = Report("报告", "Report", DAY, NOW, "anna", [], [table])
    out, again = io.BytesIO(), io.BytesIO()
    as_pdf(report, out)
    as_pdf(report, again)
    assert out.getvalue() == again.getvalue()
    text = "".join(page.extract_text() for page in PdfReader(out).pages)
    assert "10 more in the workbook" in text
    assert ("第29行" in text, "第30行" in text) == (True, False)


def test_a_character_that_no_face_has_does_no_harm() -> None:
    assert lettered("sans", "𓀀票")[:4] == b"\x00\x01\x00\x00"
