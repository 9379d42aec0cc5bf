"""Files of lines: what CSV and fixed width share. A last line without its end is a file that was cut off."""

import hashlib
from collections.abc import Iterable, Iterator

from adapters.kit.decoding import check_size
from adapters.kit.refusing import refusal
from adapters.kit.tables.wires.port import ROWS_MOST
from hub.ports import Part


def whole_lines(raw: bytes, maximum: int | None) -> list[bytes]:
    """The lines without their ends (LF or CR LF). Refuses an empty message and one whose last line has no end."""
    if maximum is not None:
        check_size(raw, maximum)
    if not raw.strip():
        raise refusal("message_malformed", "line 1", "there is nothing in it", expected="lines")
    if not raw.endswith(b"\n"):
        number = raw.count(b"\n") + 1
        detail = "the last line has no end: it was cut off, or its writer forgot it"
        raise refusal("message_truncated", f"line {number}", detail, expected="a line break after every line")
    return [line.removesuffix(b"\r") for line in raw.split(b"\n")[:-1]]


def grouped(rows: Iterable[tuple[int, bytes, tuple[str, ...]]]) -> Iterator[tuple[int, list[bytes]]]:
    """Neighbouring rows with one key (order and moment) belong to one message: (number of the first, their lines)."""
    begun, key, lines = 0, None, list[bytes]()
    for number, line, own in rows:
        if lines and (own != key or len(lines) == ROWS_MOST):
            yield begun, lines
            lines = []
        if not lines:
            begun, key = number, own
        lines.append(line)
    if lines:
        yield begun, lines


def part(raw: bytes, number: int, count: int) -> Part:
    """One message of a file. Its id is made of its bytes: the same rows again are a duplicate."""
    place = f"line {number}" if count == 1 else f"lines {number}-{number + count - 1}"
    return Part(message_id=f"rows-{hashlib.sha256(raw).hexdigest()[:32]}", raw=raw, place=place)
