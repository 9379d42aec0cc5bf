"""The records of one order, as the hub writes them to windows: the inverse of ``records`` and ``tickets``."""

from collections.abc import Iterator
from datetime import date, datetime

from adapters.kit import people
from adapters.kit.columns import misfits, write
from adapters.kit.refusing import Losses
from adapters.kit.telling import Whole
from adapters.windows.layout import RECORDS
from adapters.windows.records import ENDS, INVOICES, KINDS, METHODS, PROCESSORS, REASONS
from adapters.windows.tickets import (
    BERTHS,
    CHANNELS,
    DOCUMENT_TYPES,
    NO_COACH,
    ORIGINS,
    SEAT_CLASSES,
    TICKET_TYPES,
)
from schemas.codes import CodeList
from schemas.facts import Override, Seat
from schemas.money import Money
from schemas.order import Change, Invoice, Order, Payment, Refund, Ticket

HUB = "H"
UNKNOWN = "?"
_ORIGIN_CODES = {ours: native for native, ours in ORIGINS.items()}
_KIND_CODES = {ours: native for native, ours in KINDS.items()}
_BERTH_CODES = {ours: native for native, ours in BERTHS.items()}
_END_CODES = {fact.removeprefix("ticket.hold_"): native for native, fact in ENDS.items()}
_INVOICE_CODES = {fact.removeprefix("invoice."): native for native, fact in INVOICES.items()}
_STEPS = {"voided": "VD0", "released": "RL0"}
_HOLDS = frozenset({"held", "expired", "cancelled"})
_SAID = _HOLDS | {"issued", "changed", "refunded", "voided", "released", "unknown"}
_NOTHING = Money(amount=0)

Fields = dict[str, object]


