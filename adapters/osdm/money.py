"""Money that moves: what OSDM leaves to the two parties, and the envelope therefore adds.

OSDM knows how a customer paid (``paymentMethods``: a type and a transaction id) and what is to be paid back
(``refundableAmount``), but no amount, time, processor or state of either. ``payments`` and ``reimbursements`` are ours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from adapters.kit import built, trains
from adapters.kit.reading import Record
from adapters.kit.refusing import Losses
from adapters.osdm.wire import TIME, Native, present, read_price, write_code, write_price
from adapters.osdm.wire import write_time as written
from schemas.codes import UNKNOWN, code_list
from schemas.facts import Override, PaymentFact, RefundFact
from schemas.model import altered
from schemas.money import Money
from schemas.order import Order, Payment, Refund

_METHOD, _PROCESSOR = code_list("payment_method"), code_list("processor")
_MOST = 20

PaymentWord = Literal[
    "payment.initiated", "payment.captured", "payment.failed", "payment.cancelled", "payment.charged_back"
]
RefundWord = Literal["refund.requested", "refund.sent", "refund.settled", "refund.failed"]
PAYMENT_WORDS: dict[str, PaymentWord] = {
    "INITIATED": "payment.initiated",
    "CAPTURED": "payment.captured",
    "FAILED": "payment.failed",
    "CANCELLED": "payment.cancelled",
    "CHARGED_BACK": "payment.charged_back",
}
REFUND_WORDS: dict[str, RefundWord] = {
    "INITIATED": "refund.requested",
    "DECIDED": "refund.sent",
    "SETTLED": "refund.settled",
    "FAILED": "refund.failed",
}
"""BackOfficeStatus as OSDM's ReimbursementEvent has it, and FAILED, which it lacks."""
_PAYMENT_WORD = {fact: word for word, fact in PAYMENT_WORDS.items()}
_REFUND_WORD = {fact: word for word, fact in REFUND_WORDS.items()}


@dataclass(frozen=True, slots=True)
class Owed:
    """What a confirmed refund offer or exchange operation says is to be paid back, and for which tickets.

    ``requested`` is the whole of it as one repayment, None for an exchange, whose repayment only the envelope tells.
    """

    ticket_nos: tuple[str, ...]
    fee: Money
    net: Money
    record: Record
    requested: RefundFact | None = None
    override: Override | None = None


def read_payments(message: Record) -> Iterator[PaymentFact]:
    """Every payment; one that was charged back was captured before."""
    for record in message.children("payments", most=_MOST):
        fact = built.payment_fact(
            fact=record.choice("status", PAYMENT_WORDS),
            processor=record.code("provider", _PROCESSOR),
            processor_ref=trains.processor_ref(record, "transactionId"),
            method=record.code_or_unknown("type", _METHOD),
            amount_gross=read_price(record, "amount"),
            fee=read_price(record, "fee") if record.has("fee") else None,
            occurred_at=record.time("dateTime", TIME),
        )
        if fact.fact == "payment.charged_back" and record.has("capturedOn"):
            captured_at = record.time("capturedOn", TIME)
            yield altered(fact, {"fact": "payment.captured", "occurred_at": captured_at})
        record.finish()
        yield fact


def check_methods(booking: Record, payments: tuple[PaymentFact, ...]) -> None:
    """The booking's own ``paymentMethods`` repeat the payments; one that none of them names is a loss."""
    known = {payment.processor_ref for payment in payments}
    for record in booking.children("paymentMethods", most=_MOST):
        if record.optional("transactionId") not in known:
            record.lost("transactionId", "not_mapped", "no amount, time and processor of it among the payments")
        if record.has("type"):
            record.code_or_unknown("type", _METHOD)
        record.finish()


def read_reimbursements(
    message: Record, offers: Mapping[str, Owed], operations: Mapping[str, Owed], processor: str | None
) -> list[RefundFact]:
    """Every repayment; a refund offer without one is a repayment of its own, over the order's one ``processor``."""
    facts: list[RefundFact] = []
    told: dict[str, list[RefundFact]] = {}
    for record in message.children("reimbursements", most=_MOST):
        stages = list(_reimbursement(record, offers, operations))
        about = record.fields.get("refundOfferId") or record.fields.get("exchangeOperationId")
        told.setdefault(str(about), []).append(stages[0])
        facts += stages
    for name, operation in operations.items():
        if name in told and operation.net.amount != sum(fact.amount_net.amount for fact in told[name]):
            detail = "the reimbursements of the exchange are another amount together"
            raise operation.record.refuse("exchangeOffers", "amount_invalid", detail)
    for name, offer in offers.items():
        if name in told:
            _check_sum(offer, told[name])
            if offer.requested and all(fact.occurred_at != offer.requested.occurred_at for fact in told[name]):
                offer.record.lost("confirmedOn", "less_precise", "the reimbursement says when, and counts")
        elif offer.requested is not None:
            if processor is None:
                offer.record.lost("id", "less_precise", "no reimbursement names it: over which processor is not known")
            facts.append(altered(offer.requested, {"processor": processor or UNKNOWN}))
    return facts


