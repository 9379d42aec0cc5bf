"""Breaks out as a workbook, worked on by people, and back in as proposals.

guard       what a cell may hold: text that a spreadsheet would run is kept from running, both ways
versions    what a break was when somebody looked at it
allowing    what may be proposed for a break in a workbook
columns     the columns of the list, for Excel and CSV alike
writing     breaks -> .xlsx or .csv
leaving     a list is taken out, and remembered
opening     bytes that claim to be a workbook -> rows; refuses what is not an honest one
taking      returned rows -> proposals; each row gets an answer
results     the answers a row may get, in both languages
answering   the answer as a workbook
"""

from reconciliation.exchange.allowing import Allowed, allowed_by
from reconciliation.exchange.answering import answer_csv, answer_workbook
from reconciliation.exchange.leaving import MEDIA_TYPES, Format, take_out
from reconciliation.exchange.opening import ReturnedWorkbook, read_returned
from reconciliation.exchange.taking import Desk, RowAnswer, WorkbookAnswer, take_back
from reconciliation.exchange.versions import break_version
from reconciliation.exchange.writing import Workbook, WorkbookHead, write_csv, write_workbook

__all__ = [
    "MEDIA_TYPES",
    "Allowed",
    "Desk",
    "Format",
    "ReturnedWorkbook",
    "RowAnswer",
    "Workbook",
    "WorkbookAnswer",
    "WorkbookHead",
    "allowed_by",
    "answer_csv",
    "answer_workbook",
    "break_version",
    "read_returned",
    "take_back",
    "take_out",
    "write_csv",
    "write_workbook",
]
