"""Breaks out: a workbook (xlsxwriter, row by row, in constant memory) or a CSV file, with what brings it back.

In .xlsx a hidden sheet says which workbook it is and what every break was; in CSV each row says so itself. Rows may be
sorted, deleted and moved: a row is found again by its break's number, not by its place.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, BinaryIO
from uuid import UUID

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reconciliation.exchange.allowing import Allowed
from reconciliation.exchange.columns import COLUMNS, Column, Record, desk_time, yuan
from reconciliation.exchange.guard import guarded, printable
from reconciliation.exchange.versions import break_version

ROWS_MAX = 100_000
"""How many breaks one workbook may hold, out and in. Whoever has more narrows the filter."""
SHEET, MANIFEST, CHOICES, HELP = "breaks", "manifest", "choices", "help"
REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class WorkbookHead:
    """Which workbook this is, and what may be proposed in it."""

    workbook_id: UUID
    made_by: str
    made_at: datetime
    wanted: Mapping[str, Any]
    allowed: Allowed


@dataclass(slots=True)
class Workbook:
    """What was written: how many rows, and the checksum over every break and its version, in any order of rows."""

    rows: int = 0
    runs: set[str] = field(default_factory=set)
    kinds: set[tuple[str, str]] = field(default_factory=set)
    _sum: int = 0

    def add(self, record: Record) -> tuple[str, str]:
        """Count a break; returns its number and its version."""
        said = (str(record["break_id"]), break_version(record))
        self.rows += 1
        self.runs.add(str(record["last_run_id"]))
        self.kinds.add((str(record["definition"]), str(record["kind"])))
        self._sum = (self._sum + row_sum(*said)) % (1 << 256)
        return said

    @property
    def checksum(self) -> str:
        return f"{self._sum:064x}"


def row_sum(break_id: str, version: str) -> int:
    """One row's part of the checksum; parts add up modulo 2^256, so that no order of rows matters."""
    return int.from_bytes(hashlib.sha256(f"{break_id} {version}".encode()).digest())


def write_workbook(breaks: Iterable[Record], head: WorkbookHead, out: BinaryIO) -> Workbook:
    """Write an .xlsx file. Raises ValueError for more than :data:`ROWS_MAX` breaks; ``out`` is then worthless."""
    done = Workbook()
    # Numbers and links are never guessed from texts, and a text that begins with "=" is no formula.
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": f"interlock breaks {head.workbook_id}", "author": printable(head.made_by)})
        page, hidden = book.add_worksheet(SHEET), book.add_worksheet(MANIFEST)
        choices, helped = book.add_worksheet(CHOICES), book.add_worksheet(HELP)
        formats = _formats(book)
        _headings(page, formats)
        manifest = _Lines(hidden)
        for name, value in _manifest(head):
            manifest.add(name, value)
        for number, record in _numbered(breaks):
            _row(page, number, record, head.made_at, formats)
            manifest.add(*done.add(record))
        for run_id in sorted(done.runs):
            manifest.add("run", run_id)
        manifest.add("checksum", done.checksum)
        _choices(book, choices, head, done)
        _finish(page, done.rows)
        _help(helped, head, formats)
        hidden.very_hidden()
        choices.very_hidden()
        page.activate()
    return done


def _numbered(breaks: Iterable[Record]) -> Iterator[tuple[int, Record]]:
    for number, record in enumerate(breaks, start=1):
        if number > ROWS_MAX:
            raise ValueError(f"more than {ROWS_MAX} breaks")
        yield number, record


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    line = {"valign": "top", "font_name": "Microsoft YaHei", "font_size": 10}
    filled = {**line, "bg_color": "#FFF7DC", "border": 1, "border_color": "#D9C27A"}
    return {
        "head": book.add_format(
            {**line, "bold": True, "font_color": "#FFFFFF", "bg_color": "#1F3A5F", "text_wrap": True, "border": 1}
        ),
        "text": book.add_format({**line, "num_format": "@"}),
        "money": book.add_format({**line, "num_format": "#,##0.00;[Red]-#,##0.00"}),
        "whole": book.add_format({**line, "num_format": "0"}),
        "time": book.add_format({**line, "num_format": "yyyy-mm-dd hh:mm:ss"}),
        "choice": book.add_format(filled),
        "note": book.add_format({**filled, "num_format": "@", "text_wrap": True}),
    }


def _headings(page: Worksheet, formats: Mapping[str, Format]) -> None:
    page.set_row(0, 32)
    for place, column in enumerate(COLUMNS):
        page.set_column(place, place, column.width, formats[column.shape])
        page.write_string(0, place, column.heading, formats["head"])
    page.freeze_panes(1, 3)


