"""The agents' booking system: OTA JSON, yuan as JSON numbers, numeric codes in two tables, dates apart from times.

Written from ``adapters/agents/README.md`` and not from the adapter, as a stranger would.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal, cast

import msgspec

from schemas.codes import code_list
from schemas.stations import station_name, telecode_of
from simulators.book import Act, Book, SimChange, SimOrder, SimPayment, SimRefund, SimTicket, TicketState, Wire
from simulators.channels.merge import merge

_BEIJING = timezone(timedelta(hours=8))
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)

OriginName = Literal["sale", "change", "destination_change"]

_TICKET_STATUS: dict[TicketState, int] = {
    "held": 3100,
    "cancelled": 3101,
    "expired": 3102,
    "issued": 3202,
    "changed": 3703,
    "refunded": 3801,
}
_STATES = {
    3100: "held",
    3101: "cancelled",
    3102: "expired",
    3201: "held",
    3202: "issued",
    3203: "cancelled",
    3700: "issued",
    3701: "issued",
    3702: "issued",
    3703: "changed",
    3704: "issued",
    3705: "changed",
    3706: "issued",
    3800: "issued",
    3801: "refunded",
    3802: "issued",
}
_ORIGINS = {"sale": "SALE", "change": "CHANGE", "destination_change": "REROUTE"}
_KINDS = {"train": "CHANGE", "destination": "REROUTE"}


def _yuan(fen: int) -> Decimal:
    return Decimal(fen).scaleb(-2).quantize(Decimal("0.1") if fen % 10 == 0 else Decimal("0.01"))


def _fen(yuan: Decimal | int) -> int:
    return int((Decimal(yuan) * 100).to_integral_value())


def _moment(prefix: str, at: datetime | None) -> dict[str, str]:
    """A date in one field, the time in another."""
    if at is None:
        return {}
    local = at.astimezone(_BEIJING)
    return {f"{prefix}Date": local.strftime("%Y-%m-%d"), f"{prefix}Time": local.strftime("%H:%M:%S")}


def _when(document: dict[str, Any], prefix: str) -> datetime | None:
    day, time = document.get(f"{prefix}Date"), document.get(f"{prefix}Time")
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=_BEIJING) if day and time else None


def _known(document: dict[str, Any], prefix: str) -> datetime:
    at = _when(document, prefix)
    if at is None:
        raise ValueError(f"the document has no {prefix}Date and {prefix}Time")
    return at


def _order_status(order: SimOrder) -> int:
    states = {ticket.state for ticket in order.tickets}
    if order.refunds or order.changes:
        return 3801 if states <= {"refunded", "changed"} else 3400
    if "issued" in states:
        return 3202
    return next((_TICKET_STATUS[state] for state in ("held", "cancelled", "expired") if state in states), 3203)


def _ticket_code(ticket: SimTicket, order: SimOrder) -> int:
    """Table 2: tickets that a change made, or that were given up for another destination, have codes of their own."""
    if ticket.state == "issued" and ticket.origin != "sale":
        return 3706
    rerouted = {old for change in order.changes if change.kind == "destination" for old in change.old_ticket_nos}
    return 3705 if ticket.state == "changed" and ticket.ticket_no in rerouted else _TICKET_STATUS[ticket.state]


def _write_ticket(ticket: SimTicket, order: SimOrder) -> dict[str, Any]:
    depart, arrive = ticket.depart_at.astimezone(_BEIJING), ticket.arrive_at.astimezone(_BEIJING)
    document: dict[str, Any] = {
        "ticketNo": ticket.ticket_no,
        "ticketStatus": _ticket_code(ticket, order),
        **_moment("status", ticket.state_at),
        **_moment("issue", ticket.issued_at),
        "origin": _ORIGINS[ticket.origin],
        "oldTicketNo": ticket.replaces,
        "newTicketNo": ticket.replaced_by,
        "refundNo": ticket.refund_ref,
        "passengerName": ticket.name,
        "idType": int(code_list("document_type").write("agents", ticket.document_type) or 0),
        "idNo": ticket.document_no,
        "mobile": ticket.phone or None,
        "ticketType": int(code_list("ticket_type").write("agents", ticket.ticket_type) or 0),
        "trainNo": ticket.train_no,
        "trainCode": ticket.train_code,
        "trainStartDate": ticket.service_date.isoformat(),
        "fromStation": station_name(ticket.from_station),
        "toStation": station_name(ticket.to_station),
        "departDate": depart.strftime("%Y-%m-%d"),
        "departTime": depart.strftime("%H:%M"),
        "arriveDays": (arrive.date() - depart.date()).days,
        "arriveTime": arrive.strftime("%H:%M"),
        "seatClass": code_list("seat_class").write("agents", ticket.seat_class),
        "seat": f"{ticket.coach},{ticket.seat_no}",
        "price": _yuan(ticket.fare_fen),
        "serviceFee": _yuan(ticket.surcharge_fen),
    }
    return {name: value for name, value in document.items() if value is not None}


def _write_order(order: SimOrder, kind: str, at: datetime, desk: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "msgType": kind,
        "agentOrderNo": order.own_refs.get("agent_order") or desk.get("agent_order"),
        "supplierOrderNo": order.order_no,
        "revision": order.revision,
        "agentId": order.seller.get("agent"),
        "contractNo": order.seller.get("contract"),
        "soldIn": code_list("sales_channel").write("agents", order.channel),
        "orderStatus": _order_status(order),
        **_moment("order", order.booked_at),
        **_moment("update", at),
        **_moment("payLimit", order.hold_expires_at),
        "tickets": [_write_ticket(ticket, order) for ticket in order.tickets],
        "payments": [
            {
                "payChannel": code_list("processor").write("agents", payment.processor),
                "payType": code_list("payment_method").write("agents", payment.method),
                "payNo": payment.processor_ref,
                "amount": _yuan(payment.amount_fen),
                **_moment("pay", payment.captured_at),
            }
            for payment in order.payments
        ],
        "refunds": [
            {
                "payChannel": code_list("processor").write("agents", refund.processor),
                "refundNo": refund.refund_ref,
                "ticketNos": list(refund.ticket_nos),
                "gross": _yuan(refund.gross_fen),
                "fee": _yuan(refund.fee_fen),
                "net": _yuan(refund.net_fen),
                **_moment("refund", refund.requested_at),
            }
            for refund in order.refunds
        ],
        "changes": [
            {
                "changeNo": change.change_ref,
                "changeType": _KINDS[change.kind],
                "oldTicketNos": list(change.old_ticket_nos),
                "newTicketNos": list(change.new_ticket_nos),
                "fee": _yuan(change.fee_fen),
                "difference": _yuan(change.difference_fen),
                **_moment("change", change.confirmed_at),
            }
            for change in order.changes
        ],
    }
    return {name: value for name, value in document.items() if value is not None}


class AgentsCodec:
    """Pushes successes; the simulator's ``/changes`` page offers everything, with :meth:`document` per order."""

    channel = "agents"

    def encode(self, act: Act, message_id: str) -> Wire:
        order = _with_desk(act)
        kind = "HOLD" if act.kind == "hold" else "NOTIFY"
        return Wire(_ENCODER.encode(_write_order(order, kind, act.at, act.desk)), "application/json")

    def document(self, order: SimOrder) -> dict[str, Any]:
        """One order as ``/changes`` and the day extract show it (amounts are Decimals: encode with :meth:`page`)."""
        return _write_order(order, "NOTIFY", order.updated_at or order.booked_at, {})

    def page(self, watermark: str, orders: list[SimOrder]) -> Wire:
        """The answer of ``GET /changes``."""
        page = {"watermark": watermark, "orders": [self.document(order) for order in orders]}
        return Wire(_ENCODER.encode(page), "application/json")

    def extract(self, orders: list[SimOrder], business_date: date) -> Wire:
        lines = [_ENCODER.encode(self.document(order)) + b"\n" for order in orders]
        return Wire(b"".join(lines), "application/x-ndjson")

    def absorb(self, body: bytes, book: Book) -> None:
        merge(book, _read_order(_DECODER.decode(body)))


