"""A report as PDF: A4 across, a page number of all pages, what does not tie in red on the first page.

Long lists are not printed: the table says how many items there are and where they stand.
"""

import io
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from reconciliation.exchange.columns import desk_time
from reconciliation.exchange.guard import printable
from reconciliation.reports.lettering import lettered
from reconciliation.reports.tables import Column, Report, Shape, Table

_PAGE = landscape(A4)
_MARGIN = 14 * mm
_WIDTH = _PAGE[0] - 2 * _MARGIN
_INK, _RED, _GREEN = HexColor("#1F3A5F"), HexColor("#B3261E"), HexColor("#1B6E3C")
_LINE, _PALE, _ALARM, _GREY = HexColor("#C9D2E0"), HexColor("#EEF2F8"), HexColor("#FCEBEA"), HexColor("#5B6675")
SANS, SERIF = "Report-sans", "Report-serif"

_ONE_AT_A_TIME = threading.Lock()
"""reportlab finds a font by its name in a table of the process, and each report has letters of its own."""


def as_pdf(report: Report, out: BinaryIO) -> None:
    """Write the report as .pdf. The same report gives the same bytes."""
    with _ONE_AT_A_TIME:
        letters = set(_every_text(report))
        for name, face in ((SANS, "sans"), (SERIF, "serif")):
            pdfmetrics.registerFont(TTFont(name, io.BytesIO(lettered(face, letters))))  # type: ignore[arg-type]
        document = SimpleDocTemplate(
            out, pagesize=_PAGE, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=18 * mm, bottomMargin=16 * mm,
            title=f"{report.zh} {report.business_date.isoformat()}", author=printable(report.made_by), invariant=1,
        )  # fmt: skip
        document.build(list(_story(report)), canvasmaker=lambda *a, **k: _Numbered(report, *a, **k))


def _every_text(report: Report) -> Iterator[str]:
    """Every character that is printed."""
    yield from _FIXED + report.zh + report.en + printable(report.made_by)
    for words in (*report.head, *report.alarms):
        yield from printable("".join(words))
    for table in report.tables:
        yield from table.zh + table.en + printable(table.note_zh + table.note_en)
        for column in table.columns:
            yield from column.zh + column.en
        for row in (*table.rows[: table.in_print], table.total or ()):
            for value in row:
                if isinstance(value, str):
                    yield from printable(value)


_FIXED = (
    "营业日编制人签字复核人日期第页共不符与总账相符另有项见表格无：，。/·… All totals tie to the ledger differs"
    " business date made by prepared reviewed signature none more in the workbook"
)


class _Numbered(Canvas):
    """Writes head and foot of each page once it is known how many there are."""

    def __init__(self, report: Report, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._report = report
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # the name is reportlab's
        self._pages.append(dict(self.__dict__))
        self._startPage()  # type: ignore[attr-defined]  # the types do not know it

    def save(self) -> None:
        for number, page in enumerate(self._pages, start=1):
            self.__dict__.update(page)
            self._foot(number, len(self._pages))
            super().showPage()
        super().save()

    def _foot(self, number: int, pages: int) -> None:
        report = self._report
        self.setStrokeColor(_LINE)
        self.line(_MARGIN, 12 * mm, _PAGE[0] - _MARGIN, 12 * mm)
        self.setFillColor(_GREY)
        self.setFont(SANS, 7.5)
        made = (
            f"{report.zh} {report.en} · {report.business_date.isoformat()} · {desk_time(report.made_at):%Y-%m-%d %H:%M}"
        )
        self.drawString(_MARGIN, 8 * mm, made)
        self.drawRightString(_PAGE[0] - _MARGIN, 8 * mm, f"第 {number} 页 / 共 {pages} 页 · {number} / {pages}")


def _style(size: float, colour: Color, font: str = SANS, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(
        "", fontName=font, fontSize=size, leading=size * 1.35, textColor=colour, wordWrap="CJK", **more
    )


def _story(report: Report) -> Iterator[Flowable]:
    yield Paragraph(escape(f"{report.zh}"), _style(22, _INK, SERIF))
    yield Paragraph(escape(f"{report.en} · {report.business_date.isoformat()}"), _style(12, _GREY, SERIF, spaceAfter=6))
    head = [("营业日", "business date", report.business_date.isoformat()), *report.head]
    head.append(("编制", "made by", f"{report.made_by}, {desk_time(report.made_at):%Y-%m-%d %H:%M}"))
    text = "　".join(f"{zh} {en}: {value}" for zh, en, value in head)
    yield Paragraph(escape(printable(text)), _style(8.5, _INK, spaceAfter=5))
    yield _verdict(report)
    yield Spacer(1, 4 * mm)
    for table in report.tables:
        yield from _section(table)
    yield KeepTogether([Spacer(1, 10 * mm), _signatures()])


def _verdict(report: Report) -> Flowable:
    """One box: green when every total ties, red with every sentence when one does not."""
    if report.ties:
        lines, colour, ground = (
            [Paragraph("与总账相符。All totals tie to the ledger.", _style(10, _GREEN))],
            _GREEN,
            _PALE,
        )
    else:
        lines = [
            Paragraph(escape(printable(f"不符 differs: {zh}。{en}.")), _style(9, _RED)) for zh, en in report.alarms
        ]
        colour, ground = _RED, _ALARM
    box = LongTable([[line] for line in lines], colWidths=[_WIDTH])
    box.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, -1), ground), ("BOX", (0, 0), (-1, -1), 1.2, colour)]))
    return box


