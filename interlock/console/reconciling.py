"""The day's reconciliation for people: runs, breaks by kind and state, and one break with its evidence."""

from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from interlock.console.exhibit import masked
from reconciliation.cases import BreakFilter, Cases
from reconciliation.journal import Journal, Pool

STATES = ("open", "resolved", "cleared", "left")


def latest_date(connection: Connection[TupleRow]) -> date | None:
    """The last business date that was run."""
    row = connection.execute("SELECT max(business_date) FROM recon.runs").fetchone()
    return row[0] if row else None


def dates(connection: Connection[TupleRow]) -> list[str]:
    """Business dates that were run, the latest first, at most 31."""
    rows = connection.execute("SELECT DISTINCT business_date FROM recon.runs ORDER BY 1 DESC LIMIT 31")
    return [day.isoformat() for (day,) in rows]


def latest_runs(connection: Connection[TupleRow], day: date) -> list[dict[str, Any]]:
    """Per definition the run that counts, how many there were, and how many of its breaks are in which state."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT DISTINCT ON (r.definition) r.definition, r.run_id, r.state, r.reason, r.left_rows, r.right_rows,
                      r.matched, r.adjusted, r.pending, r.break_count, r.break_fen, r.started_at, r.finished_at,
                      count(*) OVER (PARTITION BY r.definition) AS runs,
                      (SELECT count(*) FROM recon.breaks b WHERE b.definition = r.definition
                         AND b.business_date = r.business_date) AS found,
                      (SELECT count(*) FROM recon.breaks b WHERE b.definition = r.definition
                         AND b.business_date = r.business_date AND b.state = 'cleared') AS cleared,
                      (SELECT count(*) FROM recon.breaks b WHERE b.definition = r.definition
                         AND b.business_date = r.business_date AND b.state IN ('open', 'left')) AS unsettled
               FROM recon.runs r WHERE r.business_date = %s
               ORDER BY r.definition, r.finish_order DESC NULLS FIRST""",
            (day,),
        ).fetchall()


def by_kind(connection: Connection[TupleRow], day: date) -> list[dict[str, Any]]:
    """kind -> how many breaks in each state, and what they are worth in fen."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT kind, count(*) FILTER (WHERE state = 'open') AS open,
                      count(*) FILTER (WHERE state = 'resolved') AS resolved,
                      count(*) FILTER (WHERE state = 'cleared') AS cleared,
                      count(*) FILTER (WHERE state = 'left') AS left, count(*) AS found,
                      sum(amount_at_stake)::bigint AS amount
               FROM recon.breaks WHERE business_date = %s GROUP BY kind ORDER BY kind""",
            (day,),
        ).fetchall()


def breaks(pool: Pool, wanted: BreakFilter) -> list[dict[str, Any]]:
    """Breaks in the order in which they were found."""
    names = ("seq", "break_id", "definition", "business_date", "kind", "key", "order_no", "left_value", "right_value")
    more = ("amount_at_stake", "currency", "further", "state", "manual", "since", "covers")
    return [{name: row[name] for name in (*names, *more)} for row in Cases(pool).breaks(wanted)]


def one_break(pool: Pool, break_id: UUID) -> dict[str, Any]:
    """A break with its resolutions and the runs that opened, last saw and cleared it; raises ``break_unknown``."""
    found = Cases(pool).one(break_id)
    found["evidence"] = [e | {"raw": masked(str(e["raw"]), set())} if e.get("raw") else e for e in found["evidence"]]
    journal = Journal(pool)
    ids = {name: found[name] for name in ("run_id", "last_run_id", "cleared_run_id") if found[name]}
    runs = {run_id: run for run_id in set(ids.values()) if (run := journal.run(run_id))}
    found["runs"] = [
        {"as": name.removesuffix("_id").replace("run", "opened") if name == "run_id" else name.removesuffix("_run_id")}
        | {key: runs[run_id][key] for key in ("run_id", "state", "started_at", "finished_at", "policy_version")}
        for name, run_id in ids.items()
        if run_id in runs
    ]
    return found
