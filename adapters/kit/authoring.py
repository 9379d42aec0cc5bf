"""A new adapter as an outside package, written from the templates: complete, with samples, and green.

The natives of its samples are written by the new adapter itself from one list of things that happen (``_STORIES``),
so they are right in every wire; the refused ones are a sale with one damage each.
"""

import csv
import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec
from jinja2 import Environment, StrictUndefined

from adapters.kit.authoring_samples import SALE_DAMAGES, stories
from adapters.kit.golden import generate
from adapters.kit.refusing import Losses
from adapters.kit.registry import Registered, adapter_at
from adapters.kit.tables import TableAdapter
from adapters.kit.tables.slots import SLOTS
from adapters.kit.tables.wires import Fixed
from hub.ports import Act

WireName = Literal["json", "csv", "fixed", "xml"]
WIRES: tuple[WireName, ...] = ("json", "csv", "fixed", "xml")
_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
_ACTS: dict[str, Act] = {
    "HOLD": "hold",
    "SELL": "sell",
    "CANCEL": "cancel",
    "CHANGE": "change",
    "REROUTE": "change_destination",
    "REFUND": "refund",
    "PRINT": "print",
    "ENTER": "enter",
    "EXIT": "exit",
}


@dataclass(frozen=True, slots=True)
class _Start:
    """A starting point: how its wire is written in Python, described to people, and spelled in file names."""

    source: str
    imports: str
    words: str
    place: str
    extension: str


_STARTS: Mapping[WireName, _Start] = {
    "csv": _Start("Csv()", "Csv", "CSV with a header line; every line has its end.", "line 3, column price", "csv"),
    "fixed": _Start("Fixed()", "Fixed", "Lines of fixed-width columns.", "line 3, columns 14-24", "txt"),
    "json": _Start('Json(rows="tickets")', "Json", "One JSON object per message.", "/tickets/0/price", "json"),
    "xml": _Start(
        'Xml(root="Message", rows="Ticket")', "Xml", "One XML element per message.", "/Message/Ticket[1]/Price", "xml"
    ),
}


class CannotWrite(Exception):
    """A new adapter cannot be written; the sentence says why."""


def write_package(name: str, wire: WireName, into: Path) -> Registered:
    """Write the package ``into/NAME`` with samples and their canonical halves; the adapter, loaded from there.

    Raises :class:`CannotWrite` for a name that is none, or a folder that exists.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise CannotWrite(f"{name!r} is no channel name: small letters, digits and _, at least two, a letter first")
    root = into / name
    if root.exists():
        raise CannotWrite(f"{root} is there already: nothing is written over")
    package, start = f"{name}_adapter", _STARTS[wire]
    values = {
        "name": name,
        "package": package,
        "title": name.replace("_", " "),
        "class_name": "".join(word.title() for word in name.split("_")),
        "wire": wire,
        "wire_source": start.source,
        "imports": ", ".join(sorted(["Moment", start.imports, *(["Reserved"] if wire == "fixed" else [])])),
        "acts": _ACTS,
        "rows": list(_rows(wire)),
    }
    for file in ("samples", "../tests"):
        (root / package / file).resolve().mkdir(parents=True)
    _render("pyproject.toml", root / "pyproject.toml", values)
    _render("__init__.py", root / package / "__init__.py", values)
    _render("table.py", root / package / "table.py", values)
    _render("test.py", root / "tests" / f"test_{name}.py", values)
    found = adapter_at(root)
    assert isinstance(found.adapter, TableAdapter)  # the template makes one
    _write_samples(found.adapter, found.samples, start.extension)
    described = {"wire_words": start.words, "place": start.place, "profile": found.adapter.profile}
    _render("README.md", root / "README.md", values | described | {"documented": documented(found.adapter)})
    return found


def _rows(wire: WireName) -> Iterator[dict[str, str]]:
    """The columns of the starting point; a wire without a name for one leaves it out."""
    text = files("adapters.kit").joinpath("templates/columns.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        native = row["csv" if wire == "fixed" else wire]
        if native:
            width = row["width"] if wire == "fixed" else ""
            yield {"native": native, "slot": row["slot"], "codec": row["codec"], "width": width}


def _render(template: str, path: Path, values: Mapping[str, Any]) -> None:
    source = files("adapters.kit").joinpath(f"templates/{template}.j2").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # no HTML
    path.write_text(environment.from_string(source).render(values), encoding="utf-8")


def _write_samples(adapter: TableAdapter, samples: Path, extension: str) -> None:
    written = {name: adapter.say(rows, Losses()) for name, rows in stories().items()}
    for name, (old, new) in SALE_DAMAGES.items():
        written[name] = written["sale"].replace(old, new)
    for name, raw in written.items():
        pretty = msgspec.json.format(raw, indent=2) + b"\n" if extension == "json" else raw
        (samples / f"{name}.native.{extension}").write_bytes(pretty)
    generate(adapter, samples)


def documented(adapter: TableAdapter) -> list[dict[str, str]]:
    """The columns of a table for people: name, bytes, form, meaning."""
    wire = adapter.table.wire
    spans = wire.spans(adapter.frame) if isinstance(wire, Fixed) else {}
    return [
        {
            "name": column.name,
            "span": "-".join(map(str, spans.get(column.name, ()))),
            "form": column.codec.words if column.codec else "",
            "meaning": SLOTS[column.slot].meaning if column.slot else "",
        }
        for column in adapter.columns
    ]