def _section(table: Table) -> Iterator[Flowable]:
    heading: list[Flowable] = [
        Paragraph(escape(f"{table.zh} {table.en}"), _style(12.5, _INK, SERIF, spaceBefore=7, spaceAfter=2))
    ]
    notes = " ".join(dict.fromkeys(filter(None, (table.note_zh, table.note_en))))
    if notes:
        heading.append(Paragraph(escape(printable(notes)), _style(7.5, _GREY, spaceAfter=2)))
    shown = table.rows if table.in_print is None else table.rows[: table.in_print]
    if not shown:
        words = "无。None." if not table.rows else ""
        yield KeepTogether([*heading, Paragraph(words, _style(8.5, _GREY))])
        return
    grid = _grid(table, shown)
    # A heading never stands alone at the foot of a page; a long table may still be split.
    yield KeepTogether([*heading, grid]) if len(shown) < 14 else KeepTogether(heading)
    if len(shown) >= 14:
        yield grid
    if len(shown) < len(table.rows):
        more = len(table.rows) - len(shown)
        yield Paragraph(f"另有 {more} 项见表格。{more} more in the workbook.", _style(7.5, _GREY))


def _grid(table: Table, shown: Sequence[Sequence[Any]]) -> LongTable:
    whole = sum(column.width for column in table.columns)
    rows: list[list[Any]] = [
        [Paragraph(f"{escape(c.zh)}<br/>{escape(c.en)}", _HEADS[_right(c)]) for c in table.columns]
    ]
    for number, row in enumerate(shown):
        style = _REDS if number in table.alarms else _CELLS
        rows.append([_cell(value, column, style) for value, column in zip(row, table.columns, strict=True)])
    if table.total is not None:
        rows.append([_cell(value, column, _CELLS) for value, column in zip(table.total, table.columns, strict=True)])
    grid = LongTable(rows, colWidths=[_WIDTH * c.width / whole for c in table.columns], repeatRows=1)
    marks: list[Any] = [
        ("BACKGROUND", (0, 0), (-1, 0), _INK), ("LINEBELOW", (0, 1), (-1, -1), 0.3, _LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 2.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.8), ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
    ]  # fmt: skip
    marks += [("BACKGROUND", (0, n + 1), (-1, n + 1), _ALARM) for n in table.alarms if n < len(shown)]
    if table.total is not None:
        marks += [("BACKGROUND", (0, -1), (-1, -1), _PALE), ("LINEABOVE", (0, -1), (-1, -1), 0.9, _INK)]
    grid.setStyle(TableStyle(marks))
    return grid


def _right(column: Column) -> bool:
    return column.shape in {"money", "whole"}


_HEADS = {side: _style(7.2, white, alignment=TA_RIGHT if side else 0) for side in (False, True)}
_CELLS = {side: _style(7.6, _INK, alignment=TA_RIGHT if side else 0) for side in (False, True)}
_REDS = {side: _style(7.6, _RED, alignment=TA_RIGHT if side else 0) for side in (False, True)}


def _cell(value: Any, column: Column, styles: dict[bool, ParagraphStyle]) -> Paragraph:
    return Paragraph(escape(printable(shown_as(value, column.shape))), styles[_right(column)])


def shown_as(value: Any, shape: Shape) -> str:
    """A value as print shows it: 1,234.50, 2026-01-11 09:30, or its text."""
    if value is None:
        return "-"
    if shape == "money" and isinstance(value, int):
        sign, amount = ("-", -value) if value < 0 else ("", value)
        return f"{sign}{amount // 100:,}.{amount % 100:02d}"
    if shape == "whole" and isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        return f"{desk_time(value):%Y-%m-%d %H:%M}"
    return str(value)


def _signatures() -> LongTable:
    words = ("编制人签字 prepared by", "复核人签字 reviewed by", "日期 date")
    grid = LongTable([[Paragraph(word, _style(8.5, _INK)) for word in words]], colWidths=[_WIDTH / 3] * 3)
    grid.setStyle(TableStyle([("LINEABOVE", (0, 0), (-1, -1), 0.8, _INK), ("TOPPADDING", (0, 0), (-1, -1), 3)]))
    return grid
