"""`interlock deadletter ...`: deliveries that were given up, and their replay."""

from __future__ import annotations

from typing import Annotated

import typer

from interlock.cli.connection import DryRun, Order, Since, Types, Until, moment
from interlock.cli.opening import ACTOR, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.clock import system_clock

app = typer.Typer(name="deadletter", help="Deliveries that were given up.", no_args_is_help=True)


@app.command("list")
def list_letters(
    channel: Annotated[str | None, typer.Option(help="Only this channel's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, oldest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show dead letters, oldest first."""
    from hub.store import deliveries

    with opened() as ledger:
        found = deliveries.dead(ledger.connection, channel, limit)
    if as_json:
        rows = [{n: getattr(d, n) for n in ("channel", "event", "order_id", "attempts", "last_error")} for d in found]
        print_json({"deadletters": rows})
    elif found:
        table = [(d.channel, str(d.event), str(d.order_id), str(d.attempts), d.last_error or "") for d in found]
        print_table("Dead letters", ("channel", "event", "order", "attempts", "last error"), table)
        typer.echo("Try again: interlock deadletter replay CHANNEL [--event N]")
    else:
        typer.echo("no dead letters")


@app.command()
def replay(
    channel: Annotated[str, typer.Argument(help="The channel whose dead letters go out again.")],
    event: Annotated[int | None, typer.Option(help="One letter by its event; without it all that fit.")] = None,
    since: Since = None,
    until: Until = None,
    types: Types = None,
    order: Order = None,
    error: Annotated[str | None, typer.Option(help="Only those in whose last error this text stands.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Queue dead letters again; a worker delivers them in order, signed with the current secret.

    One, those that fit a filter, or all of the channel. Count first: --dry-run. For events that were delivered once
    already: `interlock channel replay`.
    """
    from hub.store import channels, deliveries

    letters = deliveries.Letters(event, order, types or None, moment(since), moment(until), error)
    with opened() as ledger:
        if channels.find(ledger.connection, channel) is None:
            fail(f"no channel is called {channel!r}", "`interlock channel list` shows them.")
        found = deliveries.count_dead(ledger.connection, channel, letters)
        count = 0 if dry_run else deliveries.revive(ledger.connection, channel, letters, system_clock())
        if not dry_run:
            detail = deliveries.letters_shown(letters) | {"count": count}
            ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "deadletter.replay", channel, detail)
    if as_json:
        print_json({"channel": channel, "found": found, "replayed": count})
    elif dry_run:
        typer.echo(f"{found} dead letters would go out again to {channel}")
    else:
        typer.echo(f"{count} deliveries queued again for {channel}" if count else f"{channel} has no such dead letter")
