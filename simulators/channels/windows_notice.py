"""How the window system reads a notice from the hub back into an order."""

from collections import defaultdict
from datetime import date, datetime
from typing import Literal

from simulators.book import SimChange, SimOrder, SimPayment, SimRefund, SimTicket, TicketState
from simulators.channels.windows_wire import BEIJING, HEAD, ORIGINS, WIDTHS, Fields, code_of, fen

_ENDS: dict[str, TicketState] = {
    "RF0": "refunded",
    "VD0": "voided",
    "RL0": "released",
    "HX0C": "cancelled",
    "HX0E": "expired",
}


class NoticeReader:
    """Reads a notice back into an order."""

    def __init__(self, near: date) -> None:
        self._near = near
        self._seller: Fields = {}
        self._repaid: dict[str, list[str]] = defaultdict(list)
        self.order: SimOrder | None = None

    def take(self, line: bytes) -> None:
        code = line[:3].decode("ascii", "replace")
        if code == "OH ":
            self._seller["office"] = line[3:9].decode().strip()
        if code == "SH ":
            names = (("window", 3, 7), ("shift", 7, 9), ("clerk", 9, 15), ("terminal", 15, 21))
            self._seller |= {name: line[first:last].decode().strip() for name, first, last in names}
        if code in WIDTHS:
            self._record(code, line)

    def _record(self, code: str, line: bytes) -> None:
        fields: Fields = {}
        offset = 0
        for name, width in {**HEAD, **WIDTHS[code]}.items():
            fields[name] = line[offset : offset + width].decode("gb18030").strip()
            offset += width
        at = self._moment(fields["at"])
        if self.order is None:
            self.order = SimOrder(fields["order_no"], "unknown", at, seller=self._seller, updated_at=at)
        order = self.order
        order.updated_at = max(order.updated_at or at, at)
        order.booked_at = min(order.booked_at, at)
        match code:
            case "SL0" | "HD0" | "CH2":
                self._ticket(order, code, fields, at)
            case "CH1":
                self._changed(order, fields, at)
            case "PY0":
                self._payment(order, fields, at)
            case "RB0" | "RB1":
                self._repayment(order, fields, at)
            case "IV0" | "OV0":
                number = fields.get("invoice_no") or fields["ref"]
                order.own_refs[f"{code.lower()}:{number}"] = fields.get("kind") or fields["reason"]
            case _:
                self._ended(order, code, fields, at)

    def _moment(self, text: str) -> datetime:
        day = self._day(text[:4])
        return datetime(day.year, day.month, day.day, int(text[4:6]), int(text[6:8]), tzinfo=BEIJING)

    def _day(self, text: str) -> date:
        """The year is the one that brings it nearest to the business date."""
        days = []
        for year in (self._near.year - 1, self._near.year, self._near.year + 1):
            if text != "0229" or year % 4 == 0:
                days.append(date(year, int(text[:2]), int(text[2:])))
        return min(days, key=lambda day: abs(day - self._near))

    def _ticket(self, order: SimOrder, code: str, fields: Fields, at: datetime) -> None:
        order.channel = code_of("sales_channel", fields["sold_in"])
        if fields["limit"]:
            order.hold_expires_at = self._moment(fields["limit"])
        if fields["pickup_code"]:
            order.own_refs["pickup_code"] = fields["pickup_code"]
        held = code == "HD0"
        order.tickets.append(
            SimTicket(
                ticket_no=fields["ticket_no"],
                batch=int(fields["ticket_no"][10]),
                coach=fields["seat"][1:3].replace("00", ""),
                seat_no=fields["seat"][3:].lstrip("0"),
                seat_class=code_of("seat_class", fields["seat"][:1]),
                ticket_type=code_of("ticket_type", fields["ticket_type"]),
                name=fields["name"],
                document_type=code_of("document_type", fields["document_type"]),
                document_no=fields["document_no"],
                phone=fields["mobile"],
                train_no=fields["train_no"],
                train_code=fields["train_code"],
                service_date=self._day(fields["run_date"]),
                from_station=fields["from"],
                to_station=fields["to"],
                depart_at=self._moment(fields["depart"]),
                arrive_at=self._moment(fields["arrive"]),
                fare_fen=fen(fields["fare"]),
                surcharge_fen=fen(fields["surcharge"]),
                state="held" if held else "issued",
                state_at=at,
                issued_at=None if held else at,
                origin=ORIGINS[fields["origin"]],
                replaces=fields["replaces"] or None,
                control_no=fields["control_no"] or None,
                berth=code_of("berth", fields["berth"]) if fields["berth"] else "",
            )
        )

    def _ended(self, order: SimOrder, code: str, fields: Fields, at: datetime) -> None:
        """RF, HX, VD and RL end a ticket; RP and PU give it paper."""
        ticket = order.ticket(fields["ticket_no"])
        ref = fields.get("refund_ref", "")
        if ref:
            self._repaid[ref].append(fields["ticket_no"])
            order.own_refs[f"acted_in:{ref}"] = code_of("sales_channel", fields["acted_in"])
        if ticket is None:
            return
        if code in ("RP0", "PU0"):
            ticket.control_no = fields["control_no"] or ticket.control_no
            return
        ticket.state = _ENDS[code + fields.get("reason", "")]
        ticket.state_at, ticket.refund_ref = at, ref or None

    def _changed(self, order: SimOrder, fields: Fields, at: datetime) -> None:
        old, new, ref = fields["ticket_no"], fields["new_ticket_no"], fields["change_ref"]
        ticket = order.ticket(old)
        if ticket is not None and ticket.state != "refunded":
            ticket.state, ticket.state_at, ticket.replaced_by = "changed", at, new or None
        if fields["refund_ref"]:
            self._repaid[fields["refund_ref"]].append(old)
        if not ref:
            return
        order.own_refs[f"acted_in:{ref}"] = code_of("sales_channel", fields["acted_in"])
        fee, difference = fen(fields["fee"]), fen(fields["difference"])
        known = next((change for change in order.changes if change.change_ref == ref), None)
        if known is None:
            kind: Literal["train", "destination"] = "destination" if fields["kind"] == "D" else "train"
            order.changes.append(SimChange(ref, kind, (old,), (new,) if new else (), fee, difference, at))
            return
        known.old_ticket_nos += (old,)
        known.new_ticket_nos += (new,) if new else ()

    def _payment(self, order: SimOrder, fields: Fields, at: datetime) -> None:
        processor, method = code_of("processor", fields["processor"]), code_of("payment_method", fields["method"])
        order.payments.append(SimPayment(processor, fields["payment_ref"], method, fen(fields["amount"]), at))

    def _repayment(self, order: SimOrder, fields: Fields, at: datetime) -> None:
        ref, processor = fields["refund_ref"], code_of("processor", fields["processor"])
        numbers = tuple(dict.fromkeys(self._repaid.get(ref, ())))
        gross, fee, net = (fen(fields[name]) for name in ("gross", "fee", "net"))
        order.refunds.append(SimRefund(processor, ref, numbers, gross, fee, -net, at))
