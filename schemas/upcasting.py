"""Upcasting: what was written under an earlier version of the contract, made readable by today's models.

An upcaster is a pure function from JSON value to JSON value that leads from one released version to the next; a
stored value says under which version it was written (a column beside it) and goes through every upcaster after that.
Upcasters never fail and drop nothing: what the new version has no word for moves to ``extensions``. They apply to
every type of the contract, alone or inside another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.model import SCHEMA_VERSION

VERSIONS = ("1.0", "1.1")
"""Every version there has been, in order; the last is today's."""


@dataclass(frozen=True, slots=True)
class Upcaster:
    """One step from ``written`` to ``reads``. ``answers``: the fields whose old values it makes readable."""

    name: str
    written: str
    reads: str
    answers: tuple[str, ...]
    apply: Callable[[Any], Any]


class VersionUnknown(ValueError):
    """A stored value was written under a version that this program does not know: the program is too old for it."""


def upcast(value: Any, written: str) -> Any:
    """A JSON value written under version ``written``, as the models of today read it; ``value`` is not changed.

    >>> upcast({"seat_class": "hard_sleeper", "position": "upper"}, "1.0")
    {'seat_class': 'hard_sleeper', 'berth': 'upper'}
    """
    if written not in VERSIONS:
        raise VersionUnknown(f"written under contract {written}; this program knows {', '.join(VERSIONS)}")
    for version in VERSIONS[VERSIONS.index(written) : -1]:
        for upcaster in UPCASTERS:
            if upcaster.written == version:
                value = upcaster.apply(value)
    return value


_BERTHS = frozenset({"lower", "middle", "upper"})
_LETTERS = frozenset("abcdef")
_NO_WORD = "contract.seat_position"


def _berths_from_positions(value: Any) -> Any:
    """In 1.0 ``position`` held any code; 1.1 has letters there, berths in a field of their own, and no other word."""
    if isinstance(value, list | tuple):
        return [_berths_from_positions(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    lifted = {key: _berths_from_positions(item) for key, item in value.items()}
    if "seat_class" in lifted and lifted.get("position") in _BERTHS:
        lifted["berth"] = lifted.pop("position")
    if "fact" in lifted and (position := _without_letter(lifted)):
        lifted["extensions"] = {_NO_WORD: position}
    return lifted


def _without_letter(fact: dict[str, Any]) -> str | None:
    """Takes out of a fact's seat a position that 1.1 has no letter for, such as ``window``."""
    ticket = fact.get("ticket")
    seat = ticket.get("seat") if isinstance(ticket, dict) else None
    if not isinstance(seat, dict) or seat.get("position") is None or seat["position"] in _LETTERS:
        return None
    return str(seat.pop("position"))


UPCASTERS = (Upcaster("berths from positions", "1.0", "1.1", ("seat.position",), _berths_from_positions),)

if VERSIONS[-1] != SCHEMA_VERSION:  # pragma: no cover - a slip while releasing
    raise RuntimeError(f"schemas.model says {SCHEMA_VERSION}, the list of versions ends with {VERSIONS[-1]}")
