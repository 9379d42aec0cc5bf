"""`interlock case ...`: what a person has to look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from interlock.cli.opening import opened
from interlock.cli.printing import AsJson, print_json, print_table
from interlock.settings import Settings

app = typer.Typer(name="case", help="What a person has to look at.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Disputes, orders whose beginning never came, one person on two trains at once."""


@app.command("list")
def list_cases(
    kind: Annotated[str | None, typer.Option(help="dispute, incomplete or overlap; without it all.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, oldest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Open cases, oldest first. A case that is gone has been settled: none is ever closed by hand."""
    from hub.api.cases import told
    from hub.store.cases import KINDS, open_cases

    chosen = next((known for known in KINDS if known == kind), None)
    if kind is not None and chosen is None:
        raise typer.BadParameter(f"one of {', '.join(KINDS)}", param_hint="--kind")
    with opened() as ledger:
        overdue = ledger.clock() - timedelta(minutes=Settings.load().incomplete_after_minutes)
        found = open_cases(ledger.connection, overdue, chosen, limit)
    if as_json:
        print_json({"cases": [told(case) for case in found]})
    elif found:
        rows = [
            (case.kind, case.name, f"{case.since:%Y-%m-%d %H:%M}", ", ".join(map(str, case.subjects)), case.detail)
            for case in found
        ]
        print_table("Cases", ("kind", "name", "since", "orders", "detail"), rows)
        typer.echo("Look at one: interlock order show ORDER; interlock order timeline ORDER")
    else:
        typer.echo("nothing to look at")
