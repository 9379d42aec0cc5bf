"""`interlock audit verify`: is the chain of audited acts whole?"""

from __future__ import annotations

import typer

from interlock.cli.opening import opened
from interlock.cli.printing import AsJson, fail, print_json

app = typer.Typer(name="audit", help="The hash-chained record of what people and programs did.", no_args_is_help=True)


@app.callback()
def noun() -> None:
    """Keep `verify` a verb of its own although it is the only one."""


@app.command()
def verify(as_json: AsJson = False) -> None:
    """Recompute the chain. Ends with status 1 at the first row that was changed, removed or put in."""
    with opened() as ledger:
        rows, broken_at = ledger.audit.verify(ledger.connection)
    if as_json:
        print_json({"ok": broken_at is None, "rows": rows, "broken_at": broken_at})
        if broken_at is not None:
            raise typer.Exit(1)
    elif broken_at is not None:
        fail(
            f"the chain breaks at row {broken_at}, after {rows} good ones",
            "Somebody wrote to hub.audit, or the key in data_dir/keys/audit is another one. Compare with a backup.",
        )
    else:
        typer.echo(f"the chain is whole: {rows} rows")