def _with_desk(act: Act) -> SimOrder:
    """The order with the desk's agent and contract where the order itself does not name its seller."""
    if act.order.seller.get("agent") or "agent" not in act.desk:
        return act.order
    seller = act.order.seller | {k: act.desk[k] for k in ("agent", "contract") if k in act.desk}
    return replace(act.order, seller=seller)


def _code(name: str, native: object) -> str:
    return code_list(name).read("agents", str(native)) or "unknown"


def _read_ticket(document: dict[str, Any]) -> SimTicket:
    depart = datetime.fromisoformat(f"{document['departDate']}T{document['departTime']}").replace(tzinfo=_BEIJING)
    arrive_day = depart.date() + timedelta(days=document["arriveDays"])
    coach, _, seat_no = document["seat"].partition(",")
    origins = {native: origin for origin, native in _ORIGINS.items()}
    return SimTicket(
        ticket_no=document["ticketNo"],
        batch=int(document["ticketNo"][10]),
        coach=coach,
        seat_no=seat_no.rstrip("上中下铺"),
        seat_class=_code("seat_class", document["seatClass"]),
        ticket_type=_code("ticket_type", document["ticketType"]),
        name=document["passengerName"],
        document_type=_code("document_type", document["idType"]),
        document_no=document["idNo"],
        phone=document.get("mobile", ""),
        train_no=document.get("trainNo", ""),
        train_code=document["trainCode"],
        service_date=date.fromisoformat(document["trainStartDate"]),
        from_station=telecode_of(document["fromStation"]) or "",
        to_station=telecode_of(document["toStation"]) or "",
        depart_at=depart,
        arrive_at=datetime.fromisoformat(f"{arrive_day}T{document['arriveTime']}").replace(tzinfo=_BEIJING),
        fare_fen=_fen(document["price"]),
        surcharge_fen=_fen(document.get("serviceFee", 0)),
        state=cast(TicketState, _STATES.get(document["ticketStatus"], "cancelled")),
        state_at=_known(document, "status"),
        issued_at=_when(document, "issue"),
        origin=cast(OriginName, origins.get(document.get("origin", "SALE"), "sale")),
        replaces=document.get("oldTicketNo"),
        replaced_by=document.get("newTicketNo"),
        refund_ref=document.get("refundNo"),
    )


