"""Differences -> breaks, by SQL over files: who only waits, what was accepted, the kind, the money, the evidence.

    lines      every difference of the match
    told       one line per kind of each; one-sided money gets its kind from its order and from what channels claim
    fates      accepted | waiting | broken
    breaks     duplicates of a key together, members of an unmatched batch together, money under the ticket's break

Matching says only that a row is one-sided or that a field differs. What that *means* depends on the rest of the order:
a capture without a counterpart is a lost message, a second payment or a payment without a ticket. The orders are looked
up for the differences alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa

from reconciliation.breaks.around import Around
from reconciliation.breaks.covers import covered
from reconciliation.breaks.rendering import FURTHER, at_stake_sql, break_id_sql, evidence_sql, values_sql
from reconciliation.breaks.values import said_sql
from reconciliation.definitions import Definition
from reconciliation.matching.engine import DuckDb
from reconciliation.matching.tables import PAIRS, LaterResult, MatchOptions

EVIDENCE_OF_A_BATCH = 20
"""Members of an unmatched batch that are shown as evidence; the batch itself leads to the others."""


@dataclass(frozen=True, slots=True)
class Explained:
    """The end of a match: ``breaks`` (BREAKS), ``waiting`` (PAIRS, one-sided), and counts.

    ``kinds``: kind -> (number of breaks, money at stake in minor units over all currencies). ``adjusted``: differences
    that had been accepted; ``pending``: rows that wait. ``rows``: side -> fate -> rows, where the fates are broken,
    waiting and accepted: with the rows that matched they are all rows, each once.
    """

    breaks: Path
    waiting: Path
    adjusted: int
    pending: int
    kinds: Mapping[str, tuple[int, int]]
    rows: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def break_count(self) -> int:
        return sum(count for count, _ in self.kinds.values())

    @property
    def break_fen(self) -> int:
        return sum(amount for _, amount in self.kinds.values())


def explain(
    definition: Definition,
    business_date: date,
    later: LaterResult,
    around: Around,
    out: Path,
    options: MatchOptions,
) -> Explained:
    """Write ``breaks.parquet`` and ``waiting.parquet`` into the folder ``out``. Twice is as good as once."""
    with DuckDb(options) as engine:
        _lines(engine, later)
        engine.keep("told", _told(definition, engine, around))
        _fates(definition, business_date, engine, around)
        engine.write(_WAITING, out / "waiting.parquet")
        engine.keep("found", _found(definition))
        _cover(engine)
        engine.write(_breaks(definition, business_date), out / "breaks.parquet")
        kinds = {kind: (count, int(money)) for kind, count, money in engine.fetch(_KINDS)}
        adjusted = engine.fetch("SELECT count(*) FROM fates WHERE fate = 'accepted'")[0][0]
        rows: dict[str, dict[str, int]] = {"left": {}, "right": {}}
        for fate, left, right in engine.fetch(_ROWS):
            rows["left"][fate], rows["right"][fate] = int(left), int(right)
    for side, members in zip(rows, later.in_broken_groups, strict=True):
        rows[side]["broken"] = rows[side].get("broken", 0) + members
    pending = sum(fates.get("waiting", 0) for fates in rows.values())
    return Explained(out / "breaks.parquet", out / "waiting.parquet", int(adjusted), pending, kinds, rows)


def _lines(engine: DuckDb, later: LaterResult) -> None:
    if later.differences:
        engine.view("files", later.differences)
    else:
        engine.table("files", PAIRS.empty_table())
    engine.keep("lines", "SELECT *, row_number() OVER () AS line FROM files")


_TOLD = """
SELECT *, CASE
        WHEN status = 'carried' THEN 'TIMING'
        WHEN hint <> '' THEN hint
        WHEN coalesce(nth_left, nth_right) > 1 AND bound_by = '' THEN 'DUPLICATE'
        WHEN status = 'left' THEN 'MISSING_IN_CHANNEL'
        ELSE 'MISSING_IN_HUB' END AS kind
