"""The call centre's language: Chinese words for everything, class, coach, seat and berth in one text."""

import re
from datetime import datetime

from adapters.kit import berths, built
from adapters.kit.reading import Record
from adapters.kit.telling import Whole
from adapters.kit.words import Wording
from adapters.kit.words.names import Fields
from adapters.phone.wire import DAY, MINUTE, MONEY, ORDER, ORIGINS, OVERRIDE, PICKUP, STATUS, TICKET
from schemas.codes import UNKNOWN, code_list
from schemas.facts import PointOfSale, Seat
from schemas.order import Order

_SEAT = re.compile(r"(\S{1,20}) ([0-9]{2})车(?:([0-9A-Z]{1,4})号([上中下]铺)?|无座)")
_SEAT_CLASS, _BERTH = code_list("seat_class"), code_list("berth")
_WRITTEN = {meaning.state: word for word, meaning in STATUS.items()}
_ENDED_HOLDS = frozenset({"held", "expired", "cancelled"})


class PhoneWording(Wording):
    """The one call centre."""

    order, ticket, money, override, pickup = ORDER, TICKET, MONEY, OVERRIDE, PICKUP
    statuses, origins = STATUS, ORIGINS
    moment, day, precision = MINUTE, DAY, "minute"
    words = frozenset({"split_refund", "external", "refund_state", "berth", "override", "pickups"})
    desk = frozenset({"clerk"})
    column, example = "phone", "EP12345678"
    of_train = ("TrainNo", "TrainCode", "RunDate", "From", "To", "DepartAt", "ArriveAt")
    of_seat = ("Seat",)
    arrives = "ArriveAt"

    def seat(self, row: Record) -> Seat:
        found = _SEAT.fullmatch(row.text("Seat", example="二等座 05车12A号"))
        if found is None:
            expected = "class, coach车seat号 or 无座"
            raise row.refuse("Seat", "message_malformed", "no seat", expected=expected, example="二等座 05车12A号")
        native_class, coach, number, berth = found.groups()
        seat_class = _SEAT_CLASS.read(self.column, native_class)
        if seat_class is None:
            row.lost("Seat", "unknown_code", "the class is not in the list seat_class")
        place = (number.lstrip("0") or "0") if number else None
        return built.seat(seat_class or UNKNOWN, coach, place, berths.NAMES[berth] if berth else None, number is None)

    def seat_fields(self, seat: Seat, seat_class: object) -> Fields:
        place = "无座" if seat.standing or seat.number is None else berths.words(seat)
        return {"Seat": f"{seat_class} {seat.coach or '0':0>2}车{place}"}

    def arrival(self, row: Record, departs: datetime) -> datetime | None:
        return row.time("ArriveAt", MINUTE)

    def arrival_fields(self, departs: datetime, arrives: datetime) -> Fields:
        return {"ArriveAt": arrives}

    def seller(self, order: Record) -> PointOfSale:
        return built.sold_by_clerk(self.channel, order.optional("Clerk", maximum=40))

    def check_order(self, order: Record, statuses: list[str]) -> None:
        """The call centre's order repeats nothing of its tickets."""

    def code(self, name: str, native: str | None) -> object:
        return native or "未知"

    def status(self, whole: Whole) -> tuple[str, bool]:
        word = _WRITTEN.get(whole.ticket.state)
        if word is not None and (whole.ticket.issued_at is not None or whole.ticket.state in _ENDED_HOLDS):
            return word, True
        return "已出票", False

    def order_fields(self, order: Order, told: list[tuple[Whole, str]]) -> Fields:
        return {"Clerk": order.point_of_sale.clerk if order.point_of_sale else None}
