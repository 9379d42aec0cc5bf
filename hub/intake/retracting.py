"""Withdrawing a fact: two people, one message, and nothing that was written is changed.

One person names a fact of an order and a reason; another one approves. Then the hub says ``retracted`` in a message of
its own: it is decided, recorded, posted (the mirror image, from now on) and told to the channels like any other.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hub.intake.intake import Intake, Pool
from hub.intake.own_voice import spoken
from hub.intake.receipts import Receipt
from hub.ledger import HUB, Document
from hub.ledger.reading import readings
from hub.store import orders, retractions
from hub.store.audit import Audit
from schemas.facts import PointOfSale, Retracted
from schemas.observation import Observation, ReferenceClaim
from schemas.problems import ProblemError, problem

REASON_MAX = 100
"""What a fact has room for beside the names of two people."""
_FACT_MAX = 200
_ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True, slots=True)
class Retracting:
    """The acts. ``person`` is whoever was verified to hold ``hub:finance``: the caller has checked that."""

    pool: Pool
    intake: Intake
    audit: Audit
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID] = uuid.uuid4

    def propose(self, order_id: UUID, fact: str, reason: str, person: str) -> dict[str, Any]:
        """A proposal that waits for a second person.

        Raises ``order_unknown``, and ``query_invalid`` for a fact that the order does not have or that does not stand.
        """
        with self.pool.connection() as connection:
            stored = orders.read(connection, [order_id]).get(order_id)
            if stored is None:
                raise ProblemError(problem("order_unknown"))
            if fact not in {reading.identity for reading in readings(stored.document)}:
                raise ProblemError(problem("query_invalid", "The order has no such fact that stands."))
            if len(fact) > _FACT_MAX:
                raise ProblemError(problem("query_invalid", "This fact's name is too long to be withdrawn."))
            now = self.clock()
            row = retractions.propose(connection, self.new_id(), order_id, fact, reason, person, now)
            self.audit.record(connection, now, person, "retraction.propose", row["retraction_id"], _detail(row))
        return row

    def reject(self, retraction_id: UUID, person: str) -> dict[str, Any]:
        """The second person's no: the fact stands."""
        return self._decide(retraction_id, person, "rejected")

    def approve(self, retraction_id: UUID, person: str) -> dict[str, Any]:
        """The second person's yes: the fact is withdrawn now. Raises ``not_ready`` if that has to be tried again."""
        row = self._decide(retraction_id, person, "approved")
        with self.pool.connection() as connection:
            stored = orders.read(connection, [UUID(row["order_id"])])[UUID(row["order_id"])]
        answer = self.intake.take([_receipt(row, stored.document)])[0]
        if answer.status != 200:
            raise ProblemError(problem("not_ready" if answer.status == 503 else "internal"))
        with self.pool.connection() as connection:
            return retractions.conclude(connection, retraction_id, answer.outcome)

    def _decide(self, retraction_id: UUID, person: str, state: retractions.State) -> dict[str, Any]:
        now = self.clock()
        with self.pool.connection() as connection:
            row = retractions.decide(connection, retraction_id, person, state, now)
            act = "retraction.approve" if state == "approved" else "retraction.reject"
            self.audit.record(connection, now, person, act, row["retraction_id"], _detail(row))
        return row


def _detail(row: dict[str, Any]) -> dict[str, Any]:
    return {"order": row["order_id"], "fact": row["fact"]}


def _receipt(row: dict[str, Any], document: Document) -> Receipt:
    """The hub's own message; the same again if it is taken up again, because it says when the decision was made."""
    at: datetime = row["decided_at"]
    known = next((r for r in document.references if (r.system, r.kind) == ("rail", "order")), document.references[0])
    fact = Retracted(
        occurred_at=at,
        retracts=row["fact"],
        reason=f"{row['reason']} ({row['proposed_by']}; approved by {row['decided_by']})"[:_FACT_MAX],
    )
    observation = Observation(
        mode="tell",
        references=(ReferenceClaim(system=known.system, kind=known.kind, value=known.value),),
        occurred_at=at,
        business_date=at.astimezone(_ZONE).date(),
        point_of_sale=PointOfSale(channel=HUB),
        facts=(fact,),
    )
    return Receipt(HUB, f"retraction/{row['retraction_id']}", spoken(observation), "hub", at)
