"""A small house around reconciliation: a real ledger in memory, channels whose native form is the canonical JSON.

Everything of ours is the real thing (facts, fold, matching, journal); only the *other* systems are played: what a
channel believes is a list of observations, what a processor says is a file.
"""

import itertools
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from mmap import mmap
from pathlib import Path
from uuid import NAMESPACE_OID, UUID, uuid5

from hub.ledger import Document
from hub.ledger.document import statements_of
from hub.ledger.reading import withdrawal
from hub.ports import Part, Table
from hub.store.audit import Audit
from reconciliation.journal import Pool
from reconciliation.ports import HubDay, Outcome, SourceMissing, Spread
from reconciliation.runs import Reconciler, ReconOptions, build
from reconciliation.runs.steps import Steps, unhindered
from reconciliation.sources.hub import export_orders_of, hub_order
from schemas.facts import (
    Adjusted,
    Fact,
    Leg,
    Passenger,
    PaymentFact,
    PointOfSale,
    RefundFact,
    Retracted,
    Seat,
    Stop,
    TicketContent,
    TicketHeld,
    TicketIssued,
    TicketRefunded,
    TicketStep,
)
from schemas.facts import Document as IdentityDocument
from schemas.money import Money
from schemas.observation import Observation, ReferenceClaim, Rejection

DAY = date(2026, 1, 11)
CHANNELS = ("web", "app", "phone", "agents", "windows")
BEGIN = datetime(2026, 1, 10, 16, 0, tzinfo=UTC)
"""Midnight in Beijing at the beginning of DAY."""


def at(clock: str, day: int = 0) -> datetime:
    """A time of DAY in Beijing, ``09:30``; ``day`` days later."""
    hours, minutes = map(int, clock.split(":"))
    return BEGIN + timedelta(days=day, hours=hours, minutes=minutes)


def yuan(fen: int) -> Money:
    return Money(amount=fen)


def ticket_no(order_no: str, coach: str = "05", seat: str = "12A", batch: int = 1) -> str:
    return f"{order_no}{batch}{coach}{seat:0>4}"


def content(
    order_no: str,
    sold_by: str,
    fare: int = 10000,
    coach: str = "05",
    seat: str = "12A",
    batch: int = 1,
    hours: tuple[str, str] = ("08:00", "12:00"),
    replaces: str | None = None,
) -> TicketContent:
    """One ticket on G1, 11 January 2026, for an invented person."""
    return TicketContent(
        ticket_no=ticket_no(order_no, coach, seat, batch),
        batch=batch,
        ticket_type="adult",
        passenger=Passenger(
            name="测试甲",
            document=IdentityDocument(type="resident_id", number="990101199001010015", issued_by="CN"),
            type="adult",
        ),
        leg=Leg(
            train_code="G1",
            service_date=DAY,
            origin=Stop(station="VNP", at=at(hours[0], 1)),
            destination=Stop(station="AOH", at=at(hours[1], 1)),
        ),
        seat=Seat(seat_class="second", coach=coach, number=seat),
        fare_gross=yuan(fare),
        origin="change" if replaces else "sale",
        replaces=replaces,
        point_of_sale=PointOfSale(channel=sold_by),
    )


def issued(ticket: TicketContent, when: datetime) -> TicketIssued:
    return TicketIssued(occurred_at=when, ticket=ticket)


def captured(ref: str, fen: int, when: datetime, processor: str = "wechat") -> PaymentFact:
    method = {"wechat": "wechat_pay", "bank": "bank_card", "cash": "cash"}[processor]
    return PaymentFact(
        fact="payment.captured",
        occurred_at=when,
        processor=processor,
        processor_ref=ref,
        method=method,
        amount_gross=yuan(fen),
    )


