"""Markdown from data: tables whose cells cannot break them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars and line breaks in cells are made harmless."""
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(map(cell, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def cell(value: str) -> str:
    return " ".join(value.split()).replace("|", "\\|")


def code(value: str) -> str:
    """`value` as code, or nothing when there is none."""
    return f"`{value}`" if value else ""


def prose(docstring: str | None) -> str:
    """A docstring as Markdown: double backticks are single ones there."""
    return " ".join((docstring or "").split()).replace("``", "`")
