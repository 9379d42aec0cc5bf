"""Builds a day's report: reads the figures, ties them to the books, and puts the sections together."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from pathlib import Path

from hub.store.books import Span, trial_balance
from hub.store.settled import moved
from reconciliation.cases import BreakFilter, Cases
from reconciliation.definitions import Definition
from reconciliation.exchange.leaving import standing
from reconciliation.journal import Pool
from reconciliation.reports.figures import Figures, Scope, figures_of
from reconciliation.reports.sections import SECTIONS, runs_tables, ties_table, unmatched_table
from reconciliation.reports.tables import Report, Table
from reconciliation.reports.ties import Tie, balance_ties, ledger_ties, suspense_ties

UNMATCHED_MAX = 10_000


def build(
    pool: Pool,
    data_dir: Path,
    definitions: Mapping[str, Definition],
    scope: Scope,
    made_by: str,
    now: datetime,
) -> Report:
    """The report of a business date, or of one pair or kind of it. ``data_dir``: below it lie the runs' rows."""
    with pool.connection() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        figures = figures_of(connection, scope, now)
        balances = trial_balance(connection, Span.of(scope.business_date, scope.business_date))
        posted = moved(connection, scope.business_date)
    wanted = [d for d in definitions.values() if scope.definition in (None, d.name)]
    folders = {r["definition"]: data_dir / r["left_folder"] if r["left_folder"] else None for r in figures.runs}
    ties = balance_ties(balances) + ledger_ties(wanted, folders, posted, scope.business_date)
    ties += suspense_ties(figures.suspense)
    report = Report(
        "每日对账报告", "Daily reconciliation report", scope.business_date, now, made_by, _head(scope, figures)
    )
    report.tables = [ties_table(ties), *runs_tables(figures, definitions), *(make(figures) for make in SECTIONS)]
    report.tables.append(_unmatched(Cases(pool), scope, figures))
    report.alarms = list(_alarms(ties, figures, wanted, scope.business_date))
    return report


def _head(scope: Scope, figures: Figures) -> list[tuple[str, str, str]]:
    """(Chinese, English, value) lines under the title."""
    versions = sorted({str(r["policy_version"]).partition(":")[0] for r in figures.runs})
    return [
        ("范围", "scope", " ".join(filter(None, (scope.definition, scope.kind))) or "全部 all"),
        ("营业日状态", "business date", "已关账 closed" if figures.closed else "未关账 open"),
        ("对账次数", "runs", str(len(figures.runs))),
        ("政策版本", "policy", ", ".join(versions) or "-"),
    ]


def _unmatched(cases: Cases, scope: Scope, figures: Figures) -> Table:
    wanted = BreakFilter(business_date=scope.business_date, definition=scope.definition, kind=scope.kind)
    listed = sum(b["count"] for b in figures.breaks if b["state"] in {"open", "left"})
    return unmatched_table(list(islice(standing(cases, wanted), UNMATCHED_MAX)), listed)


def _alarms(
    ties: Sequence[Tie], figures: Figures, wanted: Sequence[Definition], day: date
) -> Iterator[tuple[str, str]]:
    for tie in ties:
        if tie.state == "differs":
            amount = f"{(tie.difference or 0) / 100:,.2f} {tie.currency}"
            yield (
                f"{tie.what_zh}：科目 {tie.account} 与对账相差 {amount}",
                f"{tie.what_en}: account {tie.account} and the reconciliation differ by {amount}",
            )
        elif tie.state == "not compared":
            yield f"{tie.what_zh}：尚未对账", f"{tie.what_en}: not reconciled yet"
    if figures.unposted:
        yield (
            f"{figures.unposted} 项差异的挂账金额不符",
            f"{figures.unposted} breaks do not have their money in suspense",
        )
    run = {r["definition"] for r in figures.runs}
    for name in sorted(d.name for d in wanted if d.name not in run and getattr(d, "due", "always") == "always"):
        yield f"{day.isoformat()} 尚未对账：{name}", f"{day.isoformat()} was not reconciled for {name}"
    for record in figures.runs:
        if record["state"] != "done":
            yield (
                f"{record['definition']} 未完成：{record['reason'] or record['state']}",
                f"{record['definition']} is not done: {record['reason'] or record['state']}",
            )