def refunded(
    order_no: str, ref: str, gross: int, fee: int, when: datetime, processor: str = "wechat", seat: str = "12A"
) -> list[Fact]:
    """The only ticket of an order given back."""
    return [
        TicketRefunded(occurred_at=when, ticket_no=ticket_no(order_no, seat=seat), refund_ref=ref),
        RefundFact(
            fact="refund.requested",
            occurred_at=when,
            processor=processor,
            refund_ref=ref,
            ticket_nos=(ticket_no(order_no, seat=seat),),
            amount_gross=yuan(gross),
            fee=yuan(fee),
            amount_net=yuan(gross - fee),
        ),
    ]


def held(ticket: TicketContent, when: datetime, expires: datetime) -> TicketHeld:
    return TicketHeld(occurred_at=when, ticket=ticket, expires_at=expires)


def expired(number: str, when: datetime) -> TicketStep:
    return TicketStep(fact="ticket.hold_expired", occurred_at=when, ticket_no=number)


def tell(channel: str, order_no: str, when: datetime, facts: Sequence[Fact], sequence: int = 0) -> Observation:
    """A channel's word on an order."""
    return Observation(
        mode="tell",
        references=(ReferenceClaim(system="rail", kind="order", value=order_no),),
        occurred_at=when,
        sequence=sequence,
        business_date=(when + timedelta(hours=8)).date(),
        point_of_sale=PointOfSale(channel=channel),
        facts=tuple(facts),
    )


def sale(channel: str, order_no: str, when: datetime, fare: int = 10000, **where: str) -> Observation:
    """A ticket sold and paid by WeChat under ``42`` + order number."""
    facts: list[Fact] = [issued(content(order_no, channel, fare, **where), when)]  # type: ignore[arg-type]  # text only
    return tell(channel, order_no, when, [*facts, captured(f"42{order_no[1:]}", fare, when)])


