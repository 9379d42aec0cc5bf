"""How commands print: JSON for programs, tables for people, failures on standard error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


NAME_WIDTH = 40


def print_json(data: Any) -> None:
    """`data` as JSON with every character readable; times and identifiers by their usual text."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for a person. The first column names the row, so it keeps to one line unless it is very long."""
    table = Table(title=title, title_justify="left")
    for place, column in enumerate(columns):
        widest = max((len(row[place]) for row in rows), default=0)
        table.add_column(column, overflow="fold", no_wrap=place == 0 and widest <= NAME_WIDTH)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def fail(reason: str, remedy: str = "") -> NoReturn:
    """Say on standard error what is wrong and what to do next, and end with status 1."""
    typer.echo(f"interlock: {reason}" + (f"\n{remedy}" if remedy else ""), err=True)
    raise typer.Exit(1)
