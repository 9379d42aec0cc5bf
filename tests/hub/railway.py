"""A small railway for the hub's tests: channels whose native form is the canonical one, one train, a few acts.

The channels are real adapters (``OwnVoice``); what is tested is the hub, not anybody's wire.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

from hub.delivery import Pump
from hub.delivery.pump import PumpOptions
from hub.intake import Answer, Intake, Receipt
from hub.intake.own_voice import OwnVoice, spoken
from hub.ports import Formatted, Profile
from hub.store import channels, timetable
from hub.store.audit import Audit
from hub.store.seal import Seal
from interlock.clock import SetClock
from interlock.database import Pool
from interlock.wiring import new_id
from schemas.events import OrderEvent
from schemas.facts import (
    Document,
    Fact,
    Leg,
    Passenger,
    PaymentFact,
    PointOfSale,
    RefundFact,
    Seat,
    Stop,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketRefunded,
    TicketStep,
)
from schemas.money import Money
from schemas.observation import Observation, ReferenceClaim
from schemas.order import Order
from schemas.timetable import Train, TrainStop

CHANNELS = ("north", "south", "east", "west", "centre")
STOPS = ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG")
DAY = date(2026, 3, 12)
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
SUBSCRIBED = frozenset(
    {
        "order.held",
        "order.issued",
        "order.changed",
        "order.refunded",
        "order.cancelled",
        "order.expired",
        "order.paid",
        "order.joined",
    }
)


class Speaker(OwnVoice):
    """A channel that reads and writes canonical JSON and subscribes to what channels subscribe to."""

    def __init__(self, name: str) -> None:
        self.profile = Profile(
            channel=name,
            name_zh=name,
            name_en=name,
            media_type="application/json",
            encoding="utf-8",
            asks=frozenset({"hold", "refund", "change"}),
            subscribes=SUBSCRIBED,
        )

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        body = f"{event.order_id} {event.sequence} {event.type}".encode()
        return Formatted(body, "text/plain")


@dataclass(frozen=True)
class Railway:
    """A wired hub over the test database."""

    pool: Pool
    clock: SetClock
    intake: Intake
    pump: Pump
    seal: Seal

    def tell(self, channel: str, message_id: str, observation: Observation) -> Answer:
        return self.intake.take([self.receipt(channel, message_id, observation)])[0]

    def receipt(self, channel: str, message_id: str, observation: Observation) -> Receipt:
        return Receipt(channel, message_id, spoken(observation), "http", self.clock())


def open_railway(pool: Pool, clock: SetClock, options: PumpOptions | None = None, seal: Seal | None = None) -> Railway:
    """Five channels, and train G1 on the days around ``DAY`` with seven stops."""
    seal = seal or Seal(b"f" * 32, b"b" * 32)
    adapters = {name: Speaker(name) for name in CHANNELS} | {"hub": OwnVoice("hub", "枢纽", "hub")}
    train = Train(
        train_code="G1",
        train_no="24000000G10A",
        valid_from=date(2026, 1, 1),
        valid_to=date(2026, 12, 31),
        stops=tuple(TrainStop(station=code, arrive="08:00", depart="08:00") for code in STOPS),
    )
    with pool.connection() as connection:
        timetable.load(connection, [train])
    intake = Intake(pool, adapters, seal, new_id)
    wall = lambda: datetime.now(UTC)  # noqa: E731  # a clock is a callable, and this is the shortest one
    return Railway(pool, clock, intake, Pump(pool, adapters, seal, wall, Audit(b"a" * 32), options), seal)


def connect(railway: Railway, channel: str, endpoint: str) -> None:
    with railway.pool.connection() as connection:
        channels.register(connection, channel, endpoint, SECRET, railway.seal, railway.clock())


# --- acts ----------------------------------------------------------------------------------------------------------

_PEOPLE = count(1)


def passenger(number: int | None = None) -> Passenger:
    serial = number or next(_PEOPLE)
    return Passenger(
        name=f"乘客{serial}",
        document=Document(type="passport", number=f"X{serial:08d}"),
        type="adult",
        phone=f"+86199{serial:08d}",
    )


def content(
    order_no: str, channel: str, seat: str = "12A", legs: tuple[int, int] = (0, 6), fare: int = 55300, coach: str = "05"
) -> TicketContent:
    return TicketContent(
        ticket_no=f"{order_no}1{coach}{seat:0>4}",
        ticket_type="adult",
        passenger=passenger(int(order_no[2:])),
        leg=Leg(
            train_code="G1",
            service_date=DAY,
            origin=Stop(station=STOPS[legs[0]]),
            destination=Stop(station=STOPS[legs[1]]),
        ),
        seat=Seat(seat_class="second", coach=coach, number=seat),
        fare_gross=Money(amount=fare),
        point_of_sale=PointOfSale(channel=channel),
    )


def observation(
    order_no: str, channel: str, facts: Sequence[Fact], at: datetime, mode: str = "tell", sequence: int = 0
) -> Observation:
    return Observation(
        mode=mode,  # type: ignore[arg-type]  # a test may pass any word
        references=(ReferenceClaim(system="rail", kind="order", value=order_no),),
        occurred_at=at,
        sequence=sequence,
        business_date=at.date(),
        point_of_sale=PointOfSale(channel=channel),
        facts=tuple(facts),
    )


def sale(order_no: str, channel: str, at: datetime, **ticket: object) -> Observation:
    """One ticket sold and paid by WeChat."""
    sold = content(order_no, channel, **ticket)  # type: ignore[arg-type]  # the keywords of content()
    return observation(order_no, channel, [TicketIssued(occurred_at=at, ticket=sold), captured(sold, at)], at)


def captured(sold: TicketContent, at: datetime) -> PaymentFact:
    return PaymentFact(
        fact="payment.captured",
        occurred_at=at,
        processor="wechat",
        processor_ref=f"4200{sold.ticket_no}",
        method="wechat_pay",
        amount_gross=sold.fare_gross,
    )


def hold(order_no: str, channel: str, at: datetime, minutes: int = 30, **ticket: object) -> Observation:
    """One seat asked for."""
    wanted = content(order_no, channel, **ticket)  # type: ignore[arg-type]  # the keywords of content()
    held = TicketHeld(occurred_at=at, ticket=wanted, expires_at=at + timedelta(minutes=minutes))
    return observation(order_no, channel, [held], at, mode="ask")


def cancel(order_no: str, channel: str, at: datetime, ticket_no: str) -> Observation:
    return observation(
        order_no, channel, [TicketStep(fact="ticket.hold_cancelled", occurred_at=at, ticket_no=ticket_no)], at
    )


def refund(
    order_no: str, channel: str, at: datetime, ticket_no: str, gross: int = 55300, fee: int = 2750
) -> Observation:
    ref = f"RF{ticket_no}"
    return observation(
        order_no,
        channel,
        [
            TicketRefunded(occurred_at=at, ticket_no=ticket_no, refund_ref=ref),
            RefundFact(
                fact="refund.requested",
                occurred_at=at,
                processor="wechat",
                refund_ref=ref,
                ticket_nos=(ticket_no,),
                amount_gross=Money(amount=gross),
                fee=Money(amount=fee),
                amount_net=Money(amount=gross - fee),
            ),
        ],
        at,
    )


def order_id_of(answer: Answer) -> UUID:
    return UUID(answer.body["order_id"])
