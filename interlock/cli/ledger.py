"""`interlock ledger ...`: the digest of the whole ledger, and the checks it must pass at any moment."""

from __future__ import annotations

from dataclasses import asdict

import typer

from interlock.cli.opening import opened
from interlock.cli.printing import AsJson, print_json, print_table

app = typer.Typer(name="ledger", help="The whole ledger: its digest and its standing checks.", no_args_is_help=True)


@app.command()
def digest(as_json: AsJson = False) -> None:
    """One hash over the business content of all orders and seats: the same day played again gives the same one."""
    from hub.store.checks import ledger_digest

    with opened(snapshot=True) as ledger:
        found = ledger_digest(ledger.connection, ledger.adapters, ledger.seal)
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(f"{found.digest}  ({found.orders} orders, {found.seats} seats)")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Compare the tables with what the events make. Ends with status 1 when anything differs, listing all of it."""
    from hub.store.checks import CHECKS, ledger_complaints

    with opened(snapshot=True) as ledger:
        complaints = ledger_complaints(ledger.connection)
    names = [item.__name__ for item in CHECKS]
    if as_json:
        print_json({"ok": not complaints, "checks": names, "complaints": [asdict(c) for c in complaints]})
    elif complaints:
        print_table(
            "Not as it must be", ("check", "where", "found"), [(c.check, c.subject, c.found) for c in complaints]
        )
    else:
        typer.echo(f"all well: {', '.join(name.replace('_', ' ') for name in names)}")
    if complaints:
        raise typer.Exit(1)
