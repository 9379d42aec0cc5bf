"""A channel that lies: what it sends between the honest messages of a seeded day.

    wrong amounts      orders of other channels with other fares
    stolen seats       seats that others have sold, sold again under its own order numbers
    others' orders     refunds, changes and cancellations of orders it never sold
    another mind       the same order again, later, with other fares; and back
    repeats            the same message three times
    reused ids         an id that was used, with other bytes
    mixtures           its own adapter's samples with their values exchanged
    garbage            damaged bytes, other channels' messages, noise

All of it in its own language, most of it well-formed; everything in another order than it was made.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random

from adapters.kit.conformance.fields import Message
from adapters.kit.conformance.fuzz import mixed, mutated
from adapters.kit.golden import pairs
from adapters.kit.registry import registered
from adapters.kit.scorecard import wire_of
from hub.ports import Splitting
from schemas.identifiers import ticket_no
from schemas.observation import Rejection
from simulators.book import Act, ActKind, SimOrder, SimRefund
from simulators.channels import codec_for
from simulators.channels.windows import shift_file
from simulators.plan import ORDER_PREFIX

LIES = 6
"""How many of each kind."""

DESK = {"office": "VNP01", "window": "99", "shift": "2", "clerk": "0666", "terminal": "T99"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A message on its way to the hub. ``lie`` says its kind; empty for an honest one."""

    channel: str
    message_id: str
    raw: bytes
    at: datetime
    lie: str = ""


def native(channel: str, act: Act, message_id: str, day: date) -> bytes:
    """The bytes of one act as they reach the hub; a window's transaction is cut out of its file."""
    body = codec_for(channel).encode(act, message_id).body
    if channel != "windows":
        return body
    desk = act.desk
    file = shift_file([body], office=desk["office"], window=desk["window"], shift=desk["shift"], business_date=day)
    adapter = registered()[channel].adapter
    assert isinstance(adapter, Splitting)
    parts = adapter.split(file)
    assert not isinstance(parts, Rejection), parts
    return parts[0].raw


