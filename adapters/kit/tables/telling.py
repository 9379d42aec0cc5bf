"""An order's news -> rows of slot values: the inverse of ``acts``.

All values come from the order, where documents and telephone numbers are clear; facts only say which and, where the
order keeps no time, when.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from adapters.kit.refusing import Losses
from adapters.kit.tables.money import change_of, place_payments, refund_of
from adapters.kit.tables.news import FACT_OF_STATE, SOLD, News, Step, Told, head_of, news_of
from adapters.kit.telling import SURCHARGE
from hub.ports import Act
from schemas.events import OrderEvent
from schemas.order import Order, OrderPassenger, Ticket

_ACT_OF_FACT: dict[str, Act] = {
    "ticket.held": "hold",
    "ticket.hold_cancelled": "cancel",
    "ticket.voided": "void",
    "ticket.released": "release",
    "ticket.checked_in": "check_in",
    "ticket.entered": "enter",
    "ticket.exited": "exit",
    "ticket.refunded": "refund",
    "ticket.printed": "print",
}
_ACT_OF_ORIGIN: dict[str, Act] = {"change": "change", "destination_change": "change_destination"}
_STATE_OF_FACT = {fact: state for state, fact in FACT_OF_STATE.items()}
_NO_FLAT_RECORD = (
    "waitlist.", "invoice.", "retracted", "resolved", "adjusted",
    "payment.initiated", "payment.failed", "payment.cancelled", "payment.charged_back",
)  # fmt: skip


def told(event: OrderEvent, order: Order, acts: frozenset[Act], losses: Losses) -> list[Told]:
    """The rows that say what is new, in a channel that has words for ``acts``; the rest is in ``losses``."""
    news = news_of(event, order)
    rows = [row for step in news.steps for row in _row(step, order, news, acts, losses)]
    place_payments(rows, news, order, acts, losses)
    _unsaid(news, order, rows, losses)
    for fact in event.facts:
        if fact.fact.startswith(_NO_FLAT_RECORD):
            losses.add("/", "not_expressible", fact.fact, "this channel's records say acts on tickets")
    return rows


def _row(step: Step, order: Order, news: News, acts: frozenset[Act], losses: Losses) -> Iterator[Told]:
    index = next((i for i, t in enumerate(order.tickets) if t.ticket_no == step.ticket_no), 0)
    ticket = order.tickets[index] if order.tickets else None
    if step.fact == "pickup.collected":
        if "collect" in acts:
            numbers = {"ticket_no": step.ticket_no} if step.ticket_no else {}
            yield Told("collect", index, head_of(order, step.at) | step.extra | numbers)
        else:
            losses.add("/pickups", "not_expressible", step.extra["pickup_ref"])
        return
    if ticket is None or ticket.ticket_no != step.ticket_no:
        losses.add("/tickets", "not_expressible", step.ticket_no, "no such ticket in the order")
        return
    if step.fact == "ticket.changed" and _says_change(ticket, news, acts):
        return  # the row of the new ticket says it
    act = _act(step, ticket, acts)
    if act is None:
        state = _STATE_OF_FACT.get(step.fact, step.fact.removeprefix("ticket."))
        losses.add(f"/tickets/{index}/state", "not_expressible", state, "this channel has no word for it")
        return
    if act in ("hold", *SOLD) and not _is_whole(ticket):
        losses.add(f"/tickets/{index}", "not_expressible", ticket.ticket_no, "its sale is not known yet")
        return
    yield Told(act, index, _values(step, act, ticket, index, order, news, losses))


def _says_change(old: Ticket, news: News, acts: frozenset[Act]) -> bool:
    issued = {step.ticket_no for step in news.steps if step.fact == "ticket.issued"}
    return old.replaced_by in issued and bool(acts & {"change", "change_destination"})


def _act(step: Step, ticket: Ticket, acts: frozenset[Act]) -> Act | None:
    """The act that says a step, when the channel has a word for it."""
    wished: tuple[Act | None, ...] = (_ACT_OF_FACT.get(step.fact),)
    if step.fact == "ticket.issued":
        wished = (_ACT_OF_ORIGIN.get(ticket.origin) if ticket.replaces else None, "sell", "pay")
    return next((act for act in wished if act in acts), None)


def _is_whole(ticket: Ticket) -> bool:
    return bool(ticket.leg and ticket.seat and ticket.fare_gross and ticket.ticket_type and ticket.passenger_id)


def _values(
    step: Step, act: Act, ticket: Ticket, index: int, order: Order, news: News, losses: Losses
) -> dict[str, Any]:
    values = head_of(order, _when(step, ticket)) | {"ticket_no": ticket.ticket_no} | step.extra
    if act in ("hold", *SOLD):
        person = next(p for p in order.passengers if p.passenger_id == ticket.passenger_id)
        values |= _content(ticket, person, f"/tickets/{index}", losses)
        if act in ("sell", "pay", "hold") and ticket.origin != "sale":
            losses.add(f"/tickets/{index}/origin", "not_expressible", ticket.origin, "told as a sale")
    if act == "hold":
        values["expires_at"] = ticket.hold_expires_at
    if act in ("change", "change_destination"):
        values |= {"replaces": ticket.replaces} | change_of(ticket.ticket_no, news)
        values |= refund_of(str(ticket.replaces), values["at"], news, order, losses)
    if act == "refund":
        values |= refund_of(ticket.ticket_no, values["at"], news, order, losses)
    return values


def _when(step: Step, ticket: Ticket) -> datetime:
    """The order's own time of the step where it keeps one."""
    if step.fact == "ticket.issued" and ticket.issued_at:
        return ticket.issued_at
    return ticket.state_since if FACT_OF_STATE.get(ticket.state) == step.fact else step.at


