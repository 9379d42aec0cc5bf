"""Hundreds of breaks out in a spreadsheet, fixed, and back in as proposals that somebody else approves."""

import csv
import io
import time
import zipfile
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from reconciliation.exchange import answer_csv, answer_workbook, read_returned
from reconciliation.exchange.columns import COLUMNS
from reconciliation.exchange.guard import guarded, printable, unguarded
from reconciliation.journal import Pool
from schemas.problems import ProblemError
from tests.reconciliation.exchange_desk import Room, edited, every_row, noon, saved

LISTED = 'INDIRECT("actions_"&SUBSTITUTE($E2,"-","_")&"_"&$F2)'
NAMES = [column.name for column in COLUMNS]


@pytest.fixture
def room(pool: Pool) -> Room:
    return Room(pool, noon)


# --- the guard ------------------------------------------------------------------------------------------------------


@given(st.text())
def test_the_guard_gives_back_what_it_was_given_and_nothing_that_runs(text: str) -> None:
    kept = guarded(text)
    assert unguarded(kept) == text
    assert kept.lstrip()[:1] not in {*"=+-@", "\uff1d", "\uff0b", "\uff0d", "\uff20"}  # fmt: skip


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠a", " =1", "\u200b=1", "\ufeff=1"]
)
def test_what_a_spreadsheet_would_run_is_marked(text: str) -> None:
    assert guarded(text) == "'" + text


@given(st.text(alphabet=st.characters(codec=None)))
def test_every_text_can_be_written(text: str) -> None:
    printable(text).encode()


# --- out ------------------------------------------------------------------------------------------------------------


def test_the_list_tells_candidates_apart(room: Room) -> None:
    (first, _) = room.put(2)
    book = load_workbook(io.BytesIO(room.out()))
    page = book["breaks"]
    assert [cell.value for cell in page[1]] == [column.heading for column in COLUMNS]
    row = dict(zip(NAMES, page[2], strict=True))
    assert row["break"].value == str(first)
    assert (row["hub_amount"].value, row["other_amount"].value, row["at_stake"].value) == (100.0, 101.5, 1.5)
    assert "#,##0.00" in row["hub_amount"].number_format
    assert (row["order_no"].value, row["place"].value, row["age_days"].value) == ("EW00000001", "line 1", 2)
    assert str(row["since"].value) == "2026-01-11 09:00:00"  # at a desk in Beijing
    assert (page.freeze_panes, book["manifest"].sheet_state) == ("D2", "veryHidden")
    (choice, length) = page.data_validations.dataValidation
    assert (choice.formula1, str(choice.sqref)) == (LISTED, "B2:B3")
    assert book.defined_names["actions_hub_web_AMOUNT"].attr_text == "choices!$A$1:$E$1"
    assert length.type == "textLength"


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_text_that_would_run_comes_out_guarded(room: Room, form: str) -> None:
    room.put(key="=cmd|' /C calc'!A0")
    raw = room.out("csv" if form == "csv" else "xlsx")
    if form == "csv":
        assert "'=cmd|" in raw.decode("utf-8-sig")
    else:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            sheets = [archive.read(n) for n in archive.namelist() if n.startswith("xl/worksheets/")]
        assert not any(b"<f>" in sheet for sheet in sheets)
        assert load_workbook(io.BytesIO(raw))["breaks"]["I2"].value == "'=cmd|' /C calc'!A0"


