"""Seats that come free after they were told as sold twice: who lost one gets it then, by a fact of the hub's own.

A channel sold a seat that another order still held here: a dispute, and the first holder kept it. When that holder's
refund or change arrives, late or in its time, nobody sits there any more, and the second sale was right. So the order
in which the two messages came does not matter in the end, and the seat is not sold a third time.
"""

from collections.abc import Callable
from datetime import datetime

from hub.intake.intake import Intake, Pool
from hub.intake.own_voice import own_receipt
from hub.intake.receipts import Receipt
from hub.ledger import HUB
from hub.ledger.reading import withdrawal
from hub.store import orders
from hub.store.orders import Stored
from schemas.facts import Retracted, SeatNotGranted
from schemas.observation import ReferenceClaim

_PAGE = 100
MESSAGE = "seat-free"
"""What the ids of these messages begin with."""


def grant_freed_seats(intake: Intake, pool: Pool, clock: Callable[[], datetime]) -> int:
    """Ask for every such seat; returns how many were granted. Safe to run twice and beside itself.

    Asked, not told: somebody may be quicker, and has the seat then.
    """
    now = clock()
    with pool.connection() as connection:
        found = orders.seats_come_free(connection, _PAGE)
        stored = orders.read(connection, [order_id for order_id, _, _ in found])
    receipts = [
        receipt
        for order_id, name, ticket_no in found
        if order_id in stored and (receipt := _asked(stored[order_id], name, ticket_no, now)) is not None
    ]
    # One by one: two of them may be for the same seat.
    return sum(answer.status == 200 for receipt in receipts for answer in intake.take([receipt]))


def _asked(stored: Stored, name: ReferenceClaim, ticket_no: str, now: datetime) -> Receipt | None:
    lost = SeatNotGranted(occurred_at=now, ticket_no=ticket_no).identity
    retracts = withdrawal(stored.document, lost, stands=True)
    if retracts is None or len(retracts) > 190:
        return None
    fact = Retracted(occurred_at=now, retracts=retracts, reason="the seat is free")
    message_id = f"{MESSAGE}/{ticket_no}/{stored.sequence}/{now:%Y%m%d%H%M%S}"
    return own_receipt(HUB, "hub", message_id, name, [fact], now, now, mode="ask")
