"""A channel declared as a table: its wire, its acts, its columns. ``channel`` makes the adapter of it.

The same rows serve both directions: what ``parse`` reads through a column, ``format`` writes through it. What the
table has no column or no word for is a loss, in both directions; nobody has to remember to say so.
"""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.kit.tables.acts import DEEDS
from adapters.kit.tables.codecs import Codec, Words
from adapters.kit.tables.silent import Always, Ignored, Reserved
from adapters.kit.tables.slots import SLOTS
from adapters.kit.tables.wires import Column, Fixed, Json, Wire
from hub.ports import Act, Profile
from schemas.codes import code_list


class TableError(ValueError):
    """A table that cannot work. The sentence says what its author has to add or take away."""


@dataclass(frozen=True)
class Table:
    """What one channel says. ``acts``: its word -> the act. ``columns``: slots by name, or columns of its own.

    ``given``: slots that every message of this channel means without saying them (``{"processor": "bank"}``).
    """

    wire: Wire
    acts: Mapping[str, Act]
    columns: Sequence[Column | str]
    given: Mapping[str, Any] = field(default_factory=dict)


def bound(column: Column | str, table: Table, profile: Profile) -> Column:
    """A column with its codec, for one connection. A bare slot is a column of that name."""
    column = Column(column, column) if isinstance(column, str) else column
    if column.slot is None:
        if not isinstance(column.codec, Ignored | Always | Reserved):
            raise TableError(
                f"column {column.name} has no slot: name one, or say Ignored(why), Always(value) or Reserved()"
            )
        return column
    if column.slot not in SLOTS:
        raise TableError(f"column {column.name}: there is no slot {column.slot!r}; there are {', '.join(SLOTS)}")
    usual: Codec = Words(table.acts) if column.slot == "act" else SLOTS[column.slot].codec
    return replace(column, codec=(column.codec or usual).bound(profile))


def check(table: Table, columns: Sequence[Column]) -> None:
    """Raises :class:`TableError` for acts that lack a slot, slots and names that stand twice, columns without width."""
    slots, names = [c.slot for c in columns if c.slot], [c.name for c in columns]
    for twice in {name for name in (*slots, *names) if slots.count(name) > 1 or names.count(name) > 1}:
        raise TableError(f"the table has {twice} twice")
    for act in table.acts.values():
        if act not in DEEDS:
            raise TableError(f"a flat record cannot say the act {act!r}; it can say {', '.join(DEEDS)}")
        lacking = [slot for slot in ("act", "at", *DEEDS[act].needs) if slot not in slots and slot not in table.given]
        if lacking:
            raise TableError(f"the act {act} needs the slots {', '.join(lacking)}: add columns, or put them in `given`")
    if not {"order_no", "ticket_no"} & set(slots):
        raise TableError("the table has neither order_no nor ticket_no: no order could be found")
    if isinstance(table.wire, Fixed) and (bare := [c.name for c in columns if c.width < 1]):
        raise TableError(f"on a fixed-width wire every column has a width: {', '.join(bare)}")


def check_encoding(wire: Wire, encoding: str) -> None:
    """An encoding that Python knows; JSON has one only (RFC 8259, section 8.1)."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise TableError(f"there is no encoding {encoding!r}") from error
    if isinstance(wire, Json) and name != "utf-8":
        raise TableError(f"JSON is in UTF-8 (RFC 8259), not in {encoding}")


def check_codes(profile: Profile) -> None:
    """The connection's own tables must lead to codes that there are."""
    for name, codes in profile.code_tables.items():
        try:
            known = code_list(name)
        except FileNotFoundError as error:
            raise TableError(
                f"code_tables: there is no code list {name!r}: see docs/reference/code-lists.md"
            ) from error
        wrong = [f"{native!r}: {ours!r}" for native, ours in codes.items() if ours not in known]
        if wrong:
            there = ", ".join(row["code"] for row in known.rows)
            raise TableError(f"code_tables: {name} has no such codes: {', '.join(wrong)}; it has {there}")
