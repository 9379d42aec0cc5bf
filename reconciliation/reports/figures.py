"""What a day's report is made of: the latest run of every pair, its breaks, what was done about them. Only SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from reconciliation.exchange.columns import desk_time
from reconciliation.resolution.ageing import AgeLine, buckets

Record = Mapping[str, Any]
TOP = 20
MANUAL_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a day: None for all of it."""

    business_date: date
    definition: str | None = None
    kind: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        return {"day": self.business_date, "definition": self.definition, "kind": self.kind}


@dataclass(slots=True)
class Figures:
    """Rows of the database, grouped there."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    rolls: list[dict[str, Any]] = field(default_factory=list)
    breaks: list[dict[str, Any]] = field(default_factory=list)
    ageing: list[AgeLine] = field(default_factory=list)
    manual: list[dict[str, Any]] = field(default_factory=list)
    by_policy: list[dict[str, Any]] = field(default_factory=list)
    top: list[dict[str, Any]] = field(default_factory=list)
    confirmations: list[dict[str, Any]] = field(default_factory=list)
    suspense: list[dict[str, Any]] = field(default_factory=list)
    unposted: int = 0
    closed: bool = False


def figures_of(connection: Connection[TupleRow], scope: Scope, now: datetime) -> Figures:
    """Everything of a day, and the age of all that is open ``now``; in one transaction: no two sections disagree."""

    def read(query: LiteralString) -> list[dict[str, Any]]:
        with connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, scope.parameters).fetchall()

    return Figures(
        runs=read(_RUNS),
        rolls=read(_ROLLS),
        breaks=read(_BREAKS),
        ageing=[line for line in buckets(connection, desk_time(now).date(), now) if _of(scope, line)],
        manual=read(_MANUAL),
        by_policy=read(_BY_POLICY),
        top=read(_TOP),
        confirmations=read(_CONFIRMATIONS),
        suspense=read(_SUSPENSE),
        unposted=read("SELECT count(*) AS n FROM recon.suspense_check()")[0]["n"],
        closed=read("SELECT recon.is_closed(%(day)s) AS closed")[0]["closed"],
    )


def _of(scope: Scope, line: AgeLine) -> bool:
    return scope.definition in (None, line.definition) and scope.kind in (None, line.kind)


_PART: LiteralString = """
    (%(definition)s::text IS NULL OR b.definition = %(definition)s) AND (%(kind)s::text IS NULL OR b.kind = %(kind)s)
"""

_LATEST: LiteralString = """
    SELECT DISTINCT ON (definition) * FROM recon.runs
    WHERE business_date = %(day)s AND state <> 'running'
      AND (%(definition)s::text IS NULL OR definition = %(definition)s)
    ORDER BY definition, finish_order DESC NULLS LAST
"""

_RUNS: LiteralString = f"""
SELECT r.*, (SELECT i.folder FROM recon.inputs i WHERE i.run_id = r.run_id AND i.side = 'left' LIMIT 1) AS left_folder
FROM ({_LATEST}) r ORDER BY definition
"""

_ROLLS: LiteralString = f"""
SELECT r.definition, x.* FROM ({_LATEST}) r JOIN recon.rolls x USING (run_id) ORDER BY 1, side, currency
"""

_BREAKS: LiteralString = f"""
SELECT b.definition, b.kind, b.state, b.currency, count(*) AS count, sum(b.amount_at_stake)::bigint AS amount
FROM recon.breaks b WHERE b.business_date = %(day)s AND {_PART} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""

_MANUAL: LiteralString = f"""
SELECT r.*, b.definition, b.kind, b.key, b.order_no, b.currency
FROM recon.resolutions r JOIN recon.breaks b USING (break_id)
WHERE b.business_date = %(day)s AND r.policy IS NULL AND {_PART} ORDER BY r.proposed_at, r.resolution_id
LIMIT {MANUAL_MAX}
"""

_BY_POLICY: LiteralString = f"""
SELECT r.policy, r.action, r.state, b.currency, count(*) AS count, sum(r.amount)::bigint AS amount
FROM recon.resolutions r JOIN recon.breaks b USING (break_id)
WHERE b.business_date = %(day)s AND r.policy IS NOT NULL AND {_PART} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""

_TOP: LiteralString = f"""
SELECT b.* FROM recon.breaks b
WHERE b.business_date = %(day)s AND b.state IN ('open', 'left') AND {_PART}
ORDER BY b.amount_at_stake DESC, b.seq LIMIT {TOP}
"""

_CONFIRMATIONS: LiteralString = """
SELECT d.channel, d.orders, d.due_at, count(c.answer) AS answered,
       count(*) FILTER (WHERE c.answer = 'accord') AS accord,
       count(*) FILTER (WHERE c.answer = 'difference') AS difference, count(*) FILTER (WHERE c.late) AS late,
       count(c.order_no) FILTER (WHERE c.answer IS NULL OR c.answered_to <> c.version) AS unanswered
FROM recon.confirmation_days d LEFT JOIN recon.confirmations c USING (channel, business_date)
WHERE business_date = %(day)s GROUP BY 1, 2, 3 ORDER BY 1
"""

_SUSPENSE: LiteralString = """
SELECT o.definition, o.currency, o.amount AS open, coalesce(p.amount, 0)::bigint AS posted
FROM (SELECT definition, currency, sum(amount_at_stake)::bigint AS amount FROM recon.breaks
      WHERE state IN ('open', 'left') AND (%(definition)s::text IS NULL OR definition = %(definition)s)
      GROUP BY 1, 2) o
LEFT JOIN (SELECT substring(account from 10) AS definition, currency, sum(amount) AS amount FROM recon.postings
           WHERE starts_with(account, 'suspense:') GROUP BY 1, 2) p USING (definition, currency)
ORDER BY 1, 2
"""
