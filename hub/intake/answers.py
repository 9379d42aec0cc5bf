"""What a sender is told: an outcome, or a problem."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.intake.receipts import Receipt
from hub.store.concealing import without_numbers
from schemas.observation import Observation, Rejection
from schemas.order import Order
from schemas.problems import Pointer, Problem, problem


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status and JSON body; ``repeated`` when an earlier answer is given again."""

    status: int
    body: dict[str, Any]
    repeated: bool = False

    @property
    def outcome(self) -> str:
        return str(self.body.get("outcome", "refused"))

    def again(self) -> "Answer":
        """The first answer for a message that came again: its outcome reads ``duplicate``, a refusal stays one."""
        if self.outcome == "refused":
            return Answer(self.status, self.body, repeated=True)
        return Answer(self.status, {**self.body, "outcome": "duplicate", "first_outcome": self.outcome}, repeated=True)


def decided(
    receipt: Receipt, observation: Observation, outcome: str, order: Order, facts: tuple[str, ...], opened: list[str]
) -> Answer:
    """The answer to a message that is on the ledger."""
    return Answer(
        200,
        {
            "outcome": outcome,
            "channel": receipt.channel,
            "message_id": receipt.message_id,
            "order_id": str(order.order_id),
            "order_version": order.version,
            "complete": order.complete,
            "facts": list(facts),
            "disputes": opened,
            "losses": [loss.model_dump(exclude_defaults=True) for loss in observation.losses],
        },
    )


def refused(receipt: Receipt, refusal: Problem, order_id: UUID | None = None) -> Answer:
    """A problem with the message's name on it."""
    body = refusal.model_dump(mode="json") | {
        "outcome": "refused",
        "channel": receipt.channel,
        "message_id": receipt.message_id,
    }
    if order_id is not None:
        body["order_id"] = str(order_id)
    return Answer(refusal.status, body)


def rejected(receipt: Receipt, rejection: Rejection) -> Answer:
    """The problem that an adapter's rejection is."""
    place = Pointer(
        pointer=rejection.pointer,
        expected=rejection.expected,
        found=without_numbers(rejection.found),
        example=rejection.example,
    )
    return refused(receipt, problem(rejection.code, without_numbers(rejection.detail), (place,)))
