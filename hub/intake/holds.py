"""Holds that nobody paid: released when their time is over, by a fact of the hub's own."""

from collections.abc import Callable
from datetime import datetime

from hub.intake.intake import Intake, Pool
from hub.intake.own_voice import own_receipt
from hub.ledger import HUB
from hub.store import orders
from schemas.facts import TicketStep

_PAGE = 200


def expire_holds(intake: Intake, pool: Pool, clock: Callable[[], datetime]) -> int:
    """Expire every hold whose time is over; returns how many. Safe to run twice and beside itself."""
    expired = 0
    while True:
        now = clock()
        with pool.connection() as connection:
            lapsed = orders.lapsed_holds(connection, now, _PAGE)
        receipts = [
            own_receipt(
                HUB,
                "hub",
                f"hold-expired/{ticket_no}/{expires_at:%Y%m%d%H%M%S}",
                name,
                [TicketStep(fact="ticket.hold_expired", occurred_at=expires_at, ticket_no=ticket_no)],
                expires_at,
                now,
            )
            for name, ticket_no, expires_at in lapsed
        ]
        answers = intake.take(receipts) if receipts else []
        done = sum(not answer.repeated and answer.status == 200 for answer in answers)
        expired += done
        if len(lapsed) < _PAGE or not done:
            return expired
