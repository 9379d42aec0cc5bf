"""The money objects of an order: payments, refunds, changes, invoices, each in the state its facts have reached."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, TypeVar

from schemas.facts import ChangeFact, Fact, InvoiceFact, PaymentFact, RefundFact
from schemas.model import trusted
from schemas.order import Change, Invoice, Payment, Refund
from schemas.states import ranks, reached, state_after

_F = TypeVar("_F", bound=Fact)

_build_payment, _build_refund = trusted(Payment), trusted(Refund)
_build_change, _build_invoice = trusted(Change), trusted(Invoice)


def payments(facts: Sequence[PaymentFact]) -> tuple[Payment, ...]:
    """One per (processor, processor_ref)."""
    result = []
    for (processor, ref), said in _by(facts, lambda f: (f.processor, f.processor_ref)):
        last = _leading("payment", said)
        captured = next((f for f in said if f.fact == "payment.captured"), None)
        result.append(
            _build_payment(
                payment_id=f"{processor}:{ref}",
                processor=processor,
                processor_ref=ref,
                method=last.method,
                amount_gross=last.amount_gross,
                fee=last.fee,
                captured_at=captured.occurred_at if captured else None,
                state=_state("payment", said),
                state_since=last.occurred_at,
            )
        )
    return tuple(result)


def refunds(facts: Sequence[RefundFact]) -> tuple[Refund, ...]:
    """One per (processor, refund_ref); a repayment over several payments is several of them."""
    result = []
    for (processor, ref), said in _by(facts, lambda f: (f.processor, f.refund_ref)):
        last = _leading("refund", said)
        result.append(
            _build_refund(
                refund_id=f"{processor}:{ref}",
                processor=processor,
                refund_ref=ref,
                ticket_nos=_numbers(said),
                amount_gross=last.amount_gross,
                fee=last.fee,
                amount_net=last.amount_net,
                state=_state("refund", said),
                requested_at=min(f.occurred_at for f in said),
                state_since=last.occurred_at,
                payment_ref=_told(said, "payment_ref"),
                part_of=_told(said, "part_of"),
                external=any(f.external for f in said),
                override=_told(said, "override"),
            )
        )
    return tuple(result)


def changes(facts: Sequence[ChangeFact]) -> tuple[Change, ...]:
    """One per change_ref, with the amounts of the furthest fact about it: what was quoted may differ."""
    result = []
    for ref, said in _by(facts, lambda f: f.change_ref):
        last = _leading("change", said)
        result.append(
            _build_change(
                change_id=ref,
                kind=last.kind,
                old_ticket_nos=last.old_ticket_nos,
                new_ticket_nos=last.new_ticket_nos,
                fee=last.fee,
                difference=last.difference,
                confirmed_at=next((f.occurred_at for f in said if f.fact == "change.confirmed"), None),
                settled=_state("change", said) == "settled",
                override=_told(said, "override"),
            )
        )
    return tuple(result)


def invoices(facts: Sequence[InvoiceFact]) -> tuple[Invoice, ...]:
    """One per invoice_no."""
    result = []
    for ref, said in _by(facts, lambda f: f.invoice_no):
        last = _leading("invoice", said)
        result.append(
            _build_invoice(
                invoice_no=ref,
                ticket_nos=_numbers(said),
                amount_gross=last.amount_gross,
                issued_at=next((f.occurred_at for f in said if f.fact == "invoice.issued"), None),
                state=_state("invoice", said),
                state_since=last.occurred_at,
            )
        )
    return tuple(result)


def _by(facts: Sequence[_F], key: Callable[[_F], Any]) -> list[tuple[Any, list[_F]]]:
    """The facts by what they are about, both in a fixed order."""
    if not facts:
        return []
    found: dict[Any, list[_F]] = {}
    for fact in facts:
        found.setdefault(key(fact), []).append(fact)
    return sorted(found.items(), key=itemgetter(0)) if len(found) > 1 else list(found.items())


def _leading(machine: str, said: Sequence[_F]) -> _F:
    """The fact that leads furthest; the earliest of equals."""
    if len(said) == 1:
        return said[0]
    after, rank = state_after(machine), ranks(machine)
    return max(said, key=lambda f: rank[after[f.fact]])


def _state(machine: str, said: Sequence[Fact]) -> Any:
    if len(said) == 1 and (only := state_after(machine).get(said[0].fact)) is not None:
        return only
    return reached(machine, [f.fact for f in said])


def _numbers(said: Sequence[Any]) -> tuple[str, ...]:
    return tuple(sorted({number for f in said for number in f.ticket_nos}))


def _told(said: Sequence[Any], name: str) -> Any:
    """The first value anybody gave for an optional detail."""
    return next((value for f in said if (value := getattr(f, name)) is not None), None)