class Notice:
    """Writes records; every line is without its end. ``origin`` is the channel whose act is told."""

    def __init__(self, order: Order, number: str, origin: str, business_date: date, losses: Losses) -> None:
        self._order = order
        self._number = number
        self._near = business_date
        self._losses = losses
        self._acted_in = HUB if origin == "hub" else self._code(CHANNELS, origin, "/channel")
        self._collected = {no: pickup for pickup in order.pickups for no in pickup.ticket_nos}

    def _record(self, code: str, at: datetime, place: str, fields: Fields) -> Iterator[bytes]:
        """One line, or none: a record that had to say a number cut or in another year would say something else."""
        row: Fields = {"running": 0, "at": at, "acted_in": self._acted_in, "order_no": self._number} | fields
        unsayable = misfits(RECORDS[code], row, self._near)
        for column in unsayable:
            self._losses.add(f"{place}/{column.name}", "not_expressible", row[column.name], "does not fit its column")
            row[column.name] = None
        if all(column.optional for column in unsayable):
            yield write(RECORDS[code], row, self._losses, place).removesuffix(b"\r\n")

    def _code(self, codes: CodeList, ours: str | None, place: str) -> str:
        native = None if ours is None else codes.write("windows", ours)
        if native is None:
            self._losses.add(place, "not_expressible", ours or "", f"windows have no code for it in {codes.name}")
        return native or UNKNOWN

    def sale(self, whole: Whole) -> Iterator[bytes]:
        """SL, CH2 or HD."""
        ticket, place = whole.ticket, whole.place
        held = ticket.state in _HOLDS
        if ticket.state not in _SAID:
            self._losses.add(f"{place}/state", "less_precise", ticket.state, "written as issued")
        if held and ticket.hold_expires_at is None:
            self._losses.add(place, "not_expressible", ticket.state, "the end of the hold is not known")
            return
        if held:
            began = ticket.held_at or self._order.booked_at or ticket.state_since
            yield from self._record("HD0", began, place, self._content(whole, held))
        else:
            code = "CH2" if ticket.origin in ("change", "destination_change") else "SL0"
            yield from self._record(code, ticket.issued_at or ticket.state_since, place, self._content(whole, held))

    def _content(self, whole: Whole, held: bool) -> Fields:
        ticket, leg, place = whole.ticket, whole.leg, whole.place
        self._desk(ticket, place)
        return {
            "ticket_no": ticket.ticket_no,
            "sold_in": self._code(CHANNELS, whole.sold_in, f"{place}/point_of_sale/channel"),
            "origin": _ORIGIN_CODES[ticket.origin],
            "replaces": ticket.replaces,
            "ticket_type": self._code(TICKET_TYPES, whole.ticket_type, f"{place}/ticket_type"),
            "document_type": self._code(DOCUMENT_TYPES, whole.passenger.document.type, f"{place}/document/type"),
            "document_no": whole.passenger.document.number,
            "name": whole.passenger.name,
            "mobile": people.national(whole.passenger.phone),
            "train_no": leg.train_no,
            "train_code": leg.train_code,
            "run_date": leg.service_date,
            "from_station": leg.origin.station,
            "depart": leg.origin.at,
            "to_station": leg.destination.station,
            "arrive": leg.destination.at,
            "seat": self._seat(whole.seat, place),
            "fare": whole.fare_gross,
            "surcharge": whole.surcharge,
            "control_no": ticket.control_no if self._printed_with_sale(ticket) and not held else None,
            "pickup_code": self._order.reference("phone", "pickup"),
            "limit": ticket.hold_expires_at if held else None,
            "berth": _BERTH_CODES[whole.seat.berth] if whole.seat.berth else None,
        }

    def _desk(self, ticket: Ticket, place: str) -> None:
        """The headers name one desk, the order's, and only a sale is read as that desk's."""
        pos, told = ticket.point_of_sale, self._order.point_of_sale
        if pos is None or pos.channel != "windows" or not (pos.office or pos.window or pos.shift):
            return
        if pos != told or ticket.origin != "sale" or not (pos.office and pos.window and pos.shift):
            self._losses.add(f"{place}/point_of_sale", "not_expressible", pos.office, "another desk than the order's")

    def _seat(self, seat: Seat, place: str) -> str:
        native = self._code(SEAT_CLASSES, seat.seat_class, f"{place}/seat/seat_class")
        number = "" if seat.standing or seat.number is None else f"{seat.number:0>4}"
        if seat.number is None and not seat.standing:
            self._losses.add(f"{place}/seat/number", "not_expressible", "", "a blank seat is read as standing")
        return f"{native}{seat.coach or NO_COACH:0>2}{number}"

    def _printed_with_sale(self, ticket: Ticket) -> bool:
        return ticket.control_no is not None and ticket.printed_at is not None and ticket.printed_at == ticket.issued_at

    def printed(self, ticket: Ticket, place: str, sold: bool) -> Iterator[bytes]:
        """PU for a collection, RP for paper that came later than the sale or whose sale is not known."""
        pickup = self._collected.get(ticket.ticket_no)
        told = sold and self._printed_with_sale(ticket) and ticket.state not in _HOLDS
        if pickup is not None:
            together = ticket.printed_at == pickup.collected_at and not told
            control_no = ticket.control_no if together else None
            told = told or together
            fields: Fields = {"ticket_no": ticket.ticket_no, "control_no": control_no, "pickup_code": pickup.pickup_ref}
            yield from self._record("PU0", pickup.collected_at, place, fields)
        if told or ticket.medium != "paper":
            return
        if ticket.control_no is None:
            self._losses.add(f"{place}/medium", "not_expressible", "paper", "the paper has no control number")
        else:
            fields = {"ticket_no": ticket.ticket_no, "control_no": ticket.control_no}
            yield from self._record("RP0", ticket.printed_at or ticket.state_since, place, fields)

    def collected(self) -> Iterator[bytes]:
        """PU for tickets of which nothing but their collection is known."""
        known = {ticket.ticket_no for ticket in self._order.tickets}
        for index, pickup in enumerate(self._order.pickups):
            place = f"/pickups/{index}"
            if not pickup.ticket_nos:
                self._losses.add(place, "not_expressible", pickup.pickup_ref, "it names no ticket")
            for number in pickup.ticket_nos:
                if number not in known:
                    fields: Fields = {"ticket_no": number, "pickup_code": pickup.pickup_ref}
                    yield from self._record("PU0", pickup.collected_at, place, fields)

    def ended(self, ticket: Ticket, place: str) -> Iterator[bytes]:
        """How the ticket ended, when no record of a change says it."""
        number, since = ticket.ticket_no, ticket.state_since
        if ticket.state in _END_CODES:
            yield from self._record("HX0", since, place, {"ticket_no": number, "reason": _END_CODES[ticket.state]})
        elif ticket.state in _STEPS:
            yield from self._record(_STEPS[ticket.state], since, place, {"ticket_no": number})
        elif ticket.state == "refunded":
            named = [r for r in self._order.refunds if number in r.ticket_nos and r.part_of is None]
            at, ref = (named[-1].requested_at, named[-1].refund_ref) if named else (since, None)
            fields: Fields = {"ticket_no": number, "refund_ref": ref, "fare": ticket.fare_gross}
            yield from self._record("RF0", at, place, fields)
        elif ticket.state == "changed" and not any(number in c.old_ticket_nos for c in self._order.changes):
            self._losses.add(place, "inferred", "T", "no change names this ticket: written as one of the train")
            fields = {"ticket_no": number, "new_ticket_no": ticket.replaced_by, "kind": "T"}
            yield from self._record("CH1", since, place, fields)

    def change(self, change: Change, place: str) -> Iterator[bytes]:
        """CH1 for each old ticket; the money stands on the first."""
        if change.confirmed_at is None:
            self._losses.add(place, "not_expressible", change.change_id, "not confirmed yet")
            return
        olds, news = change.old_ticket_nos, change.new_ticket_nos
        partners: tuple[str | None, ...] = news if len(news) == len(olds) else (None,) * len(olds)
        if partners != news:
            self._losses.add(f"{place}/new_ticket_nos", "not_expressible", " ".join(news), "windows change one by one")
        for index, (old, new) in enumerate(zip(olds, partners, strict=True)):
            fields: Fields = {
                "ticket_no": old,
                "new_ticket_no": new,
                "change_ref": change.change_id,
                "kind": _KIND_CODES[change.kind],
                "fee": change.fee if index == 0 else _NOTHING,
                "difference": change.difference if index == 0 else _NOTHING,
                "refund_ref": self._repaid(old),
            }
            yield from self._record("CH1", change.confirmed_at, place, fields)
        if change.override:
            yield from self.override("C", change.change_id, change.override, change.confirmed_at, place)

    def _repaid(self, old: str) -> str | None:
        """The repayment of a cheaper new ticket names the old one, which itself was not refunded."""
        ticket = self._order.ticket(old)
        if ticket is not None and ticket.state == "refunded":
            return None
        named = (r.refund_ref for r in self._order.refunds if old in r.ticket_nos and r.part_of is None)
        return next(named, None)

    def payment(self, payment: Payment, place: str) -> Iterator[bytes]:
        """PY, when it has a time."""
        processor = self._code(PROCESSORS, payment.processor, f"{place}/processor")
        if payment.captured_at is None or processor == UNKNOWN:
            return
        fields: Fields = {
            "processor": processor,
            "method": self._code(METHODS, payment.method, f"{place}/method"),
            "payment_ref": payment.processor_ref,
            "amount": payment.amount_gross,
        }
        yield from self._record("PY0", payment.captured_at, place, fields)

    def refund(self, refund: Refund, place: str) -> Iterator[bytes]:
        """RB0, or RB1 when it says over which payment or of which repayment it is a part; then its override."""
        processor = self._code(PROCESSORS, refund.processor, f"{place}/processor")
        if refund.external or refund.state == "failed" or processor == UNKNOWN:
            self._losses.add(place, "not_expressible", refund.refund_ref, "no money left a till by somebody's order")
            return
        split: Fields = {"payment_ref": refund.payment_ref, "part_of": refund.part_of}
        fields: Fields = {
            "processor": processor,
            "refund_ref": refund.refund_ref,
            "gross": refund.amount_gross,
            "fee": refund.fee,
            "net": -refund.amount_net,
        }
        code = "RB1" if refund.payment_ref or refund.part_of else "RB0"
        yield from self._record(code, refund.requested_at, place, fields | (split if code == "RB1" else {}))
        if refund.override:
            yield from self.override("R", refund.refund_ref, refund.override, refund.requested_at, place)

    def invoice(self, invoice: Invoice, place: str) -> Iterator[bytes]:
        """IV for each ticket, the amount on the first; of a reversed invoice also its issue, when it is known."""
        if invoice.issued_at is not None:
            yield from self._invoice("issued", invoice, invoice.issued_at, place)
        if invoice.state != "issued" or invoice.issued_at is None:
            yield from self._invoice(invoice.state, invoice, invoice.state_since, place)

    def _invoice(self, state: str, invoice: Invoice, at: datetime, place: str) -> Iterator[bytes]:
        for index, number in enumerate(invoice.ticket_nos or (None,)):
            fields: Fields = {
                "kind": _INVOICE_CODES[state],
                "invoice_no": invoice.invoice_no,
                "ticket_no": number,
                "amount": invoice.amount_gross if index == 0 else _NOTHING,
            }
            yield from self._record("IV0", at, place, fields)

    def override(self, about: str, ref: str, given: Override, at: datetime, place: str) -> Iterator[bytes]:
        """OV beside what was decided."""
        reason = self._code(REASONS, given.reason, f"{place}/override/reason")
        fields: Fields = {"about": about, "ref": ref, "reason": reason, "staff": given.staff, "note": given.note}
        yield from self._record("OV0", at, f"{place}/override", fields)
