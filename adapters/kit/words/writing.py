"""An order -> the document of a channel of words: the order as it stands, and what its language cannot say.

Amounts stay ``Money`` and moments ``datetime`` here; the channel's ``format`` renders them as its wire wants them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.kit import people
from adapters.kit.refusing import Losses
from adapters.kit.telling import Whole, captured, confirmed, requested, unsaid, whole_tickets
from adapters.kit.times import SHANGHAI
from adapters.kit.words.names import Fields, Wording
from adapters.kit.writing import Pen, write_change, write_payment, write_refund
from schemas.facts import Override
from schemas.money import Money
from schemas.order import Order, Ticket
from schemas.stations import station_name


@dataclass(frozen=True, slots=True)
class _Pen(Pen):
    """Writes one record. ``place``: its pointer in the canonical order, for losses."""

    wording: Wording
    place: str

    def code(self, name: str, ours: str, place: str) -> Any:
        """The channel's spelling of a code; what it writes for unknown and a loss when it has none."""
        native = self.wording.native(name, ours)
        if native is None:
            self.losses.add(place, "not_expressible", ours, f"{self.system} has no word for it in {name}")
        return self.wording.code(name, native)

    def money(self, amount: Money, place: str) -> Any:
        return amount

    def time(self, moment: datetime | None) -> Any:
        precision = self.wording.precision
        if moment and (moment.microsecond or (moment.second and precision == "minute")):
            note = f"times are to the {precision} here"
            self.losses.add(self.place, "less_precise", moment.isoformat(), note)
        return moment


