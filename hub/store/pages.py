"""Pages of the books: totals over the event log, 1000 events each, made behind the commit barrier.

The barrier (see :mod:`hub.store.events`) keeps new lines out of a page for ever, so a page is written once. Pages hold
nothing that the log does not: they may be thrown away and made again, and a standing check compares the two.
"""

from collections.abc import Iterator

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

PAGE_EVENTS = 1000
"""A balance sums the newest lines one by one, at most so many events; smaller pages cost more rows. Chosen."""

_LOCK = 0x626F6F6B7300  # "books": one hand turns the pages


def turn(connection: Connection[TupleRow], size: int = PAGE_EVENTS) -> bool:
    """Make the next page of ``size`` events and commit it; False when there is none, or another process is at it."""
    with connection.transaction():
        row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone()
        if row is None or not row[0]:
            return False
        made = connection.execute(_NEXT_PAGE, {"more": size - 1, "size": size}).fetchone()
        if made is None:
            return False
        connection.execute(_TOTALS.encode(), {"page": made[0], "until": made[0]})
    return True


def turn_some(pool: ConnectionPool[Connection[TupleRow]], pages: int = 5) -> bool:
    """Make at most ``pages`` pages, so that nobody waits long behind it; whether there may be more to make."""
    with pool.connection() as connection:
        return all(turn(connection) for _ in range(pages))


def forget(connection: Connection[TupleRow]) -> None:
    """Throw all pages away; :func:`turn` makes them again from the log. Nothing is lost: they are sums."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    connection.execute("DELETE FROM hub.book_totals")
    connection.execute("DELETE FROM hub.book_pages")


_NEXT_PAGE = """
INSERT INTO hub.book_pages (page, after_txid, after_position, last_txid, last_position, events, recorded_from,
                            recorded_to)
SELECT b.page + 1, b.txid, b.position, last.txid, last.position, s.events, s.recorded_from, s.recorded_to
FROM (SELECT page, last_txid AS txid, last_position AS position FROM hub.book_pages
      UNION ALL SELECT 0, '0'::xid8, 0 ORDER BY page DESC LIMIT 1) b,
    LATERAL (SELECT e.txid, e.position FROM hub.events e
             WHERE (e.txid, e.position) > (b.txid, b.position) AND e.txid < pg_snapshot_xmin(pg_current_snapshot())
             ORDER BY e.txid, e.position OFFSET %(more)s LIMIT 1) last,
    LATERAL (SELECT count(*) AS events, min(e.recorded_at) AS recorded_from, max(e.recorded_at) AS recorded_to
             FROM (SELECT recorded_at FROM hub.events
                   WHERE (txid, position) > (b.txid, b.position)
                   ORDER BY txid, position LIMIT %(size)s) e) s
RETURNING page"""

_SUMMED = """
SELECT l.account, g.page, l.currency, date_trunc('hour', l.happened_at, 'UTC') AS hour,
       sum(greatest(l.amount, 0))::bigint AS debit, sum(greatest(-l.amount, 0))::bigint AS credit, count(*) AS lines
FROM hub.book_pages g, LATERAL (
    SELECT * FROM hub.book_lines WHERE position = ANY(ARRAY(
        SELECT e.position FROM hub.events e WHERE (e.txid, e.position) > (g.after_txid, g.after_position)
        ORDER BY e.txid, e.position LIMIT g.events))) l
WHERE g.page BETWEEN %(page)s AND %(until)s
GROUP BY 1, 2, 3, 4"""

_TOTALS = f"""
INSERT INTO hub.book_totals (account, page, currency, hour, debit, credit, lines)
{_SUMMED}"""

_DIFFERENT = f"""
SELECT coalesce(t.page, s.page), coalesce(t.account, s.account), coalesce(t.currency, s.currency),
       coalesce(t.hour, s.hour), t.debit, t.credit, t.lines, s.debit, s.credit, s.lines
FROM ({_SUMMED}) s FULL JOIN (SELECT * FROM hub.book_totals WHERE page BETWEEN %(page)s AND %(until)s) t
    USING (account, page, currency, hour)
WHERE (t.debit, t.credit, t.lines) IS DISTINCT FROM (s.debit, s.credit, s.lines)
ORDER BY 1, 2, 3, 4"""

_AT_ONCE = 50


def differences(connection: Connection[TupleRow]) -> Iterator[tuple[str, str]]:
    """(where, what) of every total that is not what the log says, and of pages that leave something out."""
    row = connection.execute("SELECT max(page) FROM hub.book_pages").fetchone()
    last = (row[0] if row else None) or 0
    for first in range(1, last + 1, _AT_ONCE):
        found = connection.execute(_DIFFERENT.encode(), {"page": first, "until": first + _AT_ONCE - 1}).fetchall()
        for page, account, currency, hour, *sums in found:
            stands, says = sums[:3], sums[3:]
            where = f"page {page} {account} {currency} {hour.isoformat()}"
            yield where, f"debit, credit, lines {stands} instead of {says}"
    for page, after, before in connection.execute(_GAPS):
        yield f"page {page}", f"not the events behind {after}; the page before it ends at {before}"


_GAPS = """
SELECT p.page, p.after_position, p.ended FROM (
    SELECT g.*, lag(g.last_txid, 1, '0'::xid8) OVER w AS ended_txid, lag(g.last_position, 1, 0::bigint) OVER w AS ended,
           lag(g.page, 1, 0::bigint) OVER w AS last_page
    FROM hub.book_pages g WINDOW w AS (ORDER BY g.page)) p,
    LATERAL (SELECT count(*) AS events, min(e.recorded_at) AS recorded_from, max(e.recorded_at) AS recorded_to,
                    (array_agg(e.position ORDER BY e.txid, e.position))[count(*)] AS last_position
             FROM (SELECT txid, position, recorded_at FROM hub.events
                   WHERE (txid, position) > (p.after_txid, p.after_position)
                   ORDER BY txid, position LIMIT p.events) e) s
WHERE (p.after_txid, p.after_position, p.page) IS DISTINCT FROM (p.ended_txid, p.ended, p.last_page + 1)
   OR (p.last_position, p.events, p.recorded_from, p.recorded_to)
      IS DISTINCT FROM (s.last_position, s.events, s.recorded_from, s.recorded_to)
ORDER BY p.page"""
