"""`interlock recon rows`: the full list of a run, matched and unmatched, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import psycopg
import typer
from psycopg_pool import PoolTimeout

from interlock.cli.printing import AsJson, fail, print_json
from interlock.cli.recon_opening import running
from interlock.engines import EngineError
from interlock.settings import Settings

_FORMS = {".csv": "csv", ".parquet": "parquet"}


def rows(
    run_id: Annotated[str, typer.Argument(help="The run, as `interlock recon run --json` names it.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write: its ending says the form, .csv or .parquet.")],
    as_json: AsJson = False,
) -> None:
    """Write every row of both sides of a run, with what became of it: matched, pending, broken, accepted."""
    from interlock.reconciling import open_reconciler
    from reconciliation.runs.matched import write_list

    form = _FORMS.get(out.suffix.lower())
    if form is None:
        fail(f"{out.name} has no ending that is a form of it", "Use .csv or .parquet.")
    try:
        with open_reconciler(running(Settings.load())) as reconciler:
            if reconciler.journal.run(run_id) is None:
                fail(f"there is no run {run_id}", "`interlock recon report --date DATE --json` names the latest ones.")
            lines = write_list(
                reconciler.worklist, reconciler.options, run_id, out, "csv" if form == "csv" else "parquet"
            )
    except FileNotFoundError as gone:
        fail(str(gone), "Run the date again: its inputs are read anew.")
    except (EngineError, psycopg.OperationalError, PoolTimeout) as error:
        fail(f"the database cannot be reached: {error}", "`interlock doctor` tells what to do.")
    if as_json:
        print_json({"run_id": run_id, "file": str(out), "rows": lines})
    else:
        typer.echo(f"{lines} rows in {out}")


def join(app: typer.Typer) -> None:
    """Add this command to `interlock recon`."""
    app.command("rows")(rows)
