"""`interlock audit ...`: is the chain of audited acts whole, and where does it end now?"""

from __future__ import annotations

from typing import Annotated

import typer

from interlock.cli.opening import opened
from interlock.cli.printing import AsJson, fail, print_json

app = typer.Typer(name="audit", help="The hash-chained record of what people and programs did.", no_args_is_help=True)


@app.command()
def head(as_json: AsJson = False) -> None:
    """Print the chain's end: an anchor. Keep it where this database's administrators cannot write.

    `interlock audit verify --anchor` then finds also a chain that was cut off or written anew.
    """
    with opened() as ledger:
        found = ledger.audit.head(ledger.connection)
    if as_json:
        print_json({"anchor": str(found) if found else None, "rows": found.position if found else 0})
    else:
        typer.echo(str(found) if found else "nothing was done yet")


@app.command()
def verify(
    anchor: Annotated[
        str | None, typer.Option(help="What `interlock audit head` printed once: the chain must pass through it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the chain. Ends with status 1 at the first row that was changed, removed, moved or put in.

    Rows cut off at the end are seen only against an anchor that was noted after them.
    """
    from hub.store.audit import Anchor

    try:
        noted = Anchor.read(anchor) if anchor is not None else None
    except ValueError:
        fail("that is no anchor", "An anchor is what `interlock audit head` prints, for example 12:5f0c...")
    with opened(snapshot=True) as ledger:
        rows, broken_at = ledger.audit.verify(ledger.connection, noted)
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
        typer.echo(f"the chain is whole: {rows} rows" + (", and passes through the anchor" if noted else ""))
