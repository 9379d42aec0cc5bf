"""`interlock recon`: reconcile a business date, look at its breaks, check the definitions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import psycopg
import typer
from psycopg_pool import PoolTimeout

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.engines import EngineError
from interlock.settings import Settings

if TYPE_CHECKING:
    from celery import Celery

app = typer.Typer(name="recon", help="Reconcile a day: every difference found, named, resolved or left for a person.")

definitions_app = typer.Typer(help="What is compared with what.")
app.add_typer(definitions_app, name="definitions")

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
    """Reconcile a business date; workers match the buckets. Again with the same inputs, it changes nothing."""
    from interlock.reconciling import open_reconciler
    from reconciliation.definitions import definitions

    unknown = sorted(set(definition or ()) - definitions().keys())
    if unknown:
        fail(f"no definition is called {unknown[0]!r}", f"There are {', '.join(definitions())}.")
    try:
        settings = Settings.load()
        with open_reconciler(settings, None if inline or dry_run else _workers(settings)) as reconciler:
            outcome = reconciler.run_day(business_date.date(), definition, dry_run).to_json()
    except (EngineError, psycopg.OperationalError, PoolTimeout) as error:
        fail(f"the database cannot be reached: {error}", "`interlock doctor` tells what to do.")
    if as_json:
        print_json(outcome)
    else:
        _print_outcome(outcome)


@app.command()
def breaks(
    business_date: DateOption,
    definition: Annotated[str | None, typer.Option("--definition", help="Only this pair.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind, such as AMOUNT.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="open, resolved, cleared or left.")] = None,
    as_json: AsJson = False,
) -> None:
    """The breaks of a business date, with both sides' values."""
    from interlock.reconciling import open_reconciler
    from reconciliation.cases import BreakFilter

    with open_reconciler(Settings.load()) as reconciler:
        wanted = BreakFilter(business_date=business_date.date(), definition=definition, kind=kind, state=state)
        found = reconciler.cases.every_break(wanted)
    if as_json:
        print_json(found)
        return
    columns = ("pair", "kind", "key", "hub", "other", "at stake 金额", "state 状态")
    rows = [
        (
            record["definition"],
            record["kind"],
            record["key"],
            _value(record["left_value"]),
            _value(record["right_value"]),
            _yuan(record["amount_at_stake"]),
            record["state"],
        )
        for record in found
    ]
    print_table(f"breaks of {business_date.date().isoformat()} 差异", columns, rows)


@app.command()
def report(business_date: DateOption, as_json: AsJson = False) -> None:
    """The day's summary: runs, breaks by kind and state, money at stake."""
    from interlock.reconciling import open_reconciler
    from reconciliation.report import day_report

    with open_reconciler(Settings.load()) as reconciler:
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
    print_table(f"{found['business_date']}: {_yuan(found['open_fen'])} yuan at stake", columns, rows)


@definitions_app.command()
def check(as_json: AsJson = False) -> None:
    """Read every definition and its policy, and say what each compares. A wrong document ends with status 1."""
    from pydantic import ValidationError

    from reconciliation.definitions import definitions
    from reconciliation.policies import policy

    try:
        found = [
            {
                "definition": d.name,
                "title": f"{d.title_zh} / {d.title_en}",
                "compares": ", ".join(c.field for c in d.compare) or "-",
                "policy": policy(d.policy).digest,
                "digest": d.digest[:16],
            }
            for d in definitions().values()
        ]
    except (ValidationError, FileNotFoundError) as error:
        fail(f"a definition or policy is wrong: {error}", "Correct the place it names.")
    if as_json:
        print_json(found)
    else:
        print_table("definitions 对账定义", tuple(found[0]), [tuple(line.values()) for line in found])


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
        (s["definition"], s["kind"], s["key"], _yuan(s["amount"]), s["action"], s["rule"] or "-", s["outcome"])
        for s in outcome["steps"]
    ]
    if steps:
        print_table("resolutions 处理", ("pair", "kind", "key", "yuan", "action", "rule", "outcome"), steps)


def _run_state(line: dict[str, Any]) -> str:
    known = " (unchanged)" if line["unchanged"] else ""
    return f"{line['state']}{known}" + (f": {line['reason']}" if line["reason"] else "")


def _value(side: dict[str, Any] | None) -> str:
    """One side of a break in a few words: its state and its amount."""
    if side is None:
        return "-"
    amount = side.get("amount")
    words = (side.get("state"), _yuan(amount) if amount is not None else None, side.get("seat"), side.get("reason"))
    return " ".join(str(word) for word in words if word)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
