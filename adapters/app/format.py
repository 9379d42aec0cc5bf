"""Order -> the app's JSON: the snapshot that the app channel would have sent, had it done the act itself."""

from datetime import datetime
from typing import Any

import msgspec

from adapters.app.profile import PROFILE
from adapters.app.wire import DAY, JIAO, TIME
from adapters.kit.letters import ACT_OF_EVENT
from adapters.kit.people import national
from adapters.kit.reading import Losses
from adapters.kit.telling import Whole, captured, requested, whole_tickets
from hub.ports import Formatted
from schemas.codes import code_list
from schemas.events import OrderEvent
from schemas.money import Money
from schemas.order import Change, Order, Payment, Refund
from schemas.stations import station_name

_ISSUED = {"sale": "a", "change": "f", "destination_change": "g"}
_CHANGED = {"train": "d", "destination": "e"}
_OTHER = {"refunded": "c", "checked_in": "h", "entered": "i", "used": "j", "voided": "l"}
_UNPAID = frozenset({"held", "expired", "cancelled"})
_DESK = frozenset({"device", "app_version"})

Native = dict[str, Any]


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """One message with a record per ticket; None when no ticket of the order can be told yet."""
    losses = Losses()
    number = order.reference("rail", "order")
    records = [_record(whole, order, number, losses) for whole in whole_tickets(order, losses, _DESK)]
    if number is None or not records or event.type not in PROFILE.subscribes:
        return None
    if order.dispute == "open":
        losses.add("/dispute", "not_expressible", "open")
    message = {
        "msg_id": str(event.event_id),
        "msg_type": "tell",
        "act": ACT_OF_EVENT.get(event.type, "snapshot"),
        "sent_at": TIME.write(event.recorded_at),
        "order_rev": event.sequence,
        "sequence_no": number,
        "order_date": TIME.write(order.booked_at or order.updated_at),
        "update_time": TIME.write(order.updated_at),
        "record_num": len(records),
        "records": records,
        "pays": [_payment(payment, number, losses) for payment in captured(order, losses)],
        "refunds": [_refund(refund, number, losses) for refund in requested(order, losses)],
        "resigns": [_change(change, losses) for change in order.changes if change.confirmed_at],
    }
    return Formatted(msgspec.json.encode(message), PROFILE.media_type, losses.all())


def _record(whole: Whole, order: Order, number: str | None, losses: Losses) -> Native:
    ticket, leg, place = whole.ticket, whole.leg, whole.place
    seller = ticket.point_of_sale
    unpaid = ticket.state in _UNPAID
    held_at = ticket.state_since if ticket.state == "held" else order.booked_at
    return {
        "sequence_no": number,
        "ticket_no": ticket.ticket_no,
        "batch_no": ticket.batch,
        "sale_channel": _write("sales_channel", whole.sold_in, f"{place}/point_of_sale/channel", losses),
        "sale_device_no": (seller.device if seller else None) or "",
        "sale_app_version": (seller.app_version if seller else None) or "",
        "status": _letter(whole, losses),
        "status_time": TIME.write(ticket.state_since),
        "reserve_time": _time(held_at if unpaid else None),
        "pay_limit_time": _time(ticket.hold_expires_at if unpaid else None),
        "cancel_time": _time(ticket.state_since if ticket.state == "cancelled" else None),
        "lose_time": _time(ticket.state_since if ticket.state == "expired" else None),
        "issue_time": _time(ticket.issued_at),
        "print_no": ticket.control_no or "",
        "train_no": leg.train_no or "",
        "station_train_code": leg.train_code,
        "train_date": leg.service_date.strftime(DAY.layout),
        "from_station_telecode": leg.origin.station,
        "from_station_name": station_name(leg.origin.station) or "",
        "start_time": _time(leg.origin.at),
        "to_station_telecode": leg.destination.station,
        "to_station_name": station_name(leg.destination.station) or "",
        "arrive_time": _time(leg.destination.at),
        "seat_type_code": _write("seat_class", whole.seat.seat_class, f"{place}/seat/seat_class", losses),
        "seat_text": _seat_text(whole),
        "ticket_type_code": _write("ticket_type", whole.ticket_type, f"{place}/ticket_type", losses),
        "ticket_price": _jiao(whole.fare_gross, f"{place}/fare_gross", losses),
        "service_fee": _jiao(whole.surcharge, f"{place}/surcharges", losses),
        "passenger_name": whole.passenger.name,
        "passenger_id_type_code": _write(
            "document_type", whole.passenger.document.type, f"{place}/passenger/document/type", losses
        ),
        "passenger_id_no": whole.passenger.document.number,
        "mobile_no": national(whole.passenger.phone),
    }


