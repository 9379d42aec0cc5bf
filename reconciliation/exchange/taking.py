"""Returned rows become proposals. Nothing is applied here: somebody else has to approve each of them.

A row is judged under the lock of its break: what is compared with the database is what the proposal is made of. The
same file again changes nothing, because one break of one workbook makes one proposal.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from reconciliation.exchange.allowing import EVERY_ACTION, Allowed
from reconciliation.exchange.opening import ReturnedRow, ReturnedWorkbook
from reconciliation.exchange.results import RESULTS
from reconciliation.exchange.versions import break_version
from reconciliation.exchange.writing import REASON_CHARACTERS
from reconciliation.journal import Pool
from reconciliation.resolution import Draft
from reconciliation.resolution.records import locked_breaks
from schemas.problems import Problem, ProblemError, problem

Record = Mapping[str, Any]
AT_ONCE = 500
"""Rows per transaction: few enough that nobody waits long for a break's lock."""


class Proposes(Protocol):
    """Makes proposals in the caller's transaction, which holds the rows of their breaks locked."""

    def __call__(
        self, connection: Connection[TupleRow], drafts: Sequence[Draft], person: str, now: datetime
    ) -> Sequence[Record | Problem]:
        """For every draft its row of ``recon.resolutions``, or why it was not taken; in the order of the drafts.

        ``Resolver.propose_many`` is one.
        """
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Who takes a workbook back, and with what."""

    pool: Pool
    propose: Proposes
    allowed: Allowed
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """What became of one row; ``number`` is its line in the file. ``detail`` adds what only this row can say."""

    number: int
    break_id: str
    action: str
    reason: str
    result: str
    resolution_id: UUID | None = None
    detail: str = ""

    def texts(self) -> tuple[str, ...]:
        zh, en = RESULTS[self.result]
        more = f": {self.detail}" if self.detail else ""
        shown = str(self.resolution_id) if self.resolution_id else ""
        return (self.break_id, self.action, self.reason, self.result, zh, en + more, shown)

    def to_json(self) -> dict[str, Any]:
        zh, en = RESULTS[self.result]
        return {
            "row": self.number,
            "break_id": self.break_id,
            "action": self.action,
            "result": self.result,
            "zh": zh,
            "en": en,
            **({"detail": self.detail} if self.detail else {}),
            **({"resolution_id": str(self.resolution_id)} if self.resolution_id else {}),
        }


@dataclass(slots=True)
class WorkbookAnswer:
    """What became of all rows."""

    workbook_id: str
    rows: list[RowAnswer] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(row.result for row in self.rows).items()))

    def to_json(self) -> dict[str, Any]:
        return {"workbook_id": self.workbook_id, "counts": self.counts, "rows": [row.to_json() for row in self.rows]}


def take_back(desk: Desk, returned: ReturnedWorkbook, sha256: str, person: str) -> WorkbookAnswer:
    """Make proposals of the rows that may be proposed, in ``person``'s name, and answer every row.

    Raises ProblemError ``workbook_refused`` for a workbook that never went out.
    """
    workbook_id = _known(desk.pool, returned.workbook_id)
    answer = WorkbookAnswer(str(workbook_id))
    seen: set[str] = set()
    for start in range(0, len(returned.rows), AT_ONCE):
        rows = returned.rows[start : start + AT_ONCE]
        with desk.pool.connection() as connection:
            answer.rows += _Batch(desk, connection, workbook_id, person, seen).take(rows)
    with desk.pool.connection() as connection:
        connection.execute(
            "INSERT INTO recon.workbook_returns (workbook_id, sha256, sent_by, sent_at, counts)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (workbook_id, sha256, person, desk.clock(), Jsonb(answer.counts)),
        )
    return answer


def _known(pool: Pool, name: str) -> UUID:
    try:
        workbook_id = UUID(name)
    except ValueError:
        raise ProblemError(problem("workbook_refused", "The workbook carries no number of ours.")) from None
    with pool.connection() as connection:
        row = connection.execute("SELECT 1 FROM recon.workbooks WHERE workbook_id = %s", (workbook_id,)).fetchone()
    if row is None:
        raise ProblemError(problem("workbook_refused", f"No workbook {workbook_id} ever went out from here."))
    return workbook_id


class _Batch:
    """Some rows of one workbook in one transaction."""

    def __init__(
        self, desk: Desk, connection: Connection[TupleRow], workbook_id: UUID, person: str, seen: set[str]
    ) -> None:
        self.desk, self.connection, self.workbook_id, self.person, self.seen = (
            desk,
            connection,
            workbook_id,
            person,
            seen,
        )
        self.breaks: dict[str, Record] = {}
        self.before: dict[str, tuple[str, UUID]] = {}
        self.waiting: set[str] = set()

    def take(self, rows: Sequence[ReturnedRow]) -> list[RowAnswer]:
        self._look(rows)
        judged = [self._judge(row) for row in rows]
        drafts = [item for item in judged if isinstance(item, Draft)]
        made = iter(self.desk.propose(self.connection, drafts, self.person, self.desk.clock()) if drafts else ())
        answers = [
            self._done(row, next(made)) if isinstance(item, Draft) else item
            for row, item in zip(rows, judged, strict=True)
        ]
        self._remember(answers)
        return answers

    def _look(self, rows: Sequence[ReturnedRow]) -> None:
        ids = sorted(set(_uuids(rows)))
        self.breaks = {str(number): record for number, record in locked_breaks(self.connection, ids).items()}
        self.before = {
            str(row[0]): (row[1], row[2])
            for row in self.connection.execute(
                "SELECT break_id, action, resolution_id FROM recon.workbook_proposals"
                " WHERE workbook_id = %s AND break_id = ANY(%s)",
                (self.workbook_id, ids),
            )
        }
        self.waiting = {
            str(row[0])
            for row in self.connection.execute(
                "SELECT break_id FROM recon.resolutions WHERE break_id = ANY(%s) AND state = 'proposed'", (ids,)
            )
        }

    def _judge(self, row: ReturnedRow) -> RowAnswer | Draft:
        """A draft, or the answer to a row that makes no proposal. The first reason that fits is the one given."""
        result = self._refusal(row)
        if row.action:
            self.seen.add(row.break_id)
        if result is not None:
            earlier = self.before.get(row.break_id)
            number = earlier[1] if earlier and result == "already_proposed" else None
            return RowAnswer(row.number, row.break_id, row.action, row.reason, result, number)
        return Draft(UUID(row.break_id), row.action, row.reason)

    def _refusal(self, row: ReturnedRow) -> str | None:
        if row.fault is not None:
            return {"formula": "formula", "error": "error_value"}.get(row.fault.partition(":")[2], "not_text")
        if not row.action:
            return "left_alone"
        record = self.breaks.get(row.break_id)
        if record is None:
            return "break_unknown"
        if row.break_id in self.seen:
            return "twice_in_file"
        if row.break_id in self.before:
            return "already_proposed" if self.before[row.break_id][0] == row.action else "another_action_proposed"
        return self._not_now(row, record) or self._not_so(row, record)

    def _not_now(self, row: ReturnedRow, record: Record) -> str | None:
        if not row.version:
            return "not_of_this_workbook"
        if record["state"] == "cleared":
            return "gone"
        if break_version(record) != row.version:
            return "stale"
        return "a_proposal_waits" if row.break_id in self.waiting else None

    def _not_so(self, row: ReturnedRow, record: Record) -> str | None:
        if row.action not in EVERY_ACTION:
            return "action_unknown"
        if row.action not in self.desk.allowed(record["definition"], record["kind"]):
            return "action_not_for_this_kind"
        if len(row.reason) < 3:
            return "reason_missing"
        return "reason_too_long" if len(row.reason) > REASON_CHARACTERS else None

    @staticmethod
    def _done(row: ReturnedRow, made: Record | Problem) -> RowAnswer:
        if isinstance(made, Problem):
            return RowAnswer(row.number, row.break_id, row.action, row.reason, "refused", None, made.detail)
        return RowAnswer(row.number, row.break_id, row.action, row.reason, "proposed", made["resolution_id"])

    def _remember(self, answers: Sequence[RowAnswer]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO recon.workbook_proposals (workbook_id, break_id, resolution_id, action)"
                " VALUES (%s, %s, %s, %s)",
                [
                    (self.workbook_id, UUID(a.break_id), a.resolution_id, a.action)
                    for a in answers
                    if a.result == "proposed"
                ],
            )


def _uuids(rows: Sequence[ReturnedRow]) -> Iterator[UUID]:
    for row in rows:
        try:
            yield UUID(row.break_id)
        except ValueError:
            continue  # answered as an unknown break
