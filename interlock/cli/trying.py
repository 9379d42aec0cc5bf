"""How a trial prints: native on the left, canonical on the right, losses marked in both and listed below."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from interlock.trial import Line, Side, Trial

_STYLE_OF_MARK = "bold yellow"


def print_trial(trial: Trial, number: int, total: int, console: Console | None = None) -> None:
    """One message to the terminal."""
    console = console or Console()
    verdict = Text("refused", "bold red") if trial.rejection else Text("understood", "bold green")
    lost = len(trial.native.losses)
    words = f", {lost} loss{'es' if lost > 1 else ''}" if lost else ""
    title = Text.assemble(f"message {number} of {total}, {trial.place}: ", verdict, words)
    console.rule(title, align="left")
    sides = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    sides.add_column("native", ratio=1, overflow="fold")
    sides.add_column("canonical", ratio=1, overflow="fold")
    sides.add_row(_text(trial.native.lines), _reading(trial))
    console.print(sides)
    _print_losses(console, "lost on the way in (place in the native message)", trial.native)
    if trial.rejection is None:
        _print_back(console, trial.back)


def _text(lines: tuple[Line, ...]) -> Text:
    text = Text()
    for line in lines:
        text.append(line.text, _STYLE_OF_MARK if line.marks else "")
        if line.marks:
            text.append(f"  ◀ {', '.join(map(str, line.marks))}", _STYLE_OF_MARK)
        text.append("\n")
    return text


def _reading(trial: Trial) -> RenderableType:
    if trial.canonical is not None:
        return _text(trial.canonical.lines)
    refused = trial.rejection or {}
    rows = Table.grid(padding=(0, 1))
    for words, name in (("place", "pointer"), ("", "detail"), ("expected", "expected"), ("found", "found")):
        if refused.get(name):
            rows.add_row(Text(words, "bold"), Text(refused[name]))
    if refused.get("example"):
        rows.add_row(Text("example", "bold"), Text(refused["example"], "green"))
    return Group(Panel(rows, title=Text(refused.get("code", ""), "bold red"), title_align="left", border_style="red"))


def _print_losses(console: Console, title: str, side: Side) -> None:
    if not side.losses:
        return
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for name in ("", "place", "reason", "value", "note"):
        table.add_column(name, overflow="fold")
    for number, loss in enumerate(side.losses, 1):
        cells = [loss.get(name, "") for name in ("pointer", "reason", "native", "note")]
        table.add_row(Text(str(number), _STYLE_OF_MARK), *map(Text, cells))
    console.print(table)


def _print_back(console: Console, back: Side | None) -> None:
    """What the hub would post to this channel for the same order."""
    if back is None:
        console.print("The hub would post nothing: this channel has no word for what is new.\n", style="dim")
        return
    console.print(Text("what the hub would hand back", "bold"))
    console.print(_text(back.lines), style="dim")
    _print_losses(console, "lost on the way back (place in the canonical order)", back)
