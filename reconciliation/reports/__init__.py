"""What a day came to, for people who sign: Excel, CSV and PDF of the same tables, tied to the books.

figures     the database's rows, grouped there
ties        the books' postings against what the runs compared
sections    figures -> tables
building    a day's report
sheets, plain, printed     a report as .xlsx, .csv, .pdf
lettering   the letters of the print
uic         a day or month by seller, carrier and product, in the shape of UIC accounting
day         the day in one dictionary, for the command line and the console
"""

from typing import BinaryIO

from reconciliation.reports.building import build
from reconciliation.reports.day import day_report
from reconciliation.reports.figures import Scope
from reconciliation.reports.plain import as_csv
from reconciliation.reports.sheets import as_xlsx
from reconciliation.reports.tables import Report, Table


def as_pdf(report: Report, out: BinaryIO) -> None:
    """Write the report as .pdf; the libraries that draw are loaded by who prints."""
    from reconciliation.reports import printed

    printed.as_pdf(report, out)


__all__ = ["Report", "Scope", "Table", "as_csv", "as_pdf", "as_xlsx", "build", "day_report"]
