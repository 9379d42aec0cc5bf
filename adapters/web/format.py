"""Order -> web's JSON: the snapshot that the web channel would have sent, had it done the act itself."""

from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.kit.letters import ACT_OF_EVENT
from adapters.kit.people import national
from adapters.kit.reading import Losses
from adapters.kit.telling import Whole, captured, requested, whole_tickets
from adapters.kit.times import SHANGHAI
from adapters.web.profile import PROFILE
from adapters.web.wire import LETTER_NAMES, LETTERS, PAGE_TIME, STANDING, TIME
from hub.ports import Formatted
from schemas.codes import CodeList, code_list
from schemas.events import OrderEvent
from schemas.order import Change, Order, Payment, Refund
from schemas.stations import station_name

_HELD = {"sale": "i", "change": "j", "destination_change": "s"}
_ISSUED = {"sale": "a", "change": "f", "destination_change": "r"}
_CHANGED = {"train": "d", "destination": "p"}
_EPOCH_DAY = "1970-01-{day:02d} {clock}"

Native = dict[str, Any]


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """The envelope with this one order; None when no ticket of it can be told yet."""
    losses = Losses()
    number = order.reference("rail", "order")
    tickets = [_ticket(whole, order, losses) for whole in whole_tickets(order, losses)]
    if number is None or not tickets or event.type not in PROFILE.subscribes:
        return None
    if order.dispute == "open":
        losses.add("/dispute", "not_expressible", "open")
    content = {
        "sequence_no": number,
        "order_date": TIME.write(order.booked_at or order.updated_at),
        "update_time": TIME.write(order.updated_at),
        "ticket_totalnum": len(tickets),
        "ticket_price_all": sum(ticket["ticket_price"] for ticket in tickets),
        "pay_flag": "Y" if order.fulfilment == "held" else "N",
        "tickets": tickets,
        "payments": [_payment(payment, number, losses) for payment in captured(order, losses)],
        "refunds": [_refund(refund, number) for refund in requested(order, losses)],
        "changes": [_change(change) for change in order.changes if change.confirmed_at],
    }
    envelope = {
        "messageId": str(event.event_id),
        "messageType": "tell",
        "act": ACT_OF_EVENT.get(event.type, "snapshot"),
        "sentAt": TIME.write(event.recorded_at),
        "revision": event.sequence,
        "OrderDTODataList": [content],
    }
    return Formatted(msgspec.json.encode(envelope), PROFILE.media_type, losses.all())


def _ticket(whole: Whole, order: Order, losses: Losses) -> Native:
    ticket, seat = whole.ticket, whole.seat
    letter = _letter(whole, losses)
    lapsed, cancelled = ticket.state == "expired", ticket.state == "cancelled"
    held_at = ticket.state_since if ticket.state == "held" else order.booked_at
    return {
        "ticket_no": ticket.ticket_no,
        "batch_no": ticket.batch,
        "sale_channel_code": _write("sales_channel", whole.sold_in, f"{whole.place}/point_of_sale/channel", losses),
        "ticket_status_code": letter,
        "ticket_status_name": LETTER_NAMES[letter],
        "status_time": TIME.write(ticket.state_since),
        "cancel_flag": "Y" if cancelled else "N",
        "reserve_time": _time(held_at) if LETTERS[letter].state == "held" else "",
        "pay_limit_time": _time(ticket.hold_expires_at) if LETTERS[letter].state == "held" else "",
        "lose_time": _time(ticket.state_since) if lapsed else "",
        "issue_time": _time(ticket.issued_at),
        "print_no": ticket.control_no or "",
        "train_date": f"{whole.leg.service_date.isoformat()} 00:00:00",
        "start_train_date_page": PAGE_TIME.write(whole.leg.origin.at) if whole.leg.origin.at else "",
        "coach_no": seat.coach or "",
        "seat_no": (seat.number or "").rjust(4, "0"),
        "seat_name": STANDING if seat.standing else f"{seat.number or ''}号",
        "seat_type_code": _write("seat_class", seat.seat_class, f"{whole.place}/seat/seat_class", losses),
        "ticket_type_code": _write("ticket_type", whole.ticket_type, f"{whole.place}/ticket_type", losses),
        "ticket_price": whole.fare_gross.amount,
        "service_fee": whole.surcharge.amount,
        "stationTrainDTO": _station(whole),
        "passengerDTO": _passenger(whole, losses),
    }


