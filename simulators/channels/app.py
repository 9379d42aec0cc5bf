"""The app system's own language, as its own engineers wrote it: one record per ticket, letters of table B, jiao."""

import json
import re
from datetime import date, datetime, timedelta, timezone
from typing import Any, Literal

from schemas.stations import station_name
from simulators.book import Act, Book, SimChange, SimOrder, SimTicket, TicketState, Wire
from simulators.channels.links import link
from simulators.channels.merge import merge
from simulators.channels.papers import Papers

_LOCAL = timezone(timedelta(hours=8))
_TIME = "%Y%m%d%H%M%S"
_SEAT = re.compile(r"([0-9A-Z]{1,3})车(?:([0-9A-Z]{1,4})号(下铺|中铺|上铺)?|无座)")
_BERTHS = {"lower": "下铺", "middle": "中铺", "upper": "上铺"}
Origin = Literal["sale", "change", "destination_change"]

_ISSUED = {"sale": "a", "waitlist": "a", "change": "f", "destination_change": "g"}
_ORIGIN: dict[str, Origin] = {"f": "change", "g": "destination_change"}
_ENDED: dict[str, TicketState] = {"c": "refunded", "d": "changed", "e": "changed", "l": "voided"}


def _say(moment: datetime | None) -> str:
    return moment.astimezone(_LOCAL).strftime(_TIME) if moment else ""


def _hear(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=_LOCAL)


def _maybe(text: str) -> datetime | None:
    return _hear(text) if text else None


_PAPERS = Papers(
    channel="app",
    unit_fen=10,
    say=_say,
    hear=_hear,
    payment="sequence_no pay_channel pay_way pay_no pay_amount pay_time pay_status",
    refund="sequence_no pay_channel return_no ticket_nos return_price return_cost return_amount return_time"
    " return_status",
    change="resign_no resign_type old_ticket_nos new_ticket_nos resign_cost resign_difference resign_time",
    captured="1",
    requested="0",
    kinds=("TRAIN", "STATION"),
)
_code, _ours, _jiao = _PAPERS.code, _PAPERS.ours, _PAPERS.units


class AppCodec:
    """See ``simulators.book.Codec``."""

    channel = "app"

    def encode(self, act: Act, message_id: str) -> Wire:
        mode = "ask" if act.kind == "hold" else "tell"
        native = _message(act.order, message_id, mode, act.kind, act.at, act.desk)
        return Wire(_dump(native), "application/json")

    def extract(self, orders: list[SimOrder], business_date: date) -> Wire:
        lines = []
        for order in orders:
            message_id = f"D{business_date:%Y%m%d}{order.order_no}R{order.revision}"
            lines.append(
                _dump(_message(order, message_id, "tell", "snapshot", order.updated_at or order.booked_at, {}))
            )
        return Wire(b"".join(line + b"\n" for line in lines), "application/x-ndjson")

    def page(self, watermark: str, orders: list[SimOrder]) -> Wire:
        """The answer of ``GET /changes``."""
        told = []
        for order in orders:
            at = order.updated_at or order.booked_at
            told.append(_message(order, f"C{order.order_no}R{order.revision}", "tell", "snapshot", at, {}))
        return Wire(_dump({"watermark": watermark, "messages": told}), "application/json")

    def absorb(self, body: bytes, book: Book) -> None:
        merge(book, _order(json.loads(body)))


