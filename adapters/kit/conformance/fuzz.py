"""Hostile and unlucky messages from an adapter's own samples; chance is passed in, so a seed or hypothesis drives it.

mutated    bytes changed, cut out, doubled or moved: what a bad line does to a message
mixed      the samples' values in new combinations, with values of the wrong kind among them: what a channel's next
           release does to it. Together the samples are the native schema, as far as anybody has written it down.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from adapters.kit.conformance.fields import ABSENT, Message

_ODD: tuple[Any, ...] = (
    ABSENT,
    "",
    "0",
    "-1",
    "?",
    "99999999999999999999",
    "9" * 400,
    "2026-02-30 25:61:61",
    "\u202e\u0000",
    "测试",
    0,
    -1,
    10**30,
    True,
    None,
)
_PRINTED = b'0123456789-. "{}[]<>ZY'


def mixed(message: Message, schema: Mapping[str, list[Any]], chance: Random) -> tuple[bytes, str]:
    """A message with one to six fields set to values seen at that place, at any place, or at none; and what was set."""
    fields = message.fields
    changes: dict[str, Any] = {}
    for _ in range(chance.randint(1, min(6, len(fields)))):
        field = fields[chance.randrange(len(fields))]
        match chance.randrange(4):
            case 0 | 1:
                pool: Any = schema[field.pattern]
            case 2:
                pool = schema[sorted(schema)[chance.randrange(len(schema))]]
            case _:
                pool = _ODD
        changes[field.path] = _writable(pool[chance.randrange(len(pool))], field.value)
    return message.written(changes), ", ".join(
        f"{path} = {'absent' if v is ABSENT else repr(v)[:40]}" for path, v in changes.items()
    )


def _writable(value: Any, known: Any) -> Any:
    """Text wires carry text without controls; JSON carries anything."""
    if isinstance(known, str) and isinstance(value, str):
        return "".join(letter for letter in value if letter.isprintable())
    return value


def mutated(raw: bytes, chance: Random) -> bytes:
    """One to three of: a byte changed, a span removed, doubled or moved, a character of another kind."""
    data = bytearray(raw)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0:
                data[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del data[place : place + chance.randint(1, 8)]
            case 2:
                data[place:place] = data[place : place + chance.randint(1, 30)]
            case 3:
                data[place : place + 1] = _PRINTED[chance.randrange(22) :][:1]
            case _:
                span = data[place : place + 10]
                del data[place : place + 10]
                other = chance.randrange(len(data) + 1)
                data[other:other] = span
    return bytes(data)
