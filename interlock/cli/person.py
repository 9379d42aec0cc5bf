"""`interlock person ...`: what the ledger holds of one person, and erasing it. No number stands on a command line."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from interlock.cli.opening import ACTOR, Opened, opened
from interlock.cli.printing import AsJson, fail, print_json, print_table
from interlock.clock import system_clock

if TYPE_CHECKING:
    from hub.intake.erasing import Eraser, Extent
    from hub.store.persons import Whom

app = typer.Typer(name="person", help="One person's data: what there is, and erasing it.", no_args_is_help=True)

FROM_STDIN = "-"


@app.command()
def erase(
    document_type: Annotated[str | None, typer.Option(help="A code of the list document_type: resident_id ...")] = None,
    number: Annotated[
        str | None, typer.Option(help="Only `-`: the document's number is read from standard input.")
    ] = None,
    phone: Annotated[str | None, typer.Option(help="Only `-`: the telephone is read from standard input.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only list the orders and what would become unreadable.")] = False,
    even_so: Annotated[
        str | None, typer.Option(metavar="REASON", help="Although tickets are good or money is owed; say why.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Erase a person's data for good: names, numbers, telephones and messages; orders and money stay as they are.

    printf %s NUMBER | interlock person erase --document-type resident_id --number - --dry-run
    """
    from schemas.problems import ProblemError

    whom = _whom(document_type, number, phone)
    with opened() as ledger:
        eraser = _eraser(ledger)
        try:
            if dry_run:
                extent = eraser.extent(ledger.connection, whom)
            else:
                extent = eraser.erase(ledger.connection, whom, ACTOR, even_so)
        except ProblemError as error:
            fail(f"{error.problem.title}: {error.problem.detail}".rstrip(": "), error.problem.remedy)
    if as_json:
        print_json({"erased": not dry_run, **asdict(extent)})
    else:
        _print(extent, dry_run)


def _whom(document_type: str | None, number: str | None, phone: str | None) -> Whom:
    from hub.store.persons import Whom

    if any(given not in (None, FROM_STDIN) for given in (number, phone)):
        fail(
            "a number on the command line is seen by everybody on this machine",
            "Write `-` and give the number on standard input.",
        )
    if (document_type is None) != (number is None) or (number is None) == (phone is None):
        fail("who is meant is not clear", "Give --document-type with --number -, or --phone -.")
    text = sys.stdin.readline().strip()
    if not text:
        fail("standard input was empty", "Give the number on standard input, one line.")
    return Whom(document_type, text, None) if number is not None else Whom(phone=text)


def _eraser(ledger: Opened) -> Eraser:
    from hub.intake.erasing import Eraser

    return Eraser(ledger.adapters, ledger.seal, ledger.audit, ledger.clock, system_clock)


def _print(extent: Extent, dry_run: bool) -> None:
    rows = [
        ("pseudonym", extent.subject),
        ("orders", ", ".join(extent.orders) or "none"),
        ("messages that cannot be opened any more", str(extent.messages)),
        ("tickets that are good", ", ".join(extent.valid) or "none"),
        ("orders in which money is owed", ", ".join(extent.owed) or "none"),
    ]
    if extent.before:
        rows.append(("orders that stay readable: written before people had keys", ", ".join(extent.before)))
    print_table("Would be erased" if dry_run else "Erased", ("", ""), rows)