def _content(ticket: Ticket, person: OrderPassenger, place: str, losses: Losses) -> dict[str, Any]:
    leg, seat, seller = ticket.leg, ticket.seat, ticket.point_of_sale
    assert leg is not None  # _is_whole
    assert seat is not None
    if person.document.issued_by:
        losses.add(f"{place}/passenger/document/issued_by", "not_expressible", person.document.issued_by)
    if not ticket.seat_granted:
        losses.add(f"{place}/seat_granted", "not_expressible", "false", "another ticket holds the seat")
    fees = [s for s in ticket.surcharges if s.kind == SURCHARGE]
    for surcharge in ticket.surcharges:
        if surcharge not in fees[:1]:
            losses.add(f"{place}/surcharges", "not_expressible", surcharge.kind)
    return {
        "ticket_type": ticket.ticket_type,
        "passenger_name": person.name,
        "document_type": person.document.type,
        "document_no": person.document.number,
        "phone": person.phone,
        "train_no": leg.train_no,
        "train_code": leg.train_code,
        "service_date": leg.service_date,
        "origin": leg.origin.station,
        "destination": leg.destination.station,
        "depart": leg.origin.at,
        "arrive": leg.destination.at,
        "seat_class": seat.seat_class,
        "coach": seat.coach,
        "seat_number": seat.number,
        "position": seat.position,
        "berth": seat.berth,
        "standing": seat.standing or None,
        "fare": ticket.fare_gross,
        "service_fee": fees[0].amount_gross if fees else None,
        "sold_in": seller.channel if seller else None,
        **{name: value for name, value in seller or () if name != "channel"},
    }


def _unsaid(news: News, order: Order, rows: list[Told], losses: Losses) -> None:
    """Money that no row could carry, and what an open dispute is."""
    said = {row.values.get("refund_ref") for row in rows} | {row.values.get("change_ref") for row in rows}
    for index, refund in enumerate(order.refunds):
        if refund in news.refunds and refund.refund_ref not in said:
            losses.add(f"/refunds/{index}", "not_expressible", refund.refund_ref, "no ticket of it is told")
    for index, change in enumerate(order.changes):
        if change in news.changes and change.change_id not in said:
            losses.add(f"/changes/{index}", "not_expressible", change.change_id, "no ticket of it is told")
    if order.dispute == "open":
        losses.add("/dispute", "not_expressible", "open")
