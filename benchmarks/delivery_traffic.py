"""Sales to deliver, and a sink to deliver them to: the surroundings of ``benchmarks.delivery``.

The sales go through the real intake; the sink is an HTTP server in a process of its own that answers 204 and counts.
"""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing.sharedctypes import Synchronized
from typing import Any, cast

import httptools
import uvloop

from hub.intake import Receipt
from hub.intake.own_voice import OwnVoice, spoken
from schemas.facts import (
    Document,
    Leg,
    Passenger,
    PaymentFact,
    PointOfSale,
    Seat,
    Stop,
    TicketContent,
    TicketIssued,
)
from schemas.money import Money
from schemas.observation import Observation, ReferenceClaim
from schemas.timetable import Train, TrainStop

SELLER = "web"
DAY = date(2026, 3, 12)
TRAIN = Train(
    train_code="G1",
    train_no="24000000G10A",
    valid_from=date(2026, 1, 1),
    valid_to=date(2026, 12, 31),
    stops=tuple(TrainStop(station=code, arrive="08:00", depart="08:00") for code in ("BJP", "SHH")),
)
_SEATS_OF_COACH = 90


def seller() -> OwnVoice:
    """The selling channel, whose native form is the canonical one: parsing is not what is measured."""
    return OwnVoice(SELLER, "网站", "web")


def sale(number: int, now: datetime) -> Receipt:
    """One ticket sold and paid; ``number`` makes order, seat and passenger its own."""
    order_no, seat = f"EA{number:08d}", f"{number % _SEATS_OF_COACH + 1}A"
    ticket = TicketContent(
        ticket_no=f"{order_no}1{number % 16 + 1:02d}{seat:0>4}",
        ticket_type="adult",
        passenger=Passenger(
            name=f"乘客{number}",
            document=Document(type="passport", number=f"X{number:08d}"),
            type="adult",
            phone=f"+86199{number:08d}",
        ),
        leg=Leg(
            train_code="G1",
            service_date=DAY,
            origin=Stop(station="BJP"),
            destination=Stop(station="SHH"),
        ),
        seat=Seat(seat_class="second", coach=str(number // _SEATS_OF_COACH + 1), number=seat),
        fare_gross=Money(amount=55300),
        point_of_sale=PointOfSale(channel=SELLER),
    )
    paid = PaymentFact(
        fact="payment.captured",
        occurred_at=now,
        processor="wechat",
        processor_ref=f"4200{number:012d}",
        method="wechat_pay",
        amount_gross=ticket.fare_gross,
    )
    told = Observation(
        mode="tell",
        references=(ReferenceClaim(system="rail", kind="order", value=order_no),),
        occurred_at=now,
        business_date=now.date(),
        point_of_sale=PointOfSale(channel=SELLER),
        facts=(TicketIssued(occurred_at=now, ticket=ticket), paid),
    )
    return Receipt(SELLER, f"{order_no}-sale", spoken(told), "http", now)


def wall() -> datetime:
    """The clock of everything measured here."""
    return datetime.now(UTC)


# --- the sink ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sink:
    """Where to deliver to, and how many requests have come."""

    url: str
    counter: "Synchronized[int]"

    @property
    def received(self) -> int:
        return int(self.counter.value)


class _Answering(asyncio.Protocol):
    """As little of HTTP/1.1 as a sink needs: every whole request gets a 204."""

    def __init__(self, counter: "Synchronized[int]") -> None:
        self._counter = counter
        self._parser: Any = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class, with the same methods

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._counter.value += 1
        self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def _serve(ports: Any, counter: "Synchronized[int]") -> None:
    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Answering(counter), "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


@contextmanager
def open_sink() -> Iterator[Sink]:
    """A sink in a process of its own, ended afterwards."""
    spawn = multiprocessing.get_context("spawn")
    ports: Any = spawn.Queue()
    counter = spawn.Value("q", 0, lock=False)
    process = spawn.Process(target=_serve, args=(ports, counter), daemon=True)
    process.start()
    try:
        yield Sink(f"http://127.0.0.1:{ports.get(timeout=30)}", counter)
    finally:
        process.terminate()
        process.join()
