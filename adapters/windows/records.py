"""What each kind of record says. One reader per record code, in the table at the end."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from adapters.kit import people
from adapters.windows.columns import Line
from schemas.codes import code_list
from schemas.facts import (
    ChangeFact,
    Fact,
    Leg,
    Passenger,
    PaymentFact,
    PickupCollected,
    PointOfSale,
    RefundFact,
    Seat,
    Stop,
    Surcharge,
    TicketChanged,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketPrinted,
    TicketRefunded,
    TicketStep,
)
from schemas.identifiers import ticket_no
from schemas.money import format_decimal, total
from schemas.stations import station_name

CHANNELS = code_list("sales_channel")
ORIGINS: dict[str, Literal["sale", "change", "destination_change"]] = {
    "S": "sale",
    "C": "change",
    "D": "destination_change",
}
KINDS: dict[str, Literal["train", "destination"]] = {"T": "train", "D": "destination"}
ENDS: dict[str, Literal["ticket.hold_cancelled", "ticket.hold_expired"]] = {
    "C": "ticket.hold_cancelled",
    "E": "ticket.hold_expired",
}
_REFERENCE = re.compile(r"^[0-9A-Za-z_.:-]{1,35}$")
_SEAT = re.compile(r"^([0-9A-Z?])([0-9]{2})(?:([0-9A-Z]{4}))?$")


@dataclass(slots=True)
class Story:
    """What the records of one transaction say together; changes, repayments and pick-ups span several of them."""

    order: str
    told: list[Fact] = field(default_factory=list)
    changes: dict[str, list["ChangeRow"]] = field(default_factory=dict)
    repaid: dict[str, list[str]] = field(default_factory=dict)
    repayments: list[RefundFact] = field(default_factory=list)
    collected: dict[str, list[PickupCollected]] = field(default_factory=dict)
    pickup_codes: list[str] = field(default_factory=list)

    def facts(self) -> tuple[Fact, ...]:
        """All of them, the ones that span records put together."""
        changes = [_change(ref, rows) for ref, rows in self.changes.items()]
        repayments = [r.model_copy(update={"ticket_nos": self._repaid(r.refund_ref)}) for r in self.repayments]
        collected = [
            rows[0].model_copy(update={"ticket_nos": tuple(n for row in rows for n in row.ticket_nos)})
            for rows in self.collected.values()
        ]
        return (*self.told, *changes, *repayments, *collected)

    def _repaid(self, refund_ref: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.repaid.get(refund_ref, ())))


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One old ticket of a change, with its share of the money."""

    fact: ChangeFact
    changed: TicketChanged


def _change(ref: str, rows: list[ChangeRow]) -> ChangeFact:
    olds = tuple(row.changed.ticket_no for row in rows)
    news = tuple(row.changed.new_ticket_no for row in rows if row.changed.new_ticket_no)
    return rows[0].fact.model_copy(
        update={
            "old_ticket_nos": olds,
            "new_ticket_nos": news,
            "fee": total([row.fact.fee for row in rows]),
            "difference": total([row.fact.difference for row in rows]),
        }
    )


