"""An order -> a window's records: one notice with SL, HD, CH, RF, RB, PY, VD as the order stands."""

from collections.abc import Iterator
from datetime import datetime

from adapters.kit import people
from adapters.kit.reading import Losses
from adapters.kit.times import local_date
from adapters.windows.columns import write
from adapters.windows.files import message
from adapters.windows.layout import FILE_HEADER, OFFICE_HEADER, RECORDS, SHIFT_HEADER
from adapters.windows.profile import PROFILE
from adapters.windows.records import ENDS, KINDS, ORIGINS
from hub.ports import Formatted
from schemas.codes import code_list
from schemas.events import OrderEvent
from schemas.facts import Seat
from schemas.money import Money
from schemas.order import Change, Order, OrderPassenger, Payment, Refund, Ticket

CONTENT_TYPE = "text/plain; charset=GB18030"
_ORIGIN_CODES = {ours: native for native, ours in ORIGINS.items()}
_KIND_CODES = {ours: native for native, ours in KINDS.items()}
_END_CODES = {fact.removeprefix("ticket.hold_"): native for native, fact in ENDS.items()}
_HOLDS = frozenset({"held", "expired", "cancelled"})
_PLAIN = frozenset({"held", "expired", "cancelled", "issued", "changed", "refunded", "voided", "unknown"})

Fields = dict[str, object]


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """A notice; None for an event windows have no use for, or an order of which no record can be written."""
    number = order.reference("rail", "order")
    if event.type not in PROFILE.subscribes or number is None:
        return None
    notice = _Notice(order, number, event.origin)
    lines = [line.removesuffix(b"\r\n") for line in notice.lines()]
    if not lines:
        return None
    losses = notice.losses
    headers = [line.removesuffix(b"\r\n") for line in _headers(order, losses)]
    return Formatted(message(headers, lines), CONTENT_TYPE, losses.all())


def _headers(order: Order, losses: Losses) -> Iterator[bytes]:
    business_date = local_date(order.updated_at)
    yield write(FILE_HEADER, {"kind": "N", "version": 1, "business_date": business_date}, losses, "")
    pos = order.point_of_sale
    if pos is not None and pos.channel == "windows" and pos.office:
        yield write(OFFICE_HEADER, {"office": pos.office}, losses, "/point_of_sale")
        desk = {"window": pos.window, "shift": pos.shift, "clerk": pos.clerk, "terminal": pos.terminal}
        yield write(SHIFT_HEADER, desk, losses, "/point_of_sale")