def test_more_than_a_workbook_holds_is_said(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciliation.exchange.writing.ROWS_MAX", 2)
    room.put(3)
    with pytest.raises(ProblemError, match="query_invalid"):
        room.out()


# --- back -----------------------------------------------------------------------------------------------------------


def test_rows_become_proposals_and_the_same_file_again_changes_nothing(room: Room) -> None:
    first, second, _ = room.put(3)
    sent = edited(room.out(), {2: ("write_off", "agreed with web"), 3: ("take_channel", "the channel is right")})
    answer = room.back(sent)
    assert answer.counts == {"left_alone": 1, "proposed": 2}
    expected = [
        (first, "write_off", "agreed with web", "anna"),
        (second, "take_channel", "the channel is right", "anna"),
    ]
    assert room.proposals() == expected
    for _ in range(2):
        again = room.back(sent)
        assert again.counts == {"already_proposed": 2, "left_alone": 1}
        assert [row.resolution_id for row in again.rows] == [row.resolution_id for row in answer.rows]
    assert room.proposals() == expected
    changed = room.back(edited(sent, {2: ("take_channel", "changed my mind")}))
    assert changed.rows[0].result == "another_action_proposed"


def test_a_formula_is_refused_where_a_word_is_expected(room: Room) -> None:
    room.put(3)
    sent = edited(room.out(), {2: ("=A1", "because"), 3: ("write_off", '="a"&"b"'), 4: ("write_off", "good reason")})
    book = load_workbook(io.BytesIO(sent))
    book["breaks"]["J4"] = "=1/0"  # money is ours to know: what stands there does not matter
    assert [row.result for row in room.back(saved(book)).rows] == ["formula", "formula", "proposed"]


def test_stale_rows_are_refused_one_by_one(room: Room) -> None:
    fresh, seen_again, cleared, proposed = room.put(4)
    raw = every_row(room.out(), "write_off", "as agreed")
    other = room.out()
    room.seen_again(seen_again)
    room.clear(cleared)
    room.back(edited(other, {5: ("write_off", "somebody was faster")}), "bert")
    found = {UUID(row.break_id): row.result for row in room.back(raw).rows}
    assert found == {fresh: "proposed", seen_again: "stale", cleared: "gone", proposed: "a_proposal_waits"}


@pytest.mark.parametrize(
    ("action", "reason", "result"),
    [
        ("", "a reason alone does nothing", "left_alone"),
        ("refunds", "no such thing", "action_unknown"),
        ("accept_timing", "not for a refund that nobody asked for", "action_not_for_this_kind"),
        ("write_off", "", "reason_missing"),
        ("write_off", "x" * 201, "reason_too_long"),
        (7, "a number", "not_text"),
        ("#N/A", "an error", "error_value"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(room: Room, action: object, reason: str, result: str) -> None:
    room.put(kind="ORPHAN_REFUND")
    assert room.back(edited(room.out(), {2: (action, reason)})).rows[0].result == result


def test_rows_may_be_sorted_and_columns_taken_out(room: Room) -> None:
    room.put(3)
    book = load_workbook(io.BytesIO(every_row(room.out(), "write_off", "as agreed")))
    page = book["breaks"]
    page.move_range("A2:Y2", rows=8)  # behind an empty gap
    page.delete_cols(10, 6)
    page.insert_cols(1)
    assert room.back(saved(book)).counts == {"proposed": 3}


def test_a_row_of_another_workbook_is_none_of_this_one(room: Room) -> None:
    room.put()
    raw = room.out()
    (stranger,) = room.put()
    book = load_workbook(io.BytesIO(edited(raw, {2: ("write_off", "as agreed"), 3: ("write_off", "as agreed")})))
    book["breaks"]["A3"] = str(stranger)
    book["breaks"]["A4"], book["breaks"]["B4"], book["breaks"]["C4"] = "nobody", "write_off", "as agreed"
    again = [book["breaks"].cell(2, place).value for place in range(1, 4)]
    book["breaks"].append(again)
    found = [row.result for row in room.back(saved(book)).rows]
    assert found == ["proposed", "not_of_this_workbook", "break_unknown", "twice_in_file"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_comes_back_as_excel_writes_it(room: Room, encoding: str, delimiter: str) -> None:
    room.put(2)
    lines = list(csv.reader(io.StringIO(room.out("csv").decode("utf-8-sig"))))
    lines[1][1:3] = ["write_off", "已与网站核对"]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(lines)
    answer = room.back(out.getvalue().encode(encoding))
    assert [row.result for row in answer.rows] == ["proposed", "left_alone"]
    assert room.proposals()[0][2] == "已与网站核对"


# --- what is not an honest workbook ---------------------------------------------------------------------------------


def with_part(raw: bytes, name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for entry in before.infolist():
            if entry.filename != name:
                after.writestr(entry, before.read(entry))
        after.writestr(name, content)
    return out.getvalue()


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda raw: b"",
    "damaged": lambda raw: raw[:2000],
    "no workbook": lambda raw: b"PK\x03\x04" + b"\x00" * 200,
    "an old .xls": lambda raw: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600,
    "macros": lambda raw: with_part(raw, "xl/vbaProject.bin", b"x"),
    "links": lambda raw: with_part(raw, "xl/externalLinks/externalLink1.xml", b"<x/>"),
    "a bomb": lambda raw: with_part(raw, "xl/media/image1.png", b"\x00" * (60 << 20)),
    "entities": lambda raw: with_part(raw, "xl/workbook.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
    "another encoding": lambda raw: with_part(raw, "xl/workbook.xml", '<?xml version="1.0"?><x/>'.encode("utf-16")),
    "binary": lambda raw: b"\x89PNG" + bytes(range(256)),
    "csv without headings": lambda raw: b"a,b,c\n1,2,3\n",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_honest_workbook_is_refused_whole(room: Room, what: str) -> None:
    room.put()
    with pytest.raises(ProblemError, match="workbook_refused"):
        read_returned(HOSTILE[what](room.out()))


def test_a_changed_hidden_sheet_is_seen(room: Room) -> None:
    room.put(2)
    raw = room.out()
    book = load_workbook(io.BytesIO(raw))
    (row,) = [r for r in book["manifest"].iter_rows() if str(r[1].value).startswith("v")][:1]
    row[1].value = "v" + "0" * 32
    with pytest.raises(ProblemError, match="checksum"):
        read_returned(saved(book))
    with pytest.raises(ProblemError, match="ever went out"):
        room.back(_of_another_house(raw))


def _of_another_house(raw: bytes) -> bytes:
    book = load_workbook(io.BytesIO(raw))
    next(r for r in book["manifest"].iter_rows() if r[0].value == "workbook")[1].value = str(UUID(int=99))
    return saved(book)


# --- the answer, and size -------------------------------------------------------------------------------------------


def test_the_answer_is_a_workbook_too(room: Room) -> None:
    room.put(2)
    answer = room.back(edited(room.out(), {2: ("write_off", "'=agreed"), 3: ("write_off", "")}))
    out, text = io.BytesIO(), io.BytesIO()
    answer_workbook(answer, out)
    answer_csv(answer, text)
    page = load_workbook(out)["result"]
    assert [page.cell(row, 5).value for row in (2, 3)] == ["proposed", "reason_missing"]
    assert page["D2"].value == "'=agreed"
    assert [line[4] for line in csv.reader(io.StringIO(text.getvalue().decode("utf-8-sig")))][1:] == [
        "proposed",
        "reason_missing",
    ]
    told = answer.to_json()
    assert (told["counts"], told["rows"][1]["zh"]) == (
        {"proposed": 1, "reason_missing": 1},
        "请填写理由（至少三个字符）",
    )


def test_a_thousand_rows_are_a_matter_of_seconds(room: Room) -> None:
    """Cost is linear: 1,000 rows by the CPU time of this process; 10,000 were tried by hand (see the how-to)."""
    room.put(1000)
    begun = time.process_time()
    lines = list(csv.reader(io.StringIO(room.out("csv").decode("utf-8-sig"))))
    for line in lines[1:]:
        line[1:3] = ["write_off", "as agreed"]
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    assert room.back(out.getvalue().encode()).counts == {"proposed": 1000}
    assert time.process_time() - begun < 5