def _row(page: Worksheet, number: int, record: Record, now: datetime, formats: Mapping[str, Format]) -> None:
    for place, column in enumerate(COLUMNS):
        value = column.value(record, desk_time(now).date())
        style = formats[column.shape]
        if value is None or value == "":
            page.write_blank(number, place, None, style)
        elif column.shape == "money":
            page.write_number(number, place, value / 100, style)
        elif column.shape == "whole":
            page.write_number(number, place, value, style)
        elif column.shape == "time":
            page.write_datetime(number, place, desk_time(value), style)
        else:
            page.write_string(number, place, guarded(printable(str(value))), style)


def _manifest(head: WorkbookHead) -> Iterator[tuple[str, str]]:
    yield "workbook", str(head.workbook_id)
    yield "made_by", printable(head.made_by)
    yield "made_at", head.made_at.isoformat()
    for name, value in sorted(head.wanted.items()):
        yield f"wanted {name}", printable(str(value))


class _Lines:
    """A sheet of names and values, line after line."""

    def __init__(self, sheet: Worksheet) -> None:
        self._sheet, self._next = sheet, 0

    def add(self, name: str, value: str) -> None:
        self._sheet.write_string(self._next, 0, guarded(name))
        self._sheet.write_string(self._next, 1, guarded(value))
        self._next += 1


def _choices(book: xlsxwriter.Workbook, choices: Worksheet, head: WorkbookHead, done: Workbook) -> None:
    """A named list per pair and kind: the drop-down of a row looks up the list that is called like them."""
    for place, (definition, kind) in enumerate(sorted(done.kinds)):
        actions = head.allowed(definition, kind)
        for number, action in enumerate(actions):
            choices.write_string(place, number, action)
        last = max(len(actions), 1) - 1
        name = f"actions_{definition.replace('-', '_')}_{kind}"
        book.define_name(name, f"={CHOICES}!$A${place + 1}:${chr(ord('A') + last)}${place + 1}")


def _finish(page: Worksheet, rows: int) -> None:
    names = [column.name for column in COLUMNS]
    pair, kind, action, reason = (names.index(name) for name in ("definition", "kind", "action", "reason"))
    listed = f'"actions_"&SUBSTITUTE(${chr(ord("A") + pair)}2,"-","_")&"_"&${chr(ord("A") + kind)}2'
    last = max(rows, 1)
    page.autofilter(0, 0, last, len(COLUMNS) - 1)
    page.set_landscape()
    page.set_paper(8)  # A3: somebody will print it
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    page.data_validation(
        1,
        action,
        last,
        action,
        {
            "validate": "list",
            "source": f"=INDIRECT({listed})",
            "error_title": "处理 action",
            "error_message": "请从列表中选择。Choose from the list.",
        },
    )
    page.data_validation(
        1,
        reason,
        last,
        reason,
        {
            "validate": "length",
            "criteria": "<=",
            "value": REASON_CHARACTERS,
            "error_message": f"最多 {REASON_CHARACTERS} 个字。At most {REASON_CHARACTERS} characters.",
        },
    )


def _help(page: Worksheet, head: WorkbookHead, formats: Mapping[str, Format]) -> None:
    page.set_column(0, 0, 110)
    page.hide_gridlines(2)
    lines = (
        "差异处理工作簿 Workbook of breaks",
        f"由 {head.made_by} 于 {desk_time(head.made_at):%Y-%m-%d %H:%M} 导出。"
        f" Made by {head.made_by}, {desk_time(head.made_at):%Y-%m-%d %H:%M} in Beijing.",
        "只填黄色的两列：处理、理由。Fill in the two yellow columns only: action and reason.",
        "空着的行保持不变。可以排序、筛选、删除行和列。"
        "A row without an action is left alone; rows may be sorted, filtered and deleted.",
        "送回后每行成为一项建议，须由另一人批准。"
        "Sent back, each row becomes a proposal that somebody else has to approve.",
        "公式不被接受；导出后已变化的差异会逐行退回并说明原因。"
        "Formulas are not taken; a break that has changed since is refused row by row, with the reason.",
    )
    for number, line in enumerate(lines):
        page.write_string(number, 0, guarded(printable(line)), formats["head"] if number == 0 else None)


def write_csv(breaks: Iterable[Record], head: WorkbookHead, out: BinaryIO) -> Workbook:
    """The same list as CSV: UTF-8 with a byte order mark (Excel needs it), CRLF, one more column with the workbook."""
    done = Workbook()
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([*(column.heading for column in COLUMNS), WORKBOOK_HEADING])
    for _, record in _numbered(breaks):
        cells = [_csv_cell(column, record, desk_time(head.made_at).date()) for column in COLUMNS]
        writer.writerow([*cells, str(head.workbook_id)])
        done.add(record)
    text.detach()
    return done


WORKBOOK_HEADING = "工作簿（勿改） workbook, do not change"


def _csv_cell(column: Column, record: Record, today: date) -> str:
    value = column.value(record, today)
    if value is None:
        return ""
    if column.shape == "money":
        return yuan(value)
    if column.shape == "time":
        return f"{desk_time(value):%Y-%m-%d %H:%M:%S}"
    return guarded(printable(str(value)))
