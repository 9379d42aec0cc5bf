"""The answer to a returned workbook, row by row: as a workbook, as CSV, and (in :mod:`taking`) as JSON."""

import csv
import io
from typing import BinaryIO

import xlsxwriter

from reconciliation.exchange.guard import guarded, printable
from reconciliation.exchange.taking import WorkbookAnswer

_HEADINGS = (
    ("行 row", 8),
    ("差异编号 break", 38),
    ("处理 action", 18),
    ("理由 reason", 36),
    ("结果 result", 22),
    ("说明 explanation", 46),
    ("explanation in English", 60),
    ("建议编号 proposal", 38),
)
_COLOURS = {"proposed": "#DFF2E1", "already_proposed": "#E8EEF7", "left_alone": "#FFFFFF"}
_REFUSED = "#F9DEDC"


def answer_workbook(answer: WorkbookAnswer, out: BinaryIO) -> None:
    """Write the answer as .xlsx: green was proposed, blue was proposed before, red was refused."""
    with xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False}) as book:
        page = book.add_worksheet("result")
        head = book.add_format({"bold": True, "font_color": "#FFFFFF", "bg_color": "#1F3A5F", "text_wrap": True})
        styles = {c: book.add_format({"bg_color": c, "text_wrap": True, "valign": "top"}) for c in _all_colours()}
        for place, (heading, width) in enumerate(_HEADINGS):
            page.set_column(place, place, width)
            page.write_string(0, place, heading, head)
        page.freeze_panes(1, 2)
        page.autofilter(0, 0, max(len(answer.rows), 1), len(_HEADINGS) - 1)
        for number, row in enumerate(answer.rows, start=1):
            style = styles[_COLOURS.get(row.result, _REFUSED)]
            page.write_number(number, 0, row.number, style)
            for place, text in enumerate(row.texts(), start=1):
                page.write_string(number, place, guarded(printable(text)), style)


def answer_csv(answer: WorkbookAnswer, out: BinaryIO) -> None:
    """The same as CSV: UTF-8 with a byte order mark, CRLF."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([heading for heading, _ in _HEADINGS])
    for row in answer.rows:
        writer.writerow([row.number, *(guarded(printable(cell)) for cell in row.texts())])
    text.detach()


def _all_colours() -> set[str]:
    return {*_COLOURS.values(), _REFUSED}
