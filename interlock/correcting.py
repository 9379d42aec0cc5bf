"""The port ``Corrections`` answered by the hub: every correction is a message or a delivery like any other.

Whatever reconciliation sets right comes in through intake, so it has a message, an outcome, postings and a place in the
order's timeline; what is taken back is retracted, never edited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake import Receipt
from hub.intake.own_voice import own_receipt
from hub.ledger import Document
from hub.ledger.reading import withdrawal
from hub.store import deliveries, orders
from interlock.clock import system_clock
from interlock.wiring import RECONCILIATION, Hub
from reconciliation.ports import Outcome
from schemas.facts import Adjusted, Fact, Retracted
from schemas.observation import ReferenceClaim

_TEXT_MAX = 200
"""What a text of the contract holds: the name of a fact, and a reason."""


class HubCorrections:
    """Calling twice with one id is harmless: the hub knows the message, or finds nothing left to withdraw."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def post(self, channel: str, message_id: str, raw: bytes) -> Outcome:
        return self._take(Receipt(channel, message_id, raw, "reconciliation", self._hub.clock()))

    def redeliver(self, channel: str, order_no: str) -> Outcome:
        with self._hub.pool.connection() as connection:
            order_id = _order_id(connection, order_no)
            event = deliveries.again(connection, channel, order_id, system_clock()) if order_id else None
        if event is None:
            return Outcome(False, "refused", f"there is nothing to tell {channel} about {order_no}")
        return Outcome(True, "queued", f"event {event}")

    def adjust(self, order_no: str, fact: Adjusted) -> Outcome:
        said = f"{order_no}|{fact.model_dump_json()}"
        outcome = self.state(
            order_no, f"adjusted/{hashlib.sha256(said.encode()).hexdigest()}", [fact], fact.occurred_at
        )
        return Outcome(outcome.done, outcome.word, outcome.detail, (fact.identity,) if outcome.done else ())

    def state(self, order_no: str, message_id: str, facts: Sequence[Fact], at: datetime) -> Outcome:
        name = ReferenceClaim(system="rail", kind="order", value=order_no)
        now = self._hub.clock()
        return self._take(own_receipt(RECONCILIATION, "reconciliation", message_id, name, facts, at, now))

    def withdraw(self, order_no: str, facts: Sequence[str], act: str, reason: str) -> Outcome:
        return self._turn(order_no, facts, f"withdraw/{act}", reason, stands=True)

    def restore(self, order_no: str, facts: Sequence[str], act: str, reason: str) -> Outcome:
        return self._turn(order_no, facts, f"restore/{act}", reason, stands=False)

    def _turn(self, order_no: str, facts: Sequence[str], message_id: str, reason: str, *, stands: bool) -> Outcome:
        """Retract what now ``stands``, or retract the retraction of what does not; nothing to do is done."""
        document = self._document(order_no)
        if document is None:
            return Outcome(False, "refused", f"the hub has no order {order_no}")
        found = {name: withdrawal(document, name, stands=stands) for name in dict.fromkeys(facts)}
        turned = {name: last for name, last in found.items() if last is not None}
        if not turned:
            return Outcome(True, "duplicate")
        long = next((last for last in turned.values() if len(last) > _TEXT_MAX), None)
        if long is not None:
            return Outcome(False, "refused", f"{long[:80]}... was withdrawn and restored too often to be named again")
        now = self._hub.clock()
        said = [Retracted(occurred_at=now, retracts=last, reason=reason[:_TEXT_MAX]) for last in turned.values()]
        outcome = self.state(order_no, f"{message_id}/{_digest(turned.values())}", said, now)
        return Outcome(outcome.done, outcome.word, outcome.detail, tuple(turned) if outcome.done else ())

    def _document(self, order_no: str) -> Document | None:
        with self._hub.pool.connection() as connection:
            order_id = _order_id(connection, order_no)
            if order_id is None:
                return None
            stored = orders.read(connection, [order_id]).get(order_id)
        return stored.document if stored is not None else None

    def _take(self, receipt: Receipt) -> Outcome:
        answer = self._hub.intake.take([receipt])[0]
        # What is on the ledger but disputed is not set right: the break stays for the next run or a person.
        settled = answer.status == 200 and answer.outcome != "disputed"
        facts = tuple(map(str, answer.body.get("facts", ())))
        return Outcome(settled, answer.outcome, str(answer.body.get("detail", "")), facts)


def _order_id(connection: Connection[TupleRow], order_no: str) -> UUID | None:
    return orders.find_by_reference(connection, "rail", "order", order_no)


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:24]
