"""Sales to send: every message is one ticket on a seat of its own, in the web channel's native form."""

import base64
import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice, product

from schemas.identifiers import resident_id, ticket_no
from simulators import timetable
from simulators.book import Act, SimOrder, SimPayment, SimTicket
from simulators.calendar import at
from simulators.channels import codec_for

FIRST_DAY = date(2026, 1, 11)
DAYS = 365
SOLD_AT = at(date(2026, 1, 9), "10:00")


def sales(count: int, begin: int = 0) -> list[bytes]:
    """``count`` native messages, from the ``begin``-th seat on; distinct orders, distinct seats."""
    codec = codec_for("web")
    found = []
    for number, (day, train, place) in enumerate(islice(_seats(), begin, begin + count), begin):
        order = _order(number, day, train, place)
        act = Act("sale", "web", SOLD_AT, order, (order.tickets[0].ticket_no,))
        found.append(codec.encode(act, f"bench-{number}").body)
    return found


def _seats() -> Iterator[tuple[date, timetable.Train, tuple[str, str]]]:
    days = [FIRST_DAY + timedelta(days=n) for n in range(DAYS)]
    trains = [train for train in timetable.trains() if train.speed == "high"]
    for day, train in product(days, trains):
        for place in train.places("second"):
            yield day, train, place


def _order(number: int, day: date, train: timetable.Train, place: tuple[str, str]) -> SimOrder:
    order_no = f"EW{number:08d}"
    coach, seat = place
    first = f"990101{19500101 + number // 1000 % 28:08d}{number % 1000:03d}"
    last = len(train.calls) - 1
    ticket = SimTicket(
        ticket_no=ticket_no.build(order_no, 1, coach, seat),
        batch=1,
        coach=coach,
        seat_no=seat,
        seat_class="second",
        ticket_type="adult",
        name="测试甲",
        document_type="resident_id",
        document_no=first + resident_id.check_digit(first),
        phone=f"+861990{number % 10_000_000:07d}",
        train_no=train.train_no,
        train_code=train.code,
        service_date=day,
        from_station=train.calls[0].station,
        to_station=train.calls[last].station,
        depart_at=train.departs(day, 0),
        arrive_at=train.arrives(day, last),
        fare_fen=55300,
        surcharge_fen=0,
        state="issued",
        state_at=SOLD_AT,
        issued_at=SOLD_AT,
    )
    payment = SimPayment("wechat", f"4200{number:014d}", "wechat_pay", 55300, SOLD_AT)
    return SimOrder(
        order_no=order_no,
        channel="web",
        booked_at=SOLD_AT,
        own_refs={},
        seller={},
        revision=1,
        updated_at=SOLD_AT,
        tickets=[ticket],
        payments=[payment],
    )


def envelopes(messages: list[bytes], ids: list[str]) -> bytes:
    """Lines for the hub's bulk address."""
    lines = (json.dumps({"id": i, "body": base64.b64encode(m).decode()}) for i, m in zip(ids, messages, strict=True))
    return "".join(f"{line}\n" for line in lines).encode()
