"""`interlock timetable load`: the trains and their stops, without which no seat can be guarded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from interlock.cli.opening import ACTOR, opened
from interlock.cli.printing import AsJson, fail, print_json

app = typer.Typer(name="timetable", help="Reference data: trains and their stops.", no_args_is_help=True)

_FIELDS = ("train_no", "train_code", "valid_from", "valid_to", "stops")


@app.callback()
def noun() -> None:
    """Keep `load` a verb of its own although it is the only one."""


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help='JSON: {"trains": [{"train_no", "train_code", ..., "stops": [...]}]}')],
    as_json: AsJson = False,
) -> None:
    """Take a timetable document. A train that is known for the same first day is replaced."""
    from hub.store import timetable

    trains = _read(file)
    with opened() as ledger:
        count = timetable.load(ledger.connection, trains)
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "timetable.load", file.name, {"trains": count})
    if as_json:
        print_json({"trains": count})
    else:
        typer.echo(f"{count} trains loaded")


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fail(f"{file} cannot be read: {error}", "It must be a JSON document in UTF-8.")
    trains = document.get("trains") if isinstance(document, dict) else None
    if not isinstance(trains, list) or not trains:
        fail(f'{file} has no list "trains"', 'The form is {"trains": [{"train_no": ..., "stops": [...]}]}.')
    for number, train in enumerate(trains):
        missing = [name for name in _FIELDS if not isinstance(train, dict) or name not in train]
        if missing:
            fail(f"{file}: trains[{number}] lacks {', '.join(missing)}", "Nothing was loaded.")
        if not 2 <= len(train["stops"]) <= 64 or any("station" not in stop for stop in train["stops"]):
            fail(f"{file}: trains[{number}] needs 2 to 64 stops, each with its station", "Nothing was loaded.")
    return trains
