"""Holds that nobody paid: released when their time is over, by a fact of the hub's own."""

from collections.abc import Callable
from datetime import datetime

from hub.intake.intake import Intake, Pool
from hub.intake.lapsing import let_go
from hub.store import orders

_PAGE = 200


def expire_holds(intake: Intake, pool: Pool, clock: Callable[[], datetime]) -> int:
    """Expire every hold whose time is over; returns how many. Safe to run twice and beside itself."""
    expired = 0
    while True:
        now = clock()
        with pool.connection() as connection:
            lapsed = orders.lapsed_holds(connection, now, _PAGE)
        receipts = let_go(lapsed, now)
        answers = intake.take(receipts) if receipts else []
        done = sum(not answer.repeated and answer.status == 200 for answer in answers)
        expired += done
        if len(lapsed) < _PAGE or not done:
            return expired
