"""`interlock channel ...`: connected systems: how they fare, connecting, pausing."""

from __future__ import annotations

import base64
import os
from dataclasses import asdict
from typing import Annotated, Any, Literal

import typer

from interlock.cli.opening import ACTOR, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.clock import system_clock

app = typer.Typer(name="channel", help="Connected channel systems.", no_args_is_help=True)


@app.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """Every channel and how it fares."""
    from hub.store import health

    with opened() as ledger:
        found = health.channels(ledger.connection)
    if as_json:
        print_json({"channels": found})
    elif found:
        names = ("channel", "state", "applied", "witnessed", "disputed", "refused", "delivered", "waiting", "dead")
        print_table("Channels", (*names, "lag", "p50 ms", "p99 ms"), [_row(names, row) for row in found])
    else:
        typer.echo("no channel is connected: interlock channel register NAME --endpoint URL")


def _row(names: tuple[str, ...], row: dict[str, Any]) -> list[str]:
    delays = [row["delay_p50_ms"], row["delay_p99_ms"]]
    lag = str(row["lag"]) if row["endpoint"] else "-"
    return [*(str(row[name]) for name in names), lag, *("-" if d is None else f"{d:.0f}" for d in delays)]


@app.command()
def register(
    name: Annotated[str, typer.Argument(help="The channel; an adapter of this name must be installed.")],
    endpoint: Annotated[str | None, typer.Option(help="Where the channel listens: the hub posts to URL/inbox.")] = None,
    secret: Annotated[
        str | None, typer.Option(envvar="INTERLOCK_CHANNEL_SECRET", help="whsec_...; without it a new one is made.")
    ] = None,
    adapter: Annotated[
        str | None, typer.Option(help="Whose language it speaks, for one of many connections (agents_south: agents).")
    ] = None,
    codes: Annotated[
        list[str] | None, typer.Option(help="Its own code table, LIST:NATIVE=OURS,...; may be said more than once.")
    ] = None,
    history_from: Annotated[
        str | None,
        typer.Option("--from", help="Tell it also of what was before: BEGINNING, 2026-11-22, 2026-11-22T14:00+08:00."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Connect a channel, or change its endpoint and rotate its secret (the one before stays good beside it).

    A channel that was never told of anything is told of what happens from now on. With --from it gets what was before
    too, in the bulk lane, which stands before no sale of today.

    Running processes read names, adapters and code tables when they start: restart them after a new connection.
    """
    from hub.delivery.signing import key_of
    from hub.delivery.terms import TermInvalid, checked_endpoint, since
    from hub.store import channels
    from interlock.connections import ConnectionInvalid
    from interlock.wiring import connect

    made = secret is None
    secret = secret or f"whsec_{base64.b64encode(os.urandom(32)).decode()}"
    try:
        key = key_of(secret)
    except ValueError as error:
        fail(f"the secret cannot be used: {error}", "Leave --secret out and one is made.")
    if len(key) < 24:
        fail("the secret is too short: 24 bytes at least (Standard Webhooks)", "Leave --secret out and one is made.")
    try:
        endpoint = checked_endpoint(endpoint) if endpoint else None
        wanted_since = since(history_from, endpoint)
        speaks, tables = connect(name, adapter, codes or [])
    except ConnectionInvalid as error:
        fail(str(error), error.remedy)
    except TermInvalid as error:
        remedy = "An endpoint begins with https:// (http:// inside one network)."
        fail(
            str(error), remedy if error.field == "endpoint" else "`interlock channel register --help` shows every form."
        )
    own = {"adapter": speaks, "code_tables": tables} if speaks or tables else {}
    with opened() as ledger:
        now, known = ledger.clock(), channels.find(ledger.connection, name)
        if history_from and known and known.told:
            fail(f"{name} has been told already", f"`interlock channel replay {name}` sends it events again.")
        own |= {"history_from": history_from} if history_from else {}
        channels.register(
            ledger.connection,
            name,
            endpoint,
            secret,
            ledger.seal,
            system_clock(),
            adapter=speaks,
            code_tables=tables,
            since=wanted_since,
        )
        ledger.audit.record(ledger.connection, now, ACTOR, "channel.register", name, {"endpoint": endpoint} | own)
    answer = {"channel": name, "endpoint": endpoint} | own | ({"secret": secret} if made else {})
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"{name} is connected" + (f"\nIts secret, shown this once: {secret}" if made else ""))


@app.command()
def may(
    name: Annotated[str, typer.Argument(help="The channel.")],
    act: Annotated[str, typer.Argument(help="What it wants to do: hold, sell, refund, ...")],
    tell: Annotated[
        bool, typer.Option("--tell/--ask", help="To tell that it has happened, or to ask whether it may be.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Whether a channel may do an act; if not, why, and which channels can. Status 1 when it may not.

    Answered from the installed adapters' profiles, as the hub answers an ask; needs no database.
    """
    from adapters.kit.capability import may as ask_profiles
    from adapters.kit.registry import registered
    from schemas.acts import ACTS

    known = next((one for one in ACTS if one == act), None)
    if known is None:
        fail(f"no act is called {act!r}", f"The acts are: {', '.join(ACTS)}.")
    profiles = {channel: found.adapter.profile for channel, found in registered().items()}
    if name not in profiles:
        fail(f"no adapter is called {name!r}", f"Installed: {', '.join(profiles)}.")
    answer = ask_profiles(profiles, name, known, "tell" if tell else "ask")
    if as_json:
        print_json(asdict(answer))
    else:
        typer.echo(f"{'yes' if answer.may else 'no'}: {answer.why}\n{answer.why_zh}")
        if not answer.may:
            names = ", ".join(f"{channel} ({profiles[channel].name_zh})" for channel in answer.elsewhere)
            typer.echo(f"can: {names or 'no channel'}")
    if not answer.may:
        raise typer.Exit(1)


Reason = Annotated[str | None, typer.Option(help="Why: shown to whoever looks, and kept in the audit chain.")]


@app.command()
def pause(
    name: Annotated[str, typer.Argument(help="The channel.")], reason: Reason = None, as_json: AsJson = False
) -> None:
    """Hold a channel: its messages get 503, its deliveries wait."""
    _switch(name, "paused", "channel.pause", reason, as_json)


@app.command()
def disable(
    name: Annotated[str, typer.Argument(help="The channel.")], reason: Reason = None, as_json: AsJson = False
) -> None:
    """Stop deliveries to a channel; what it sends is still taken. `resume` goes on where they stopped."""
    _switch(name, "disabled", "channel.disable", reason, as_json)


@app.command()
def resume(name: Annotated[str, typer.Argument(help="The channel.")], as_json: AsJson = False) -> None:
    """Let a channel run again; what waited goes out in order."""
    _switch(name, "active", "channel.resume", None, as_json)


def _switch(
    name: str, state: Literal["active", "paused", "disabled"], act: str, reason: str | None, as_json: bool
) -> None:
    from hub.store import channels
    from hub.store.concealing import without_numbers

    said = without_numbers(reason)[:200] if reason else None
    with opened() as ledger:
        if not channels.set_state(ledger.connection, name, state, said):
            fail(f"no channel is called {name!r}", "`interlock channel list` shows them.")
        detail = {"reason": said} if said else {}
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, act, name, detail)
    if as_json:
        print_json({"channel": name, "state": state})
    else:
        typer.echo(f"{name} is {state}")
