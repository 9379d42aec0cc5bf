"""The station windows' own system: fixed-width GB18030 records, a file per shift, three nested control totals.

Written from ``adapters/windows/README.md`` and not from the adapter, as a stranger would. A day extract needs two
things that a book does not keep by itself: ``order.own_refs["collected_at"]`` (ISO time of a pick-up, else the
order's last update is taken) and ``order.own_refs["acted_in:<refund or change number>"]`` (who did it, kept by
``absorb``; a window when absent).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Literal

from simulators.book import Act, Book, SimChange, SimOrder, SimPayment, SimRefund, SimTicket, Wire
from simulators.channels.merge import merge
from simulators.channels.windows_notice import NoticeReader
from simulators.channels.windows_wire import (
    ORIGIN_CODES,
    RESERVE,
    Fields,
    money,
    native,
    pad,
    record,
    stamp,
    sum_of,
)

CONTENT_TYPE = "text/plain; charset=GB18030"


class _Pen:
    """Writes the records of one order for one transaction."""

    def __init__(self, order: SimOrder, running: str, desk: dict[str, str]) -> None:
        self._order = order
        self._running = running
        self._pickup = desk.get("pickup_code") or order.own_refs.get("pickup_code", "")

    def _write(self, code: str, at: datetime, fields: Fields, ref: str = "") -> bytes:
        acted_in = self._order.own_refs.get(f"acted_in:{ref}", "windows")
        return record(code, self._running, at, native("sales_channel", acted_in), self._order.order_no, fields)

    def ticket(self, ticket: SimTicket, *, printed: bool, held: bool = False) -> bytes:
        """SL, CH (new) or HD."""
        code = "HD0" if held else "CH2" if ticket.origin in ("change", "destination_change") else "SL0"
        at = self._order.booked_at if held else ticket.issued_at or ticket.state_at
        limit = self._order.hold_expires_at
        fields = {
            "ticket_no": ticket.ticket_no,
            "sold_in": native("sales_channel", self._order.channel),
            "origin": ORIGIN_CODES[ticket.origin],
            "replaces": ticket.replaces or "",
            "ticket_type": native("ticket_type", ticket.ticket_type),
            "document_type": native("document_type", ticket.document_type),
            "document_no": ticket.document_no,
            "name": ticket.name,
            "mobile": ticket.phone,
            "train_no": ticket.train_no,
            "train_code": ticket.train_code,
            "run_date": ticket.service_date.strftime("%m%d"),
            "from": ticket.from_station,
            "depart": stamp(ticket.depart_at),
            "to": ticket.to_station,
            "arrive": stamp(ticket.arrive_at),
            "seat": _seat(ticket),
            "fare": money(ticket.fare_fen),
            "surcharge": money(ticket.surcharge_fen),
            "control_no": (ticket.control_no or "") if printed else "",
            "pickup_code": self._pickup,
            "limit": stamp(limit) if held and limit else "",
            "berth": native("berth", ticket.berth) if ticket.berth else "",
        }
        return self._write(code, at, fields, ticket.ticket_no if ticket.origin != "sale" else "")

    def hold_end(self, ticket: SimTicket) -> bytes:
        reason = "E" if ticket.state == "expired" else "C"
        return self._write("HX0", ticket.state_at, {"ticket_no": ticket.ticket_no, "reason": reason})

    def given_up(self, ticket: SimTicket) -> bytes:
        """VD or RL."""
        code = "VD0" if ticket.state == "voided" else "RL0"
        return self._write(code, ticket.state_at, {"ticket_no": ticket.ticket_no})

    def payment(self, payment: SimPayment) -> bytes:
        fields = {
            "processor": native("processor", payment.processor),
            "method": native("payment_method", payment.method),
            "payment_ref": payment.processor_ref,
            "amount": money(payment.amount_fen),
        }
        return self._write("PY0", payment.captured_at, fields)

    def repayment(self, refund: SimRefund) -> bytes:
        fields = {
            "processor": native("processor", refund.processor),
            "refund_ref": refund.refund_ref,
            "gross": money(refund.gross_fen),
            "fee": money(refund.fee_fen),
            "net": money(-refund.net_fen),
        }
        return self._write("RB0", refund.requested_at, fields, refund.refund_ref)

    def refunded(self, ticket: SimTicket, refund: SimRefund | None) -> bytes:
        at, ref = (refund.requested_at, refund.refund_ref) if refund else (ticket.state_at, "")
        fields = {"ticket_no": ticket.ticket_no, "refund_ref": ref, "fare": money(ticket.fare_fen)}
        return self._write("RF0", at, fields, ref)

    def change(self, change: SimChange, repaid: str) -> Iterator[bytes]:
        """One CH record per old ticket; the money stands on the first."""
        for index, old in enumerate(change.old_ticket_nos):
            new = change.new_ticket_nos[index] if len(change.new_ticket_nos) == len(change.old_ticket_nos) else ""
            fields = {
                "ticket_no": old,
                "new_ticket_no": new,
                "change_ref": change.change_ref,
                "kind": "D" if change.kind == "destination" else "T",
                "fee": money(change.fee_fen if index == 0 else 0),
                "difference": money(change.difference_fen if index == 0 else 0),
                "refund_ref": repaid,
            }
            yield self._write("CH1", change.confirmed_at, fields, change.change_ref)

    def changed(self, ticket: SimTicket) -> bytes:
        """An old ticket whose change the book does not have."""
        fields = {"ticket_no": ticket.ticket_no, "new_ticket_no": ticket.replaced_by or "", "kind": "T"}
        return self._write("CH1", ticket.state_at, fields | {"fee": money(0), "difference": money(0)})

    def collected(self, ticket: SimTicket, at: datetime) -> bytes:
        code = self._pickup or self._order.order_no
        fields = {"ticket_no": ticket.ticket_no, "control_no": ticket.control_no or "", "pickup_code": code}
        return self._write("PU0", at, fields)


def _seat(ticket: SimTicket) -> str:
    """Class, coach and seat; who stands has blanks for the seat."""
    place = f"{native('seat_class', ticket.seat_class)}{ticket.coach:0>2}"
    return f"{place}{ticket.seat_no:0>4}" if ticket.seat_no else place


def _repayment_of(order: SimOrder, change: SimChange) -> SimRefund | None:
    """The repayment of a cheaper new ticket: it names the old ones, which are changed and not refunded."""
    for refund in order.refunds:
        tickets = [order.ticket(number) for number in refund.ticket_nos]
        given_back = all(t is not None and t.refund_ref == refund.refund_ref for t in tickets)
        if set(refund.ticket_nos) & set(change.old_ticket_nos) and not given_back:
            return refund
    return None


def _transaction(act: Act) -> Iterator[bytes]:
    """The records of one act and no more."""
    order = act.order
    pen = _Pen(order, act.desk.get("running", ""), act.desk)
    tickets = [ticket for ticket in order.tickets if ticket.ticket_no in act.ticket_nos]
    match act.kind:
        case "hold":
            yield from (pen.ticket(ticket, printed=False, held=True) for ticket in tickets)
        case "sale" | "pay":
            yield from (pen.ticket(ticket, printed=True) for ticket in tickets)
            yield from (pen.payment(payment) for payment in order.payments)
        case "cancel":
            yield from (pen.hold_end(ticket) for ticket in tickets)
        case "change":
            yield from _change_act(pen, order, order.changes[-1])
        case "refund":
            refund = order.refunds[-1]
            given_back = [t for number in refund.ticket_nos if (t := order.ticket(number)) is not None]
            yield from (pen.refunded(ticket, refund) for ticket in given_back)
            yield pen.repayment(refund)
        case "collect":
            yield from (pen.collected(ticket, act.at) for ticket in tickets)


def _change_act(pen: _Pen, order: SimOrder, change: SimChange) -> Iterator[bytes]:
    owed = change.fee_fen - change.difference_fen
    repayment = _repayment_of(order, change) if owed < 0 else None
    yield from pen.change(change, repayment.refund_ref if repayment else "")
    for number in change.new_ticket_nos:
        ticket = order.ticket(number)
        if ticket is not None:
            yield pen.ticket(ticket, printed=True)
    if owed > 0 and order.payments:
        yield pen.payment(order.payments[-1])
    if repayment is not None:
        yield pen.repayment(repayment)


def _whole(order: SimOrder, running: str) -> Iterator[bytes]:
    """Everything the book has about one order, each record with its own time."""
    pen = _Pen(order, running, {})
    collected_at = order.own_refs.get("collected_at")
    by_pickup = collected_at is not None or order.channel != "windows"
    for ticket in order.tickets:
        held = ticket.issued_at is None and ticket.state in ("held", "expired", "cancelled")
        yield pen.ticket(ticket, printed=not (by_pickup and ticket.origin == "sale"), held=held)
        if held and ticket.state != "held":
            yield pen.hold_end(ticket)
        if ticket.state in ("voided", "released"):
            yield pen.given_up(ticket)
        if by_pickup and ticket.control_no and ticket.origin == "sale":
            moment = datetime.fromisoformat(collected_at) if collected_at else order.updated_at or order.booked_at
            yield pen.collected(ticket, moment)
    for change in order.changes:
        repayment = _repayment_of(order, change)
        yield from pen.change(change, repayment.refund_ref if repayment else "")
    known = {number for change in order.changes for number in change.old_ticket_nos}
    yield from (pen.changed(t) for t in order.tickets if t.state == "changed" and t.ticket_no not in known)
    yield from (pen.payment(payment) for payment in order.payments)
    for refund in order.refunds:
        tickets = [order.ticket(number) for number in refund.ticket_nos]
        yield from (pen.refunded(t, refund) for t in tickets if t is not None and t.state == "refunded")
        yield pen.repayment(refund)
    named = {number for refund in order.refunds for number in refund.ticket_nos}
    yield from (pen.refunded(t, None) for t in order.tickets if t.state == "refunded" and t.ticket_no not in named)


Level = Literal["shift", "office", "file"]
Shifts = dict[tuple[str, str, str, str], list[bytes]]
"""(window, shift, clerk, terminal) -> transactions."""


def shift_file(
    transactions: Sequence[bytes],
    *,
    office: str,
    window: str,
    shift: str,
    business_date: date,
    clerk: str = "",
    terminal: str = "",
    break_total: Level | None = None,
    edition: int = 0,
) -> bytes:
    """One shift's file with right totals; ``break_total`` falsifies the one of that trailer by one yuan."""
    desk = (window, shift, clerk, terminal)
    return windows_file("S", business_date, {office: {desk: list(transactions)}}, break_total, edition)