def _letter(whole: Whole, losses: Losses) -> str:
    """The letter of table A; states it has no letter for are told as issued, with a loss."""
    ticket = whole.ticket
    origin = ticket.origin if ticket.origin in _ISSUED else "sale"
    match ticket.state:
        case "held" | "expired" | "cancelled":
            return _HELD[origin]
        case "changed":
            return _CHANGED[whole.change_kind]
        case "refunded":
            return "c"
        case "used":
            return "m"
        case "issued":
            paper = ticket.medium == "paper" or ticket.control_no is not None
            if paper:
                losses.add(f"{whole.place}/medium", "less_precise", "paper", "the time of printing is not told")
            return "b" if paper and origin == "sale" else _ISSUED[origin]
        case other:
            losses.add(f"{whole.place}/state", "not_expressible", other, "told as issued")
            return _ISSUED[origin]


def _station(whole: Whole) -> Native:
    leg = whole.leg
    return {
        "trainDTO": {"train_no": leg.train_no or ""},
        "station_train_code": leg.train_code,
        "from_station_telecode": leg.origin.station,
        "from_station_name": station_name(leg.origin.station) or "",
        "start_time": _epoch_clock(whole, leg.origin.at),
        "to_station_telecode": leg.destination.station,
        "to_station_name": station_name(leg.destination.station) or "",
        "arrive_time": _epoch_clock(whole, leg.destination.at),
    }


def _epoch_clock(whole: Whole, at: datetime | None) -> str:
    """The clock time on a date that counts days from 1970-01-01, the day the run leaves its origin."""
    if at is None:
        return ""
    local = at.astimezone(SHANGHAI)
    days: timedelta = local.date() - whole.leg.service_date
    return _EPOCH_DAY.format(day=days.days + 1, clock=local.strftime("%H:%M:%S"))


def _passenger(whole: Whole, losses: Losses) -> Native:
    person, place = whole.passenger, f"{whole.place}/passenger/document/type"
    return {
        "passenger_name": person.name,
        "passenger_id_type_code": _write("document_type", person.document.type, place, losses),
        "passenger_id_no": person.document.number,
        "mobile_no": national(person.phone),
    }


def _payment(payment: Payment, number: str, losses: Losses) -> Native:
    place = f"/payments/{payment.payment_id}"
    return {
        "tradeNo": number,
        "bankCode": _write("processor", payment.processor, f"{place}/processor", losses),
        "payModeCode": _write("payment_method", payment.method, f"{place}/method", losses),
        "bankTransNo": payment.processor_ref,
        "transAmount": payment.amount_gross.amount,
        "transDate": _time(payment.captured_at),
        "transStatus": "S",
    }


def _refund(refund: Refund, number: str) -> Native:
    return {
        "tradeNo": number,
        "bankCode": code_list("processor").write("web", refund.processor) or refund.processor,
        "refundNo": refund.refund_ref,
        "ticketNos": list(refund.ticket_nos),
        "refundAmount": refund.amount_gross.amount,
        "refundFee": refund.fee.amount,
        "transAmount": refund.amount_net.amount,
        "transDate": TIME.write(refund.requested_at),
        "refundStatus": "R",
    }


def _change(change: Change) -> Native:
    return {
        "changeNo": change.change_id,
        "changeType": "1" if change.kind == "train" else "2",
        "oldTicketNos": list(change.old_ticket_nos),
        "newTicketNos": list(change.new_ticket_nos),
        "changeFee": change.fee.amount,
        "changeDifference": change.difference.amount,
        "changeDate": _time(change.confirmed_at),
    }


def _time(at: datetime | None) -> str:
    return TIME.write(at) if at else ""


def _write(name: str, code: str, place: str, losses: Losses) -> str:
    """The web's spelling of a code; a code it has none for is told as it is, with a loss."""
    codes: CodeList = code_list(name)
    native = codes.write("web", code)
    if native is None:
        losses.add(place, "unknown_code", code, f"the web has no code for it in {name}")
    return native or code
