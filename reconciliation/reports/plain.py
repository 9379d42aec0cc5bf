"""A report as CSV: section after section, for programs and for those without a spreadsheet.

A line that begins with ``#`` names what follows: a section, an alarm. Money is yuan with two decimals.
"""

import csv
import io
from datetime import datetime
from typing import Any, BinaryIO

from reconciliation.exchange.columns import desk_time, yuan
from reconciliation.exchange.guard import guarded, printable
from reconciliation.reports.tables import Column, Report


def as_csv(report: Report, out: BinaryIO) -> None:
    """Write the report as CSV: UTF-8 with a byte order mark, CRLF."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([f"# {report.zh} {report.en}", report.business_date.isoformat()])
    for zh, en, value in report.head:
        writer.writerow([f"# {zh} {en}", guarded(printable(value))])
    for zh, en in report.alarms:
        writer.writerow(["# 不符 differs", printable(zh), printable(en)])
    for table in report.tables:
        writer.writerow([])
        writer.writerow([f"# {table.name}", table.zh, table.en])
        writer.writerow([f"{column.zh} {column.en}" for column in table.columns])
        for row in [*table.rows, *([table.total] if table.total is not None else [])]:
            writer.writerow([_cell(value, column) for value, column in zip(row, table.columns, strict=True)])
    text.detach()


def _cell(value: Any, column: Column) -> str:
    if value is None:
        return ""
    if column.shape == "money" and isinstance(value, int):
        return yuan(value)
    if isinstance(value, datetime):
        return f"{desk_time(value):%Y-%m-%d %H:%M:%S}"
    return guarded(printable(str(value)))