def _dump(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _message(
    order: SimOrder, message_id: str, mode: str, act: str, at: datetime, desk: dict[str, str]
) -> dict[str, Any]:
    changed_by = {old: change for change in order.changes for old in change.old_ticket_nos}
    return {
        "msg_id": message_id,
        "msg_type": mode,
        "act": act,
        "sent_at": _say(at),
        "order_rev": order.revision,
        "device_no": desk.get("device", ""),
        "app_version": desk.get("app_version", ""),
        "sequence_no": order.order_no,
        "order_date": _say(order.booked_at),
        "update_time": _say(at),
        "record_num": len(order.tickets),
        "records": [_record(t, order, changed_by.get(t.ticket_no)) for t in order.tickets],
        "pays": _PAPERS.write_payments(order),
        "refunds": _PAPERS.write_refunds(order),
        "resigns": _PAPERS.write_changes(order),
    }


def _letter(ticket: SimTicket, change: SimChange | None) -> str:
    if ticket.state in ("held", "expired", "cancelled"):
        return ""
    if ticket.state == "refunded":
        return "c"
    if ticket.state == "changed":
        return "e" if change and change.kind == "destination" else "d"
    return "bb" if ticket.control_no and ticket.origin == "sale" else _ISSUED[ticket.origin]


def _record(ticket: SimTicket, order: SimOrder, change: SimChange | None) -> dict[str, Any]:
    letter = _letter(ticket, change)
    own = order.channel == "app"
    return {
        "sequence_no": order.order_no,
        "ticket_no": ticket.ticket_no,
        "batch_no": ticket.batch,
        "sale_channel": _code("sales_channel", order.channel),
        "sale_device_no": order.seller.get("device", "") if own else "",
        "sale_app_version": order.seller.get("app_version", "") if own else "",
        "status": letter,
        "status_time": _say(ticket.state_at),
        "reserve_time": "" if letter else _say(order.booked_at),
        "pay_limit_time": "" if letter else _say(order.hold_expires_at),
        "cancel_time": _say(ticket.state_at) if ticket.state == "cancelled" else "",
        "lose_time": _say(ticket.state_at) if ticket.state == "expired" else "",
        "issue_time": _say(ticket.issued_at),
        "print_no": ticket.control_no or "",
        "train_no": ticket.train_no,
        "station_train_code": ticket.train_code,
        "train_date": ticket.service_date.strftime("%Y%m%d"),
        "from_station_telecode": ticket.from_station,
        "from_station_name": station_name(ticket.from_station) or "",
        "start_time": _say(ticket.depart_at),
        "to_station_telecode": ticket.to_station,
        "to_station_name": station_name(ticket.to_station) or "",
        "arrive_time": _say(ticket.arrive_at),
        "seat_type_code": _code("seat_class", ticket.seat_class),
        "seat_text": f"{ticket.coach}车{_seat_name(ticket)}",
        "ticket_type_code": _code("ticket_type", ticket.ticket_type),
        "ticket_price": _jiao(ticket.fare_fen),
        "service_fee": _jiao(ticket.surcharge_fen),
        "passenger_name": ticket.name,
        "passenger_id_type_code": _code("document_type", ticket.document_type),
        "passenger_id_no": ticket.document_no,
        "mobile_no": ticket.phone.removeprefix("+86"),
    }


def _seat_name(ticket: SimTicket) -> str:
    """``12A号``, ``05号下铺``; nobody's seat is ``无座``."""
    if not ticket.seat_no:
        return "无座"
    return f"{ticket.seat_no:0>2}号{_BERTHS[ticket.berth]}" if ticket.berth else f"{ticket.seat_no}号"


def _order(native: dict[str, Any]) -> SimOrder:
    """The book's order from a delivered message."""
    records = native["records"]
    limits = [r["pay_limit_time"] for r in records if r["pay_limit_time"]]
    order = SimOrder(
        order_no=native["sequence_no"],
        channel=_ours("sales_channel", records[0]["sale_channel"]),
        booked_at=_hear(native["order_date"]),
        tickets=[_ticket(r) for r in records],
        payments=_PAPERS.read_payments(native["pays"]),
        refunds=_PAPERS.read_refunds(native["refunds"]),
        changes=_PAPERS.read_changes(native["resigns"]),
        hold_expires_at=_hear(limits[0]) if limits else None,
        updated_at=_hear(native["update_time"]),
    )
    first = records[0]
    if first["sale_device_no"]:
        order.seller = {"device": first["sale_device_no"], "app_version": first["sale_app_version"]}
    link(order)
    return order


def _state(record: dict[str, Any]) -> TicketState:
    letter = record["status"]
    if letter:
        return _ENDED.get(letter, "issued")
    return "cancelled" if record["cancel_time"] else "expired" if record["lose_time"] else "held"


def _ticket(record: dict[str, Any]) -> SimTicket:
    seat = _SEAT.fullmatch(record["seat_text"])
    coach, seat_no, berth = seat.groups() if seat else ("", "", "")
    return SimTicket(
        ticket_no=record["ticket_no"],
        batch=int(record["batch_no"]),
        coach=coach,
        seat_no=(seat_no or "").lstrip("0"),
        berth=next((ours for ours, name in _BERTHS.items() if name == berth), ""),
        seat_class=_ours("seat_class", record["seat_type_code"]),
        ticket_type=_ours("ticket_type", record["ticket_type_code"]),
        name=record["passenger_name"],
        document_type=_ours("document_type", record["passenger_id_type_code"]),
        document_no=record["passenger_id_no"],
        phone=f"+86{record['mobile_no']}" if record["mobile_no"].isdigit() else record["mobile_no"],
        train_no=record["train_no"],
        train_code=record["station_train_code"],
        service_date=_day(record["train_date"]),
        from_station=record["from_station_telecode"],
        to_station=record["to_station_telecode"],
        depart_at=_hear(record["start_time"]),
        arrive_at=_hear(record["arrive_time"]),
        fare_fen=record["ticket_price"] * 10,
        surcharge_fen=record["service_fee"] * 10,
        state=_state(record),
        state_at=_hear(record["status_time"]),
        issued_at=_maybe(record["issue_time"]),
        origin=_ORIGIN.get(record["status"], "sale"),
        control_no=record["print_no"] or None,
    )


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[4:6]), int(text[6:]))


codec = AppCodec()
