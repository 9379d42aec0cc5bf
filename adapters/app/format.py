"""Order -> the app's JSON: the snapshot that the app channel would have sent, had it done the act itself."""

import msgspec

from adapters.app.profile import PROFILE
from adapters.app.wire import DAY, PAGE, TIME, WORDS
from adapters.kit import berths
from adapters.kit.letters import ACT_OF_EVENT
from adapters.kit.pages import waitlist_of, write_page
from adapters.kit.people import national
from adapters.kit.refusing import Losses
from adapters.kit.telling import Whole, unsaid, whole_tickets
from adapters.kit.writing import Native, Pen
from hub.ports import Formatted
from schemas.events import OrderEvent
from schemas.order import Order
from schemas.stations import station_name

_ISSUED = {"sale": "a", "waitlist": "a", "change": "f", "destination_change": "g"}
_CHANGED = {"train": "d", "destination": "e"}
_OTHER = {"refunded": "c", "checked_in": "h", "entered": "i", "used": "j", "voided": "l"}
_UNPAID = frozenset({"held", "expired", "cancelled"})
_DESK = frozenset({"device", "app_version"})


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """One message with a record per ticket; None when nothing of it can be told yet: no ticket, no waitlist."""
    losses = Losses()
    pen = Pen("app", PAGE.money.fen, TIME, losses)
    number = order.reference("rail", "order") or ""
    records = [_record(whole, order, number, pen) for whole in whole_tickets(order, losses, _DESK, WORDS)]
    anchor = number or order.reference("rail", "waitlist")
    if anchor is None or not (records or not number) or event.type not in PROFILE.subscribes:
        return None
    unsaid(order, losses, WORDS)
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
        **write_page(order, anchor, PAGE, WORDS, pen),
    }
    return Formatted(msgspec.json.encode(message), PROFILE.media_type, losses.all())


def _record(whole: Whole, order: Order, number: str, pen: Pen) -> Native:
    seller, place = whole.ticket.point_of_sale, whole.place
    return {
        "sequence_no": number,
        "ticket_no": whole.ticket.ticket_no,
        "batch_no": whole.ticket.batch,
        "sale_channel": pen.code("sales_channel", whole.sold_in, f"{place}/point_of_sale/channel"),
        "sale_device_no": (seller.device if seller else None) or "",
        "sale_app_version": (seller.app_version if seller else None) or "",
        **_status(whole, order, pen),
        **_leg(whole, pen),
        "seat_type_code": pen.code("seat_class", whole.seat.seat_class, f"{place}/seat/seat_class"),
        "seat_text": _seat_text(whole),
        "ticket_type_code": pen.code("ticket_type", whole.ticket_type, f"{place}/ticket_type"),
        "ticket_price": pen.money(whole.fare_gross, f"{place}/fare_gross"),
        "service_fee": pen.money(whole.surcharge, f"{place}/surcharges"),
        "passenger_name": whole.passenger.name,
        "passenger_id_type_code": pen.code(
            "document_type", whole.passenger.document.type, f"{place}/passenger/document/type"
        ),
        "passenger_id_no": whole.passenger.document.number,
        "mobile_no": national(whole.passenger.phone),
    }


def _status(whole: Whole, order: Order, pen: Pen) -> Native:
    """The letter and every time that says when."""
    ticket = whole.ticket
    unpaid = ticket.state in _UNPAID
    resigned = ticket.state == "entered" and ticket.resigned_at is not None
    fields = {
        "status": "k" if resigned else _letter(whole, pen),
        "status_time": pen.time(ticket.resigned_at if resigned else ticket.state_since),
        "reserve_time": pen.time((ticket.held_at or order.booked_at) if unpaid else None),
        "pay_limit_time": pen.time(ticket.hold_expires_at if unpaid else None),
        "cancel_time": pen.time(ticket.state_since if ticket.state == "cancelled" else None),
        "lose_time": pen.time(ticket.state_since if ticket.state == "expired" else None),
        "issue_time": pen.time(ticket.issued_at),
        "print_no": ticket.control_no or "",
        "print_time": pen.time(ticket.printed_at),
    }
    if resigned and ticket.state_since != ticket.resigned_at:
        fields["enter_time"] = pen.time(ticket.state_since)
    elif ticket.resigned_at and not resigned:
        fields["resign_board_time"] = pen.time(ticket.resigned_at)
    if ticket.origin == "waitlist":
        fields["reserve_no"] = waitlist_of(order, ticket.ticket_no, whole.place, pen) or ""
    return fields


def _letter(whole: Whole, pen: Pen) -> str:
    """The letter of table B, empty for what is not paid; states it has no letter for are told as issued."""
    ticket = whole.ticket
    if ticket.state in _UNPAID:
        return ""
    if ticket.state == "changed":
        return _CHANGED[whole.change_kind]
    if ticket.state in _OTHER:
        return _OTHER[ticket.state]
    if ticket.state != "issued":
        pen.losses.add(f"{whole.place}/state", "not_expressible", ticket.state, "told as issued")
    paper = ticket.medium == "paper"
    if paper and ticket.origin != "sale" and ticket.printed_at is None:
        pen.losses.add(f"{whole.place}/medium", "not_expressible", "paper")
    return "bb" if paper and ticket.origin == "sale" else _ISSUED[ticket.origin]


def _leg(whole: Whole, pen: Pen) -> Native:
    leg = whole.leg
    return {
        "train_no": leg.train_no or "",
        "station_train_code": leg.train_code,
        "train_date": leg.service_date.strftime(DAY.layout),
        "from_station_telecode": leg.origin.station,
        "from_station_name": station_name(leg.origin.station) or "",
        "start_time": pen.time(leg.origin.at),
        "to_station_telecode": leg.destination.station,
        "to_station_name": station_name(leg.destination.station) or "",
        "arrive_time": pen.time(leg.destination.at),
    }


def _seat_text(whole: Whole) -> str:
    seat = whole.seat
    place = "无座" if seat.standing or not seat.number else berths.words(seat)
    return f"{seat.coach or '00'}车{place}"
