"""`interlock message ...`: what came in, and what became of it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from interlock.cli.opening import ACTOR, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table

app = typer.Typer(name="message", help="Messages as they came, and what became of them.", no_args_is_help=True)


@app.command("list")
def list_messages(
    channel: Annotated[str | None, typer.Option(help="Only this channel's.")] = None,
    outcome: Annotated[
        str | None, typer.Option(help="applied, witnessed, disputed, refused; rejected: never became a message.")
    ] = None,
    code: Annotated[str | None, typer.Option(help="Only refusals with this code.")] = None,
    before: Annotated[int | None, typer.Option(help="Only those before this position (the last one you saw).")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most this many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show messages, newest first."""
    from interlock.console.messaging import MessageFilter, messages, rejections

    wanted = MessageFilter(channel, outcome, code, None, before, limit)
    with opened() as ledger:
        rows = (rejections if outcome == "rejected" else messages)(ledger.connection, wanted)
    if as_json:
        print_json({"messages": rows})
        return
    names = ("position", "channel", "message_id", "received_at", "outcome", "code", "arrival", "order_no")
    print_table("Messages", names, [[_short(row.get(name)) for name in names] for row in rows])
    if len(rows) == limit:
        typer.echo(f"Older ones: --before {rows[-1]['position']}")


@app.command()
def show(
    message: Annotated[str, typer.Argument(help="CHANNEL/MESSAGE_ID, or a position from `message list`.")],
    raw: Annotated[bool, typer.Option("--raw", help="Also the native text, numbers of people masked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one message: its answer, and what its adapter reads in it."""
    from interlock.console.messaging import Reader, position_of

    with opened() as ledger:
        position = int(message) if message.isdigit() else position_of(ledger.connection, *message.partition("/")[::2])
        reader = Reader(ledger.connection, ledger.adapters, ledger.seal)
        found = reader.message(position) if position else None
    if found is None:
        fail(f"there is no message {message!r}", "`interlock message list` shows them.")
    if not raw:
        found["exhibit"].pop("native")
    if as_json:
        print_json(found)
        return
    print_table(f"Message {found['channel']}/{found['message_id']}", ("", ""), _facts(found))
    for loss in found["exhibit"]["losses"]:
        typer.echo(f"loss: {loss['pointer']} {loss['reason']} {loss['native']} {loss['note']}".rstrip())
    for line in found["exhibit"].get("native", []):
        typer.echo(f"{line['number']:>5}  {line['text']}")
    print_json(found["exhibit"]["canonical"])


def _facts(found: dict[str, Any]) -> list[tuple[str, str]]:
    names = ("position", "source", "received_at", "occurred_at", "arrival", "outcome", "code", "order_no", "order_id")
    rows = [(name, _short(found.get(name))) for name in names if found.get(name) is not None]
    answer = found["answer"]
    said = [(name, str(answer[name])) for name in ("detail", "remedy") if answer.get(name)]
    return [*rows, *said, *(("at", str(p["pointer"])) for p in answer.get("pointers", []))]


def _short(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
    return "" if value is None else str(value)


@app.command()
def send(
    channel: Annotated[str, typer.Argument(help="The channel that speaks; it must be registered.")],
    file: Annotated[Path, typer.Argument(help="One native message.", exists=True, dir_okay=False)],
    message_id: Annotated[str | None, typer.Option("--id", help="Its message id; without it a new one.")] = None,
    secret: Annotated[
        str | None, typer.Option(envvar="INTERLOCK_CHANNEL_SECRET", help="whsec_...; without it the ledger's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a message as a channel would: signed, over HTTP, to the running hub. Its facts go on the ledger."""
    from hub.delivery.signing import key_of, sign

    body, message_id = file.read_bytes(), message_id or f"try-{uuid.uuid4()}"
    url, media_type, secret = _door(channel, message_id, secret)
    try:
        key_of(secret)
    except ValueError as error:
        fail(f"the secret cannot be used: {error}")
    try:
        headers = sign([secret], message_id, datetime.now(UTC), body) | {"content-type": media_type}
        answer = httpx.post(url, content=body, headers=headers, timeout=30.0)
        said: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        fail(
            f"the hub does not answer at {url}: {error or type(error).__name__}", "Is it up? `interlock up` starts it."
        )
    if as_json:
        print_json(said)
    else:
        outcome = str(said.get("outcome", said.get("code", "refused")))
        rows = [("message", f"{channel}/{message_id}"), ("outcome", outcome), *_said(said)]
        print_table(f"Answer {answer.status_code}", ("", ""), rows)
    if answer.is_error:
        raise typer.Exit(1)


def _door(channel: str, message_id: str, secret: str | None) -> tuple[str, str, str]:
    """Where to send, as what, signed with what; using the ledger's own secret goes on the audit."""
    from hub.store import channels

    with opened() as ledger:
        known = channels.find(ledger.connection, channel)
        if known is None:
            fail(f"no channel is called {channel!r}", f"Connect it: `interlock channel register {channel}`.")
        adapter = ledger.adapters.get(channel)
        if secret is None:
            secret = ledger.seal.open(known.secrets[0])
            ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "message.send", f"{channel}/{message_id}")
        media_type = adapter.profile.media_type if adapter else "application/octet-stream"
        return f"{ledger.settings.public_url}/v1/channels/{channel}/messages", media_type, secret


def _said(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """The rest of an answer: lists one line each."""
    rows = []
    for name, value in answer.items():
        if name in ("outcome", "message_id", "type", "status", "code", "channel") or value in (None, [], ""):
            continue
        lines = [
            str(item["pointer"] if isinstance(item, dict) and "pointer" in item else item) for item in _list(value)
        ]
        rows.append((name, "\n".join(lines)))
    return rows


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
