"""An order -> the agents' JSON: a NOTIFY with the order as it stands, and what its codes cannot say."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

import msgspec

from adapters.agents.wire import KINDS, MOMENT, ORIGINS
from adapters.kit import people
from adapters.kit.reading import Losses
from adapters.kit.times import SHANGHAI
from hub.ports import Formatted, Profile
from schemas.codes import code_list
from schemas.events import OrderEvent
from schemas.facts import Leg, Seat
from schemas.money import Money
from schemas.order import Change, Order, OrderPassenger, Payment, Refund, Ticket
from schemas.stations import station_name

CONTENT_TYPE = "application/json"

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_ORIGIN_CODES = {ours: native for native, ours in ORIGINS.items()}
_KIND_CODES = {ours: native for native, ours in KINDS.items()}
_STATUS = {"held": 3100, "cancelled": 3101, "expired": 3102, "issued": 3202, "changed": 3703, "refunded": 3801}

Fields = dict[str, object]


class Formatter:
    """Writes for one connection: its code tables, the losses of one message."""

    def __init__(self, profile: Profile) -> None:
        self._tables = profile.code_tables
        self._subscribes = profile.subscribes
        self.losses = Losses()

    def message(self, event: OrderEvent, order: Order) -> Formatted | None:
        """A NOTIFY; None for an event agents have no use for, or an order without a rail order number."""
        number = order.reference("rail", "order")
        if event.type not in self._subscribes or number is None:
            return None
        body = _ENCODER.encode(_present(self._order(order, number)))
        return Formatted(body, CONTENT_TYPE, self.losses.all())

    def _code(self, name: str, code: str | None, place: str) -> str | None:
        """Their code for ours; None and a loss when they have none."""
        native = None if code is None else code_list(name).write("agents", code, self._tables.get(name))
        if code is not None and native is None:
            self.losses.add(place, "not_expressible", code, f"agents have no code for it in {name}")
        return native

    def _number(self, name: str, code: str | None, place: str) -> int:
        """The same for a code written as a number; 0 is what agents write for unknown."""
        native = self._code(name, code, place)
        return int(native) if native and native.isdigit() else 0

    def _moment(self, prefix: str, at: datetime | None, place: str) -> Fields:
        if at is None:
            return {}
        if at.microsecond:
            self.losses.add(place, "less_precise", at.isoformat(), "times are to the second here")
        day, clock = MOMENT.write(at).split(" ")
        return {f"{prefix}Date": day, f"{prefix}Time": clock}

    def _order(self, order: Order, number: str) -> Fields:
        pos = order.point_of_sale
        held = [t.state_since for t in order.tickets if t.state == "held"]
        deadlines = [t.hold_expires_at for t in order.tickets if t.hold_expires_at]
        deadline = order.hold.expires_at if order.hold else min(deadlines, default=None)
        passengers = {p.passenger_id: p for p in order.passengers}
        return {
            "msgType": "NOTIFY",
            "agentOrderNo": order.reference("agents", "agent_order"),
            "supplierOrderNo": number,
            "revision": order.version,
            "agentId": pos.agent if pos else None,
            "contractNo": pos.agent_contract if pos else None,
            "soldIn": self._code("sales_channel", order.channel, "/channel"),
            "orderStatus": _order_status(order),
            **self._moment("order", order.booked_at or min(held, default=None), "/booked_at"),
            **self._moment("update", order.updated_at, "/updated_at"),
            **self._moment("payLimit", deadline, "/hold/expires_at"),
            "tickets": _some(
                self._ticket(ticket, passengers.get(ticket.passenger_id or ""), order, f"/tickets/{index}")
                for index, ticket in enumerate(order.tickets)
            ),
            "payments": _some(self._payment(p, f"/payments/{index}") for index, p in enumerate(order.payments)),
            "refunds": _some(self._refund(r, f"/refunds/{index}") for index, r in enumerate(order.refunds)),
            "changes": _some(self._change(c, f"/changes/{index}") for index, c in enumerate(order.changes)),
        }

    def _ticket(self, ticket: Ticket, passenger: OrderPassenger | None, order: Order, place: str) -> Fields | None:
        if passenger is None or ticket.leg is None or ticket.seat is None or ticket.fare_gross is None:
            self.losses.add(place, "not_expressible", ticket.ticket_no, "its sale is not known yet")
            return None
        if ticket.control_no is not None:
            self.losses.add(f"{place}/control_no", "not_expressible", ticket.control_no, "agents print nothing")
        refund = next((r for r in reversed(order.refunds) if ticket.ticket_no in r.ticket_nos), None)
        fee = sum(surcharge.amount_gross.amount for surcharge in ticket.surcharges)
        return _present(
            {
                "ticketNo": ticket.ticket_no,
                "ticketStatus": self._status(ticket, place),
                **self._moment("status", ticket.state_since, f"{place}/state_since"),
                **self._moment("issue", ticket.issued_at, f"{place}/issued_at"),
                "origin": self._origin(ticket, place),
                "oldTicketNo": ticket.replaces,
                "newTicketNo": ticket.replaced_by,
                "refundNo": refund.refund_ref if refund and ticket.state == "refunded" else None,
                "passengerName": passenger.name,
                "idType": self._number("document_type", passenger.document.type, f"{place}/document/type"),
                "idNo": passenger.document.number,
                "mobile": people.national(passenger.phone) or None,
                "ticketType": self._number("ticket_type", ticket.ticket_type, f"{place}/ticket_type"),
                **self._leg(ticket.leg, place),
                "seatClass": self._code("seat_class", ticket.seat.seat_class, f"{place}/seat/seat_class") or "未知",
                "seat": self._seat(ticket.seat, place),
                "price": _yuan(ticket.fare_gross),
                "serviceFee": _yuan(Money(amount=fee)),
            }
        )

    def _origin(self, ticket: Ticket, place: str) -> str:
        if ticket.origin == "waitlist":
            self.losses.add(f"{place}/origin", "less_precise", ticket.origin, "written as SALE")
            return "SALE"
        return _ORIGIN_CODES[ticket.origin]

    def _status(self, ticket: Ticket, place: str) -> int:
        if ticket.state == "issued" and ticket.origin in ("change", "destination_change"):
            return 3706
        if ticket.state not in _STATUS:
            self.losses.add(f"{place}/state", "less_precise", ticket.state, "written as 3202, issued")
        return _STATUS.get(ticket.state, 3202)

    def _leg(self, leg: Leg, place: str) -> Fields:
        fields: Fields = {
            "trainNo": leg.train_no,
            "trainCode": leg.train_code,
            "trainStartDate": leg.service_date.isoformat(),
            "fromStation": station_name(leg.origin.station),
            "toStation": station_name(leg.destination.station),
        }
        if leg.origin.at is None or leg.destination.at is None:
            self.losses.add(f"{place}/leg", "not_expressible", leg.train_code, "its times are not known")
            return fields
        depart, arrive = leg.origin.at.astimezone(SHANGHAI), leg.destination.at.astimezone(SHANGHAI)
        return fields | {
            "departDate": depart.date().isoformat(),
            "departTime": depart.strftime("%H:%M"),
            "arriveDays": (arrive.date() - depart.date()).days,
            "arriveTime": arrive.strftime("%H:%M"),
        }

    def _seat(self, seat: Seat, place: str) -> str:
        if seat.position is not None:
            self.losses.add(f"{place}/seat/position", "not_expressible", seat.position, "agents have coach and seat")
        number = "无座" if seat.standing or seat.number is None else seat.number
        return f"{seat.coach or '0':0>2},{number}"

    def _payment(self, payment: Payment, place: str) -> Fields | None:
        if payment.captured_at is None or payment.state != "captured":
            self.losses.add(place, "not_expressible", payment.state, "only captured payments are told to agents")
            return None
        return {
            "payChannel": self._code("processor", payment.processor, f"{place}/processor"),
            "payType": self._code("payment_method", payment.method, f"{place}/method") or "UNKNOWN",
            "payNo": payment.processor_ref,
            "amount": _yuan(payment.amount_gross),
            **self._moment("pay", payment.captured_at, f"{place}/captured_at"),
        }

    def _refund(self, refund: Refund, place: str) -> Fields | None:
        if refund.external or refund.state == "failed":
            self.losses.add(place, "not_expressible", refund.refund_ref, "failed, or asked by nobody")
            return None
        return {
            "payChannel": self._code("processor", refund.processor, f"{place}/processor"),
            "refundNo": refund.refund_ref,
            "ticketNos": list(refund.ticket_nos),
            "gross": _yuan(refund.amount_gross),
            "fee": _yuan(refund.fee),
            "net": _yuan(refund.amount_net),
            **self._moment("refund", refund.requested_at, f"{place}/requested_at"),
        }

    def _change(self, change: Change, place: str) -> Fields | None:
        if change.confirmed_at is None:
            self.losses.add(place, "not_expressible", change.change_id, "not confirmed yet")
            return None
        return {
            "changeNo": change.change_id,
            "changeType": _KIND_CODES[change.kind],
            "oldTicketNos": list(change.old_ticket_nos),
            "newTicketNos": list(change.new_ticket_nos),
            "fee": _yuan(change.fee),
            "difference": _yuan(change.difference),
            **self._moment("change", change.confirmed_at, f"{place}/confirmed_at"),
        }


def _order_status(order: Order) -> int:
    states = {ticket.state for ticket in order.tickets}
    if order.refunds or order.changes:
        return 3801 if states <= {"refunded", "changed"} else 3400
    if states & {"held", "cancelled", "expired"} and not states - {"held", "cancelled", "expired"}:
        return _STATUS[min(states, key=("held", "cancelled", "expired").index)]
    return 3202


def _yuan(money: Money) -> Decimal:
    """553.0: a JSON number with one decimal where it is exact, else two."""
    return Decimal(money.amount).scaleb(-2).quantize(Decimal("0.1") if money.amount % 10 == 0 else Decimal("0.01"))


def _present(fields: Mapping[str, object]) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}


def _some(rows: Iterable[Fields | None]) -> list[Fields]:
    return [row for row in rows if row is not None]