class _Notice:
    """The records of one order; ``origin`` is the channel whose act is told."""

    def __init__(self, order: Order, number: str, origin: str) -> None:
        self.losses = Losses()
        self._order = order
        self._number = number
        self._acted_in = code_list("sales_channel").write("windows", origin) or "C"
        self._passengers = {p.passenger_id: p for p in order.passengers}

    def lines(self) -> Iterator[bytes]:
        for index, ticket in enumerate(self._order.tickets):
            yield from self._ticket(ticket, f"/tickets/{index}")
        for index, change in enumerate(self._order.changes):
            yield from self._change(change, f"/changes/{index}")
        for index, payment in enumerate(self._order.payments):
            yield from self._payment(payment, f"/payments/{index}")
        for index, refund in enumerate(self._order.refunds):
            yield from self._refund(refund, f"/refunds/{index}")

    def _record(self, code: str, at: datetime, place: str, fields: Fields) -> bytes:
        head: Fields = {"running": 0, "at": at, "acted_in": self._acted_in, "order_no": self._number}
        return write(RECORDS[code], head | fields, self.losses, place)

    def _code(self, name: str, code: str | None, place: str) -> str:
        native = None if code is None else code_list(name).write("windows", code)
        if native is None:
            self.losses.add(place, "not_expressible", code or "", f"windows have no code for it in {name}")
        return native or "?"

    def _ticket(self, ticket: Ticket, place: str) -> Iterator[bytes]:
        passenger = self._passengers.get(ticket.passenger_id or "")
        if ticket.state not in _PLAIN:
            self.losses.add(f"{place}/state", "less_precise", ticket.state, "written as issued")
        if passenger is None or ticket.leg is None or ticket.seat is None or ticket.fare_gross is None:
            if ticket.control_no is not None:
                fields: Fields = {"ticket_no": ticket.ticket_no, "control_no": ticket.control_no}
                yield self._record("RP0", ticket.state_since, place, fields)
        else:
            yield from self._sale(ticket, passenger, place)
        yield from self._end(ticket, place)

    def _sale(self, ticket: Ticket, passenger: OrderPassenger, place: str) -> Iterator[bytes]:
        held = ticket.state in _HOLDS
        code = "HD0" if held else "SL0" if ticket.origin in ("sale", "waitlist") else "CH2"
        began = self._order.booked_at if ticket.state != "held" else ticket.state_since
        at = (began or ticket.state_since) if held else (ticket.issued_at or ticket.state_since)
        if held and ticket.hold_expires_at is None:
            self.losses.add(place, "not_expressible", ticket.state, "the end of the hold is not known")
            return
        if ticket.control_no is not None and not held:
            note = "when it was printed is not known: written with the sale"
            self.losses.add(f"{place}/control_no", "inferred", ticket.control_no, note)
        yield self._record(code, at, place, self._content(ticket, passenger, place, held))

    def _content(self, ticket: Ticket, passenger: OrderPassenger, place: str, held: bool) -> Fields:
        if ticket.leg is None or ticket.seat is None:
            return {}
        leg, pos = ticket.leg, ticket.point_of_sale
        surcharge = sum(surcharge.amount_gross.amount for surcharge in ticket.surcharges)
        return {
            "ticket_no": ticket.ticket_no,
            "sold_in": self._code("sales_channel", pos.channel if pos else None, f"{place}/point_of_sale/channel"),
            "origin": _ORIGIN_CODES.get(ticket.origin, "S") if ticket.origin != "waitlist" else "S",
            "replaces": ticket.replaces,
            "ticket_type": self._code("ticket_type", ticket.ticket_type, f"{place}/ticket_type"),
            "document_type": self._code("document_type", passenger.document.type, f"{place}/document/type"),
            "document_no": passenger.document.number,
            "name": passenger.name,
            "mobile": people.national(passenger.phone),
            "train_no": leg.train_no,
            "train_code": leg.train_code,
            "run_date": leg.service_date,
            "from_station": leg.origin.station,
            "depart": leg.origin.at,
            "to_station": leg.destination.station,
            "arrive": leg.destination.at,
            "seat": self._seat(ticket.seat, place),
            "fare": ticket.fare_gross,
            "surcharge": Money(amount=surcharge),
            "control_no": None if held else ticket.control_no,
            "pickup_code": self._order.reference("phone", "pickup"),
            "limit": ticket.hold_expires_at if held else None,
        }

    def _seat(self, seat: Seat, place: str) -> str:
        native = self._code("seat_class", seat.seat_class, f"{place}/seat/seat_class")
        if seat.position is not None:
            self.losses.add(f"{place}/seat/position", "not_expressible", seat.position, "windows have coach and seat")
        number = "" if seat.standing or seat.number is None else f"{seat.number:0>4}"
        return f"{native}{seat.coach or '0':0>2}{number}"

    def _end(self, ticket: Ticket, place: str) -> Iterator[bytes]:
        """How the ticket ended, when no record of a change says it."""
        number, since = ticket.ticket_no, ticket.state_since
        changed = any(number in change.old_ticket_nos for change in self._order.changes)
        if ticket.state in _END_CODES:
            yield self._record("HX0", since, place, {"ticket_no": number, "reason": _END_CODES[ticket.state]})
        elif ticket.state == "voided":
            yield self._record("VD0", since, place, {"ticket_no": number})
        elif ticket.state == "refunded":
            refund = next((r for r in reversed(self._order.refunds) if number in r.ticket_nos), None)
            at, ref = (refund.requested_at, refund.refund_ref) if refund else (since, None)
            fare = ticket.fare_gross or Money(amount=0)
            yield self._record("RF0", at, place, {"ticket_no": number, "refund_ref": ref, "fare": fare})
        elif ticket.state == "changed" and not changed:
            fields: Fields = {"ticket_no": number, "new_ticket_no": ticket.replaced_by, "kind": "T"}
            yield self._record("CH1", since, place, fields)

    def _change(self, change: Change, place: str) -> Iterator[bytes]:
        if change.confirmed_at is None:
            self.losses.add(place, "not_expressible", change.change_id, "not confirmed yet")
            return
        olds, news = change.old_ticket_nos, change.new_ticket_nos
        partners: tuple[str | None, ...] = news if len(news) == len(olds) else (None,) * len(olds)
        if partners != news:
            self.losses.add(f"{place}/new_ticket_nos", "not_expressible", " ".join(news), "windows change one by one")
        for index, (old, new) in enumerate(zip(olds, partners, strict=True)):
            yield self._record(
                "CH1",
                change.confirmed_at,
                place,
                {
                    "ticket_no": old,
                    "new_ticket_no": new,
                    "change_ref": change.change_id,
                    "kind": _KIND_CODES[change.kind],
                    "fee": change.fee if index == 0 else Money(amount=0),
                    "difference": change.difference if index == 0 else Money(amount=0),
                    "refund_ref": self._repaid(old),
                },
            )

    def _repaid(self, old: str) -> str | None:
        """The repayment of a cheaper new ticket names the old one, which itself was not refunded."""
        ticket = self._order.ticket(old)
        if ticket is not None and ticket.state == "refunded":
            return None
        return next((r.refund_ref for r in self._order.refunds if old in r.ticket_nos), None)

    def _payment(self, payment: Payment, place: str) -> Iterator[bytes]:
        if payment.captured_at is None or payment.state != "captured":
            self.losses.add(place, "not_expressible", payment.state, "only captured payments are told to windows")
            return
        fields: Fields = {
            "processor": self._code("processor", payment.processor, f"{place}/processor"),
            "method": self._code("payment_method", payment.method, f"{place}/method"),
            "payment_ref": payment.processor_ref,
            "amount": payment.amount_gross,
        }
        yield self._record("PY0", payment.captured_at, place, fields)

    def _refund(self, refund: Refund, place: str) -> Iterator[bytes]:
        if refund.external or refund.state == "failed":
            self.losses.add(place, "not_expressible", refund.refund_ref, "failed, or asked by nobody")
            return
        fields: Fields = {
            "processor": self._code("processor", refund.processor, f"{place}/processor"),
            "refund_ref": refund.refund_ref,
            "gross": refund.amount_gross,
            "fee": refund.fee,
            "net": -refund.amount_net,
        }
        yield self._record("RB0", refund.requested_at, place, fields)
