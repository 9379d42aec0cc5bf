"""What a person sees at the end: a few tables and the addresses."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from interlock.demo.figures import OUTCOMES, Figures
from interlock.demo.scoring import Score
from interlock.demo.tour import Step


def show(console: Console, figures: Figures, score: Score, digest: str, tour: Sequence[Step] = ()) -> None:
    """Print the whole summary."""
    console.print()
    if tour:
        console.print(_tour(tour))
    console.print(_messages(figures))
    if figures.refusals:
        console.print(_refusals(figures))
    console.print(_deliveries(figures))
    console.print(_runs(figures))
    console.print(_faults(score))
    console.print(f"Orders on the ledger: [bold]{figures.orders}[/]")
    console.print(f"Ledger digest: [bold]{digest}[/]", soft_wrap=True)
    for line in score.missed:
        console.print(f"[red]not as seeded:[/] {line}", soft_wrap=True)
    for line in score.invented:
        console.print(f"[red]found, never seeded:[/] {line}", soft_wrap=True)
    verdict = "[green]found = seeded, nothing invented[/]" if score.is_perfect else "[red]found differs from seeded[/]"
    console.print(verdict)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right")
    return table


def _tour(tour: Sequence[Step]) -> Table:
    table = Table("step", "outcome", title="One login  一次登录", title_justify="left", header_style="bold")
    for step in tour:
        table.add_row(step.what, step.outcome)
    return table


def _messages(figures: Figures) -> Table:
    table = _table("Messages per channel  各渠道报文", "channel", *OUTCOMES, "total")
    for channel, counts in figures.messages.items():
        table.add_row(channel, *(str(counts[outcome]) for outcome in OUTCOMES), str(sum(counts.values())))
    return table


def _refusals(figures: Figures) -> Table:
    table = _table("Refused, by reason  拒绝原因", "channel", "code", "count")
    for channel, code, count in figures.refusals:
        table.add_row(channel, code, str(count))
    return table


def _deliveries(figures: Figures) -> Table:
    table = _table("Deliveries to channels  投递", "channel", "delivered", "failed", "first p50 ms", "first p99 ms")
    for d in figures.deliveries:
        table.add_row(d.channel, str(d.delivered), str(d.failed), f"{d.first_ms_p50:.0f}", f"{d.first_ms_p99:.0f}")
    return table


def _runs(figures: Figures) -> Table:
    columns = ("definition", "run", "state", "hub rows", "other rows", "matched", "breaks")
    # One run where the second time nothing had changed: the same inputs are the same run.
    table = _table("Reconciliation runs  对账", *columns)
    for run in figures.runs:
        numbers = (str(run[name]) for name in ("hub_rows", "other_rows", "matched", "breaks"))
        state = run["state"] if not run["reason"] else f"{run['state']}: {run['reason']}"
        table.add_row(run["definition"], str(run["run"]), state, *numbers)
    return table


def _faults(score: Score) -> Table:
    table = _table("Faults  故障", "fault kind", "seeded", "found", "resolved", "left for a person")
    for row in score.rows:
        style = None if row.seeded == row.found else "red"
        table.add_row(row.fault, str(row.seeded), str(row.found), str(row.resolved), str(row.left), style=style)
    return table
