"""Order -> web's JSON: the snapshot that the web channel would have sent, had it done the act itself."""

from datetime import datetime, timedelta

import msgspec

from adapters.kit import berths
from adapters.kit.letters import ACT_OF_EVENT
from adapters.kit.pages import waitlist_of, write_page
from adapters.kit.people import national
from adapters.kit.refusing import Losses
from adapters.kit.telling import Whole, unsaid, whole_tickets
from adapters.kit.times import SHANGHAI
from adapters.kit.writing import Native, Pen
from adapters.web.profile import PROFILE
from adapters.web.wire import (
    LETTER_NAMES,
    LETTERS,
    PAGE,
    PAGE_TIME,
    STANDING,
    TIME,
    TRADE_MODE,
    WORDS,
)
from hub.ports import Formatted
from schemas.events import OrderEvent
from schemas.order import Order
from schemas.stations import station_name

_HELD = {"sale": "i", "change": "j", "destination_change": "s"}
_ISSUED = {"sale": "a", "change": "f", "destination_change": "r"}
_CHANGED = {"train": "d", "destination": "p"}
_EPOCH_DAY = "1970-01-{day:02d} {clock}"


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """The envelope with this one order; None when nothing of it can be told yet: no ticket, no waitlist."""
    losses = Losses()
    pen = Pen("web", PAGE.money.fen, TIME, losses)
    tickets = [_ticket(whole, order, pen) for whole in whole_tickets(order, losses, words=WORDS)]
    number = order.reference("rail", "order") or ""
    anchor = number or order.reference("rail", "waitlist")
    if anchor is None or not (tickets or not number) or event.type not in PROFILE.subscribes:
        return None
    unsaid(order, losses, WORDS, frozenset({TRADE_MODE}))
    content = {
        "sequence_no": number,
        "order_date": TIME.write(order.booked_at or order.updated_at),
        "update_time": TIME.write(order.updated_at),
        "ticket_totalnum": len(tickets),
        "ticket_price_all": sum(ticket["ticket_price"] for ticket in tickets),
        "pay_flag": "Y" if order.fulfilment == "held" else "N",
        "tickets": tickets,
        **write_page(order, anchor, PAGE, WORDS, pen),
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


def _ticket(whole: Whole, order: Order, pen: Pen) -> Native:
    ticket, place = whole.ticket, whole.place
    letter = _letter(whole, pen.losses)
    is_hold = LETTERS[letter].state == "held"
    record = {
        "ticket_no": ticket.ticket_no,
        "batch_no": ticket.batch,
        "sale_channel_code": pen.code("sales_channel", whole.sold_in, f"{place}/point_of_sale/channel"),
        "ticket_status_code": letter,
        "ticket_status_name": LETTER_NAMES[letter],
        "status_time": TIME.write(ticket.state_since),
        "cancel_flag": "Y" if ticket.state == "cancelled" else "N",
        "reserve_time": pen.time((ticket.held_at or order.booked_at) if is_hold else None),
        "pay_limit_time": pen.time(ticket.hold_expires_at if is_hold else None),
        "lose_time": pen.time(ticket.state_since if ticket.state == "expired" else None),
        "issue_time": pen.time(ticket.issued_at),
        "print_no": ticket.control_no or "",
        "print_time": pen.time(ticket.printed_at),
        "ticket_type_code": pen.code("ticket_type", whole.ticket_type, f"{place}/ticket_type"),
        "ticket_price": whole.fare_gross.amount,
        "service_fee": whole.surcharge.amount,
        **_seat(whole, pen),
        **_leg(whole),
        "passengerDTO": _passenger(whole, pen),
    }
    return record | _more(whole, order, pen)


def _more(whole: Whole, order: Order, pen: Pen) -> Native:
    """Fields that most tickets do not have: the waitlist a ticket came out of, and the channel's own words."""
    found = {"trade_mode": (order.extensions or {}).get(TRADE_MODE)}
    if whole.ticket.origin == "waitlist":
        found["reserve_no"] = waitlist_of(order, whole.ticket.ticket_no, whole.place, pen)
    return {name: value for name, value in found.items() if value}


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
            paper = ticket.medium == "paper"
            if paper and origin != "sale" and ticket.printed_at is None:
                losses.add(f"{whole.place}/medium", "not_expressible", "paper")
            return "b" if paper and origin == "sale" else _ISSUED[origin]
        case other:
            losses.add(f"{whole.place}/state", "not_expressible", other, "told as issued")
            return _ISSUED[origin]


def _seat(whole: Whole, pen: Pen) -> Native:
    seat = whole.seat
    return {
        "coach_no": seat.coach or "",
        "seat_no": berths.four(seat),
        "seat_name": STANDING if seat.standing else berths.words(seat),
        "seat_type_code": pen.code("seat_class", seat.seat_class, f"{whole.place}/seat/seat_class"),
    }


def _leg(whole: Whole) -> Native:
    leg = whole.leg
    return {
        "train_date": f"{leg.service_date.isoformat()} 00:00:00",
        "start_train_date_page": PAGE_TIME.write(leg.origin.at) if leg.origin.at else "",
        "stationTrainDTO": {
            "trainDTO": {"train_no": leg.train_no or ""},
            "station_train_code": leg.train_code,
            "from_station_telecode": leg.origin.station,
            "from_station_name": station_name(leg.origin.station) or "",
            "start_time": _epoch_clock(whole, leg.origin.at),
            "to_station_telecode": leg.destination.station,
            "to_station_name": station_name(leg.destination.station) or "",
            "arrive_time": _epoch_clock(whole, leg.destination.at),
        },
    }


def _epoch_clock(whole: Whole, at: datetime | None) -> str:
    """The clock time on a date that counts days from 1970-01-01, the day the run leaves its origin."""
    if at is None:
        return ""
    local = at.astimezone(SHANGHAI)
    days: timedelta = local.date() - whole.leg.service_date
    return _EPOCH_DAY.format(day=days.days + 1, clock=local.strftime("%H:%M:%S"))


def _passenger(whole: Whole, pen: Pen) -> Native:
    person = whole.passenger
    return {
        "passenger_name": person.name,
        "passenger_id_type_code": pen.code(
            "document_type", person.document.type, f"{whole.place}/passenger/document/type"
        ),
        "passenger_id_no": person.document.number,
        "mobile_no": national(person.phone),
    }