FROM lines WHERE status <> 'differs'
UNION ALL BY NAME
SELECT *, unnest(string_split(kinds, ' ')) AS kind FROM lines WHERE status = 'differs'
"""


def _told(definition: Definition, engine: DuckDb, around: Around) -> str:
    """One line per kind. Only between the hub and a processor does an order decide what a one-sided row means."""
    if definition.right.source != "processor" or definition.left.source != "hub":
        return f"SELECT *, kind AS meant FROM ({_TOLD})"
    engine.view("hub", around.hub)
    engine.view("claims", around.claims)
    engine.keep("asked", "SELECT line, coalesce(l_order_no, r_order_no) AS number, r_key FROM lines"
                         " WHERE status IN ('left', 'right')")  # fmt: skip
    engine.keep("orders", _ORDERS)
    engine.keep(
        "claimed", "SELECT DISTINCT key FROM claims WHERE kind <> 'ticket' AND key IN (SELECT r_key FROM asked)"
    )
    return f"""
        SELECT t.*, CASE
            WHEN t.kind = 'MISSING_IN_HUB' AND t.status = 'right' THEN CASE
                -- A channel says the same as the processor: the message to the hub was lost.
                WHEN c.key IS NOT NULL THEN t.kind
                WHEN t.r_kind = 'refund' THEN 'ORPHAN_REFUND'
                WHEN t.r_kind <> 'payment' OR o.line IS NULL THEN t.kind
                WHEN o.other_capture THEN 'DOUBLE_PAYMENT'
                WHEN o.valid_ticket THEN t.kind
                ELSE 'PAID_NO_TICKET' END
            WHEN t.kind = 'MISSING_IN_CHANNEL' AND t.status = 'left' AND t.l_kind = 'payment' AND o.ever_issued
                THEN 'TICKET_NO_PAYMENT'
            ELSE t.kind END AS meant
        FROM ({_TOLD}) t LEFT JOIN orders o ON o.line = t.line LEFT JOIN claimed c ON c.key = t.r_key
    """


_ORDERS = """
SELECT a.line,
       bool_or(h.kind = 'ticket' AND h.state = 'issued') AS valid_ticket,
       bool_or(h.kind = 'ticket' AND h.state IN ('issued', 'changed', 'released')) AS ever_issued,
       bool_or(h.kind = 'payment' AND h.key IS DISTINCT FROM a.r_key) AS other_capture