def _letter(whole: Whole, losses: Losses) -> str:
    """The letter of table B, empty for what is not paid; states it has no letter for are told as issued."""
    ticket = whole.ticket
    if ticket.state in _UNPAID:
        return ""
    if ticket.state == "changed":
        return _CHANGED[whole.change_kind]
    if ticket.state in _OTHER:
        return _OTHER[ticket.state]
    if ticket.state != "issued":
        losses.add(f"{whole.place}/state", "not_expressible", ticket.state, "told as issued")
    paper = ticket.medium == "paper" or ticket.control_no is not None
    if paper:
        losses.add(f"{whole.place}/medium", "less_precise", "paper", "the time of printing is not told")
    return "bb" if paper and ticket.origin == "sale" else _ISSUED.get(ticket.origin, "a")


def _seat_text(whole: Whole) -> str:
    coach = whole.seat.coach or "00"
    return f"{coach}车无座" if whole.seat.standing or not whole.seat.number else f"{coach}车{whole.seat.number}号"


def _payment(payment: Payment, number: str, losses: Losses) -> Native:
    place = f"/payments/{payment.payment_id}"
    return {
        "sequence_no": number,
        "pay_channel": _write("processor", payment.processor, f"{place}/processor", losses),
        "pay_way": _write("payment_method", payment.method, f"{place}/method", losses),
        "pay_no": payment.processor_ref,
        "pay_amount": _jiao(payment.amount_gross, f"{place}/amount_gross", losses),
        "pay_time": _time(payment.captured_at),
        "pay_status": "1",
    }


def _refund(refund: Refund, number: str, losses: Losses) -> Native:
    place = f"/refunds/{refund.refund_id}"
    gross, fee = (_jiao(m, place, losses) for m in (refund.amount_gross, refund.fee))
    return {
        "sequence_no": number,
        "pay_channel": _write("processor", refund.processor, f"{place}/processor", losses),
        "return_no": refund.refund_ref,
        "ticket_nos": list(refund.ticket_nos),
        "return_price": gross,
        "return_cost": fee,
        "return_amount": gross - fee,
        "return_time": TIME.write(refund.requested_at),
        "return_status": "0",
    }


def _change(change: Change, losses: Losses) -> Native:
    place = f"/changes/{change.change_id}"
    return {
        "resign_no": change.change_id,
        "resign_type": "TRAIN" if change.kind == "train" else "STATION",
        "old_ticket_nos": list(change.old_ticket_nos),
        "new_ticket_nos": list(change.new_ticket_nos),
        "resign_cost": _jiao(change.fee, f"{place}/fee", losses),
        "resign_difference": _jiao(change.difference, f"{place}/difference", losses),
        "resign_time": _time(change.confirmed_at),
    }


def _time(at: datetime | None) -> str:
    return TIME.write(at) if at else ""


def _jiao(amount: Money, place: str, losses: Losses) -> int:
    """Whole jiao; the app cannot say single fen: they are cut off, with a loss that names the exact amount."""
    jiao, rest = divmod(abs(amount.amount), JIAO)
    if rest:
        losses.add(place, "less_precise", str(amount.amount), f"{rest} fen are cut off: the app counts in jiao")
    return -jiao if amount.amount < 0 else jiao


def _write(name: str, code: str, place: str, losses: Losses) -> str:
    """The app's spelling of a code; a code it has none for is told as it is, with a loss."""
    native = code_list(name).write("app", code)
    if native is None:
        losses.add(place, "unknown_code", code, f"the app has no code for it in {name}")
    return native or code
