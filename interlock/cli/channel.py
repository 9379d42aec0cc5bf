"""`interlock channel ...`: connected systems: how they fare, connecting, pausing."""

from __future__ import annotations

import base64
import os
from typing import Annotated, Any, Literal

import typer

from interlock.cli.opening import ACTOR, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table

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
    as_json: AsJson = False,
) -> None:
    """Connect a channel, or change its endpoint and rotate its secret (the one before stays good beside it)."""
    from adapters.kit.registry import registered
    from hub.delivery.signing import key_of
    from hub.store import channels

    made = secret is None
    secret = secret or f"whsec_{base64.b64encode(os.urandom(32)).decode()}"
    try:
        key = key_of(secret)
    except ValueError as error:
        fail(f"the secret cannot be used: {error}", "Leave --secret out and one is made.")
    if len(key) < 24:
        fail("the secret is too short: 24 bytes at least (Standard Webhooks)", "Leave --secret out and one is made.")
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        fail(f"{endpoint!r} is no address", "An endpoint begins with https:// (http:// inside one network).")
    if name not in registered():
        fail(f"no adapter is called {name!r}", f"Installed: {', '.join(registered())}.")
    with opened() as ledger:
        now = ledger.clock()
        channels.register(ledger.connection, name, endpoint.rstrip("/") if endpoint else None, secret, ledger.seal, now)
        ledger.audit.record(ledger.connection, now, ACTOR, "channel.register", name, {"endpoint": endpoint})
    answer = {"channel": name, "endpoint": endpoint} | ({"secret": secret} if made else {})
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"{name} is connected" + (f"\nIts secret, shown this once: {secret}" if made else ""))


@app.command()
def pause(name: Annotated[str, typer.Argument(help="The channel.")], as_json: AsJson = False) -> None:
    """Hold a channel: its messages get 503, its deliveries wait."""
    _switch(name, "paused", "channel.pause", as_json)


@app.command()
def resume(name: Annotated[str, typer.Argument(help="The channel.")], as_json: AsJson = False) -> None:
    """Let a channel run again; what waited goes out in order."""
    _switch(name, "active", "channel.resume", as_json)


def _switch(name: str, state: Literal["active", "paused"], act: str, as_json: bool) -> None:
    from hub.store import channels

    with opened() as ledger:
        if not channels.set_state(ledger.connection, name, state):
            fail(f"no channel is called {name!r}", "`interlock channel list` shows them.")
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, act, name)
    if as_json:
        print_json({"channel": name, "state": state})
    else:
        typer.echo(f"{name} is {state}")
