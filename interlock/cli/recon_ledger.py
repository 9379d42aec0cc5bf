"""`interlock recon ledger`: the hub's orders as rows, followed or made anew."""

from __future__ import annotations

import psycopg
import typer
from psycopg_pool import PoolTimeout

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.cli.recon_opening import running
from interlock.engines import EngineError
from interlock.settings import Settings

ledger_app = typer.Typer(help="The hub's orders as rows, from which a day is exported.")


@ledger_app.command()
def follow(as_json: AsJson = False) -> None:
    """Take over what the event log has grown by. Workers do it all the time; an export does it too."""
    _report("followed", as_json, anew=False)


@ledger_app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Forget the rows and make them anew from all orders. Interrupted, it goes on where it was; meanwhile days wait."""
    _report("made anew", as_json, anew=True)


def _report(word: str, as_json: bool, *, anew: bool) -> None:
    from interlock.wiring import open_hub
    from reconciliation.sources.ledger import follow_all, forget

    try:
        hub = open_hub(running(Settings.load()), "recon")
        try:
            if anew:
                forget(hub.pool)
            orders = follow_all(hub.pool)
        finally:
            hub.close()
    except (EngineError, psycopg.OperationalError, PoolTimeout) as error:
        fail(f"the database cannot be reached: {error}", "`interlock doctor` tells what to do.")
    if as_json:
        print_json({"orders": orders, "was": word})
    else:
        print_table("the ledger as rows 账本行", (f"orders {word}",), [(str(orders),)])
