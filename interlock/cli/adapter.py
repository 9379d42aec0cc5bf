"""`interlock adapter new | check | try | generate | list`: the channels' adapters and their promises."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table

if TYPE_CHECKING:
    from adapters.kit.registry import Registered

app = typer.Typer(name="adapter", help="Channel adapters: write one, try it, check its promises, list them.")

_MARKS = {True: "kept", False: "BROKEN", None: "-"}
_SHOWN_MOST = 20
Name = Annotated[
    str, typer.Argument(help="The channel's name (see `interlock adapter list`), or the adapter's folder.")
]


class Wire(StrEnum):
    """The starting points of a new adapter."""

    JSON = "json"
    CSV = "csv"
    FIXED = "fixed"
    XML = "xml"


def _find(name: str) -> Registered:
    """The adapter of a name, or in a folder: ``./gates``, ``.`` and ``~/gates`` are folders, ``gates`` is a name."""
    from adapters.kit.registry import AdapterBroken, AdapterUnknown, adapter_at, adapter_named

    folder = Path(name).expanduser()
    try:
        if folder.is_dir() and ("/" in name or "." in name or not _is_registered(name)):
            return adapter_at(folder)
        return adapter_named(name)
    except AdapterUnknown as unknown:
        fail(str(unknown), f"If it lies in a folder, name that: ./{name}. `interlock adapter new` writes one.")
    except AdapterBroken as broken:
        fail(str(broken), "Correct the package, or uninstall it.")


def _is_registered(name: str) -> bool:
    from adapters.kit.registry import registered

    return name in registered()


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The channel: small letters, digits and _.")],
    wire: Annotated[Wire, typer.Option(help="What its messages are.")] = Wire.JSON,
    into: Annotated[Path, typer.Option(help="The folder in which the package's folder is made.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write an adapter as a package of its own: a table to edit, samples, a test. It is green from the start."""
    from adapters.kit.authoring import CannotWrite, write_package

    try:
        found = write_package(name, wire.value, into)
    except CannotWrite as error:
        fail(str(error), "Choose another name, or another folder with --into.")
    folder, package = into / name, f"{name}_adapter"
    samples = sorted(found.samples.glob("*.native.*"))
    sale = next(path for path in samples if path.name.startswith("sale.native"))
    if as_json:
        print_json({"adapter": name, "folder": folder, "samples": len(samples)})
        return
    shown = folder if folder.is_absolute() else f"./{folder}"
    typer.echo(
        f"{folder} is written, with {len(samples)} samples.\n\n"
        f"  1. Look:     interlock adapter try {shown} {folder / package / 'samples' / sale.name}\n"
        f"  2. Edit:     {folder / package / 'table.py'} (names, forms, codes), then the samples\n"
        f"  3. Check:    interlock adapter check {shown}\n"
        f"  4. Install:  pip install --no-deps {shown}"
    )


@app.command("try")
def try_out(
    name: Name,
    file: Annotated[Path, typer.Argument(help="A native message, or a file of many.", exists=True, dir_okay=False)],
    part: Annotated[int | None, typer.Option(min=1, help="Only this message of a file of many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show native beside canonical, losses marked in both, and what the hub would hand back. Nothing is sent."""
    from adapters.kit.scorecard import wire_of
    from interlock.cli.trying import print_trial
    from interlock.trial import trials

    found = _find(name)
    tried = trials(found.adapter, file.read_bytes(), wire_of(found))
    if part is not None and part > len(tried):
        fail(f"{file} has {len(tried)} messages, there is no number {part}")
    wanted = [(n, trial) for n, trial in enumerate(tried, 1) if part in (None, n)]
    if as_json:
        print_json({"adapter": found.name, "messages": len(tried), "trials": [t.as_dict() for _, t in wanted]})
        return
    for number, trial in wanted[:_SHOWN_MOST]:
        print_trial(trial, number, len(tried))
    if len(wanted) > _SHOWN_MOST:
        typer.echo(f"{len(wanted) - _SHOWN_MOST} more messages: show one with --part N")


@app.command("list")
def list_adapters(as_json: AsJson = False) -> None:
    """Every installed adapter, ours and others'."""
    from adapters.kit.registry import registered

    profiles = [found.adapter.profile for found in registered().values()]
    if as_json:
        print_json(
            [
                {
                    "name": p.channel,
                    "name_zh": p.name_zh,
                    "media_type": p.media_type,
                    "encoding": p.encoding,
                    "arrival": p.arrival,
                    "asks": sorted(p.asks),
                    "tells": sorted(p.tells),
                }
                for p in profiles
            ]
        )
        return
    rows = [
        (p.channel, p.name_zh, p.arrival, f"{p.media_type}, {p.encoding}", ", ".join(sorted(p.asks | p.tells)))
        for p in profiles
    ]
    print_table("adapters", ("name", "渠道", "arrival", "wire", "acts"), rows)


@app.command()
def check(name: Name, as_json: AsJson = False) -> None:
    """Run the conformance suite on an adapter's own samples, offline; status 1 when a promise is broken."""
    from adapters.kit.scorecard import scorecard

    scores = scorecard(_find(name))
    broken = [score for score in scores if score.kept is False]
    if as_json:
        print_json({"adapter": name, "broken": len(broken), "promises": [asdict(score) for score in scores]})
    else:
        rows = [
            (_MARKS[s.kept], s.promise, f"{s.milliseconds} ms" if s.kept is not None else "", s.detail) for s in scores
        ]
        print_table(f"adapter {name}", ("", "promise", "took", "detail"), rows)
        typer.echo(f"{sum(1 for s in scores if s.kept)} kept, {len(broken)} broken")
    if broken:
        raise typer.Exit(1)


@app.command()
def generate(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Write those again that exist already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the canonical half of native samples that lack it; then read them, for you vouch for what you commit."""
    from adapters.kit.golden import generate as write_golden

    found = _find(name)
    written = [path.name for path in write_golden(found.adapter, found.samples, force=force)]
    if as_json:
        print_json({"adapter": name, "written": written})
    else:
        typer.echo("\n".join(written) if written else "nothing to write; --force writes all again")
