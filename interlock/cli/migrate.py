"""`interlock migrate`: bring the database schema to this version."""

from __future__ import annotations

from dataclasses import asdict

import psycopg
import typer
from sqlalchemy.exc import SQLAlchemyError

from interlock.cli.printing import AsJson, fail, print_json
from interlock.database import migrate as run_migrations
from interlock.engines import EngineError
from interlock.settings import Settings

app = typer.Typer()


@app.command()
def migrate(as_json: AsJson = False) -> None:
    """Bring the database to this version. Harmless when it is there already, or when two run at once."""
    settings = Settings.load()
    try:
        state = run_migrations(settings.database())
    except (EngineError, psycopg.Error, SQLAlchemyError) as error:
        fail(f"the database could not be migrated: {error}", "`interlock doctor` tells whether it can be reached.")
    if as_json:
        print_json(asdict(state))
    else:
        typer.echo(f"the database is at {state.current}")
