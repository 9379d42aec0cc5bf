"""What each kind of record says. One reader per record code, in the table at the end."""

import re
from collections.abc import Callable
from typing import Literal

from adapters.kit import built
from adapters.kit.columns import Line
from adapters.windows.story import About, ChangeRow, Given, Story
from adapters.windows.tickets import content
from schemas.codes import code_list
from schemas.facts import (
    ChangeFact,
    InvoiceFact,
    Override,
    PickupCollected,
    RefundFact,
    TicketChanged,
    TicketRefunded,
)
from schemas.money import format_decimal

PROCESSORS = code_list("processor")
METHODS = code_list("payment_method")
REASONS = code_list("override_reason")
KINDS: dict[str, Literal["train", "destination"]] = {"T": "train", "D": "destination"}
ENDS: dict[str, Literal["ticket.hold_cancelled", "ticket.hold_expired"]] = {
    "C": "ticket.hold_cancelled",
    "E": "ticket.hold_expired",
}
INVOICES: dict[str, Literal["invoice.issued", "invoice.reversed"]] = {"I": "invoice.issued", "R": "invoice.reversed"}
ABOUT: dict[str, About] = {"R": "refund", "C": "change", "V": "step"}

_REFERENCE = re.compile(r"[0-9A-Za-z_.:-]{1,35}")

Reader = Callable[[Line, Story], None]


def collect(line: Line, story: Story) -> None:
    """Add what one record says to the story."""
    _READERS[line.layout.code](line, story)


def _reference(line: Line, name: str) -> str:
    text = line.text(name)
    if not _REFERENCE.fullmatch(text):
        raise line.refuse(name, "identifier_invalid", f"{name} is letters, digits and _ . : - only")
    return text


def _optional_reference(line: Line, name: str) -> str | None:
    return _reference(line, name) if line.has(name) else line.optional(name)


def _pickup(line: Line, story: Story) -> None:
    code = _optional_reference(line, "pickup_code")
    if code is not None:
        story.pickup_codes.append(code)


def _printed(line: Line, story: Story, number: str) -> None:
    control_no = line.optional("control_no")
    if control_no is not None:
        story.tell(line, built.ticket_printed(ticket_no=number, control_no=control_no, occurred_at=line.moment("at")))


def _sale(line: Line, story: Story) -> None:
    ticket = content(line, story)
    story.tell(line, built.ticket_issued(ticket=ticket, occurred_at=line.moment("at")))
    _printed(line, story, ticket.ticket_no)
    _pickup(line, story)


def _hold(line: Line, story: Story) -> None:
    ticket = content(line, story)
    story.tell(line, built.ticket_held(ticket=ticket, occurred_at=line.moment("at"), expires_at=line.moment("limit")))
    _pickup(line, story)


def _hold_end(line: Line, story: Story) -> None:
    number, end = story.number(line, "ticket_no"), line.choice("reason", ENDS)
    story.tell(line, built.ticket_step(fact=end, ticket_no=number, occurred_at=line.moment("at")))


def _void(line: Line, story: Story) -> None:
    number = story.number(line, "ticket_no")
    story.tell(line, built.ticket_step(fact="ticket.voided", ticket_no=number, occurred_at=line.moment("at")))


def _release(line: Line, story: Story) -> None:
    number = story.number(line, "ticket_no")
    story.tell(line, built.ticket_step(fact="ticket.released", ticket_no=number, occurred_at=line.moment("at")))


def _old(line: Line, story: Story) -> None:
    at, number, kind = line.moment("at"), story.number(line, "ticket_no"), line.choice("kind", KINDS)
    new = story.optional_number(line, "new_ticket_no")
    changed = TicketChanged(ticket_no=number, new_ticket_no=new, kind=kind, occurred_at=at)
    story.tell(line, changed)
    fee, difference = line.amount("fee"), line.amount("difference", signed=True)
    ref = _optional_reference(line, "change_ref")
    if ref is None and (fee.amount or difference.amount):
        raise line.refuse("change_ref", "message_malformed", "money of a change needs its number")
    if ref is not None:
        fact = ChangeFact(
            fact="change.confirmed",
            change_ref=ref,
            kind=kind,
            old_ticket_nos=(),
            new_ticket_nos=(),
            fee=fee,
            difference=difference,
            occurred_at=at,
        )
        story.changes.setdefault(ref, []).append(ChangeRow(fact, changed))
    repaid = _optional_reference(line, "refund_ref")
    if repaid is not None:
        story.repaid.setdefault(repaid, []).append(number)
        story.expected[repaid] = line