class House:
    """The hub's documents, the channels' beliefs and the processors' files of a day; answers all four ports."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.beliefs: dict[tuple[str, date], list[Observation]] = {}
        self.silent: set[str] = set()
        self.refusing: set[str] = set()
        self.statements: dict[str, list[tuple[str, bytes]]] = {}
        self.posted: list[tuple[str, str]] = []
        self.brought: dict[str, tuple[str, ...]] = {}
        self.redelivered: list[tuple[str, str]] = []
        self.heeding = True

    def both(self, observation: Observation, day: date = DAY) -> None:
        """Told to the hub and kept in the channel's own books, as on a day without faults."""
        self.hub(observation)
        self.channel(observation, day)

    def hub(self, observation: Observation) -> None:
        number = observation.references[0].value
        document = self.documents.get(number) or Document(order_id=uuid5(NAMESPACE_OID, number))
        document = document.with_references(observation.references, observation.occurred_at)
        witness = observation.point_of_sale.channel
        document, _ = document.join(witness, statements_of(observation, observation.occurred_at, "m"))
        self.documents[number] = document

    def channel(self, observation: Observation, day: date = DAY) -> None:
        self.beliefs.setdefault((observation.point_of_sale.channel, day), []).append(observation)

    # --- Ledger
    @contextmanager
    def snapshot(self, business_date: date) -> Iterator["HouseSnapshot"]:
        yield HouseSnapshot(self, business_date)

    # --- Channels
    def extract(self, channel: str, business_date: date) -> bytes:
        if channel in self.silent:
            raise SourceMissing(f"{channel} does not answer")
        told = self.beliefs.get((channel, business_date), [])
        return b"\n".join(o.model_dump_json(exclude_none=True).encode() for o in told)

    def split(self, channel: str, raw: bytes) -> Sequence[Part] | Rejection:
        if channel in self.refusing:
            return Rejection(code="control_total_wrong", detail="The trailer does not fit.", pointer="line 9")
        lines = [line for line in raw.split(b"\n") if line]
        return [Part(f"{channel}-{n}", line, f"line {n}") for n, line in enumerate(lines, start=1)]

    def parse(self, channel: str, raw: bytes) -> Observation | Rejection:
        try:
            return Observation.model_validate_json(raw)
        except ValueError:
            return Rejection(code="message_malformed", detail="Not an observation.", pointer="/")

    def table(self, channel: str, raw: bytes | mmap) -> Table | Rejection | None:
        return None

    def persons(self, documents: Sequence[str]) -> list[str]:
        return [
            f"{kind}|{zlib.crc32(number.encode()):032x}" for kind, _, number in (d.partition("|") for d in documents)
        ]

    # --- Statements
    def files(self, processor: str, business_date: date) -> Iterable[tuple[str, bytes]]:
        return self.statements.get(processor, [])

    # --- Corrections
    def post(self, channel: str, message_id: str, raw: bytes) -> Outcome:
        again = (channel, message_id) in self.posted
        self.posted.append((channel, message_id))
        said = Observation.model_validate_json(raw)
        outcome = self._say(said.references[0].value, said.occurred_at, said.facts, channel)
        # A duplicate is answered as the first one was: with the facts that it had brought.
        self.brought.setdefault(message_id, outcome.facts)
        return Outcome(True, "duplicate" if again else outcome.word, facts=self.brought[message_id])

    def redeliver(self, channel: str, order_no: str) -> Outcome:
        self.redelivered.append((channel, order_no))
        if self.heeding:
            self._believe(channel, order_no)
        return Outcome(True, "queued")

    def _believe(self, channel: str, order_no: str) -> None:
        """The channel takes over what the hub knows of the order."""
        facts = [next(iter(said.values())).fact for said in self.documents[order_no].facts.values()]
        kept = [o for o in self.beliefs[channel, DAY] if o.references[0].value != order_no]
        last = max(fact.occurred_at for fact in facts)
        self.beliefs[channel, DAY] = [*kept, tell(channel, order_no, last, facts)]

    def adjust(self, order_no: str, fact: Adjusted) -> Outcome:
        self.hub(tell("reconciliation", order_no, fact.occurred_at, [fact]))
        return Outcome(True, "applied", facts=(fact.identity,))

    def state(self, order_no: str, message_id: str, facts: Sequence[Fact], at: datetime) -> Outcome:
        return self._say(order_no, at, facts)

    def withdraw(self, order_no: str, facts: Sequence[str], act: str, reason: str) -> Outcome:
        return self._turn(order_no, facts, reason, stands=True)

    def restore(self, order_no: str, facts: Sequence[str], act: str, reason: str) -> Outcome:
        return self._turn(order_no, facts, reason, stands=False)

    def _say(self, order_no: str, when: datetime, facts: Sequence[Fact], channel: str = "reconciliation") -> Outcome:
        known = set(self.documents[order_no].facts) if order_no in self.documents else set()
        self.hub(tell(channel, order_no, when, facts))
        new = tuple(f.identity for f in facts if f.identity not in known)
        return Outcome(True, "applied" if new else "witnessed", facts=new)

    def _turn(self, order_no: str, facts: Sequence[str], reason: str, *, stands: bool) -> Outcome:
        document = self.documents[order_no]
        found = {name: withdrawal(document, name, stands=stands) for name in dict.fromkeys(facts)}
        turned = {name: last for name, last in found.items() if last is not None}
        now = at("12:00", 3)
        said = [Retracted(occurred_at=now, retracts=last, reason=reason) for last in turned.values()]
        if said:
            self._say(order_no, now, said)
        return Outcome(True, "applied" if turned else "duplicate", facts=tuple(turned))


class HouseSnapshot:
    """The port ``LedgerSnapshot`` over documents in memory."""

    def __init__(self, house: House, business_date: date) -> None:
        self.house = house
        self.business_date = business_date

    def export(self, root: Path, width: int | None = None) -> HubDay:
        known = [hub_order(document, self.business_date) for _, document in sorted(self.house.documents.items())]
        today = [k for k in known if k.order.business_date == self.business_date or k.touched]
        return export_orders_of(today, root, width)

    def export_orders(self, order_nos: Iterable[str], root: Path, width: int | None = None) -> HubDay:
        documents = [self.house.documents[no] for no in sorted(order_nos) if no in self.house.documents]
        return export_orders_of([hub_order(document, self.business_date) for document in documents], root, width)


