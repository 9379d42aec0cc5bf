"""Logouts as an operator looks after them: what is still to be told, and whom nobody could reach."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from sso import telling

DAY = timedelta(days=1)


def logouts(connection: Connection[TupleRow], now: datetime, limit: int) -> dict[str, Any]:
    """How many were told and wait, and each that did not arrive yet; nothing names the person who left."""
    row = connection.execute(
        """SELECT count(*) FILTER (WHERE state = 'delivered' AND delivered_at > %s),
                  count(*) FILTER (WHERE state = 'waiting'), count(*) FILTER (WHERE state = 'given_up')
           FROM sso.logout_delivery WHERE state <> 'delivered' OR delivered_at > %s""",
        (now - DAY, now - DAY),
    ).fetchone()
    told, waiting, given_up = row if row else (0, 0, 0)
    found = telling.undelivered(connection, limit)
    return {
        "told": told,
        "waiting": waiting,
        "given_up": given_up,
        # The place is what the person's browser said of itself, or where they stood: no business of an operator.
        "deliveries": [{name: value for name, value in asdict(each).items() if name != "place"} for each in found],
        "clients": sorted({each.client_id for each in found if each.state == "given_up"}),
    }
