"""`interlock ledger ...`: the digest of the whole ledger, and the checks it must pass at any moment."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psycopg
import typer
from psycopg import sql
from psycopg.rows import TupleRow

from interlock.cli.opening import Opened, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table

if TYPE_CHECKING:
    from hub.intake.replay import Replayed

app = typer.Typer(name="ledger", help="The whole ledger: its digest and its standing checks.", no_args_is_help=True)


@app.command()
def digest(
    contents: Annotated[
        Path | None,
        typer.Option(help="Write what the hash is made of, a line of JSON an order: two such files show what differs."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """One hash over the business content of all orders and seats: the same day played again gives the same one."""
    from hub.store.checks import ledger_digest

    lines: list[str] = []
    with opened(snapshot=True) as ledger:
        found = ledger_digest(
            ledger.connection,
            ledger.adapters,
            ledger.seal,
            each=lambda content: lines.append(json.dumps(content, ensure_ascii=False, sort_keys=True)),
        )
    if contents is not None:
        contents.write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
    if as_json:
        print_json(asdict(found))
    else:
        typer.echo(f"{found.digest}  ({found.orders} orders, {found.seats} seats)")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Compare the tables with what the events make. Ends with status 1 when anything differs, listing all of it."""
    from hub.store.checks import CHECKS, ledger_complaints

    with opened(snapshot=True) as ledger:
        complaints = ledger_complaints(ledger.connection)
    names = [item.__name__ for item in CHECKS]
    if as_json:
        print_json({"ok": not complaints, "checks": names, "complaints": [asdict(c) for c in complaints]})
    elif complaints:
        print_table(
            "Not as it must be", ("check", "where", "found"), [(c.check, c.subject, c.found) for c in complaints]
        )
    else:
        typer.echo(f"all well: {', '.join(name.replace('_', ' ') for name in names)}")
    if complaints:
        raise typer.Exit(1)


@app.command()
def replay(
    shuffle: Annotated[
        int | None,
        typer.Option(metavar="SEED", help="Take them in an order of chance; what was asked and granted is told."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take every message again into an empty ledger, and compare digests and books. Status 1 when they differ.

    The second ledger is a database of its own on the same server, removed afterwards; the hub may go on running.
    """
    from hub.intake.replay import count
    from hub.store.books import trial_balance
    from hub.store.checks import ledger_complaints, ledger_digest
    from hub.store.contests import contest_of

    def books(connection: psycopg.Connection[TupleRow]) -> dict[str, int]:
        rows = trial_balance(connection)
        return {f"{row.account} {row.currency}": row.balance for row in rows if row.balance}

    with opened(snapshot=True) as ledger:
        booked = books(ledger.connection)
        messages = count(ledger.connection, shuffle)
        with _beside(ledger) as url, _bar(messages, as_json) as taken:
            taken_again = _replay_into(ledger, url, taken, shuffle)
            with psycopg.connect(url) as connection:
                here = contest_of(ledger.connection, ledger.adapters, ledger.seal) if shuffle is not None else None
                there = contest_of(connection, ledger.adapters, ledger.seal) if shuffle is not None else None
                before = ledger_digest(ledger.connection, ledger.adapters, ledger.seal, elsewhere=there)
                after = ledger_digest(connection, ledger.adapters, ledger.seal, elsewhere=here)
                rebooked = books(connection)
                complaints = ledger_complaints(connection)
    same = before == after and booked == rebooked and not complaints
    if as_json:
        print_json(
            {
                "same": same,
                "messages": messages,
                "from_what_is_remembered": taken_again.erased,
                "unreadable": taken_again.unreadable,
                "ledger": asdict(before),
                "replayed": asdict(after),
                "books": {"ledger": booked, "replayed": rebooked},
                "complaints": [asdict(c) for c in complaints],
            }
        )
    else:
        rows = [
            (name, found.digest, str(found.orders), str(found.seats))
            for name, found in (("the ledger", before), ("replayed", after))
        ]
        print_table(f"{messages} messages", ("", "digest", "orders", "seats"), rows)
        if taken_again.erased or taken_again.unreadable:
            typer.echo(
                f"{taken_again.erased} messages name somebody who was erased: taken by what is remembered of them;"
                f" {taken_again.unreadable} refused ones cannot be read at all"
            )
        typer.echo("the books are the same" if booked == rebooked else "the books differ")
        typer.echo("the same" if same else f"not the same; {len(complaints)} complaints about the replayed one")
    if not same:
        raise typer.Exit(1)


def _replay_into(ledger: Opened, url: str, taken: Callable[[int], None], shuffle: int | None) -> Replayed:
    from hub.intake import Intake
    from hub.intake.freed import grant_freed_seats
    from hub.intake.replay import AsTold, copy_reference_data, replay
    from interlock.database import migrate, open_pool
    from interlock.wiring import new_id

    migrate(url)
    with psycopg.connect(url) as connection:
        copy_reference_data(ledger.connection, connection)
    with open_pool(url, "interlock-replay", 1, 2) as pool:
        adapters = ledger.adapters
        if shuffle is not None:
            adapters = {name: AsTold(adapter) for name, adapter in adapters.items()}
        intake = Intake(pool, adapters, ledger.seal, new_id)
        done = replay(ledger.connection, ledger.seal, intake, taken, shuffle)
        while shuffle is not None and grant_freed_seats(intake, pool, ledger.clock):
            pass  # one that got its seat may have given up another
        return done


@contextmanager
def _beside(ledger: Opened) -> Iterator[str]:
    """An empty database on the same server, dropped at the end."""
    name = f"interlock_replay_{uuid.uuid4().hex[:12]}"
    here = ledger.connection.info
    with psycopg.connect(here.dsn, password=here.password, autocommit=True) as server:
        try:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            fail("this database account may not create a database", "Give it CREATEDB, or replay on a copy.")
        try:
            yield _url(ledger, name)
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _url(ledger: Opened, name: str) -> str:
    """The ledger's own URL with another database name."""
    head, _, options = ledger.url.partition("?")
    return f"{head.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


@contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bars:
        task = bars.add_task("replay", total=total)
        yield lambda number: bars.advance(task, number)
