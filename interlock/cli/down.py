"""`interlock down`: stop what `interlock up` runs, and whatever an `up` that was killed has left behind."""

from __future__ import annotations

import typer

from interlock.cli.printing import AsJson, fail, print_json
from interlock.engines import EngineError, find_postgres, find_valkey
from interlock.engines.directory import DataDirectory
from interlock.settings import Settings
from interlock.supervisor import end_leftover, recorded_names

app = typer.Typer()


@app.command()
def down(as_json: AsJson = False) -> None:
    """Stop programs and embedded engines of this data directory. Data stays. Harmless when nothing runs."""
    directory = DataDirectory.prepare(Settings.load().data_dir)
    # The supervisor first: it stops its programs itself, and would restart them if they went first.
    names = sorted(recorded_names(directory), key=lambda name: (name != "up", name))
    stopped = [name for name in names if end_leftover(directory, name)]
    try:
        for name, engine in (("valkey", find_valkey(directory.path)), ("postgres", find_postgres(directory.path))):
            if engine is not None:
                engine.stop()
                stopped.append(name)
    except EngineError as error:
        fail(str(error))
    if as_json:
        print_json({"stopped": stopped})
    else:
        typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
