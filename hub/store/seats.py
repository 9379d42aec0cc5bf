"""The interlock itself: one row per seat and run, one bit per sold leg; PostgreSQL refuses the second sale."""

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store.appending import DATE, INT8, TEXT, packed
from hub.store.timetable import Place

_CLAIM = """
INSERT INTO hub.seats AS s (service_date, train, coach, seat, sold)
SELECT * FROM unnest(%s, %s, %s, %s, %s)
ON CONFLICT (service_date, train, coach, seat) DO UPDATE SET sold = s.sold | excluded.sold
WHERE s.sold & excluded.sold = 0
RETURNING service_date, train, coach, seat"""

_PLACE = (DATE, TEXT, TEXT, TEXT, INT8)

_RELEASE = """
UPDATE hub.seats SET sold = sold & ~%s::bigint
WHERE service_date = %s AND train = %s AND coach = %s AND seat = %s"""


def release(connection: Connection[TupleRow], places: Sequence[Place]) -> None:
    """Free these legs. Sorted, so that two transactions never wait for each other in a ring."""
    if places:
        with connection.cursor() as cursor:
            cursor.executemany(_RELEASE, [(p.legs, p.service_date, p.train, p.coach, p.seat) for p in sorted(places)])


def claim(connection: Connection[TupleRow], places: Sequence[Place]) -> list[bool]:
    """For each place, in the order given, whether it is now ours; of two claims on one seat the first comes first.

    One statement for all seats, in sorted order, so that two transactions never wait for each other in a ring. A
    statement may touch a row once: what is claimed again waits for the next one.
    """
    granted = [False] * len(places)
    waiting: dict[tuple[object, ...], list[int]] = {}
    for n, place in enumerate(places):
        waiting.setdefault(place[:-1], []).append(n)
    while waiting:
        turn = [waiting[seat].pop(0) for seat in sorted(waiting)]
        columns = zip(_PLACE, zip(*(places[n] for n in turn), strict=True), strict=True)
        ours = set(connection.execute(_CLAIM, [packed(kind, values) for kind, values in columns]))
        for n in turn:
            granted[n] = places[n][:-1] in ours
        waiting = {seat: rest for seat, rest in waiting.items() if rest}
    return granted


def holder(connection: Connection[TupleRow], place: Place) -> str | None:
    """The ticket whose legs are in the way."""
    row = connection.execute(
        """SELECT ticket_no FROM hub.tickets
           WHERE service_date = %s AND train = %s AND coach = %s AND seat = %s AND holds_seat AND legs & %s <> 0
           ORDER BY ticket_no LIMIT 1""",
        (place.service_date, place.train, place.coach, place.seat, place.legs),
    ).fetchone()
    return row[0] if row else None


def mismatches(connection: Connection[TupleRow]) -> list[tuple[str, str, str, str, int, int]]:
    """The standing check: seats whose row is not exactly the union of disjoint masks of the tickets that hold them.

    Each is (service date, train, coach, seat, what the row says, what the tickets say); an empty list is health.
    """
    return connection.execute(
        """SELECT service_date::text, train, coach, seat, coalesce(s.sold, 0), coalesce(t.sold, 0)
           FROM hub.seats s
           FULL JOIN (SELECT service_date, train, coach, seat, bit_or(legs) AS sold, sum(legs) AS total
                      FROM hub.tickets WHERE holds_seat GROUP BY 1, 2, 3, 4) t
           USING (service_date, train, coach, seat)
           WHERE coalesce(s.sold, 0) <> coalesce(t.sold, 0) OR coalesce(t.sold, 0) <> coalesce(t.total, 0)
           ORDER BY 1, 2, 3, 4 LIMIT 1000"""
    ).fetchall()


def sold(connection: Connection[TupleRow]) -> list[list[object]]:
    """Every seat with a sold leg, for the digest."""
    rows = connection.execute(
        "SELECT service_date::text, train, coach, seat, sold FROM hub.seats WHERE sold <> 0 ORDER BY 1, 2, 3, 4"
    )
    return [list(row) for row in rows]