def _refunded(line: Line, story: Story) -> None:
    number, ref = story.number(line, "ticket_no"), _optional_reference(line, "refund_ref")
    line.amount("fare")
    story.tell(line, TicketRefunded(ticket_no=number, refund_ref=ref, occurred_at=line.moment("at")))
    if ref is not None:
        story.repaid.setdefault(ref, []).append(number)
        if line.has("fare"):
            story.fares.setdefault(ref, []).append(line)


def _repayment(line: Line, story: Story) -> None:
    gross, fee, net = line.amount("gross"), line.amount("fee"), -line.amount("net", signed=True)
    if net.amount < 0:
        detail, example = "a repayment leaves the till", "0000000525}"
        raise line.refuse("net", "amount_invalid", detail, expected="minus", example=example)
    if gross != fee + net:
        detail = "gross is not fee and net together"
        raise line.refuse("net", "amount_invalid", detail, expected=f"-{format_decimal(gross - fee)}")
    split = line.layout.code == "RB1"
    fact = RefundFact(
        fact="refund.requested",
        processor=line.code("processor", PROCESSORS),
        refund_ref=_reference(line, "refund_ref"),
        amount_gross=gross,
        fee=fee,
        amount_net=net,
        payment_ref=_optional_reference(line, "payment_ref") if split else None,
        part_of=_optional_reference(line, "part_of") if split else None,
        occurred_at=line.moment("at"),
    )
    story.repay(line, fact)


def _payment(line: Line, story: Story) -> None:
    story.tell(
        line,
        built.payment_fact(
            fact="payment.captured",
            processor=line.code("processor", PROCESSORS),
            processor_ref=_reference(line, "payment_ref"),
            method=line.code_or_unknown("method", METHODS),
            amount_gross=line.amount("amount"),
            occurred_at=line.moment("at"),
        ),
    )


def _reprint(line: Line, story: Story) -> None:
    number = story.number(line, "ticket_no")
    if not line.has("control_no"):
        raise line.refuse("control_no", "message_malformed", "a reprint has a new control number", example="B012345")
    _printed(line, story, number)


def _collection(line: Line, story: Story) -> None:
    number, code = story.number(line, "ticket_no"), _reference(line, "pickup_code")
    row = PickupCollected(pickup_ref=code, ticket_nos=(number,), occurred_at=line.moment("at"))
    story.collected.setdefault(code, []).append(row)
    _printed(line, story, number)
    _pickup(line, story)


def _overridden(line: Line, story: Story) -> None:
    about = line.choice("about", ABOUT)
    ref = story.number(line, "ref") if about == "step" else _reference(line, "ref")
    if (about, ref) in story.overrides:
        raise line.refuse("ref", "message_malformed", "decided twice in one transaction")
    reason = line.code_or_unknown("reason", REASONS)
    override = Override(reason=reason, staff=line.text("staff", example="0415"), note=line.optional("note"))
    story.overrides[(about, ref)] = Given(override, line)


def _invoice(line: Line, story: Story) -> None:
    number, kind = story.optional_number(line, "ticket_no"), line.choice("kind", INVOICES)
    row = InvoiceFact(
        fact=kind,
        invoice_no=_reference(line, "invoice_no"),
        ticket_nos=(number,) if number else (),
        amount_gross=line.amount("amount"),
        occurred_at=line.moment("at"),
    )
    rows = story.invoices.setdefault(row.identity, [])
    if any(row.ticket_nos == known.ticket_nos for known in rows):
        raise line.refuse("ticket_no", "message_malformed", "an invoice names each ticket once")
    rows.append(row)


_READERS: dict[str, Reader] = {
    "SL0": _sale,
    "HD0": _hold,
    "HX0": _hold_end,
    "CH1": _old,
    "CH2": _sale,
    "RF0": _refunded,
    "RB0": _repayment,
    "RB1": _repayment,
    "PY0": _payment,
    "VD0": _void,
    "RL0": _release,
    "RP0": _reprint,
    "PU0": _collection,
    "OV0": _overridden,
    "IV0": _invoice,
}
