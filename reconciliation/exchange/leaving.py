"""Taking a list of breaks out: written to a temporary file, and remembered, so that it is known when it comes back."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from tempfile import SpooledTemporaryFile
from typing import IO, Literal

from psycopg.types.json import Jsonb

from reconciliation.cases import BreakFilter, Cases
from reconciliation.exchange.columns import Record
from reconciliation.exchange.writing import ROWS_MAX, Workbook, WorkbookHead, write_csv, write_workbook
from reconciliation.journal import Pool
from schemas.problems import ProblemError, problem

Format = Literal["xlsx", "csv"]
MEDIA_TYPES: dict[Format, str] = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
_IN_MEMORY = 8 << 20
_PAGE = 1000


def take_out(
    pool: Pool, cases: Cases, wanted: BreakFilter, head: WorkbookHead, form: Format
) -> tuple[IO[bytes], Workbook]:
    """The breaks of a filter (open and left ones, unless it names a state) as a file at its beginning.

    Raises ProblemError ``query_invalid`` when there are more than a workbook may hold.
    """
    # Closed by the caller, who hands it on while it is sent.
    file: IO[bytes] = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115
    try:
        write = write_workbook if form == "xlsx" else write_csv
        done = write(standing(cases, wanted), head, file)  # type: ignore[arg-type]  # it has every method of a file
    except ValueError as error:
        file.close()
        raise ProblemError(
            problem("query_invalid", f"There are {error}; a workbook holds {ROWS_MAX:,}. Ask for one pair or kind.")
        ) from error
    with pool.connection() as connection:
        connection.execute(
            "INSERT INTO recon.workbooks (workbook_id, format, wanted, rows, checksum, made_by, made_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                head.workbook_id,
                form,
                Jsonb({name: str(value) for name, value in asdict(wanted).items() if value is not None}),
                done.rows,
                done.checksum,
                head.made_by,
                head.made_at,
            ),
        )
    file.seek(0)
    return file, done


def standing(cases: Cases, wanted: BreakFilter) -> Iterator[Record]:
    """The breaks of a filter, page by page; of all states that still want somebody when it names none."""
    for state in (wanted.state,) if wanted.state else ("open", "left"):
        after = 0
        while page := cases.breaks(replace(wanted, state=state, after=after, limit=_PAGE)):
            after = page[-1]["seq"]
            yield from page
