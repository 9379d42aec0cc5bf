"""A report as a workbook: one sheet per section, money as numbers, what does not tie in red."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, BinaryIO

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from reconciliation.exchange.columns import desk_time
from reconciliation.exchange.guard import guarded, printable
from reconciliation.reports.tables import Column, Report, Table

_INK, _RED, _PALE, _LINE = "#1F3A5F", "#B3261E", "#EEF2F8", "#C9D2E0"
_TITLE_POINTS = 30
_NUMBERS = {"money": "#,##0.00;[Red]-#,##0.00", "whole": "#,##0", "time": "yyyy-mm-dd hh:mm"}


def as_xlsx(report: Report, out: BinaryIO) -> None:
    """Write the report as .xlsx."""
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties(
            {"title": f"{report.zh} {report.business_date.isoformat()}", "author": printable(report.made_by)}
        )
        formats = _formats(book)
        _cover(book.add_worksheet("报告 report"), report, formats)
        for table in report.tables:
            _sheet(book.add_worksheet(_sheet_name(table)), table, formats)


def _sheet_name(table: Table) -> str:
    return re.sub(r"[\[\]:*?/\\]", " ", f"{table.zh} {table.name}")[:31]


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    cell = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "top", "bottom": 1, "bottom_color": _LINE}
    made = {
        "title": {"font_name": "Microsoft YaHei", "font_size": 18, "bold": True, "font_color": _INK},
        "plain": {"font_name": "Microsoft YaHei", "font_size": 10},
        "note": {"font_name": "Microsoft YaHei", "font_size": 9, "italic": True, "font_color": "#5B6675"},
        "good": {"font_name": "Microsoft YaHei", "font_size": 12, "bold": True, "font_color": "#1B6E3C"},
        "bad": {
            "font_name": "Microsoft YaHei",
            "font_size": 11,
            "bold": True,
            "font_color": _RED,
            "text_wrap": True,
            "valign": "top",
        },
        "head": {**cell, "bold": True, "font_color": "#FFFFFF", "bg_color": _INK, "text_wrap": True},
    }
    for shape in ("text", "money", "whole", "time", "state"):
        number = {"num_format": _NUMBERS[shape]} if shape in _NUMBERS else {"text_wrap": True}
        made[shape] = {**cell, **number}
        made[f"{shape} red"] = {**cell, **number, "font_color": _RED, "bg_color": "#FCEBEA", "bold": True}
        made[f"{shape} total"] = {**cell, **number, "bold": True, "bg_color": _PALE, "top": 2, "top_color": _INK}
    return {name: book.add_format(options) for name, options in made.items()}


def _cover(page: Worksheet, report: Report, formats: Mapping[str, Format]) -> None:
    page.hide_gridlines(2)
    page.set_column(0, 0, 26)
    page.set_column(1, 1, 100)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.set_row(0, _TITLE_POINTS)
    page.write_string(0, 0, f"{report.zh} {report.en}", formats["title"])
    lines = [
        ("营业日 business date", report.business_date.isoformat()),
        *((f"{zh} {en}", value) for zh, en, value in report.head),
        ("编制 made by", f"{report.made_by}, {desk_time(report.made_at):%Y-%m-%d %H:%M}"),
    ]
    for number, (name, value) in enumerate(lines, start=2):
        page.write_string(number, 0, name, formats["plain"])
        page.write_string(number, 1, guarded(printable(value)), formats["plain"])
    place = len(lines) + 3
    if report.ties:
        page.write_string(place, 0, "与总账相符。All totals tie to the ledger.", formats["good"])
    for number, (zh, en) in enumerate(report.alarms, start=place):
        page.set_row(number, 48)
        page.write_string(number, 0, "不符 differs", formats["bad"])
        page.write_string(number, 1, printable(f"{zh}。{en}."), formats["bad"])
    page.write_string(place + max(len(report.alarms), 1) + 2, 0, "编制人签字 prepared by", formats["plain"])
    page.write_string(place + max(len(report.alarms), 1) + 4, 0, "复核人签字 reviewed by", formats["plain"])


def _sheet(page: Worksheet, table: Table, formats: Mapping[str, Format]) -> None:
    page.hide_gridlines(2)
    page.set_row(0, _TITLE_POINTS)
    page.write_string(0, 0, f"{table.zh} {table.en}", formats["title"])
    page.write_string(1, 0, printable(" ".join(dict.fromkeys((table.note_zh, table.note_en)))), formats["note"])
    page.set_row(2, 30)
    for place, column in enumerate(table.columns):
        page.set_column(place, place, max(column.width, 8) * 1.5)
        page.write_string(2, place, f"{column.zh}\n{column.en}", formats["head"])
    page.freeze_panes(3, 1)
    for number, row in enumerate(table.rows, start=3):
        mark = " red" if number - 3 in table.alarms else ""
        for place, (value, column) in enumerate(zip(row, table.columns, strict=True)):
            _cell(page, number, place, value, column, formats[f"{column.shape}{mark}"])
    if table.total is not None:
        for place, (value, column) in enumerate(zip(table.total, table.columns, strict=True)):
            _cell(page, len(table.rows) + 3, place, value, column, formats[f"{column.shape} total"])
    if table.rows:
        page.autofilter(2, 0, len(table.rows) + 2, len(table.columns) - 1)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(2)


def _cell(page: Worksheet, row: int, place: int, value: Any, column: Column, style: Format) -> None:
    if value is None or value == "":
        page.write_blank(row, place, None, style)
    elif column.shape == "money":
        page.write_number(row, place, value / 100, style)
    elif column.shape == "whole" and isinstance(value, int):
        page.write_number(row, place, value, style)
    elif isinstance(value, datetime):
        page.write_datetime(row, place, desk_time(value), style)
    else:
        page.write_string(row, place, guarded(printable(str(value))), style)
