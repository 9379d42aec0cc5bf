"""The day's reconciliation for people: every pair of a date and where it stands, breaks, files, and one break whole."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from interlock.console.connecting import name_of
from interlock.console.exhibit import masked
from reconciliation.cases import BreakFilter, Cases
from reconciliation.definitions import Definition
from reconciliation.journal import Journal, Pool
from reconciliation.policies import ACTIONS, actions_for

STATES = ("open", "resolved", "cleared", "left")
_COUNTED = ("open", "resolved", "cleared", "left", "at_stake")
_IDLE: dict[str, Any] = {
    "run_id": None, "reason": None, "left_rows": 0, "right_rows": 0, "matched": 0, "adjusted": 0, "pending": 0,
    "runs": 0, "started_at": None, "finished_at": None, "stage": None, "pieces_done": 0, "pieces_total": 0,
    "rows_done": 0, "rows_total": 0,
}  # fmt: skip


def latest_date(connection: Connection[TupleRow]) -> date | None:
    """The last business date that was run."""
    row = connection.execute("SELECT max(business_date) FROM recon.runs").fetchone()
    return row[0] if row else None


def dates(connection: Connection[TupleRow]) -> list[dict[str, Any]]:
    """Business dates that were run, the latest first, at most 31, and whether each is closed."""
    rows = connection.execute(
        "SELECT day, recon.is_closed(day) FROM (SELECT DISTINCT business_date AS day FROM recon.runs"
        " ORDER BY 1 DESC LIMIT 31) AS days ORDER BY 1 DESC"
    )
    return [{"date": day.isoformat(), "closed": closed} for day, closed in rows]


def latest_runs(connection: Connection[TupleRow], day: date) -> list[dict[str, Any]]:
    """Per definition the run that counts, how many there were, and how many of its breaks are in which state."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_LATEST_RUNS, {"day": day}).fetchall()


