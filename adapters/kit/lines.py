"""Day extracts of one message per line (NDJSON): web, app, agents."""

import hashlib
from collections.abc import Sequence

from hub.ports import Part
from schemas.observation import Rejection


def split_lines(raw: bytes) -> Sequence[Part] | Rejection:
    """One part per line that is not blank. Ids are made of the bytes: the same line again is a duplicate."""
    return [part_of(line, number) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]


def part_of(line: bytes, number: int) -> Part:
    """One line as a part; lines count from 1."""
    return Part(f"line-{hashlib.sha256(line).hexdigest()[:32]}", line, f"line {number}")
