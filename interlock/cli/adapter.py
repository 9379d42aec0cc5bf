"""`interlock adapter list | check | generate`: the channels' adapters and their promises."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from interlock.cli.printing import AsJson, fail, print_json, print_table

if TYPE_CHECKING:
    from adapters.kit.registry import Registered

app = typer.Typer(name="adapter", help="Channel adapters: list them, check their promises, write golden samples.")

_MARKS = {True: "kept", False: "BROKEN", None: "-"}
Name = Annotated[str, typer.Argument(help="The channel's name, as `interlock adapter list` shows it.")]


def _find(name: str) -> Registered:
    from adapters.kit.registry import AdapterUnknown, adapter_named

    try:
        return adapter_named(name)
    except AdapterUnknown as unknown:
        fail(str(unknown.args[0]), "An adapter registers through the entry-point group interlock.channels.")


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
