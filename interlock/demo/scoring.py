"""Found against seeded, by kind and by id: from the simulators' truth lists and the database, and nothing else.

``where`` of an expectation names a place in the database (see PLACES) or a definition of reconciliation. A fault is
found when everything it expects is there. Whatever is there and was expected by nobody is invented.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from simulators import truth

Sighting = tuple[str, str, str]
"""(where, kind, key)"""


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of fault: how many were seeded, found, resolved by policy (and proven gone), left for a person."""

    fault: str
    seeded: int
    found: int
    resolved: int
    left: int


@dataclass(frozen=True, slots=True)
class Score:
    """``missed``: what was seeded and not found, or not resolved as it should be. ``invented``: found, never seeded."""

    rows: tuple[Row, ...]
    missed: tuple[str, ...]
    invented: tuple[str, ...]

    @property
    def is_perfect(self) -> bool:
        return bool(self.rows) and not self.missed and not self.invented

    def as_dict(self) -> dict[str, Any]:
        rows = [{name: getattr(row, name) for name in Row.__slots__} for row in self.rows]
        return {"faults": rows, "missed": list(self.missed), "invented": list(self.invented), "ok": self.is_perfect}


def score(connection: Connection[TupleRow], data_dir: Path) -> Score:
    """Compare the truth lists under ``data_dir`` with what the database holds. Reads only."""
    entries = truth.read(data_dir)
    sightings = _sightings(connection)
    # No answer came, so the channel sent it again: that the hub saw it twice is no fault of anybody.
    explained: set[Sighting] = {("repeats", "duplicate", message_id) for message_id in truth.resent(data_dir)}
    rows: dict[str, list[int]] = {}
    missed: list[str] = []
    for entry in entries:
        found, resolved, complaint = _judge(entry, sightings, explained)
        tally = rows.setdefault(entry["fault"], [0, 0, 0])
        tally[0] += 1
        tally[1] += found
        tally[2] += resolved
        if complaint:
            missed.append(f"{entry['fault']} {entry['id']}: {complaint}")
    table = tuple(Row(fault, s, f, r, f - r) for fault, (s, f, r) in sorted(rows.items()))
    invented = [f"{where} {kind} {key}" for where, kind, key in sorted(sightings.keys() - explained)]
    return Score(table, tuple(missed), tuple(invented))


def _judge(
    entry: Mapping[str, Any], sightings: Mapping[Sighting, str], explained: set[Sighting]
) -> tuple[bool, bool, str]:
    """(found, resolved, what is wrong) of one seeded fault; what explains a sighting goes into ``explained``."""
    absent: list[str] = []
    states: list[str] = []
    for expected in entry["expects"]:
        where, kind = expected["where"], expected["kind"]
        seen = [s for key in expected["key"].split(" ") if (s := (where, kind, key)) in sightings]
        explained.update(seen)
        if len(seen) == 1:
            states.append(sightings[seen[0]])
        else:
            times = "not found" if not seen else "found more than once"
            absent.append(f"{where} {kind} {expected['key']} {times}")
    if absent:
        return False, False, "; ".join(absent)
    resolved = all(state in ("handled", "cleared") for state in states)
    if resolved != entry["resolves_by_policy"]:
        should = "resolved by policy" if entry["resolves_by_policy"] else "left for a person"
        return True, resolved, f"should be {should}, is {', '.join(states)}"
    return True, resolved, ""


def _sightings(connection: Connection[TupleRow]) -> dict[Sighting, str]:
    """Everything unusual that the database holds, each with its state: handled, open, cleared, left ..."""
    found: dict[Sighting, str] = {}
    for place, read in PLACES.items():
        for kind, key, state in read(connection):
            found[place, kind, key] = state
    breaks = connection.execute("SELECT definition, kind, key, state FROM recon.breaks")
    found.update({(definition, kind, key): state for definition, kind, key, state in breaks})
    return found


def _messages(connection: Connection[TupleRow]) -> list[tuple[str, str, str]]:
    """Messages that came late or out of order, and asks and tells that were refused. Not reconciliation's own ones."""
    rows = connection.execute(
        """SELECT CASE WHEN outcome = 'refused' THEN coalesce(code, 'refused') ELSE arrival END, message_id
           FROM hub.messages
           WHERE (outcome = 'refused' OR arrival <> 'in_order') AND source NOT IN ('reconciliation', 'hub')
             AND message_id NOT LIKE 'recon-%'"""
    )
    return [(kind, message_id, "handled") for kind, message_id in rows]


def _repeats(connection: Connection[TupleRow]) -> list[tuple[str, str, str]]:
    """Messages that a channel sent twice. (A file or a poll that is taken up again after a crash is our own doing.)"""
    rows = connection.execute("SELECT DISTINCT message_id FROM hub.repeats WHERE source IN ('http', 'bulk')")
    return [("duplicate", message_id, "handled") for (message_id,) in rows]


def _files(connection: Connection[TupleRow]) -> list[tuple[str, str, str]]:
    """Dropped files that were refused or were the same as an earlier one. (The same name: taken up after a crash.)"""
    rows = connection.execute(
        """SELECT CASE outcome WHEN 'refused' THEN coalesce(problem->>'code', 'refused') ELSE outcome END, name
           FROM hub.files AS f
           WHERE outcome = 'refused' OR outcome = 'duplicate' AND NOT EXISTS (
               SELECT FROM hub.files AS a WHERE a.outcome = 'accepted' AND (a.channel, a.name) = (f.channel, f.name))"""
    )
    return [(kind, name, "handled") for kind, name in rows]


def _disputes(connection: Connection[TupleRow]) -> list[tuple[str, str, str]]:
    rows = connection.execute("SELECT kind, subject, state FROM hub.disputes")
    return [(kind, subject, state) for kind, subject, state in rows]


def _rejections(connection: Connection[TupleRow]) -> list[tuple[str, str, str]]:
    """What could not become a message at all: the simulators seed nothing of the kind."""
    rows = connection.execute("SELECT code, channel || '|' || coalesce(message_id, '?') FROM hub.rejections")
    return [(code, key, "refused") for code, key in rows]


def _dead_letters(connection: Connection[TupleRow]) -> list[tuple[str, str, str]]:
    """Deliveries that were given up or still wait."""
    rows = connection.execute("SELECT state, channel, event FROM hub.delivery_exceptions")
    return [(state, f"{channel} event {event}", state) for state, channel, event in rows]


PLACES: Mapping[str, Callable[[Connection[TupleRow]], list[tuple[str, str, str]]]] = {
    "messages": _messages,
    "repeats": _repeats,
    "files": _files,
    "disputes": _disputes,
    "rejections": _rejections,
    "deadletters": _dead_letters,
}