def _reimbursement(record: Record, offers: Mapping[str, Owed], operations: Mapping[str, Owed]) -> Iterator[RefundFact]:
    owed = _owed(record, "refundOfferId", offers) or _owed(record, "exchangeOperationId", operations)
    status = record.choice("status", REFUND_WORDS)
    fee, net = read_price(record, "refundFee", default=0), read_price(record, "refundableAmount")
    part_of = trains.processor_ref(record, "partOf") if record.has("partOf") else None
    external = record.take("external")
    if external not in (None, True, False):
        raise record.refuse("external", "message_malformed", "external is true or false", expected="true or false")
    first = RefundFact(
        fact=status if external else "refund.requested",
        processor=record.code("provider", _PROCESSOR),
        refund_ref=trains.processor_ref(record, "id"),
        ticket_nos=owed.ticket_nos if owed else (),
        amount_gross=fee + net,
        fee=fee,
        amount_net=net,
        payment_ref=trains.processor_ref(record, "transactionId") if record.has("transactionId") else None,
        part_of=part_of,
        external=bool(external),
        override=owed.override if owed and part_of is None else None,
        occurred_at=record.time("createdOn", TIME),
    )
    yield first
    became_at = record.optional_time("dateTime", TIME)
    if became_at is not None and status != first.fact:
        yield altered(first, {"fact": status, "occurred_at": became_at})
    elif status != first.fact:
        record.lost("status", "less_precise", "no field says when")
    elif became_at is not None:
        record.lost("dateTime", "not_mapped", "createdOn says when")
    record.finish()


def _owed(record: Record, name: str, known: Mapping[str, Owed]) -> Owed | None:
    if not record.has(name):
        return None
    owed = known.get(record.text(name))
    if owed is None:
        raise record.refuse(name, "identifier_invalid", "nothing of that name was confirmed in this booking")
    return owed


def _check_sum(offer: Owed, repaid: list[RefundFact]) -> None:
    """What is paid back must be what was confirmed: money of a split repayment must not get lost between its parts."""
    fee, net = sum(fact.fee.amount for fact in repaid), sum(fact.amount_net.amount for fact in repaid)
    for name, confirmed, found in (("refundFee", offer.fee, fee), ("refundableAmount", offer.net, net)):
        if confirmed.amount != found:
            raise offer.record.refuse(name, "amount_invalid", f"its reimbursements are {found} fen together")


def write_payments(order: Order, losses: Losses) -> Iterator[Native]:
    """Payments that say when; ``paymentMethods`` would only repeat them."""
    for index, payment in enumerate(order.payments):
        at = payment.captured_at if payment.state == "captured" else payment.state_since
        if at is None:
            losses.add(f"/payments/{index}/state", "not_expressible", payment.state, "nobody says when")
        else:
            yield _payment(payment, written(at), losses)


def _payment(payment: Payment, at: str | None, losses: Losses) -> Native:
    place = f"/payments/{payment.payment_id}"
    return present(
        {
            "type": write_code("payment_method", payment.method, f"{place}/method", losses),
            "provider": write_code("processor", payment.processor, f"{place}/processor", losses),
            "transactionId": payment.processor_ref,
            "amount": write_price(payment.amount_gross),
            "fee": write_price(payment.fee) if payment.fee else None,
            "status": _PAYMENT_WORD[f"payment.{payment.state}"],  # type: ignore[index]
            "dateTime": at,
            "capturedOn": written(payment.captured_at) if payment.state == "charged_back" else None,
        }
    )


def write_reimbursement(refund: Refund, link: Native, losses: Losses) -> Native:
    """One repayment; ``link`` names its refund offer or exchange operation."""
    place = f"/refunds/{refund.refund_id}"
    began = refund.state_since or refund.requested_at if refund.external else refund.requested_at
    later = refund.state != "requested" and not refund.external
    if later and refund.state_since is None:
        losses.add(f"{place}/state", "less_precise", refund.state, "nobody says when")
    return present(
        {
            "id": refund.refund_ref,
            **link,
            "status": _REFUND_WORD[f"refund.{refund.state}"],  # type: ignore[index]
            "createdOn": written(began),
            "dateTime": written(refund.state_since) if later else None,
            "provider": write_code("processor", refund.processor, f"{place}/processor", losses),
            "transactionId": refund.payment_ref,
            "partOf": refund.part_of,
            "external": True if refund.external else None,
            "refundFee": write_price(refund.fee),
            "refundableAmount": write_price(refund.amount_net),
        }
    )
