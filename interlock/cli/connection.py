"""`interlock channel show | configure | rotate | replay | test | acts`: the terms of a connection, and acts on it."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interlock.cli.channel import app
from interlock.cli.opening import ACTOR, Opened, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.clock import system_clock

if TYPE_CHECKING:
    from hub.ports import Profile
    from hub.store.channels import Channel

Name = Annotated[str, typer.Argument(help="The channel.")]
Since = Annotated[str | None, typer.Option(help="Events committed from then on: 2026-01-11T14:00+08:00 (wall clock).")]
Until = Annotated[str | None, typer.Option(help="Events committed before then.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Only this type of event; may be said more than once.")]
Order = Annotated[uuid.UUID | None, typer.Option(help="Only this order's, by its id.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count; nothing is queued.")]


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one channel: its terms, secrets (kind and end, never the text), breaker, replays."""
    with opened() as ledger:
        found = _shown(ledger, name)
    if as_json:
        print_json(found)
        return
    rows = [(key, _text(value)) for key, value in found.items() if key not in ("secrets", "replays")]
    print_table(f"Channel {name}", ("term", "is"), rows)
    print_table(
        "Secrets", ("kind", "good until", "public key"), [[_text(s.get(k)) for k in _SECRET] for s in found["secrets"]]
    )
    if found["replays"]:
        print_table("Replays", _REPLAY, [[_text(r[key]) for key in _REPLAY] for r in found["replays"]])


_SECRET = ("kind", "until", "public_key")
_REPLAY = ("replay_id", "wanted", "sent", "requested_at", "finished_at", "requested_by")


