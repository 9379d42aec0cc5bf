"""How long a one-sided row waits for its counterpart.

A row from the edge of its date waits while grace lasts. After that it still waits if a later date of its window has
been run, because then that date decides: it clears the row there (TIMING), or, as the window's last, makes it a break.
Without this second rule, running an old date again would break rows that the next date has long cleared.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from psycopg import Connection

from reconciliation.definitions.model import Definition, Side

Origin = tuple[Side, date]
"""A side, and the business date that a row of it belongs to."""

EVERY_ROW = -(2**62)
"""An instant before every row: the whole date waits."""


def waits_from(
    definition: Definition, side: Side, origin: date, business_date: date, now: datetime, followed: bool
) -> int | None:
    """The first instant (microseconds since 1970 UTC) from which a one-sided row of ``origin`` waits in the run of
    ``business_date``; None when none does. ``followed``: see :func:`followed`. Raises YearNotKnown."""
    own, other = definition.days(side), definition.days("right" if side == "left" else "left")
    ripe = other.grace_is_over(origin, now)
    if ripe and not (followed and business_date < other.window(origin, side)[1]):
        return None
    if own.edge_minutes == 0:
        return None
    return EVERY_ROW if own.edge_minutes >= 1440 else own.span(origin)[1] - own.edge_minutes * 60_000_000


def waits(
    definition: Definition, business_date: date, origins: Iterable[Origin], now: datetime, followed: bool
) -> dict[Origin, int | None]:
    """:func:`waits_from` for both sides of the date itself and for every origin carried into it.

    The answer is part of a run's identity: it is all that the clock decides.
    """
    own: list[Origin] = [("left", business_date), ("right", business_date)]
    return {
        (side, origin): waits_from(definition, side, origin, business_date, now, followed)
        for side, origin in sorted({*own, *origins})
    }


def followed(connection: Connection[Any], definition: Definition, business_date: date) -> bool:
    """Whether a later date, in which rows of ``business_date`` may have their counterparts, has been run to its end."""
    last = max(definition.days(side).window(business_date, side)[1] for side in _SIDES)
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM recon.runs WHERE definition = %s AND state = 'done'"
        " AND business_date > %s AND business_date <= %s)",
        (definition.name, business_date, last),
    ).fetchone()
    return bool(row and row[0])


_SIDES: tuple[Side, Side] = ("left", "right")
