"""`interlock keys ...`: the field keys, what is sealed under each, and their rotation while everything runs."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from interlock.cli.opening import ACTOR, Opened, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.settings import KEY_BYTES, encode_keys

app = typer.Typer(name="keys", help="Field keys: what is sealed under each, and rotating them.", no_args_is_help=True)


@app.command(name="list")
def every(as_json: AsJson = False) -> None:
    """Every field key by its id, newest first, and how much is sealed under it."""
    from interlock.rotating import counts, sealed_before

    with opened() as ledger:
        found, before = counts(ledger.connection), sealed_before(ledger.connection)
        known = [key.id.hex() for key in ledger.seal.keyring.all()]
    ids = [*known, *sorted(found.keys() - set(known))]
    if as_json:
        keys = [{"key": k, "known": k in known, "sealed": dict(found.get(k, {}))} for k in ids]
        print_json({"keys": keys, "messages_of_before_people_had_keys": before})
        return
    rows = [
        (k, _standing(k, known), ", ".join(f"{number} {place}" for place, number in sorted(found.get(k, {}).items())))
        for k in ids
    ]
    print_table("Field keys", ("key", "", "sealed under it"), rows)
    if before:
        typer.echo(f"{before} messages are of before there were keys of people: the field key of their day has to stay")


@app.command()
def rotate(as_json: AsJson = False) -> None:
    """Make a new field key and seal everything under it, while the hub runs; or end a rotation that was cut off.

    With INTERLOCK_FIELD_KEY set, put the new key there yourself: first behind the old one and restart every process,
    then in front and restart again, then run this.
    """
    from interlock.rotating import rotate as sealed_anew
    from interlock.rotating import wait_until_known

    with opened() as ledger:
        made = _new_key(ledger)
        wait_until_known()
        with _bar(as_json) as told:
            done = sealed_anew(ledger.connection, ledger.seal, told)
        current = ledger.seal.keyring.current().id.hex()
        detail = {"made": made, "sealed_anew": done}
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "keys.rotate", current, detail)
    if as_json:
        print_json({"key": current, **detail})
    else:
        typer.echo(f"{done} keys and secrets are sealed under {current} now; `interlock keys list` shows what is left")


@app.command()
def forget(key: Annotated[str, typer.Argument(help="The key's id, as `interlock keys list` shows it.")]) -> None:
    """Remove a field key for good, once nothing is sealed under it any more. Backups of before it need it."""
    from hub.store.keyring import key_id
    from interlock.rotating import UNMARKED, counts, sealed_before

    with opened() as ledger:
        _need_a_key_file(ledger)
        keys = ledger.settings.field_keys()
        left = [k for k in keys if key_id(k).hex() != key]
        if len(left) == len(keys):
            fail(f"no field key is called {key!r}", "`interlock keys list` shows them.")
        if key == key_id(keys[0]).hex():
            fail("this is the key that everything is sealed under", "Run `interlock keys rotate` first.")
        found = counts(ledger.connection)
        used = key in found or UNMARKED in found
        if used or sealed_before(ledger.connection):
            fail(
                f"something is still sealed under {key}",
                "`interlock keys list` says what; run `interlock keys rotate`.",
            )
        _write(ledger, left)
        ledger.audit.record(ledger.connection, ledger.clock(), ACTOR, "keys.forget", key)
    typer.echo(f"{key} is gone")


def _new_key(ledger: Opened) -> bool:
    """Add a key unless an earlier rotation is to be ended first; whether one was added."""
    from interlock.rotating import counts

    keys, current = ledger.settings.field_keys(), ledger.seal.keyring.current().id.hex()
    unfinished = len(keys) > 1 and any(key != current for key in counts(ledger.connection))
    if ledger.settings.field_key is not None:
        if len(keys) < 2:
            _need_a_key_file(ledger)
        return False
    if unfinished:
        return False
    _write(ledger, [secrets.token_bytes(KEY_BYTES), *keys])
    return True


def _need_a_key_file(ledger: Opened) -> None:
    if ledger.settings.field_key is not None:
        fail(
            "the field keys are in INTERLOCK_FIELD_KEY, which this command cannot change",
            "Change them where they are kept, newest first, and restart every process.",
        )


def _write(ledger: Opened, keys: Sequence[bytes]) -> None:
    """Replace the key file in one step: a reader finds the old keys or the new ones."""
    path = ledger.settings.field_key_file
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as handle:
        handle.write(encode_keys(keys))
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


def _standing(key: str, known: Sequence[str]) -> str:
    if key not in known:
        return "not known here"
    return "current" if key == known[0] else "former"


@contextmanager
def _bar(quiet: bool) -> Iterator[Callable[[str, int], None]]:
    """Says how far it is, at most once a second."""
    said, total = time.monotonic(), 0

    def told(place: str, rows: int) -> None:
        nonlocal said, total
        total += rows
        if not quiet and time.monotonic() - said > 1:
            said = time.monotonic()
            typer.echo(f"{total} sealed anew, now {place}", err=True)

    yield told
