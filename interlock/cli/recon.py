"""`interlock recon`: reconcile a business date, look at what was found, see what keeps it open; and all its nouns."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.models import CommandInfo, TyperInfo

from interlock.cli import (
    recon_breaks,
    recon_calendar,
    recon_closing,
    recon_definitions,
    recon_exchange,
    recon_formats,
    recon_ledger,
    recon_policy,
    recon_rows,
)
from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.cli.recon_opening import opened, running, told, yuan
from interlock.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

app = typer.Typer(
    name="recon",
    help="Reconcile a day: every difference found, named, resolved or left for a person.\n\n"
    "A day goes: `run`, then `breaks` and `show`; people resolve what is left in the console or over HTTP (who proposes"
    " and who approves has to be known, and the command line does not know it); `run` again proves it; `closing` says"
    " what still keeps the day open.",
    no_args_is_help=True,
)

DateOption = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The business date, 2026-01-11.")]
Names = Annotated[list[str] | None, typer.Option("--definition", help="Only this pair; may be given several times.")]


@app.command()
def run(
    business_date: DateOption,
    definition: Names = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do and keep nothing.")
    ] = False,
    inline: Annotated[
        bool, typer.Option("--inline", help="Match in this process, whether or not a worker runs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Reconcile a business date; workers match the pieces. Again with the same inputs, it changes nothing."""
    from interlock.cli.recon_progress import shown
    from reconciliation.definitions import definitions

    settings = Settings.load()
    known = definitions(settings.data_dir.expanduser() / "recon" / "definitions")
    unknown = sorted(set(definition or ()) - known.keys())
    if unknown:
        fail(f"no definition is called {unknown[0]!r}", f"There are {', '.join(known)}.")
    with told():
        workers = None if inline or dry_run else _workers(running(settings))
        with opened(workers) as reconciler, shown(not as_json) as report:
            outcome = reconciler.run_day(business_date.date(), definition, dry_run, report).to_json()
    if as_json:
        print_json(outcome)
    else:
        _print_outcome(outcome)
    if any(line["state"] == "failed" for line in outcome["definitions"]):
        raise typer.Exit(1)


@app.command()
def report(business_date: DateOption, as_json: AsJson = False) -> None:
    """The day's summary: runs, breaks by kind and state, money at stake."""
    from reconciliation.reports.day import day_report

    with opened() as reconciler:
        found = day_report(reconciler.journal, reconciler.cases, business_date.date())
    if as_json:
        print_json(found)
        return
    columns = ("pair", "对账", "state", "hub rows", "other rows", "matched", "open", "resolved", "cleared", "left")
    rows = [
        (
            line["definition"],
            line["title_zh"],
            line["state"],
            *(str(line[name]) for name in ("left_rows", "right_rows", "matched")),
            *(str(line["breaks"][name]) for name in ("open", "resolved", "cleared", "left")),
        )
        for line in found["definitions"]
    ]
    print_table(f"{found['business_date']}: {yuan(found['open_fen'])} yuan at stake", columns, rows)


def _workers(settings: Settings) -> Celery | None:
    """The task queue when a worker takes from it; without one, the caller matches in its own process."""
    from interlock.celery_app import celery_app_from, worker_answers

    app = celery_app_from(settings)
    return app if worker_answers(app, settings.engines().redis_url) else None


def _print_outcome(outcome: dict[str, Any]) -> None:
    title = f"{outcome['business_date']}{' (dry run, nothing kept)' if outcome['dry_run'] else ''}"
    columns = ("pair", "state", "hub rows", "other rows", "matched", "accepted", "pending", "breaks")
    rows = [
        (
            line["definition"],
            _run_state(line),
            *(str(line[name]) for name in ("left_rows", "right_rows", "matched", "adjusted", "pending")),
            ", ".join(f"{kind} {count}" for kind, count in sorted(line["breaks"].items())) or "-",
        )
        for line in outcome["definitions"]
    ]
    print_table(title, columns, rows)
    steps = [
        (s["definition"], s["kind"], s["key"], yuan(s["amount"]), s["action"], s["rule"] or "-", s["outcome"])
        for s in outcome["steps"]
    ]
    if steps:
        print_table("resolutions 处理", ("pair", "kind", "key", "yuan", "action", "rule", "outcome"), steps)


def _run_state(line: dict[str, Any]) -> str:
    known = " (unchanged)" if line["unchanged"] else ""
    return f"{line['state']}{known}" + (f": {line['reason']}" if line["reason"] else "")


PANELS = {
    "The day": ("run", "due", "report", "closing", "carry", "chain", "health", "rows"),
    "What was found": ("breaks", "show", "waiting", "ageing", "suspense", "policy"),
    "Files": ("files", "export", "check-workbook", "print", "account", "confirmations"),
    "Documents and data": ("definitions", "formats", "ledger"),
}
"""The commands as `--help` shows them, in the order of a day's work."""


def _assemble() -> None:
    for module in (recon_calendar, recon_breaks, recon_closing, recon_exchange, recon_rows):
        module.join(app)
    for group, name in (
        (recon_policy.policy_app, "policy"),
        (recon_definitions.definitions_app, "definitions"),
        (recon_formats.formats_app, "formats"),
        (recon_ledger.ledger_app, "ledger"),
    ):
        app.add_typer(group, name=name)
    place = {name: (panel, number) for panel, names in PANELS.items() for number, name in enumerate(names)}
    entries: list[CommandInfo | TyperInfo] = [*app.registered_commands, *app.registered_groups]
    for entry in entries:
        entry.rich_help_panel = place[_name(entry)][0]
    in_order = list(place)
    app.registered_commands.sort(key=lambda command: in_order.index(_name(command)))


def _name(entry: CommandInfo | TyperInfo) -> str:
    if entry.name:
        return str(entry.name)
    return entry.callback.__name__ if entry.callback else ""


_assemble()