@app.command()
def configure(
    name: Name,
    endpoint: Annotated[str | None, typer.Option(help="Where the channel listens: the hub posts to URL/inbox.")] = None,
    form: Annotated[str | None, typer.Option(help="native or cloudevents.")] = None,
    events: Annotated[
        str | None, typer.Option(help="order.issued,order.refunded ...; `all`: all of its adapter.")
    ] = None,
    personal_data: Annotated[
        bool | None, typer.Option("--personal-data/--masked", help="Clear or masked document numbers in CloudEvents.")
    ] = None,
    rate: Annotated[str | None, typer.Option(help="Most deliveries: 200/s, 600/min; `none`: no limit.")] = None,
    quota: Annotated[str | None, typer.Option(help="Most messages it may send in a minute: 6000; `none`.")] = None,
    hours: Annotated[str | None, typer.Option(help="When it may ask, in its own zone: 05:00-23:30; `none`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change the terms of a connection; what is not named stays as it is.

    Deliveries follow with the next drain, the door within five seconds. A tell is taken at any hour; --hours is about
    asks. Example: interlock channel configure web --form cloudevents --events order.issued,order.refunded --rate 200/s
    """
    from hub.delivery import terms
    from hub.store import channels

    try:
        changes = _changes(endpoint, form, events, personal_data, rate, quota, hours)
    except ValueError as error:
        fail(str(error), "`interlock channel configure --help` shows every form.")
    with opened() as ledger:
        known, profile = _known(ledger, name)
        try:
            wanted = terms.checked(changes, known, profile)
        except ValueError as error:
            fail(str(error), f"`interlock channel show {name}` shows how it is set.")
        channels.configure(ledger.connection, name, wanted)
        detail = {key: value.isoformat() if isinstance(value, time) else value for key, value in wanted.items()}
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "channel.configure", name, detail)
        found = _shown(ledger, name)
    if as_json:
        print_json(found)
    else:
        typer.echo(f"{name}: " + (", ".join(sorted(wanted)) or "nothing") + " changed")


@app.command()
def rotate(
    name: Name,
    overlap: Annotated[float, typer.Option(min=0, max=720, help="Hours for which the secret before stays good.")] = 24,
    kind: Annotated[str, typer.Option(help="hmac: a shared secret (v1); ed25519: a key pair of ours (v1a).")] = "hmac",
    public_key: Annotated[
        str | None, typer.Option(help="whpk_...: the channel's own key, by which its messages are checked from now on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a channel a new secret; the one before signs and verifies beside it until the overlap is over.

    A new shared secret is shown this once. Of a key pair the channel gets the public half, which is no secret.
    """
    from hub.delivery import signing
    from hub.store import channels

    now = system_clock()
    until = now + timedelta(hours=overlap)
    if kind not in ("hmac", "ed25519"):
        fail(f"no kind of secret is called {kind!r}", "hmac or ed25519.")
    try:
        if public_key is not None and not public_key.startswith(signing.PUBLIC):
            raise ValueError("a public key begins with whpk_")
        secret = signing.check(public_key or _fresh(kind))
    except ValueError as error:
        fail(f"the key cannot be used: {error}", "Standard Webhooks: whpk_ and 32 bytes in base64.")
    with opened() as ledger:
        _known(ledger, name)
        channels.rotate(ledger.connection, name, secret, ledger.seal, now, timedelta(hours=overlap))
        detail = {"kind": kind, "own_key": public_key is not None, "overlap_hours": overlap}
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "channel.rotate", name, detail)
    told = {"secret": secret} if secret.startswith(signing.SHARED) else {"public_key": _public(secret)}
    if as_json:
        print_json({"channel": name, "old_good_until": until, **told})
    else:
        word = "Its secret, shown this once" if "secret" in told else "The public key"
        typer.echo(f"{name}: the secret before is good until {until:%Y-%m-%d %H:%M} UTC")
        typer.echo(f"{word}: {next(iter(told.values()))}")


@app.command()
def replay(
    name: Name,
    since: Since = None,
    until: Until = None,
    types: Types = None,
    order: Order = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send a channel's events again: a range of time, some types, one order, or everything it subscribes to.

    They go out under their old ids, signed with the current secret, in the room that live deliveries leave; they count
    in no health figure and reach a disabled channel too. Asked twice, sent twice. Count first: --dry-run.
    """
    from hub.delivery import terms
    from hub.store import replays

    chosen = replays.Filter(moment(since), moment(until), types or None, order)
    with opened() as ledger:
        known, profile = _known(ledger, name)
        subscribed = terms.subscribed(known, profile)
        if dry_run:
            count = replays.count(ledger.connection, name, subscribed, chosen)
        else:
            count = replays.ask(ledger.connection, name, subscribed, chosen, ACTOR, system_clock())
            detail: dict[str, Any] = {
                "since": since,
                "until": until,
                "types": types,
                "order": str(order) if order else None,
            }
            detail = {key: value for key, value in detail.items() if value is not None} | {"events": count}
            ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "channel.replay", name, detail)
    if as_json:
        print_json({"channel": name, "events": count, "queued": not dry_run and count > 0})
    elif dry_run:
        typer.echo(f"{count} events would go out again to {name}")
    else:
        typer.echo(f"{count} events go out again to {name}: interlock channel show {name}")


@app.command()
def acts(
    name: Name,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show who did what to a channel and when: its rows of the audit chain."""
    from hub.store.audit import of_subject

    with opened() as ledger:
        _known(ledger, name)
        found = of_subject(ledger.connection, name, None, limit)
    if as_json:
        print_json({"channel": name, "acts": found})
    else:
        columns = ("at", "actor", "action", "detail")
        print_table(f"Acts on {name}", columns, [[_text(row[key]) for key in columns] for row in found])


@app.command("test")
def send_test(name: Name, as_json: AsJson = False) -> None:
    """Send a channel a signed test message and show what was sent and what came back. Ends with 1 if it was not taken.

    It is no event: it counts in no health figure, and goes to a paused or disabled channel too.
    """
    from hub.delivery.trial import send_trial
    from hub.store import channels
    from interlock.wiring import trial_options

    with opened() as ledger:
        known, profile = _known(ledger, name)
        if known.endpoint is None:
            fail(f"{name} has no endpoint", f"interlock channel configure {name} --endpoint https://...")
        now = system_clock()
        secrets = channels.good_secrets(known, ledger.seal, now)
        options = trial_options(ledger.settings)
        trial = send_trial(known, profile, secrets, f"test_{uuid.uuid4().hex}", now, options)
        detail = {"status": trial.response.status, "duration_ms": round(trial.response.duration_ms)}
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "channel.test", name, detail)
    found = trial.shown()
    if as_json:
        print_json(found)
    else:
        _print_trial(found)
    if not trial.response.delivered:
        raise typer.Exit(1)


def _print_trial(found: dict[str, Any]) -> None:
    request, response = found["request"], found["response"]
    typer.echo(f"POST {request['url']}")
    for key, value in request["headers"].items():
        typer.echo(f"  {key}: {value}")
    typer.echo(f"  {request['body']}")
    typer.echo(f"{response['status'] or 'no answer'} after {found['duration_ms']} ms")
    for key, value in response["headers"].items():
        typer.echo(f"  {key}: {value}")
    typer.echo(f"  {response['body']}")
    typer.echo("taken" if found["delivered"] else "not taken: only 2xx means that a message was taken")


def moment(text: str | None) -> datetime | None:
    """A time of the command line; without an offset it is UTC, as the hub prints times."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is no time", "For example 2026-01-11T14:00+08:00.")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _changes(
    endpoint: str | None,
    form: str | None,
    events: str | None,
    personal_data: bool | None,
    rate: str | None,
    quota: str | None,
    hours: str | None,
) -> dict[str, Any]:
    """What the options say, as settings. Raises ``ValueError`` that says which cannot be read."""
    from hub.delivery import terms

    changes: dict[str, Any] = {"endpoint": endpoint, "form": form, "personal_data": personal_data}
    changes = {key: value for key, value in changes.items() if value is not None}
    if form not in (None, "native", "cloudevents"):
        raise ValueError(f"no form is called {form!r}: native or cloudevents")
    if events is not None:
        changes["event_types"] = None if events == "all" else [e.strip() for e in events.split(",") if e.strip()]
    if rate is not None:
        changes["rate_per_second"] = None if rate == "none" else terms.rate(rate)
    if quota is not None:
        changes["quota_per_minute"] = None if quota == "none" else int(quota)
    if hours is not None:
        begin, _, end = hours.partition("-")
        changes["opens_at"] = None if hours == "none" else time.fromisoformat(begin)
        changes["closes_at"] = None if hours == "none" else time.fromisoformat(end)
    return changes


def _known(ledger: Opened, name: str) -> tuple[Channel, Profile]:
    from hub.store import channels

    known = channels.find(ledger.connection, name)
    adapters = ledger.adapters
    if known is None or name not in adapters:
        fail(f"no channel is called {name!r}", "`interlock channel list` shows them.")
    return known, adapters[name].profile


def _shown(ledger: Opened, name: str) -> dict[str, Any]:
    from hub.delivery import terms

    known, profile = _known(ledger, name)
    return terms.shown(ledger.connection, known, profile, ledger.seal, system_clock())


def _fresh(kind: str) -> str:
    from hub.delivery import signing

    return signing.private_key(os.urandom(32)) if kind == "ed25519" else signing.shared_secret(os.urandom(32))


def _public(secret: str) -> str:
    from hub.delivery import signing

    return signing.public_key(secret) if secret.startswith(signing.PRIVATE) else secret


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
