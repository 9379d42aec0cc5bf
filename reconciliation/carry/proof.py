"""The proof that nothing is lost between dates: each run's roll-forward, and the chain of all runs.

The database checks every single roll too (``recon.rolls``); what it cannot check is that a date opened with exactly
what the date before closed with. :func:`gaps` does, over all dates.
"""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row, dict_row

from reconciliation.definitions.model import Side


@dataclass(frozen=True, slots=True)
class Roll:
    """One side's roll-forward in one currency: numbers of rows, and their sums in minor units."""

    side: Side
    currency: str
    opening_count: int = 0
    opening_minor: int = 0
    new_count: int = 0
    new_minor: int = 0
    cleared_count: int = 0
    cleared_minor: int = 0
    closing_count: int = 0
    closing_minor: int = 0

    def prove(self) -> None:
        """Raises ValueError when the roll does not come out."""
        if (
            self.opening_count + self.new_count - self.cleared_count != self.closing_count
            or self.opening_minor + self.new_minor - self.cleared_minor != self.closing_minor
        ):
            raise ValueError(f"the carry does not roll forward: {self}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Gap:
    """A date that did not open with what the date before has closed with; ``-`` where only the rows differ."""

    definition: str
    business_date: date
    previous_date: date | None
    side: str
    currency: str
    closed_count: int
    closed_minor: int
    opened_count: int
    opened_minor: int


def gaps(connection: Connection[Any], definition: str | None = None) -> list[Gap]:
    """Every gap over all dates, of the runs in force; a date with a gap has to be run again. Empty is the proof."""
    with connection.cursor(row_factory=class_row(Gap)) as cursor:
        return cursor.execute(_GAPS, {"definition": definition}).fetchall()


def carry_of(connection: Connection[Any], business_date: date, definition: str | None = None) -> list[dict[str, Any]]:
    """Per definition run on the date: its rolls, where the carried rows come from, and the run it opened with."""
    parameters = {"definition": definition, "date": business_date}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_CARRY_OF, parameters).fetchall()


IN_FORCE = """
SELECT DISTINCT ON (r.definition, r.business_date) r.definition, r.business_date, r.run_id, r.break_count,
       r.finished_at, c.opening_run, c.opening_digest, c.closing_digest, c.followed, c.origins
FROM recon.runs r JOIN recon.carries c USING (run_id)
WHERE r.state = 'done' AND (%(definition)s::text IS NULL OR r.definition = %(definition)s)
ORDER BY r.definition, r.business_date, r.finish_order DESC
"""
"""The last finished run of each definition and date, with its carry."""

_GAPS = f"""
WITH in_force AS ({IN_FORCE}), chain AS (
    SELECT *, lag(run_id) OVER w AS previous_run, lag(business_date) OVER w AS previous_date,
           lag(closing_digest) OVER w AS previous_digest
    FROM in_force WINDOW w AS (PARTITION BY definition ORDER BY business_date)
), broken AS (
    SELECT * FROM chain WHERE previous_run IS NOT NULL AND opening_digest <> previous_digest
), sums AS (
    SELECT b.definition, b.business_date, b.previous_date, r.side, r.currency,
           sum(r.closing_count) FILTER (WHERE r.run_id = b.previous_run) AS closed_count,
           sum(r.closing_minor) FILTER (WHERE r.run_id = b.previous_run) AS closed_minor,
           sum(r.opening_count) FILTER (WHERE r.run_id = b.run_id) AS opened_count,
           sum(r.opening_minor) FILTER (WHERE r.run_id = b.run_id) AS opened_minor
    FROM broken b JOIN recon.rolls r ON r.run_id IN (b.previous_run, b.run_id) GROUP BY 1, 2, 3, 4, 5
)
SELECT b.definition, b.business_date, b.previous_date, coalesce(s.side, '-') AS side,
       coalesce(s.currency, '-') AS currency,
       coalesce(s.closed_count, 0)::bigint AS closed_count, coalesce(s.closed_minor, 0)::bigint AS closed_minor,
       coalesce(s.opened_count, 0)::bigint AS opened_count, coalesce(s.opened_minor, 0)::bigint AS opened_minor
FROM broken b LEFT JOIN sums s ON (s.definition, s.business_date) = (b.definition, b.business_date)
     AND (coalesce(s.closed_count, 0), coalesce(s.closed_minor, 0))
         <> (coalesce(s.opened_count, 0), coalesce(s.opened_minor, 0))
ORDER BY 1, 2, 4, 5
"""

_CARRY_OF = f"""
WITH in_force AS ({IN_FORCE})
SELECT f.definition, f.business_date, f.run_id, f.opening_run, f.opening_digest, f.closing_digest, f.followed,
       f.origins,
       coalesce((SELECT jsonb_agg(to_jsonb(r) - 'run_id' ORDER BY r.side, r.currency)
                 FROM recon.rolls r WHERE r.run_id = f.run_id), '[]') AS rolls
FROM in_force f WHERE f.business_date = %(date)s ORDER BY f.definition
"""
