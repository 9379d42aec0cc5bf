"""`interlock recon due|carry|chain|health`: what is to be run, what waits, where a chain breaks, what is behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import psycopg
import typer
from psycopg_pool import PoolTimeout

from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.cli.recon_opening import running
from interlock.engines import EngineError
from interlock.settings import Settings

if TYPE_CHECKING:
    from interlock.wiring import Hub

DateOption = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The business date, 2026-01-11.")]


def join(app: typer.Typer) -> None:
    """Add these commands to `interlock recon`."""
    for command in (due, carry, chain, health):
        app.command()(command)


def due(
    run: Annotated[bool, typer.Option("--run", help="Take what came and run what is due, now.")] = False,
    as_json: AsJson = False,
) -> None:
    """What the calendars make due now and why, and which inputs are missing past their grace."""
    from interlock.scheduling import scheduler_of

    with _hub() as hub:
        scheduler = scheduler_of(hub)
        failed = scheduler.round().failed if run else []
        found = scheduler.agenda().to_json()
    if as_json:
        print_json({**found, "failed": failed})
    else:
        columns = ("date", "pair", "reason", "detail", "since")
        rows = [(d["business_date"], d["definition"], d["reason"], d["detail"], d["since"]) for d in found["due"]]
        print_table("due 待对账", columns, rows)
        blocked = [
            (d["business_date"], d["definition"], d["reason"], d["detail"], d["since"]) for d in found["blocked"]
        ]
        if blocked:
            print_table("blocked 受阻", columns, blocked)
        missing = [(m["business_date"], m["source"], m["what"], m["since"], m["contact"]) for m in found["missing"]]
        if missing:
            print_table("missing 缺失", ("date", "source", "what", "due since", "whom to ask"), missing)
    if failed:
        fail(f"{len(failed)} runs failed: {failed[0][0]} of {failed[0][1]}: {failed[0][2]}")


def carry(
    business_date: DateOption,
    definition: Annotated[str | None, typer.Option("--definition", help="Only this pair.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is carried through a date, and the proof over all dates. A gap in the chain ends with status 1."""
    from dataclasses import asdict

    from reconciliation.carry import carry_of, gaps

    with _hub() as hub, hub.pool.connection() as connection:
        lines = carry_of(connection, business_date.date(), definition)
        broken = [asdict(gap) for gap in gaps(connection, definition)]
    if as_json:
        print_json({"carry": lines, "gaps": broken})
    else:
        rows = [
            (line["definition"], roll["side"], roll["currency"], *(_of(roll, part) for part in _PARTS))
            for line in lines
            for roll in line["rolls"]
        ]
        print_table(f"carry of {business_date.date()} 结转", ("pair", "side", "currency", *_PARTS), rows)
    if broken:
        first = broken[0]
        where = f"{first['definition']} of {first['business_date']}"
        remedy = "`interlock recon due --run` runs those dates again."
        fail(f"{len(broken)} dates do not open with what the date before closed with, the first is {where}", remedy)


_PARTS = ("opening", "new", "cleared", "closing")


def _of(roll: dict[str, Any], part: str) -> str:
    """Number of rows and their sum."""
    minor = roll[f"{part}_minor"]
    return f"{roll[f'{part}_count']} ({'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d})"


def chain(
    business_date: DateOption,
    view: Annotated[str, typer.Option("--view", help="Which chain.")] = "hub-wechat-bank",
    as_json: AsJson = False,
) -> None:
    """A chain of systems on a date, such as hub, processor and bank: where it breaks, and for which order."""
    from reconciliation.definitions import definitions, views
    from reconciliation.views import chain_of

    with _hub() as hub, hub.pool.connection() as connection:
        folder = hub.data_dir / "recon" / "definitions"
        known = views(folder)
        if view not in known:
            fail(f"no view is called {view!r}", f"There are {', '.join(known)}.")
        found = chain_of(connection, known[view], definitions(folder), business_date.date())
    if as_json:
        print_json(found.to_json())
        return
    legs = [
        (leg.pair, leg.title_zh, leg.run_state, *(str(n) for n in (leg.matched, leg.pending, leg.breaks)))
        for leg in found.legs
    ]
    print_table(f"{view} {business_date.date()}", ("leg", "对账", "run", "matched", "pending", "breaks"), legs)
    lines = [(line.about, line.breaks_at or "-", *(line.legs[leg.pair] for leg in found.legs)) for line in found.lines]
    if lines:
        print_table("lines 明细", ("order or batch", "breaks at", *(leg.pair for leg in found.legs)), lines)


def health(
    business_date: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="What has changed of this date since it was run."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Whether the ledger's rows hold what channels told lately; with a date, what has changed since it was run."""
    from reconciliation.definitions import definitions
    from reconciliation.digests import changed_since_run, differing, kept, pulses

    with _hub() as hub, hub.pool.connection() as connection:
        found: list[dict[str, Any]]
        if business_date is None:
            found = [pulse.to_json() for pulse in pulses(connection, hub.clock())]
        else:
            day = business_date.date()
            pairs = definitions(hub.data_dir / "recon" / "definitions").values()
            channels = sorted({p.right.of for p in pairs if p.right.source == "channel" and p.right.of})
            found = [
                {
                    "channel": name,
                    "changed_since_run": [at.isoformat() for at in changed_since_run(connection, name, day)],
                    "differing": [
                        at.isoformat()
                        for at in differing(kept(connection, "hub", day, name), kept(connection, "channel", day, name))
                    ],
                }
                for name in channels
            ]
    if as_json:
        print_json(found)
    elif found:
        print_table("health 状况", tuple(found[0]), [tuple(_text(value) for value in line.values()) for line in found])
    else:
        typer.echo("No channel told anything in the last hour.")


def _text(value: object) -> str:
    return ", ".join(map(str, value)) or "-" if isinstance(value, list) else str(value if value is not None else "-")


@contextmanager
def _hub() -> Iterator[Hub]:
    from interlock.wiring import open_hub

    try:
        hub = open_hub(running(Settings.load()), "recon")
        try:
            yield hub
        finally:
            hub.close()
    except (EngineError, psycopg.OperationalError, PoolTimeout) as error:
        fail(f"the database cannot be reached: {error}", "`interlock doctor` tells what to do.")
