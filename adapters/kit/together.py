"""Fields that are read together, and say the same in many messages: the train, the seat.

A train sells a thousand seats, and all trains number theirs alike. To read a train takes nine fields, five times and
codes and their checks: 50 to 70 thousand instructions, a tenth of a message; to find what the same words meant before
takes 8. What was read is remembered only when reading it lost nothing, left nothing unread and refused nothing, so
that a remembered answer is always the whole answer. People are never read this way: nothing about them is kept.

>>> from adapters.kit.reading import Record
from adapters.kit.refusing import Losses
>>> train = Together(lambda record: record.text("code") + record.text("day"), "code", "day")
>>> message = Record({"code": "G11", "day": "2026-01-11", "more": "?"}, "", Losses(), "web")
>>> train(message), train(Record(message.fields, "", Losses(), "web"))
('G112026-01-11', 'G112026-01-11')
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Generic, TypeVar

import msgspec

from adapters.kit.reading import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")

_KNOWN_MOST, _KEY_MOST = 8192, 1000
# JSON tells a number from its text and true from 1, which are equal as keys of a dictionary, or are not hashable at
# all; encoding a train costs a third of hashing its parts.
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Together(Generic[R, T]):
    """``read`` of a record's fields ``names``, and of no others; called with a record, it answers what they say.

    ``given``: what the answer depends on besides the fields, such as the date that a year is guessed from. A table of
    codes is not part of it: one of these for each connection. ``read`` answers anything but None.
    """

    def __init__(self, read: Callable[[R], T], *names: str, given: Callable[[R], object] | None = None) -> None:
        self._read = read
        self._names = names
        self._said = itemgetter(*names)
        self._given = given
        self._known: dict[bytes, T] = {}

    def __call__(self, record: R) -> T:
        key = self._key(record)
        if key is None:
            return self._read(record)
        found = self._known.get(key)
        if found is None:
            return self._learnt(record, key)
        record.repeated(*self._names)
        return found

    def _key(self, record: R) -> bytes | None:
        try:
            said: object = self._said(record.fields)
        except KeyError:
            said = self._present(record)
        try:
            return _encode(said if self._given is None else (said, self._given(record)))
        except (TypeError, UnicodeEncodeError):  # elements of XML, half a character: nothing that repeats
            return None

    def _present(self, record: R) -> object:
        """Names and values, fewer than there are names: never equal to the values of all."""
        return [(name, record.fields[name]) for name in self._names if name in record.fields]

    def _learnt(self, record: R, key: bytes) -> T:
        """Read from these fields alone: what else the record has is not there for ``read``."""
        lost = record.losses.count
        found = record.alone(self._names, self._read)
        whole = record.losses.count == lost and not any(name in record.unread for name in self._names)
        if whole and len(key) <= _KEY_MOST:
            if len(self._known) >= _KNOWN_MOST:
                self._known.clear()  # a new timetable: what is sold now is learnt again within minutes
            self._known[key] = found
        return found