def collect(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    """Add what one record says to the story; ``near`` is the business date, which gives times their year."""
    _READERS[line.layout.code](line, story, near, desk)


def _number(line: Line, name: str, story: Story) -> str:
    number = line.identifier(name, ticket_no.validate, example=f"{story.order}105012A")
    if number[:10] != story.order:
        raise line.refuse(name, "identifier_invalid", "the ticket is of another order", expected=f"{story.order}...")
    return number


def _optional_number(line: Line, name: str, story: Story) -> str | None:
    return _number(line, name, story) if line.has(name) else None


def _reference(line: Line, name: str) -> str:
    text = line.text(name)
    if not _REFERENCE.match(text):
        raise line.refuse(name, "identifier_invalid", f"{name} is letters, digits and _ . : - only")
    return text


def _content(line: Line, story: Story, near: date, desk: PointOfSale) -> TicketContent:
    number = _number(line, "ticket_no", story)
    sold_in = line.code_or_unknown("sold_in", CHANNELS)
    origin = line.choice("origin", ORIGINS)
    document_type = line.code_or_unknown("document_type", code_list("document_type"))
    ticket_type = line.code_or_unknown("ticket_type", code_list("ticket_type"))
    surcharge = line.amount("surcharge")
    return TicketContent(
        ticket_no=number,
        batch=int(number[10]),
        ticket_type=ticket_type,
        passenger=Passenger(
            name=line.text("name"),
            document=people.document(line, "document_no", document_type),
            type=ticket_type,
            phone=people.phone(line, "mobile"),
        ),
        leg=_leg(line, near),
        seat=_seat(line),
        fare_gross=line.amount("fare"),
        surcharges=(Surcharge(kind="agent_service", amount_gross=surcharge),) if surcharge.amount else (),
        origin=origin,
        replaces=_optional_number(line, "replaces", story),
        point_of_sale=desk if sold_in == "windows" and origin == "sale" else PointOfSale(channel=sold_in),
    )


def _leg(line: Line, near: date) -> Leg:
    depart, arrive = line.moment("depart", near), line.moment("arrive", near)
    if arrive <= depart:
        raise line.refuse("arrive", "time_invalid", "the train arrives before it departs", example="01111236")
    code = line.text("train_code", example="G6012")
    if not re.fullmatch(r"[A-Z]?[0-9]{1,4}", code):
        raise line.refuse("train_code", "identifier_invalid", "no train code", expected="letter, digits")
    train_no = line.optional("train_no")
    if train_no is not None and not re.fullmatch(r"[0-9A-Z]{1,12}", train_no):
        raise line.refuse("train_no", "identifier_invalid", "no train number", example="240000G1010C")
    return Leg(
        train_no=train_no,
        train_code=code,
        service_date=line.day("run_date", near),
        origin=Stop(station=_station(line, "from_station"), at=depart),
        destination=Stop(station=_station(line, "to_station"), at=arrive),
    )


def _station(line: Line, name: str) -> str:
    telecode = line.text(name, example="VNP")
    if station_name(telecode) is None:
        raise line.refuse(name, "unknown_code", "no such station", expected="a telecode", example="VNP")
    return telecode


def _seat(line: Line) -> Seat:
    found = _SEAT.match(line.text("seat", example="O05012A"))
    if found is None:
        raise line.refuse("seat", "message_malformed", "no seat", expected="class, coach, seat", example="O05012A")
    native, coach, number = found.groups()
    seat_class = code_list("seat_class").read("windows", native)
    if seat_class is None:
        line.lost("seat", "unknown_code", "the class is not in the list seat_class")
    return Seat(
        seat_class=seat_class or "unknown",
        coach=coach,
        number=(number.lstrip("0") or "0") if number else None,
        standing=number is None,
    )


def _pickup(line: Line, story: Story) -> None:
    if line.has("pickup_code"):
        story.pickup_codes.append(_reference(line, "pickup_code"))


def _printed(line: Line, story: Story, near: date, number: str) -> None:
    if line.has("control_no"):
        at = line.moment("at", near)
        story.told.append(TicketPrinted(ticket_no=number, control_no=line.text("control_no"), occurred_at=at))


def _sale(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    ticket = _content(line, story, near, desk)
    story.told.append(TicketIssued(ticket=ticket, occurred_at=line.moment("at", near)))
    _printed(line, story, near, ticket.ticket_no)
    _pickup(line, story)


def _hold(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    ticket = _content(line, story, near, desk)
    at, expires = line.moment("at", near), line.moment("limit", near)
    story.told.append(TicketHeld(ticket=ticket, occurred_at=at, expires_at=expires))
    _pickup(line, story)


def _hold_end(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    step = line.choice("reason", ENDS)
    number = _number(line, "ticket_no", story)
    story.told.append(TicketStep(fact=step, ticket_no=number, occurred_at=line.moment("at", near)))


def _void(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    number = _number(line, "ticket_no", story)
    story.told.append(TicketStep(fact="ticket.voided", ticket_no=number, occurred_at=line.moment("at", near)))


def _old(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    at, number, kind = line.moment("at", near), _number(line, "ticket_no", story), line.choice("kind", KINDS)
    new = _optional_number(line, "new_ticket_no", story)
    changed = TicketChanged(ticket_no=number, new_ticket_no=new, kind=kind, occurred_at=at)
    story.told.append(changed)
    fee, difference = line.amount("fee"), line.amount("difference", signed=True)
    if line.has("change_ref"):
        ref = _reference(line, "change_ref")
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
    elif fee.amount or difference.amount:
        raise line.refuse("change_ref", "message_malformed", "money of a change needs its number")
    if line.has("refund_ref"):
        story.repaid.setdefault(_reference(line, "refund_ref"), []).append(number)


def _refunded(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    number = _number(line, "ticket_no", story)
    ref = _reference(line, "refund_ref") if line.has("refund_ref") else None
    line.amount("fare")
    story.told.append(TicketRefunded(ticket_no=number, refund_ref=ref, occurred_at=line.moment("at", near)))
    if ref is not None:
        story.repaid.setdefault(ref, []).append(number)


def _repayment(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    gross, fee, net = line.amount("gross"), line.amount("fee"), -line.amount("net", signed=True)
    if net.amount < 0:
        raise line.refuse("net", "amount_invalid", "a repayment leaves the till", expected="minus", example="0005250}")
    if gross != fee + net:
        detail = "gross is not fee and net together"
        raise line.refuse("net", "amount_invalid", detail, expected=format_decimal(gross - fee))
    story.repayments.append(
        RefundFact(
            fact="refund.requested",
            processor=line.code("processor", code_list("processor")),
            refund_ref=_reference(line, "refund_ref"),
            amount_gross=gross,
            fee=fee,
            amount_net=net,
            occurred_at=line.moment("at", near),
        )
    )


def _payment(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    story.told.append(
        PaymentFact(
            fact="payment.captured",
            processor=line.code("processor", code_list("processor")),
            processor_ref=_reference(line, "payment_ref"),
            method=line.code_or_unknown("method", code_list("payment_method")),
            amount_gross=line.amount("amount"),
            occurred_at=line.moment("at", near),
        )
    )


def _reprint(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    number = _number(line, "ticket_no", story)
    if not line.has("control_no"):
        raise line.refuse("control_no", "message_malformed", "a reprint has a new control number", example="B012345")
    _printed(line, story, near, number)


def _collection(line: Line, story: Story, near: date, desk: PointOfSale) -> None:
    number, code, at = _number(line, "ticket_no", story), _reference(line, "pickup_code"), line.moment("at", near)
    row = PickupCollected(pickup_ref=code, ticket_nos=(number,), occurred_at=at)
    story.collected.setdefault(code, []).append(row)
    _printed(line, story, near, number)
    _pickup(line, story)


_READERS: dict[str, Callable[[Line, Story, date, PointOfSale], None]] = {
    "SL0": _sale,
    "HD0": _hold,
    "HX0": _hold_end,
    "CH1": _old,
    "CH2": _sale,
    "RF0": _refunded,
    "RB0": _repayment,
    "PY0": _payment,
    "VD0": _void,
    "RP0": _reprint,
    "PU0": _collection,
}