def pairs(
    runs: Iterable[Mapping[str, Any]], known: Mapping[str, Definition], stale: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Every pair of a date with its titles: those that ran, and those that should have or had nothing to do.

    ``stale``: pair -> why it is to be run (again) now.
    """
    found = {run["definition"]: run for run in runs}
    lines = []
    for name in [*known, *(name for name in sorted(found) if name not in known)]:
        pair = known.get(name)
        idle = "not_used" if pair is not None and pair.due == "when_used" else "not_run"
        run = found.get(name) or {**_IDLE, **dict.fromkeys(_COUNTED, 0), "definition": name, "state": idle}
        if run["state"] == "done" and not run["left_rows"] and not run["right_rows"] and idle == "not_used":
            run = {**run, "state": idle}
        titles = {"zh": pair.title_zh if pair else name, "en": pair.title_en if pair else name}
        lines.append({**run, **titles, "stale": stale.get(name)})
    order = ("running", "refused", "waiting", "not_run", "done", "not_used")
    return sorted(lines, key=lambda line: (order.index(line["state"]), -line["at_stake"]))


def by_kind(connection: Connection[TupleRow], day: date) -> list[dict[str, Any]]:
    """kind -> how many breaks in each state, and what those that are open are worth in minor units."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """SELECT kind, count(*) FILTER (WHERE state = 'open') AS open,
                      count(*) FILTER (WHERE state = 'resolved') AS resolved,
                      count(*) FILTER (WHERE state = 'cleared') AS cleared,
                      count(*) FILTER (WHERE state = 'left') AS left, count(*) AS found,
                      coalesce(sum(amount_at_stake) FILTER (WHERE state IN ('open', 'left')), 0)::bigint AS amount
               FROM recon.breaks WHERE business_date = %s GROUP BY kind ORDER BY kind""",
            (day,),
        ).fetchall()


def breaks(pool: Pool, wanted: BreakFilter) -> list[dict[str, Any]]:
    """Breaks in the order in which they were found."""
    names = ("seq", "break_id", "definition", "business_date", "kind", "key", "order_no", "left_value", "right_value")
    more = ("amount_at_stake", "currency", "further", "state", "manual", "since", "covers", "assignee", "due_at")
    return [{name: row[name] for name in (*names, *more)} for row in Cases(pool).breaks(wanted)]


def one_break(pool: Pool, known: Mapping[str, Definition], break_id: UUID) -> dict[str, Any]:
    """A break with its resolutions and who is behind them, what may be done about it, rows that might be its
    counterpart, and the runs that opened, last saw and cleared it; raises ``break_unknown``."""
    found = Cases(pool).one(break_id)
    found["evidence"] = [e | {"raw": masked(str(e["raw"]), set())} if e.get("raw") else e for e in found["evidence"]]
    pair = known.get(found["definition"])
    source = pair.right.source if pair is not None and pair.right.source != "hub" else None
    names = actions_for(found["kind"], source) if found["state"] in {"open", "left"} else ()
    found["actions"] = [actions_named()[name] for name in names if name != "leave"]
    found["other"] = {"zh": pair.title_zh, "en": pair.title_en} if pair else None
    with pool.connection() as connection:
        found["resolutions"] = people(connection, found["resolutions"], "proposed_by", "approved_by")
        found["assigned_to"] = name_of(connection, found["assignee"]) if found["assignee"] else None
        found["candidates"] = _candidates(connection, found)
    undone = {r["undoes"] for r in found["resolutions"] if r["state"] in {"proposed", "approved", "applied"}}
    for each in found["resolutions"]:
        free = each["state"] == "applied" and each["action"] != "undo" and each["resolution_id"] not in undone
        each["may_undo"] = free and (found["state"] != "cleared" or ACTIONS[each["action"]].takes_back)
    return found | {"runs": _runs_of(pool, found)}


def people(connection: Connection[TupleRow], rows: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
    """``rows`` with the display names of whoever stands in ``keys``, as ``KEY_name``."""
    ids = {row[key] for row in rows for key in keys if row[key]}
    names = {None: None} | {actor: name_of(connection, actor) for actor in ids}
    return [row | {f"{key}_name": names[row[key]] for key in keys} for row in rows]


def actions_named() -> dict[str, dict[str, str]]:
    """Every action with its titles and what it does: the table of the policies, for a form."""
    return {
        row.name: {"name": row.name, "zh": row.title_zh, "en": row.title_en, "does": row.does, "undone": row.undone_by}
        for row in ACTIONS.values()
    }


def inputs(connection: Connection[TupleRow], day: date) -> list[dict[str, Any]]:
    """What the runs that count have read on a date: each input once, with what was kept aside or why it was refused."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_INPUTS, {"day": day}).fetchall()


def arrivals(connection: Connection[TupleRow], limit: int) -> list[dict[str, Any]]:
    """Settlement files, the latest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT source, name, sha256, bytes, business_dates, refused, arrived_at FROM recon.arrivals"
            " ORDER BY arrived_at DESC, name LIMIT %s",
            (limit,),
        ).fetchall()


def _candidates(connection: Connection[TupleRow], found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of the other side that might be the counterpart; ``break_id`` where one is an open break that a link can
    name."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "SELECT key, break_id FROM recon.breaks WHERE definition = %s AND key = ANY(%s) AND break_id <> %s"
            " AND state IN ('open', 'left')",
            (found["definition"], [each.get("key") for each in found["suggestions"]], found["break_id"]),
        ).fetchall()
    open_breaks = {row["key"]: row["break_id"] for row in rows}
    return [{**each, "break_id": open_breaks.get(each.get("key"))} for each in found["suggestions"]]


def _runs_of(pool: Pool, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    journal = Journal(pool)
    ids = {name: found[name] for name in ("run_id", "last_run_id", "cleared_run_id") if found[name]}
    runs = {run_id: run for run_id in set(ids.values()) if (run := journal.run(run_id))}
    return [
        {"as": name.removesuffix("_id").replace("run", "opened") if name == "run_id" else name.removesuffix("_run_id")}
        | {key: runs[run_id][key] for key in ("run_id", "state", "started_at", "finished_at", "policy_version")}
        for name, run_id in ids.items()
        if run_id in runs
    ]


_LATEST_RUNS = """
SELECT DISTINCT ON (r.definition) r.definition, r.run_id, r.state, r.reason, r.left_rows, r.right_rows,
       r.matched, r.adjusted, r.pending, r.break_count, r.break_fen, r.started_at, r.finished_at,
       r.stage, r.pieces_done, r.pieces_total, r.rows_done, r.rows_total,
       count(*) OVER (PARTITION BY r.definition) AS runs,
       coalesce(b.found, 0) AS found, coalesce(b.open, 0) AS open, coalesce(b.resolved, 0) AS resolved,
       coalesce(b.cleared, 0) AS cleared, coalesce(b.left, 0) AS left, coalesce(b.at_stake, 0)::bigint AS at_stake,
       coalesce(b.open + b.left, 0) AS unsettled
FROM recon.runs r LEFT JOIN (
    SELECT definition, count(*) AS found, count(*) FILTER (WHERE state = 'open') AS open,
           count(*) FILTER (WHERE state = 'resolved') AS resolved, count(*) FILTER (WHERE state = 'cleared') AS cleared,
           count(*) FILTER (WHERE state = 'left') AS left,
           sum(amount_at_stake) FILTER (WHERE state IN ('open', 'left')) AS at_stake
    FROM recon.breaks WHERE business_date = %(day)s GROUP BY definition
) b USING (definition)
WHERE r.business_date = %(day)s
ORDER BY r.definition, r.finish_order DESC NULLS FIRST
"""

_INPUTS = """
WITH latest AS (
    SELECT DISTINCT ON (definition) definition, run_id FROM recon.runs WHERE business_date = %(day)s
    ORDER BY definition, finish_order DESC NULLS FIRST
)
SELECT i.source, i.name, i.sha256, max(i.bytes) AS bytes, max(i.rows) AS rows, max(i.refused) AS refused,
       coalesce(max(i.quarantined::text), '[]')::jsonb AS quarantined,
       array_agg(DISTINCT l.definition ORDER BY l.definition) AS definitions
FROM recon.inputs i JOIN latest l USING (run_id) WHERE i.side <> 'context'
GROUP BY i.source, i.name, i.sha256 ORDER BY i.source, i.name
"""