class Liar:
    """Makes the hostile messages of one channel from what honest channels did; ``seed`` decides everything."""

    def __init__(self, channel: str, honest: list[SimOrder], day: date, seed: int) -> None:
        self.channel, self.honest, self.day = channel, honest, day
        self.chance = Random(f"liar {channel} {seed}")
        profile = registered()[channel].adapter.profile
        self.may = profile.asks | profile.tells
        self._serial = 0

    def messages(self) -> list[Sent]:
        """Everything, shuffled: what came first for the hub is decided by chance."""
        kinds: tuple[tuple[str, Callable[[], Iterator[bytes]]], ...] = (
            ("wrong amounts", self.wrong_amounts),
            ("stolen seats", self.stolen_seats),
            ("others' orders", self.others_orders),
            ("another mind", self.another_mind),
            ("mixtures", self.mixtures),
            ("garbage", self.garbage),
        )
        made = [self._sent(raw, lie) for lie, make in kinds for raw in make()]
        repeated = [replace(sent, lie="repeats") for sent in self.chance.sample(made, LIES) for _ in range(2)]
        victims = self.chance.sample(made, LIES)
        reused = [replace(sent, raw=self.chance.choice(made).raw, lie="reused ids") for sent in victims]
        everything = made + repeated + reused
        self.chance.shuffle(everything)
        return everything

    def _sent(self, raw: bytes, lie: str) -> Sent:
        self._serial += 1
        at = datetime.combine(self.day, datetime.min.time(), self.honest[0].booked_at.tzinfo)
        return Sent(self.channel, f"liar-{self._serial}", raw, at + timedelta(minutes=self.chance.randrange(1440)), lie)

    def _victim(self) -> SimOrder:
        return deepcopy(self.chance.choice(self.honest))

    def _encoded(self, kind: ActKind, order: SimOrder, at: datetime) -> bytes:
        order.revision += 1
        order.updated_at = at
        numbers = tuple(t.ticket_no for t in order.tickets)
        desk = DESK | {"running": f"{900_000 + self.chance.randrange(90_000):06d}", "agent": "A0666", "contract": "C-1"}
        act = Act(kind, self.channel, at, order, numbers, desk)
        return native(self.channel, act, f"liar-{order.order_no}-{order.revision}", self.day)

    def _said(self) -> ActKind:
        """The act that this channel has a word for, to speak of a whole order."""
        known: tuple[tuple[ActKind, str], ...] = (("sale", "sell"), ("refund", "refund"))
        return next(kind for kind, word in known if word in self.may)

    def wrong_amounts(self) -> Iterator[bytes]:
        for _ in range(LIES):
            order = self._victim()
            for ticket in order.tickets:
                ticket.fare_fen += self.chance.choice((-500, 100, 50, 99_000))
                ticket.fare_fen = max(ticket.fare_fen, 0)
            for payment in order.payments:
                payment.amount_fen += 100
            yield self._encoded(self._said(), order, order.booked_at + timedelta(minutes=self.chance.randrange(90)))

    def stolen_seats(self) -> Iterator[bytes]:
        for number in range(LIES):
            order = self._victim()
            order.order_no = f"{ORDER_PREFIX[self.channel]}{66_000_000 + number:08d}"
            order.channel, order.payments, order.refunds, order.changes = self.channel, [], [], []
            order.tickets = [t for t in order.tickets if t.batch == 1 and t.seat_no]
            if not order.tickets:
                continue
            for ticket in order.tickets:
                ticket.ticket_no = ticket_no.build(order.order_no, 1, ticket.coach, ticket.seat_no)
                ticket.state, ticket.issued_at, ticket.replaced_by, ticket.refund_ref = (
                    "issued",
                    order.booked_at,
                    None,
                    None,
                )
                ticket.state_at, ticket.name = order.booked_at, "测试强占"
            yield self._encoded(self._said_of_sale(order), order, order.booked_at)

    def _said_of_sale(self, order: SimOrder) -> ActKind:
        """A sale; the call centre, which sells nothing, gives half of it back to be able to speak of it."""
        kind = self._said()
        if kind == "refund":
            self._refund(order, order.booked_at)
        return kind

    def _refund(self, order: SimOrder, at: datetime) -> None:
        reference = f"LIE{order.order_no}{self.chance.randrange(10**6):06d}"
        back = [t for t in order.tickets if t.state == "issued"][:1] or order.tickets[:1]
        gross = sum(t.fare_fen for t in back)
        for ticket in back:
            ticket.state, ticket.state_at, ticket.refund_ref = "refunded", at, reference
        order.refunds.append(SimRefund("wechat", reference, tuple(t.ticket_no for t in back), gross, 0, gross, at))

    def others_orders(self) -> Iterator[bytes]:
        for _ in range(LIES):
            order = self._victim()
            at = order.booked_at + timedelta(minutes=self.chance.randrange(1, 600))
            self._refund(order, at)
            yield self._encoded("refund", order, at)

    def another_mind(self) -> Iterator[bytes]:
        for _ in range(LIES // 2):
            order, at = self._victim(), self._victim().booked_at
            first = [t.fare_fen for t in order.tickets]
            for fares in (first, [fare + 700 for fare in first], [0 for _ in first], first):
                for ticket, fare in zip(order.tickets, fares, strict=True):
                    ticket.fare_fen = fare
                at += timedelta(minutes=1)
                yield self._encoded(self._said(), order, at)

    def _samples(self) -> list[Message]:
        wire = wire_of(registered()[self.channel])
        assert wire is not None
        understood = (p for p in pairs(registered()[self.channel].samples) if not p.name.startswith("reject-"))
        return [wire.open(pair.native.read_bytes()) for pair in understood]

    def mixtures(self) -> Iterator[bytes]:
        messages = self._samples()
        schema: dict[str, list[object]] = {}
        for message in messages:
            for field in message.fields:
                schema.setdefault(field.pattern, []).append(field.value)
        for _ in range(LIES * 5):
            yield mixed(self.chance.choice(messages), schema, self.chance)[0]

    def garbage(self) -> Iterator[bytes]:
        samples = [message.written({}) for message in self._samples()]
        for _ in range(LIES):
            yield mutated(self.chance.choice(samples), self.chance)
            yield self.chance.randbytes(self.chance.randrange(1, 400))
        for other in sorted(set(registered()) - {self.channel}):
            yield next(pairs(registered()[other].samples)).native.read_bytes()
        yield b"0" * (registered()[self.channel].adapter.profile.max_message_bytes + 1)
