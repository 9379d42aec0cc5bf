"""How messages, refused ones and their answers are kept: sealed bytes, answers without native values."""

from uuid import UUID

import msgspec

from hub.intake.answers import Answer
from hub.intake.decide import Decision
from hub.intake.receipts import Receipt
from hub.store import messages

REJECTED_HEAD_BYTES = 4096
_encode = msgspec.json.Encoder().encode


def message_row(
    raw: bytes,
    receipt: Receipt,
    media_type: str,
    answer: Answer,
    decision: Decision | None = None,
    order_id: UUID | None = None,
) -> messages.MessageRow:
    """A message with what became of it; ``raw`` is sealed, ``decision`` None for one that its adapter rejected."""
    refused = answer.outcome == "refused"
    return messages.MessageRow(
        channel=receipt.channel,
        message_id=receipt.message_id,
        digest=receipt.digest,
        source=receipt.source,
        media_type=media_type,
        raw=raw,
        received_at=receipt.received_at,
        occurred_at=decision.observation.occurred_at if decision else None,
        outcome=answer.outcome,
        code=str(answer.body["code"]) if refused else None,
        arrival=decision.arrival if decision else "in_order",
        order_id=order_id,
        sequence=decision.sequence if decision else None,
        answer=encode_answer(answer),
    )


def rejection_row(head: bytes, receipt: Receipt, answer: Answer) -> messages.RejectionRow:
    """What could not become a message: its first bytes (``head``, sealed), and why."""
    return messages.RejectionRow(
        channel=receipt.channel,
        message_id=receipt.message_id or None,
        code=str(answer.body["code"]),
        digest=receipt.digest,
        size_bytes=len(receipt.raw),
        raw_head=head,
        problem=encode_answer(answer),
        received_at=receipt.received_at,
    )


def encode_answer(answer: Answer) -> str:
    """The answer as it is kept: without native values, which may be personal; the sealed raw bytes have them."""
    kept = dict(answer.body)
    for part, native in (("pointers", "found"), ("losses", "native")):
        if kept.get(part):
            kept[part] = [{key: value for key, value in item.items() if key != native} for item in kept[part]]
    return _encode(kept).decode()