def _read_order(document: dict[str, Any]) -> SimOrder:
    names = (("agent_order", "agentOrderNo"),)
    return SimOrder(
        order_no=document["supplierOrderNo"],
        channel=_code("sales_channel", document["soldIn"]),
        booked_at=_known(document, "order"),
        tickets=[_read_ticket(ticket) for ticket in document["tickets"]],
        payments=[
            SimPayment(
                processor=_code("processor", payment["payChannel"]),
                processor_ref=payment["payNo"],
                method=_code("payment_method", payment["payType"]),
                amount_fen=_fen(payment["amount"]),
                captured_at=_known(payment, "pay"),
            )
            for payment in document.get("payments", [])
        ],
        refunds=[
            SimRefund(
                processor=_code("processor", refund["payChannel"]),
                refund_ref=refund["refundNo"],
                ticket_nos=tuple(refund["ticketNos"]),
                gross_fen=_fen(refund["gross"]),
                fee_fen=_fen(refund["fee"]),
                net_fen=_fen(refund["net"]),
                requested_at=_known(refund, "refund"),
            )
            for refund in document.get("refunds", [])
            if refund.get("refundStatus") != "FAILED" and refund.get("source") != "PROCESSOR"
        ],
        changes=[
            SimChange(
                change_ref=change["changeNo"],
                kind="destination" if change["changeType"] == "REROUTE" else "train",
                old_ticket_nos=tuple(change["oldTicketNos"]),
                new_ticket_nos=tuple(change["newTicketNos"]),
                fee_fen=_fen(change["fee"]),
                difference_fen=_fen(change["difference"]),
                confirmed_at=_known(change, "change"),
            )
            for change in document.get("changes", [])
        ],
        hold_expires_at=_when(document, "payLimit"),
        own_refs={k: document[n] for k, n in names if document.get(n)},
        seller={k: document[n] for k, n in (("agent", "agentId"), ("contract", "contractNo")) if document.get(n)},
        updated_at=_known(document, "update"),
    )


codec = AgentsCodec()
