"""Settlement files as they come. What a file concerns is told by the business dates inside it, never by its name.

A file is read once, when it is first seen; the same bytes under another name, or again, are no arrival.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that was not known: of which dates it has lines, or why it was refused."""

    source: str
    name: str
    sha256: str
    bytes: int
    business_dates: tuple[date, ...]
    refused: str | None = None


Files = Callable[[str], Iterable[tuple[str, Path]]]
"""source -> (name, path) of every file that has come from it and is whole."""

DatesOf = Callable[[str, Path], tuple[tuple[date, ...], str | None]]
"""(source, path) -> the business dates inside, and why it was refused if it was."""


def take_arrivals(
    connection: Connection[Any], sources: Iterable[str], files: Files, dates_of: DatesOf, now: datetime
) -> list[Arrival]:
    """Write down every file that is new, with its dates; returns them. Reading the same folder again finds none."""
    found: list[Arrival] = []
    for source in sorted(set(sources)):
        known = {
            (name, size)
            for name, size in connection.execute(
                "SELECT name, bytes FROM recon.arrivals WHERE source = %s", (source,)
            ).fetchall()
        }
        for name, path in files(source):
            size = path.stat().st_size
            # Another content under a known name and of the same size would escape here; telling it apart would mean to
            # read every old file every time. Files are dropped under new names.
            if (name, size) not in known:
                found += _take(connection, source, name, path, size, dates_of, now)
    return found


def _take(
    connection: Connection[Any], source: str, name: str, path: Path, size: int, dates_of: DatesOf, now: datetime
) -> list[Arrival]:
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
    days, refused = dates_of(source, path)
    row = connection.execute(
        "INSERT INTO recon.arrivals (source, sha256, name, bytes, business_dates, refused, arrived_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING true",
        (source, digest.hexdigest(), name, size, list(days), refused, now),
    ).fetchone()
    return [Arrival(source, name, digest.hexdigest(), size, days, refused)] if row else []
