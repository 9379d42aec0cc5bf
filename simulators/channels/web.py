"""The web system's own language, as its own engineers wrote it: JSON, letters of table A, fen."""

import json
from datetime import date, datetime, timedelta, timezone
from typing import Any, Literal

from schemas.codes import code_list
from schemas.stations import station_name
from simulators.book import Act, Book, SimChange, SimOrder, SimTicket, TicketState, Wire
from simulators.channels.links import link
from simulators.channels.merge import merge
from simulators.channels.papers import Papers

_LOCAL = timezone(timedelta(hours=8))
_TIME = "%Y-%m-%d %H:%M:%S"
_EPOCH = datetime(1970, 1, 1, tzinfo=_LOCAL)
_NEVER = ""
_BERTHS = {"lower": ("1", "下铺"), "middle": ("2", "中铺"), "upper": ("3", "上铺")}
Origin = Literal["sale", "change", "destination_change"]

_LETTER_HELD = {"sale": "i", "waitlist": "i", "change": "j", "destination_change": "s"}
_LETTER_ISSUED = {"sale": "a", "waitlist": "a", "change": "f", "destination_change": "r"}
_ORIGIN: dict[str, Origin] = {"f": "change", "j": "change", "r": "destination_change", "s": "destination_change"}
_STATE: dict[str, TicketState] = {letter: "issued" for letter in "abefmqr"}
_STATE |= {"c": "refunded", "d": "changed", "p": "changed", "i": "held", "j": "held", "s": "held"}


def _say(moment: datetime | None) -> str:
    return moment.astimezone(_LOCAL).strftime(_TIME) if moment else _NEVER


def _hear(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=_LOCAL)


_PAPERS = Papers(
    channel="web",
    unit_fen=1,
    say=_say,
    hear=_hear,
    payment="tradeNo bankCode payModeCode bankTransNo transAmount transDate transStatus",
    refund="tradeNo bankCode refundNo ticketNos refundAmount refundFee transAmount transDate refundStatus",
    change="changeNo changeType oldTicketNos newTicketNos changeFee changeDifference changeDate",
    captured="S",
    requested="R",
    kinds=("1", "2"),
)
_code, _ours = _PAPERS.code, _PAPERS.ours


class WebCodec:
    """See ``simulators.book.Codec``."""

    channel = "web"

    def encode(self, act: Act, message_id: str) -> Wire:
        mode = "ask" if act.kind == "hold" else "tell"
        return Wire(_dump(_envelope(act.order, message_id, mode, act.kind, act.at)), "application/json")

    def extract(self, orders: list[SimOrder], business_date: date) -> Wire:
        lines = []
        for order in orders:
            written = order.updated_at or order.booked_at
            message_id = f"X{business_date:%Y%m%d}-{order.order_no}-{order.revision}"
            lines.append(_dump(_envelope(order, message_id, "tell", "snapshot", written)))
        return Wire(b"".join(line + b"\n" for line in lines), "application/x-ndjson")

    def absorb(self, body: bytes, book: Book) -> None:
        for native in json.loads(body)["OrderDTODataList"]:
            merge(book, _order(native))


def _dump(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _envelope(order: SimOrder, message_id: str, mode: str, act: str, at: datetime) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "messageType": mode,
        "act": act,
        "sentAt": _say(at),
        "revision": order.revision,
        "OrderDTODataList": [_native_order(order, at)],
    }


def _native_order(order: SimOrder, updated_at: datetime) -> dict[str, Any]:
    changed_by = {old: change for change in order.changes for old in change.old_ticket_nos}
    held = any(t.state == "held" for t in order.tickets)
    return {
        "sequence_no": order.order_no,
        "order_date": _say(order.booked_at),
        "update_time": _say(updated_at),
        "ticket_totalnum": len(order.tickets),
        "ticket_price_all": sum(t.fare_fen for t in order.tickets),
        "cancel_flag": "Y" if held else "N",
        "pay_flag": "Y" if held else "N",
        "print_eticket_flag": "N",
        "tickets": [_native_ticket(t, order, changed_by.get(t.ticket_no)) for t in order.tickets],
        "payments": _PAPERS.write_payments(order),
        "refunds": _PAPERS.write_refunds(order),
        "changes": _PAPERS.write_changes(order),
    }


def _letter(ticket: SimTicket, change: SimChange | None) -> str:
    if ticket.state in ("held", "expired", "cancelled"):
        return _LETTER_HELD[ticket.origin]
    if ticket.state == "refunded":
        return "c"
    if ticket.state == "changed":
        return "p" if change and change.kind == "destination" else "d"
    return "b" if ticket.control_no and ticket.origin == "sale" else _LETTER_ISSUED[ticket.origin]


