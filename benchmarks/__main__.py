"""`make bench`: measure and print; `--json` for programs that compare two runs on one machine.

`python -m benchmarks ledger` or `adapters` measures only that.
"""

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from rich.table import Table

from benchmarks import adapters, ledger
from benchmarks.tables import show

LEDGER = (
    "channel",
    "samples",
    "bytes",
    "floor/s",
    "parse/s",
    "join/s",
    "fold/s",
    "format/s",
    "whole/s",
    "whole : floor",
)
ADAPTERS = ("channel", "tickets", "bytes", "floor us", "parse us", "x floor", "parse k", "format us", "bar 200 us")


def main(arguments: list[str]) -> None:
    only = [name for name in arguments if not name.startswith("-")] or ["ledger", "adapters"]
    ledger_rows = ledger.measure() if "ledger" in only else []
    adapter_rows = adapters.measure() if "adapters" in only else []
    if "--json" in arguments:
        found = {
            "ledger": [asdict(row) | {"whole": row.whole} for row in ledger_rows],
            "adapters": [asdict(row) | {"within_bar": row.within_bar} for row in adapter_rows],
        }
        print(json.dumps({name: rows for name, rows in found.items() if rows}, indent=2))
        return
    if ledger_rows:
        _show("Pure cost of one message, per CPU second", LEDGER, [_ledger_cells(row) for row in ledger_rows])
        print("floor: Pydantic reads the observation's JSON. whole: parse + join + fold, without seal and database.")
    if adapter_rows:
        _show("Reading and writing one message", ADAPTERS, [_adapter_cells(row) for row in adapter_rows])
        print("floor: msgspec, lxml or the codec decode the same bytes, understanding nothing. CPU microseconds.")
        print("parse k: thousands of instructions to parse, which do not depend on what else the machine does.")


def _show(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(title=f"{title}, Python {platform.python_version()}", title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in ("channel", "bar 200 us") else "right")
    for row in rows:
        table.add_row(*row)
    show(table)


def _ledger_cells(row: ledger.Row) -> list[str]:
    rates = (row.floor, row.parse, row.join, row.fold, row.format, row.whole)
    figures = (f"{value:,.0f}" for value in rates)
    return [row.channel, str(row.samples), str(row.bytes_mean), *figures, f"{row.whole / row.floor:.0%}"]


def _adapter_cells(row: adapters.Row) -> list[str]:
    bar = {True: "kept", False: "MISSED", None: ""}[row.within_bar]
    counted = "-" if row.parse_k is None else f"{row.parse_k:.0f}"
    figures = (f"{row.floor_us:.1f}", f"{row.parse_us:.0f}", f"{row.ratio:.0f}", counted, f"{row.format_us:.0f}")
    return [row.channel, str(row.tickets), str(row.bytes), *figures, bar]


if __name__ == "__main__":
    main(sys.argv[1:])
