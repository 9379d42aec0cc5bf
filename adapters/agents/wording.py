"""The agents' language: a date and its time in two fields, coach and seat in one text, numeric codes."""

import re
from datetime import datetime, timedelta

from adapters.agents.wire import DAY, MOMENT, MONEY, ORDER, ORDER_STATUS, ORIGINS, TICKET, TICKET_STATUS
from adapters.kit import berths, built
from adapters.kit.reading import Record
from adapters.kit.telling import Whole
from adapters.kit.times import TimeForm, local_date
from adapters.kit.words import Wording
from adapters.kit.words.names import Fields
from schemas.codes import code_list
from schemas.facts import PointOfSale, Seat
from schemas.order import Order

_SEAT = re.compile(r"([0-9]{2}),(?:([0-9A-Z]{1,4})([上中下]铺)?|无座)")
_SEAT_CLASS, _BERTH, _STATE = code_list("seat_class"), code_list("berth"), code_list("ticket_state")
_NUMERIC = frozenset({"document_type", "ticket_type", ""})
"""Lists whose codes are numbers on this wire; "" are the ticket codes of table 2."""
_AFTER = frozenset({"3703", "3705", "3706", "3801"})


class PairedRecord(Record):
    """A record in which the moment ``pay`` stands in two fields, ``payDate`` and ``payTime``."""

    __slots__ = ()

    def time(self, name: str, form: TimeForm) -> datetime:
        """The moment of both fields; the refusal points at the one that is wrong."""
        if form is not MOMENT:
            return super().time(name, form)
        day, clock = self._unread.pop(f"{name}Date", None), self._unread.pop(f"{name}Time", None)
        found = MOMENT.read(f"{day} {clock}") if type(day) is type(clock) is str and len(day + clock) < 40 else None
        return found if found is not None else self._moment(name)

    def _moment(self, name: str) -> datetime:
        """A moment that was read before, or is none at first sight."""
        day, clock = self.text(f"{name}Date", example=DAY.example), self.text(f"{name}Time", example="16:51:55")
        found = MOMENT.read(f"{day} {clock}")
        if found is not None:
            return found
        half, example = ("Date", DAY.example) if DAY.read(day) is None else ("Time", "16:51:55")
        raise self.refuse(
            f"{name}{half}", "time_invalid", "no possible date or time", expected=MOMENT.words, example=example
        )

    def lost(self, name: str, reason: str, note: str = "") -> None:
        """A moment that is lost is lost at its time, and shown whole."""
        if name in self.fields:
            super().lost(name, reason, note)
        else:
            said = f"{self.fields.get(f'{name}Date', '')} {self.fields.get(f'{name}Time', '')}"
            self.losses.add(self.at(f"{name}Time"), reason, said, note)

    def optional_time(self, name: str, form: TimeForm) -> datetime | None:
        """None when both fields are absent; one without the other is refused."""
        day, clock = f"{name}Date", f"{name}Time"
        if form is MOMENT and not (self.fields.get(day) or self.fields.get(clock) or self.has(day) or self.has(clock)):
            self.repeated(day, clock)
            return None
        return self.time(name, form)


class AgentsWording(Wording):
    """One agent's connection: this wire with that connection's code tables."""

    order, ticket, money = ORDER, TICKET, MONEY
    statuses, origins = TICKET_STATUS, ORIGINS
    moment, day, precision = MOMENT, DAY, "second"
    words = frozenset({"split_refund", "external", "refund_state", "berth"})
    desk = frozenset({"agent", "agent_contract"})
    column, example = "agents", "ED12345678"
    of_train = (
        "trainNo",
        "trainCode",
        "trainStartDate",
        "fromStation",
        "toStation",
        "departDate",
        "departTime",
        "arriveDays",
        "arriveTime",
    )
    of_seat = ("seat", "seatClass")
    arrives = "arriveTime"

    def seat(self, row: Record) -> Seat:
        found = _SEAT.fullmatch(row.text("seat", example="05,12A"))
        if found is None:
            raise row.refuse("seat", "message_malformed", "no coach and seat", expected="coach,seat", example="05,12A")
        coach, number, berth = found.groups()
        seat_class = row.code_or_unknown("seatClass", _SEAT_CLASS)
        place = (number.lstrip("0") or "0") if number else None
        return built.seat(seat_class, coach, place, berths.NAMES[berth] if berth else None, number is None)

    def seat_fields(self, seat: Seat, seat_class: object) -> Fields:
        berth = _BERTH.write(self.column, seat.berth) if seat.berth else ""
        place = (
            "无座" if seat.standing or seat.number is None else f"{seat.number:0>2}{berth}" if berth else seat.number
        )
        return {"seatClass": seat_class, "seat": f"{seat.coach or '0':0>2},{place}"}

    def arrival(self, row: Record, departs: datetime) -> datetime | None:
        days, clock = row.integer("arriveDays", high=9), row.text("arriveTime", example="12:40")
        return MOMENT.read(f"{(local_date(departs) + timedelta(days=days)).isoformat()} {clock}")

    def arrival_fields(self, departs: datetime, arrives: datetime) -> Fields:
        return {
            "arriveDays": (arrives.date() - departs.date()).days,
            "arriveTime": arrives.strftime("%H:%M:%S" if arrives.second else "%H:%M"),
        }

    def seller(self, order: Record) -> PointOfSale:
        agent, contract = order.optional("agentId", maximum=40), order.optional("contractNo", maximum=40)
        return built.sold_by_agent(self.channel, agent, contract)

    def check_order(self, order: Record, statuses: list[str]) -> None:
        seen = order.choice("orderStatus", ORDER_STATUS).seen
        if statuses and not seen & set(map(int, statuses)):
            order.lost("orderStatus", "inferred", f"the tickets say {', '.join(dict.fromkeys(statuses))}: they count")

    def code(self, name: str, native: str | None) -> object:
        if name in _NUMERIC:
            return int(native) if native and native.isdigit() else 0
        return native or ("未知" if name == "seat_class" else "UNKNOWN")

    def status(self, whole: Whole) -> tuple[str, bool]:
        ticket = whole.ticket
        if ticket.state == "issued" and ticket.origin in ("change", "destination_change"):
            return "3706", True
        if ticket.state == "changed" and whole.change_kind == "destination":
            return "3705", True
        code = _STATE.write(self.column, ticket.state)
        return code or "3202", code is not None

    def order_fields(self, order: Order, told: list[tuple[Whole, str]]) -> Fields:
        pos = order.point_of_sale
        return {
            "agentId": pos.agent if pos else None,
            "contractNo": pos.agent_contract if pos else None,
            "orderStatus": int(_order_code({status for _, status in told})),
        }


def _order_code(tickets: set[str]) -> str:
    """Table 1 from table 2: what is true of all tickets, or that some had after-sales."""
    if len(tickets) == 1:
        only = next(iter(tickets))
        return {"3705": "3703", "3706": "3202"}.get(only, only)
    if tickets and tickets <= {"3801", "3703", "3705"}:
        return "3801" if "3801" in tickets else "3703"
    if tickets & _AFTER:
        return "3400"
    return next((code for code in ("3202", "3100", "3101", "3102") if code in tickets), "3203")
