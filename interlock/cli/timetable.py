"""`interlock timetable load`: the trains and their stops, without which no seat can be guarded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from interlock.cli.opening import ACTOR, opened
from interlock.cli.printing import AsJson, fail, print_json

if TYPE_CHECKING:
    from schemas.timetable import Train

app = typer.Typer(name="timetable", help="Reference data: trains and their stops.", no_args_is_help=True)


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


def _read(file: Path) -> tuple[Train, ...]:
    from schemas.timetable import timetable_document

    try:
        trains = timetable_document.validate_json(file.read_bytes()).trains
    except OSError as error:
        fail(f"{file} cannot be read: {error}", "Give the path of a JSON document.")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = "/" + "/".join(str(step) for step in first["loc"])
        fail(f"{file}: {place}: {first['msg']}", "Nothing was loaded. `interlock schema show timetable` has the form.")
    if not trains:
        fail(f"{file} holds no trains", 'The form is {"trains": [{"train_no": ..., "stops": [...]}]}.')
    return trains
