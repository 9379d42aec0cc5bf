"""What the hub says of a hold whose time is over. Its message id is the same whoever says it first."""

from collections.abc import Sequence
from datetime import datetime

from hub.intake.own_voice import own_receipt
from hub.intake.receipts import Receipt
from hub.ledger import HUB
from hub.store.orders import Lapsed
from schemas.facts import TicketStep


class HoldsLapsed(Exception):
    """Only holds whose time is over are in the way of a claim: they have to go first, then it is made again."""

    def __init__(self, holds: Sequence[Lapsed], now: datetime) -> None:
        super().__init__(f"{len(holds)} holds are over")
        self.holds, self.now = holds, now


def let_go(holds: Sequence[Lapsed], now: datetime) -> list[Receipt]:
    """Messages of the hub by which these holds expire, at the time when they did. ``now``: the business clock."""
    return [
        own_receipt(
            HUB,
            "hub",
            f"hold-expired/{ticket_no}/{expires_at:%Y%m%d%H%M%S}",
            name,
            [TicketStep(fact="ticket.hold_expired", occurred_at=expires_at, ticket_no=ticket_no)],
            expires_at,
            now,
        )
        for name, ticket_no, expires_at in holds
    ]