def windows_file(
    kind: Literal["S", "D"],
    business_date: date,
    offices: Mapping[str, Shifts],
    break_total: Level | None = None,
    edition: int = 0,
) -> bytes:
    """A file of offices and their shifts, with right totals; a corrected writing of it counts ``edition`` up."""
    head = f"FH {kind}01{business_date:%Y%m%d}{edition:02d}" if edition else f"FH {kind}01{business_date:%Y%m%d}"
    bodies = [_office(office, shifts, break_total) for office, shifts in offices.items()]
    lines = [line for shifts in offices.values() for below in shifts.values() for line in _lines(below)]
    trailer = _trailer("FT ", len(offices), lines, break_total == "file")
    return head.encode().ljust(14 + RESERVE) + b"\r\n" + b"".join(bodies) + trailer


def _office(office: str, shifts: Shifts, broken: Level | None) -> bytes:
    pieces = [b"OH " + pad(office, 6 + RESERVE) + b"\r\n"]
    everything: list[bytes] = []
    for (window, shift, clerk, terminal), transactions in shifts.items():
        lines = _lines(transactions)
        desk = pad(window, 4) + pad(shift, 2) + pad(clerk, 6) + pad(terminal, 6 + RESERVE)
        trailer = _trailer("ST ", len(transactions), lines, broken == "shift")
        pieces += [b"SH " + desk + b"\r\n", *transactions, trailer]
        everything += lines
    return b"".join(pieces) + _trailer("OT ", len(shifts), everything, broken == "office")


