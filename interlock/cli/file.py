"""`interlock file ...`: what became of dropped files, and which of their rows were refused."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from interlock.cli.opening import opened
from interlock.cli.printing import AsJson, fail, print_json, print_table

app = typer.Typer(name="file", help="Dropped files.", no_args_is_help=True)


@app.command("list")
def list_files(
    channel: Annotated[str | None, typer.Option(help="Only this channel's.")] = None,
    outcome: Annotated[str | None, typer.Option(help="accepted, duplicate, refused.")] = None,
    before: Annotated[int | None, typer.Option(help="Only those before this position (the last one you saw).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show dropped files, newest first."""
    from interlock.console.operating import dropped_files

    with opened() as ledger:
        rows = dropped_files(ledger.connection, channel, outcome, before, limit)
    if as_json:
        print_json({"files": rows})
        return
    names = ("position", "channel", "name", "received_at", "outcome", "messages", "problem")
    print_table("Files", names, [[_cell(name, row) for name in names] for row in rows])
    if len(rows) == limit:
        typer.echo(f"Older ones: --before {rows[-1]['position']}")


@app.command()
def show(
    position: Annotated[int, typer.Argument(help="A position from `file list`.")],
    as_json: AsJson = False,
) -> None:
    """Show why a file was refused, or which of its rows were: place, reason and what was expected."""
    from interlock.console.operating import dropped_files

    with opened() as ledger:
        rows = dropped_files(ledger.connection, None, None, position + 1, 1)
    if not rows or rows[0]["position"] != position:
        fail(f"no file has position {position}", "`interlock file list` shows them.")
    found = rows[0]
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['channel']} {found['name']}: {found['outcome']}, {found['messages']} messages")
    problem = found["problem"] or {}
    if not problem:
        typer.echo("nothing of it was refused")
        return
    typer.echo(f"{problem['code']}: {problem['detail']}\n{problem['remedy']}")
    pointers = [(p["pointer"], p["found"], p["expected"]) for p in problem["pointers"]]
    print_table("Refused", ("place", "found", "expected"), pointers)


def _cell(name: str, row: dict[str, Any]) -> str:
    if name == "problem":
        return str((row["problem"] or {}).get("code", ""))
    return str(row[name])
