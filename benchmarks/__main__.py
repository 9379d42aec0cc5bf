"""`make bench`: measure and print; `--json` for programs that compare two runs on one machine."""

import json
import platform
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from benchmarks import ledger

COLUMNS = (
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


def main(arguments: list[str]) -> None:
    rows = ledger.measure()
    if "--json" in arguments:
        print(json.dumps([asdict(row) | {"whole": row.whole} for row in rows], indent=2))
        return
    table = Table(
        title=f"Pure cost of one message, per CPU second, Python {platform.python_version()}", title_justify="left"
    )
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "channel" else "right")
    for row in rows:
        rates = (row.floor, row.parse, row.join, row.fold, row.format, row.whole)
        figures = (f"{value:,.0f}" for value in rates)
        table.add_row(row.channel, str(row.samples), str(row.bytes_mean), *figures, f"{row.whole / row.floor:.0%}")
    Console().print(table)
    print("floor: Pydantic reads the observation's JSON. whole: parse + join + fold, without seal and database.")


if __name__ == "__main__":
    main(sys.argv[1:])