class Clock:
    """A clock that stands where it is put: by default at noon of the day after DAY, inside grace."""

    def __init__(self) -> None:
        self.now = at("12:00", 1)

    def __call__(self) -> datetime:
        return self.now


def reconciler(
    pool: Pool,
    house: House,
    clock: Clock,
    folder: Path,
    spread: Spread | None = None,
    steps: Steps = unhindered,
    options: ReconOptions | None = None,
) -> Reconciler:
    numbers = itertools.count(1)
    return build(
        pool=pool,
        ledger=house,
        channels=house,
        statements=house,
        corrections=house,
        clock=clock,
        new_id=lambda: UUID(int=next(numbers) + (id(house) << 64) % (1 << 120)),
        options=options or ReconOptions(data_dir=folder),
        audit=Audit(bytes(32)),
        spread=spread,
        steps=steps,
    )


WECHAT_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,"
    "应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,"
    "手续费,费率,订单金额,申请退款金额,费率备注"
)
WECHAT_SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"


def decimal(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def fine(fen: int) -> str:
    """The fee of 0.6 % on a capture, in yuan with five decimals."""
    return f"{fen * 6 // 100_000}.{fen * 6 % 100_000:05d}"


def wechat_bill(movements: Sequence[tuple[str, str, str, int, datetime]]) -> bytes:
    """(kind, transaction or refund number, order number, fen, time) -> a trade bill of type ALL with right totals."""
    lines = [WECHAT_HEADER]
    paid = sum(fen for kind, _, _, fen, _ in movements if kind == "capture")
    back = sum(fen for kind, _, _, fen, _ in movements if kind == "refund")
    for kind, ref, order_no, fen, when in movements:
        local = (when + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S")
        is_refund = kind == "refund"
        amount, refund = (0, fen) if is_refund else (fen, 0)
        lines.append(
            "`"
            + ",`".join(
                [
                    local, "wx0", "1900000001", "0", "", "4200" + "0" * 24 if is_refund else ref, order_no, "openid",
                    "JSAPI", "REFUND" if is_refund else "SUCCESS", "OTHERS", "CNY", decimal(amount), "0.00",
                    "50" + "0" * 26 if is_refund else "0", ref if is_refund else "0", decimal(refund), "0.00",
                    "ORIGINAL" if is_refund else "", "SUCCESS" if is_refund else "", "车票", "", fine(amount), "0.60%",
                    decimal(amount), decimal(refund), "",
                ]
            )
        )  # fmt: skip
    totals = [str(len(movements)), *map(decimal, (paid, back, 0)), fine(paid), decimal(paid), decimal(back)]
    return ("\ufeff" + "\r\n".join([*lines, WECHAT_SUMMARY, "`" + ",`".join(totals)]) + "\r\n").encode()


def bill_of(house: House, name: str = "bill.csv") -> None:
    """A WeChat bill that says exactly what the hub knows."""
    house.statements["wechat"] = [(name, wechat_bill(movements_of(house)))]


def movements_of(house: House) -> list[tuple[str, str, str, int, datetime]]:
    found: list[tuple[str, str, str, int, datetime]] = []
    for number, document in sorted(house.documents.items()):
        order = hub_order(document, DAY).order
        found += [
            ("capture", p.processor_ref, number, p.amount_gross.amount, p.captured_at)
            for p in order.payments
            if p.processor == "wechat" and p.captured_at
        ]
        found += [
            ("refund", r.refund_ref, number, r.amount_net.amount, r.requested_at)
            for r in order.refunds
            if r.processor == "wechat"
        ]
    return found


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True, default=str)
