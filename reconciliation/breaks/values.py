"""One side's value of what a break is about, as text; and the differences that were accepted under these values."""

from collections.abc import Iterable, Mapping
from typing import Any

from reconciliation.kinds import BreakKind
from reconciliation.rows import Row
from schemas.facts import Adjusted

Accepted = frozenset[tuple[str, str, str, str, str]]
"""(definition, key, kind, the hub's value, the other's value) of every difference that was accepted."""

SAID: Mapping[str, str] = {
    "AMOUNT": "amount",
    "STATUS": "state",
    "SEAT": "seat",
    "CURRENCY": "currency",
    "FEE": "fee",
    "IDENTITY": "person",
}
"""Kind -> the column whose value is in question; for every other kind the amount."""

SHOWN_OF_PERSON = 12
"""Characters of a blind index (behind ``type|``) that are shown: enough to tell two people apart, no more."""


def accepted_values(adjusted: Iterable[Adjusted]) -> Accepted:
    """The accepted differences of some orders."""
    return frozenset((a.definition, a.subject, a.kind, a.hub_value, a.other_value) for a in adjusted)


def said(kind: BreakKind, values: Row | Mapping[str, Any] | None) -> str:
    """One side's value of what a break of this kind is about, as text; ``-`` for a side that says nothing."""
    name = SAID.get(kind, "amount")
    found = getattr(values, name, None) if isinstance(values, Row) else (values or {}).get(name)
    if found is None or found == "":
        return "-"
    return _shown_person(str(found)) if name == "person" else str(found)


def _shown_person(index: str) -> str:
    return index[: index.find("|") + 1 + SHOWN_OF_PERSON]


def shown_person_sql(column: str) -> str:
    """What is shown of a blind index such as ``resident_id|0a1b...``, in DuckDB's SQL."""
    return f"substr({column}, 1, strpos({column}, '|') + {SHOWN_OF_PERSON})"


def said_sql(side: str) -> str:
    """:func:`said` of one side's columns ``l_*`` or ``r_*`` in DuckDB's SQL, with the kind in ``kind``."""
    cases = " ".join(
        f"WHEN '{kind}' THEN {_text(f'{side}_{name}', name)}" for kind, name in SAID.items() if name != "amount"
    )
    return f"coalesce(nullif(CASE kind {cases} ELSE {side}_amount::varchar END, ''), '-')"


def _text(column: str, name: str) -> str:
    return shown_person_sql(column) if name == "person" else f"{column}::varchar"