def _trailer(code: str, units: int, lines: list[bytes], broken: bool) -> bytes:
    total = sum(sum_of(line) for line in lines) + (100 if broken else 0)
    return f"{code}{units:06d}{len(lines):06d}{money(total, 13)}\r\n".encode()


def _lines(transactions: Iterable[bytes]) -> list[bytes]:
    return [line for transaction in transactions for line in transaction.split(b"\r\n") if line]


class WindowsCodec:
    """One transaction at a time; :func:`shift_file` makes a file of a shift's transactions."""

    channel = "windows"

    def encode(self, act: Act, message_id: str) -> Wire:
        return Wire(b"".join(_transaction(act)), CONTENT_TYPE)

    def extract(self, orders: list[SimOrder], business_date: date) -> Wire:
        offices: dict[str, Shifts] = defaultdict(lambda: defaultdict(list))
        for order in orders:
            desk = order.seller if order.channel == "windows" else {}
            window, number = desk.get("window") or "0000", desk.get("shift") or "00"
            place = (window, number, desk.get("clerk") or "", desk.get("terminal") or "")
            shift = offices[desk.get("office") or "000000"][place]
            shift.append(b"".join(_whole(order, str(len(shift) + 1))))
        return Wire(windows_file("D", business_date, offices), CONTENT_TYPE)

    def absorb(self, body: bytes, book: Book) -> None:
        lines = body.split(b"\r\n")
        near = datetime.strptime(lines[0][6:14].decode(), "%Y%m%d").date()
        reader = NoticeReader(near)
        for line in lines[1:]:
            reader.take(line)
        if reader.order is not None:
            merge(book, reader.order)


codec = WindowsCodec()
