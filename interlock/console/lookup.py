"""Finding an order by whatever a person has in hand: its id, a ticket number, any system's reference."""

from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

FOUND_MAX = 50


def find_orders(connection: Connection[TupleRow], text: str) -> list[UUID]:
    """Orders that ``text`` names: an order id, a ticket number, or a reference of any system; at most 50.

    ``system:kind:value`` names one reference exactly; a bare value is looked for in every system.
    """
    wanted = text.strip()
    if not wanted or len(wanted) > 200 or "\x00" in wanted:
        return []
    if (identity := as_uuid(wanted)) is not None:
        # An order that was joined to another one is found under that one's id.
        query = """SELECT order_id FROM hub.orders WHERE order_id = %s
                   UNION SELECT into_id FROM hub.aliases WHERE order_id = %s"""
        return _ids(connection, query, identity, identity)
    system, _, rest = wanted.partition(":")
    kind, _, value = rest.partition(":")
    if value:
        query = "SELECT order_id FROM hub.refs WHERE system = %s AND kind = %s AND value = %s"
        return _ids(connection, query, system, kind, value)
    number = wanted.upper()
    found = _ids(
        connection,
        """SELECT order_id FROM hub.refs WHERE system = 'rail' AND kind = 'order' AND value = %s
           UNION SELECT order_id FROM hub.tickets WHERE ticket_no = %s""",
        number,
        number,
    )
    return found or _ids(connection, "SELECT DISTINCT order_id FROM hub.refs WHERE value IN (%s, %s)", wanted, number)


def as_uuid(text: str) -> UUID | None:
    """The UUID that ``text`` spells with hyphens, or None."""
    try:
        return UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def _ids(connection: Connection[TupleRow], query: str, *values: object) -> list[UUID]:
    return [row[0] for row in connection.execute(query.encode() + b" LIMIT %s", (*values, FOUND_MAX))]