FROM hub h JOIN asked a ON h.order_no = a.number GROUP BY a.line
"""


def _fates(definition: Definition, business_date: date, engine: DuckDb, around: Around) -> None:
    accepted = [values for values in around.accepted if values[0] == definition.name]
    engine.table(
        "accepted",
        pa.table({name: pa.array([v[place] for v in accepted], pa.string())
                  for place, name in enumerate(("definition", "key", "kind", "ours", "theirs"))}),
    )  # fmt: skip
    waits = [(side, origin.isoformat(), since) for (side, origin), since in sorted(around.waits_from.items())
             if since is not None]  # fmt: skip
    engine.table(
        "waits",
        pa.table({"side": pa.array([w[0] for w in waits], pa.string()),
                  "origin": pa.array([w[1] for w in waits], pa.string()),
                  "since": pa.array([w[2] for w in waits], pa.int64())}),
    )  # fmt: skip
    told = "(SELECT * EXCLUDE (kind, meant), kind AS raw, meant AS kind, coalesce(l_key, r_key) AS key FROM told)"
    engine.keep(
        "fates",
        f"""SELECT t.*, CASE
            WHEN a.key IS NOT NULL THEN 'accepted'
            WHEN t.raw IN ('MISSING_IN_HUB', 'MISSING_IN_CHANNEL') AND t.status IN ('left', 'right')
                AND coalesce(t.l_at, t.r_at) >= w.since THEN 'waiting'
            ELSE 'broken' END AS fate
        FROM {told} t
        LEFT JOIN (SELECT DISTINCT * FROM accepted) a
            ON a.key = t.key AND a.kind = t.kind AND a.ours = {said_sql("l")} AND a.theirs = {said_sql("r")}
        LEFT JOIN waits w ON w.side = t.status AND w.origin =
            coalesce(nullif(coalesce(t.l_carried, t.r_carried), ''), '{business_date.isoformat()}')
        """.replace("CASE kind", "CASE t.kind"),
    )


_WAITING = f"SELECT {', '.join(PAIRS.names)} FROM fates WHERE fate = 'waiting' ORDER BY key, line"


def _found(definition: Definition) -> str:
    """Breaks before covers: the lines of one kind and key together."""
    fee = (definition.fee.rate_ppm, definition.fee.tolerance) if definition.fee else None
    return f"""
    WITH shown AS (
        SELECT kind, line, coalesce(nth_left, nth_right) AS nth, bound_by, status,
               CASE WHEN bound_by <> '' AND status IN ('left', 'right') THEN bound_by ELSE key END AS key,
               coalesce(nullif(l_order_no, ''), nullif(r_order_no, '')) AS order_no,
               coalesce(l_kind, r_kind) AS row_kind, coalesce(l_key, r_key) AS row_key,
               coalesce(l_replaces, CASE WHEN l_key IS NULL THEN r_replaces END) AS replaces,
               coalesce(l_currency, r_currency) AS currency,
               {values_sql("l")} AS left_value, {values_sql("r")} AS right_value,
               {at_stake_sql(fee)} AS amount, {_SIGNED} AS signed, {FURTHER} AS further,
               least(coalesce(l_at, r_at), coalesce(r_at, l_at)) AS since,
               list_filter([{evidence_sql("l", "left")}, {evidence_sql("r", "right")}], lambda e: e IS NOT NULL)
                   AS evidence,
               suggestions
        FROM fates WHERE fate = 'broken'
    ), alone AS (
        SELECT kind, key, arg_min(order_no, nth) AS order_no, arg_min(row_kind, nth) AS row_kind,
               arg_min(replaces, nth) AS replaces, arg_min(currency, nth) AS currency,
               arg_min(left_value, nth) AS left_value, arg_min(right_value, nth) AS right_value,
               sum(amount)::bigint AS amount, arg_min(further, nth) AS further, arg_min(since, nth) AS since,
               to_json(flatten(list(evidence ORDER BY nth, line))) AS evidence,
               coalesce(max(nullif(suggestions, '')), '[]') AS suggestions
        FROM shown WHERE NOT (bound_by <> '' AND status IN ('left', 'right')) GROUP BY kind, key
    ), batches AS (
        SELECT kind, key, CASE WHEN count(DISTINCT order_no) = 1 THEN min(order_no) END AS order_no,
               'batch' AS row_kind, NULL AS replaces, currency,
               CASE WHEN status = 'left' THEN {_BATCH} END AS left_value,
               CASE WHEN status = 'right' THEN {_BATCH} END AS right_value,
               abs(sum(signed))::bigint AS amount, NULL AS further, min(since) AS since,
               to_json(flatten(list(evidence ORDER BY row_key, nth)[1:{EVIDENCE_OF_A_BATCH}])) AS evidence,
               '[]' AS suggestions
        FROM shown WHERE bound_by <> '' AND status IN ('left', 'right') GROUP BY kind, key, currency, status
    )
    SELECT * FROM alone UNION ALL BY NAME SELECT * FROM batches
    """


_SIGNED = "CASE WHEN coalesce(l_kind, r_kind) = 'refund' THEN -1 ELSE 1 END * coalesce(l_amount, r_amount, 0)"
_BATCH = "json_object('rows', count(*), 'amount', sum(signed)::bigint, 'currency', currency)"


def _cover(engine: DuckDb) -> None:
    """What another break of the same order explains; only orders with several breaks are looked at one by one."""
    several = engine.arrow(
        "SELECT kind, key, order_no, row_kind, replaces, amount, left_value, right_value, further FROM found"
        " WHERE order_no IN (SELECT order_no FROM found WHERE order_no IS NOT NULL GROUP BY order_no"
        " HAVING count(*) > 1 AND bool_or(row_kind = 'ticket'))"
    )
    under, over = covered(several.to_pylist())
    engine.table("under", under)
    engine.table("over", over)


def _breaks(definition: Definition, business_date: date) -> str:
    day = business_date.isoformat()
    name = f"'break|{definition.name}|{day}|' || f.kind || '|' || f.key"
    return f"""
        SELECT {break_id_sql(name)} AS break_id, '{definition.name}' AS definition, DATE '{day}' AS business_date,
               f.kind, f.key, f.order_no, f.left_value::varchar AS left_value, f.right_value::varchar AS right_value,
               f.amount AS amount_at_stake, f.currency, f.further, make_timestamptz(f.since) AS since,
               f.evidence::varchar AS evidence, coalesce(o.covers, '[]') AS covers, f.suggestions
        FROM found f LEFT JOIN over o ON o.kind = f.kind AND o.key = f.key
        WHERE NOT EXISTS (SELECT 1 FROM under u WHERE u.kind = f.kind AND u.key = f.key)
        ORDER BY f.kind, f.key
    """


_KINDS = """
SELECT kind, count(*), sum(amount) FROM found f
WHERE NOT EXISTS (SELECT 1 FROM under u WHERE u.kind = f.kind AND u.key = f.key) GROUP BY kind ORDER BY kind
"""

# A pair of which one difference is accepted and another is not, is broken. A carried pair that agrees has matched.
_ROWS = """
SELECT fate, count(*) FILTER (has_left), count(*) FILTER (has_right) FROM (
    SELECT line, any_value(l_key IS NOT NULL) AS has_left, any_value(r_key IS NOT NULL) AS has_right,
           CASE WHEN bool_or(fate = 'broken') THEN 'broken' ELSE min(fate) END AS fate
    FROM fates WHERE status <> 'carried' AND NOT starts_with(step, 'group') GROUP BY line
) GROUP BY fate
"""
