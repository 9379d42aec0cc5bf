"""What one row says: values by slot, each with the field it came from; what no fact used becomes a loss."""

from collections.abc import Mapping
from typing import Any

from adapters.kit.reading import Record
from adapters.kit.refusing import Refused, refusal

Spot = tuple[Record, str]
"""A field: its record and its native name."""


class Saying:
    """The values of one row, those of the message's head among them. ``given``: what the channel never says.

    ``where``: slot -> its native name, and whether it stands in the head.
    """

    __slots__ = ("_given", "_head", "_record", "_values", "_where", "act", "channel", "used")

    def __init__(
        self,
        values: Mapping[str, Any],
        head: Record | None,
        record: Record,
        where: Mapping[str, tuple[str, bool]],
        given: Mapping[str, Any],
        channel: str,
    ) -> None:
        self._values = values
        self._head = head
        self._record = record
        self._where = where
        self._given = given
        self.channel = channel
        self.act = str(values.get("act", ""))
        self.used = {"act"}

    def get(self, slot: str, default: Any = None) -> Any:
        """The value, what the table gives for it, or ``default``."""
        self.used.add(slot)
        value = self._values.get(slot)
        return self._given.get(slot, default) if value is None else value

    def need(self, slot: str) -> Any:
        """The value; a row without it is refused with the field where it should be."""
        value = self.get(slot)
        if value is None:
            raise self.refuse(slot, "message_malformed", f"{slot} is missing: the act {self.act!r} needs it")
        return value

    def has(self, slot: str) -> bool:
        """Whether the row says this itself."""
        return self._values.get(slot) is not None

    def says_any(self, *slots: str) -> bool:
        """Whether the row says one of these itself."""
        return any(self._values.get(slot) is not None for slot in slots)

    def spot(self, slot: str) -> Spot | None:
        """The field of a slot; None when the table has no column for it."""
        if slot not in self._where:
            return None
        name, of_head = self._where[slot]
        return (self._head if of_head and self._head is not None else self._record), name

    def refuse(self, slot: str, code: str, detail: str, *, expected: str = "", example: str = "") -> Refused:
        """The exception to raise for the field of a slot."""
        spot = self.spot(slot) or self.spot("act")
        if spot is None:
            return refusal(code, "/", detail, expected=expected, example=example)
        record, name = spot
        return record.refuse(name, code, detail, expected=expected or slot, example=example)

    def unused(self) -> list[str]:
        """The slots with a value that no fact of this act has a place for."""
        return [slot for slot, value in self._values.items() if value is not None and slot not in self.used]

    def is_of_head(self, slot: str) -> bool:
        """Whether a slot is said in the message's head."""
        return self._where[slot][1]
