"""A native file tried on an adapter: every message in it beside its canonical reading, and what the hub would say back.

Personal numbers are masked, here as everywhere. Losses are numbered; the number stands at the native line that it names
and at the canonical line that suffered.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from adapters.kit.folding import event_of, order_of
from hub.ports import Adapter, Formatted, Splitting
from interlock.console.exhibit import concealed, exhibit, masked
from schemas.money import Money, format_decimal
from schemas.observation import Loss, Observation, Rejection

_WIDE = 200
_INDEX = re.compile(r"/\d+$|\[\d+\]$")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a side; ``marks``: the numbers of the losses that concern it."""

    text: str
    marks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One reading: its lines, and its losses in the order of their numbers."""

    lines: tuple[Line, ...]
    losses: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One message. ``rejection`` instead of ``canonical`` when refused; ``back``: the hub's message, if it has one."""

    place: str
    native: Side
    canonical: Side | None
    rejection: dict[str, str] | None
    back: Side | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for programs."""
        return asdict(self)


def trials(adapter: Adapter, raw: bytes, fields: Any = None) -> list[Trial]:
    """Every message of a file. ``fields``: how the suite opens this wire, to show records of lines as fields."""
    whole = adapter.parse(raw)
    split = adapter.split(raw) if isinstance(whole, Rejection) and isinstance(adapter, Splitting) else ()
    if isinstance(split, Rejection):
        whole, split = split, ()
    read = [(part.place, part.raw, adapter.parse(part.raw)) for part in split]
    if not any(isinstance(answer, Observation) for _, _, answer in read):
        read = [("the whole file", raw, whole)]
    return [_trial(adapter, place, message, answer, fields) for place, message, answer in read]


def _trial(adapter: Adapter, place: str, raw: bytes, answer: Observation | Rejection, fields: Any) -> Trial:
    shown = exhibit(adapter, raw)
    losses = list(shown.losses)
    places = [loss["pointer"] for loss in losses] or [str(answer.pointer) if isinstance(answer, Rejection) else ""]
    native = Side(tuple(_native_lines(raw, places, shown.lines, fields, answer)), tuple(losses))
    if isinstance(answer, Rejection):
        refused = {name: str(shown.canonical.get(name, "")) for name in _OF_A_REFUSAL}
        return Trial(place, native, None, refused | {"pointer": answer.pointer}, None)
    order = order_of(answer)
    formatted = adapter.format(event_of(answer, order, adapter.profile), order)
    lines = _canonical_lines(shown.canonical, answer.losses)
    return Trial(place, native, Side(tuple(lines), tuple(losses)), None, _back(adapter, formatted, fields))


_OF_A_REFUSAL = ("code", "detail", "pointer", "expected", "found", "example")


def _back(adapter: Adapter, formatted: Formatted | None, fields: Any) -> Side | None:
    if formatted is None:
        return None
    shown = exhibit(adapter, formatted.body)
    losses = tuple({n: masked(str(v), set()) for n, v in loss.model_dump().items()} for loss in formatted.losses)
    return Side(tuple(_native_lines(formatted.body, [], shown.lines, fields, adapter.parse(formatted.body))), losses)


def _native_lines(
    raw: bytes, places: Sequence[str], shown: Sequence[Any], fields: Any, answer: Observation | Rejection
) -> Iterator[Line]:
    """The text as it is; records of lines (wide, or a header and its rows) as one field per line."""
    rows = [line.text for line in shown]
    if fields is not None and ((rows and max(map(len, rows)) > _WIDE) or _is_csv(rows)):
        for field in fields.open(raw).fields:
            if field.value not in ("", None):
                said = concealed(f"{field.name}: {field.value}", answer)
                place = field.path.removesuffix(f", column {field.name}")
                yield Line(f"{place}  {said}", tuple(n for n, place in enumerate(places, 1) if place == field.path))
        return
    for line in shown:
        yield Line(line.text, tuple(n for n, place in enumerate(places, 1) if place in line.marks))


def _is_csv(rows: Sequence[str]) -> bool:
    return len(rows) > 1 and rows[0].count(",") > 1 and rows[0].count(",") == rows[1].count(",")


def _canonical_lines(canonical: dict[str, Any], losses: Sequence[Loss]) -> Iterator[Line]:
    """The observation as indented text. A loss marks the lines that say ``unknown`` or are of the field it names."""
    codes = {n: loss.note for n, loss in enumerate(losses, 1) if loss.reason == "unknown_code"}
    names = {n: _INDEX.sub("", loss.pointer).rpartition("/")[2] for n, loss in enumerate(losses, 1) if n not in codes}
    for key, text in _outlined(canonical, 0):
        marks = tuple(n for n, name in names.items() if name == key)
        if text.endswith(": unknown"):
            marks += tuple(n for n, note in codes.items() if key in note) or tuple(codes)
        yield Line(text, marks)


def _outlined(value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """(key, line) of nested values, without what is empty; amounts as people write them."""
    pad = "  " * depth
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        if inner in ({}, [], "", None, False):
            continue
        name = f"{pad}- " if isinstance(value, list) else f"{pad}{key}: "
        if _is_money(inner):
            yield str(key), f"{name}{format_decimal(Money(**inner))} {inner['currency']}"
        elif isinstance(inner, dict) and isinstance(value, list):
            first, *rest = list(_outlined(inner, depth + 1)) or [("", "")]
            yield first[0], f"{name}{first[1].strip()}"
            yield from rest
        elif isinstance(inner, dict | list):
            yield str(key), name.rstrip()
            yield from _outlined(inner, depth + 1)
        else:
            yield str(key), f"{name}{inner}"


def _is_money(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"amount", "currency"}
