"""What still keeps the played day open, as `interlock recon closing` says it, and how to close it."""

from typing import Any

from rich.console import Console
from rich.table import Table

from interlock.reconciling import reconciler_of
from interlock.wiring import Hub


def closing_state(hub: Hub) -> dict[str, Any] | None:
    """Whether the last date that was reconciled is closed, and what hinders it; None before any run."""
    with hub.pool.connection() as connection:
        row = connection.execute("SELECT max(business_date) FROM recon.runs").fetchone()
    return reconciler_of(hub).closing.state(row[0]) if row and row[0] else None


def show_closing(console: Console, state: dict[str, Any]) -> None:
    """The table of hindrances, and one sentence that says what to do next."""
    day = state["business_date"]
    if state["closed"]:
        console.print(f"[green]{day} is closed[/], sealed {state['last']['seal'][:16]}")
        return
    if not state["hindrances"]:
        console.print(f"[green]Nothing keeps {day} open[/]: one person proposes to close it, another one approves.")
        return
    table = Table(title=f"What keeps {day} open  未能关账", title_justify="left", header_style="bold")
    for column in ("pair", "what", "detail"):
        table.add_column(column)
    for hindrance in state["hindrances"]:
        table.add_row(hindrance["definition"] or "-", hindrance["what"], hindrance["detail"])
    console.print(table)
    breaks = sum(len(hindrance["breaks"]) for hindrance in state["hindrances"])
    todo = "one proposes, another approves, the next run proves it, and two people close the day"
    console.print(f"{breaks} breaks are for people: {todo}: /console/recon?date={day}", soft_wrap=True)