def _native_ticket(ticket: SimTicket, order: SimOrder, change: SimChange | None) -> dict[str, Any]:
    holding = ticket.state in ("held", "expired", "cancelled")
    return {
        "ticket_no": ticket.ticket_no,
        "sequence_no": order.order_no,
        "batch_no": str(ticket.batch),
        "sale_channel_code": _code("sales_channel", order.channel),
        "ticket_status_code": _letter(ticket, change),
        "status_time": _say(ticket.state_at),
        "cancel_flag": "Y" if ticket.state == "cancelled" else "N",
        "reserve_time": _say(order.booked_at) if holding else _NEVER,
        "pay_limit_time": _say(order.hold_expires_at) if holding else _NEVER,
        "lose_time": _say(ticket.state_at) if ticket.state == "expired" else _NEVER,
        "issue_time": _say(ticket.issued_at),
        "print_no": ticket.control_no or "",
        "train_date": f"{ticket.service_date:%Y-%m-%d} 00:00:00",
        "start_train_date_page": ticket.depart_at.astimezone(_LOCAL).strftime("%Y-%m-%d %H:%M"),
        "coach_no": ticket.coach,
        "coach_name": ticket.coach,
        "seat_no": f"{ticket.seat_no}{_BERTHS.get(ticket.berth, ('', ''))[0]}".zfill(4),
        "seat_name": _seat_name(ticket),
        "seat_type_code": _code("seat_class", ticket.seat_class),
        "seat_type_name": code_list("seat_class").label(ticket.seat_class, "zh"),
        "ticket_type_code": _code("ticket_type", ticket.ticket_type),
        "ticket_type_name": code_list("ticket_type").label(ticket.ticket_type, "zh"),
        "ticket_price": ticket.fare_fen,
        "str_ticket_price_page": f"{ticket.fare_fen // 100}.{ticket.fare_fen // 10 % 10}",
        "service_fee": ticket.surcharge_fen,
        "stationTrainDTO": {
            "trainDTO": {"train_no": ticket.train_no},
            "station_train_code": ticket.train_code,
            "from_station_telecode": ticket.from_station,
            "from_station_name": station_name(ticket.from_station) or "",
            "start_time": _clock(ticket, ticket.depart_at),
            "to_station_telecode": ticket.to_station,
            "to_station_name": station_name(ticket.to_station) or "",
            "arrive_time": _clock(ticket, ticket.arrive_at),
        },
        "passengerDTO": {
            "passenger_name": ticket.name,
            "passenger_id_type_code": _code("document_type", ticket.document_type),
            "passenger_id_type_name": code_list("document_type").label(ticket.document_type, "zh"),
            "passenger_id_no": ticket.document_no,
            "mobile_no": ticket.phone.removeprefix("+86"),
        },
    }


def _seat_name(ticket: SimTicket) -> str:
    """``12A号``, ``05号下铺``; nobody's seat is ``无座``."""
    if not ticket.seat_no:
        return "无座"
    return f"{ticket.seat_no}号" if not ticket.berth else f"{ticket.seat_no:0>2}号{_BERTHS[ticket.berth][1]}"


def _clock(ticket: SimTicket, moment: datetime) -> str:
    """The trick: a time of day on 1970-01-01, or on a later day when the run's first midnight has passed."""
    return (_EPOCH + (moment - _midnight(ticket.service_date))).strftime(_TIME)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=_LOCAL)


def _order(native: dict[str, Any]) -> SimOrder:
    """The book's order from a delivered one."""
    tickets = [_ticket(t) for t in native["tickets"]]
    order = SimOrder(
        order_no=native["sequence_no"],
        channel=_ours("sales_channel", native["tickets"][0]["sale_channel_code"]),
        booked_at=_hear(native["order_date"]),
        tickets=tickets,
        payments=_PAPERS.read_payments(native["payments"]),
        refunds=_PAPERS.read_refunds(native["refunds"]),
        changes=_PAPERS.read_changes(native["changes"]),
        updated_at=_hear(native["update_time"]),
    )
    limits = [t["pay_limit_time"] for t in native["tickets"] if t["pay_limit_time"]]
    order.hold_expires_at = _hear(limits[0]) if limits else None
    link(order)
    return order


def _ticket(native: dict[str, Any]) -> SimTicket:
    station, person = native["stationTrainDTO"], native["passengerDTO"]
    letter = native["ticket_status_code"]
    state = _STATE[letter]
    if state == "held":
        state = "cancelled" if native["cancel_flag"] == "Y" else "expired" if native["lose_time"] else "held"
    service = _hear(native["train_date"]).date()
    berth = next((berth for berth, (_, name) in _BERTHS.items() if native["seat_name"].endswith(name)), "")
    return SimTicket(
        ticket_no=native["ticket_no"],
        batch=int(native["batch_no"]),
        coach=native["coach_no"],
        seat_no=(native["seat_no"][:-1] if berth else native["seat_no"]).lstrip("0"),
        berth=berth,
        seat_class=_ours("seat_class", native["seat_type_code"]),
        ticket_type=_ours("ticket_type", native["ticket_type_code"]),
        name=person["passenger_name"],
        document_type=_ours("document_type", person["passenger_id_type_code"]),
        document_no=person["passenger_id_no"],
        phone=f"+86{person['mobile_no']}" if person["mobile_no"].isdigit() else person["mobile_no"],
        train_no=station["trainDTO"]["train_no"],
        train_code=station["station_train_code"],
        service_date=service,
        from_station=station["from_station_telecode"],
        to_station=station["to_station_telecode"],
        depart_at=_moment(service, station["start_time"]),
        arrive_at=_moment(service, station["arrive_time"]),
        fare_fen=native["ticket_price"],
        surcharge_fen=native["service_fee"],
        state=state,
        state_at=_hear(native["status_time"]),
        issued_at=_hear(native["issue_time"]) if native["issue_time"] else None,
        origin=_ORIGIN.get(letter, "sale"),
        control_no=native["print_no"] or None,
    )


def _moment(service: date, clock: str) -> datetime:
    return _midnight(service) + (_hear(clock) - _EPOCH)


codec = WebCodec()