class Writer:
    """Writes one order for one connection and gathers its losses; make one a message."""

    def __init__(self, wording: Wording) -> None:
        self.losses = Losses()
        self._wording = wording
        self._origins = {ours: word for word, ours in wording.origins.items()}

    def order(self, order: Order, number: str) -> Fields:
        """The order's fields; records are lists of fields."""
        wording, names, money = self._wording, self._wording.order, self._wording.money
        unsaid(order, self.losses, wording.words)
        told = whole_tickets(order, self.losses, wording.desk, wording.words)
        statuses = [self._status(whole) for whole in told]
        held = [t.held_at for t in order.tickets if t.held_at and t.state in ("held", "expired", "cancelled")]
        deadlines = [t.hold_expires_at for t in order.tickets if t.hold_expires_at]
        deadline = order.hold.expires_at if order.hold else min(deadlines, default=None)
        pen = self._pen("/channel")
        return {
            names.number: number,
            names.revision: order.version,
            names.sold_in: pen.code("sales_channel", order.channel, "/channel") if order.channel else None,
            **{name: order.reference(wording.channel, kind) for name, kind in names.own.items()},
            **wording.order_fields(order, list(zip(told, statuses, strict=True))),
            names.held_at: self._pen("/booked_at" if not held else "/hold").time(min(held, default=order.booked_at)),
            names.updated_at: self._pen("/updated_at").time(order.updated_at),
            names.expires_at: self._pen("/hold/expires_at").time(deadline),
            names.tickets: [self._ticket(w, s, order) for w, s in zip(told, statuses, strict=True)],
            names.payments: [
                write_payment(self._pen(f"/payments/{p.payment_id}"), money.payment, p, number)
                for p in captured(order, self.losses, wording.words)
            ],
            names.refunds: [
                write_refund(self._pen(f"/refunds/{r.refund_id}"), money.refund, r, number)
                | self._override(r.override, f"/refunds/{r.refund_id}")
                for r in requested(order, self.losses, wording.words)
            ],
            names.changes: [
                write_change(self._pen(f"/changes/{c.change_id}"), money.change, c)
                | self._override(c.override, f"/changes/{c.change_id}")
                for c in confirmed(order, self.losses)
            ],
            **dict(self._pickups(order)),
        }

    def _pen(self, place: str) -> _Pen:
        wording = self._wording
        return _Pen(wording.column, wording.money.fen, wording.moment, self.losses, wording, place)

    def _status(self, whole: Whole) -> str:
        status, exact = self._wording.status(whole)
        if not exact:
            state = whole.ticket.state
            self.losses.add(f"{whole.place}/state", "less_precise", state, f"written as {status}")
        return status

    def _ticket(self, whole: Whole, status: str, order: Order) -> Fields:
        names, ticket, place = self._wording.ticket, whole.ticket, whole.place
        pen = self._pen(place)
        if ticket.control_no is not None:
            self.losses.add(f"{place}/control_no", "not_expressible", ticket.control_no, "nothing is printed here")
        sold_in = whole.sold_in if whole.sold_in != order.channel else None
        return {
            names.number: ticket.ticket_no,
            names.status: self._wording.code("", status),
            names.status_at: pen.time(ticket.state_since),
            names.issued_at: pen.time(ticket.issued_at),
            self._wording.order.sold_in: sold_in and pen.code("sales_channel", sold_in, f"{place}/point_of_sale"),
            names.origin: self._origins["sale" if ticket.origin == "waitlist" else ticket.origin],
            names.replaces: ticket.replaces,
            names.replaced_by: ticket.replaced_by,
            names.refund: _leading_refund(order, ticket) if ticket.state == "refunded" else None,
            **self._passenger(whole, pen),
            **self._leg(whole, pen),
            **self._wording.seat_fields(
                whole.seat, pen.code("seat_class", whole.seat.seat_class, f"{place}/seat/seat_class")
            ),
            names.fare: whole.fare_gross,
            names.surcharge: whole.surcharge if whole.surcharge.amount else None,
        }

    def _passenger(self, whole: Whole, pen: _Pen) -> Fields:
        names, person, place = self._wording.ticket, whole.passenger, f"{whole.place}/passenger"
        return {
            names.name: person.name,
            names.document_type: pen.code("document_type", person.document.type, f"{place}/document/type"),
            names.document_no: person.document.number,
            names.phone: people.national(person.phone) or None,
            names.ticket_type: pen.code("ticket_type", whole.ticket_type, f"{whole.place}/ticket_type"),
        }

    def _leg(self, whole: Whole, pen: _Pen) -> Fields:
        names, leg = self._wording.ticket, whole.leg
        fields: Fields = {
            names.train_no: leg.train_no,
            names.train_code: leg.train_code,
            names.service_date: leg.service_date.strftime(self._wording.day.layout),
            names.from_station: self._station(leg.origin.station, f"{whole.place}/leg/origin"),
            names.to_station: self._station(leg.destination.station, f"{whole.place}/leg/destination"),
        }
        departs, arrives = leg.origin.at, leg.destination.at
        if departs is None or arrives is None:
            self.losses.add(f"{whole.place}/leg", "not_expressible", leg.train_code, "its times are not known")
            return fields
        fields[names.departs_at] = pen.time(departs)
        return fields | self._wording.arrival_fields(departs.astimezone(SHANGHAI), arrives.astimezone(SHANGHAI))

    def _station(self, telecode: str, place: str) -> str:
        """Its Chinese name; a telecode that the list of stations lacks is written as it is."""
        name = station_name(telecode)
        if name is None:
            self.losses.add(f"{place}/station", "not_expressible", telecode, "no station of the list")
        return name or telecode

    def _override(self, override: Override | None, place: str) -> Fields:
        names = self._wording.override
        if override is None or names is None:
            return {}
        return {
            names.reason: self._pen(place).code("override_reason", override.reason, f"{place}/override/reason"),
            names.staff: override.staff,
            names.note: override.note,
        }

    def _pickups(self, order: Order) -> Iterator[tuple[str, object]]:
        names = self._wording.pickup
        if names is not None:
            pen = self._pen("/pickups")
            yield (
                names.records,
                [
                    {
                        names.reference: pickup.pickup_ref,
                        names.tickets: list(pickup.ticket_nos),
                        names.at: pen.time(pickup.collected_at),
                    }
                    for pickup in order.pickups
                ],
            )


def _leading_refund(order: Order, ticket: Ticket) -> str | None:
    """The last repayment that names the ticket and is no part of another one."""
    named = [r.refund_ref for r in order.refunds if ticket.ticket_no in r.ticket_nos and r.part_of is None]
    return named[-1] if named else None
