"""Small seeded stories in a channel: what its system does, act by act, with the order as it is after each.

People are invented: resident ids are of the unassigned region 99 with a valid check digit.
"""

from collections.abc import Callable
from copy import deepcopy
from datetime import date, datetime, timedelta, timezone
from typing import Literal

from schemas.identifiers import resident_id, ticket_no
from simulators.book import Act, ActKind, SimChange, SimOrder, SimPayment, SimRefund, SimTicket

SHANGHAI = timezone(timedelta(hours=8))
DAY = date(2026, 1, 9)
NOON = datetime(2026, 1, 9, 12, 0, tzinfo=SHANGHAI)
PREFIX = {"web": "EW", "app": "EA", "phone": "EP", "agents": "ED", "windows": "EC"}
_RUNNING = iter(range(1, 10**9))

_DESKS: dict[str, dict[str, str]] = {
    "web": {},
    "app": {"device": "PX-20-TEST", "app_version": "5.9.1"},
    "phone": {"call_id": "95105105-0001", "pickup_code": "48213377"},
    "agents": {"agent": "A0071", "contract": "C2026-14", "agent_order": "AG2026010900017"},
    "windows": {"office": "VNP01", "window": "07", "shift": "2", "clerk": "0415", "terminal": "T07"},
}


def resident(serial: int, birthday: str = "19900307") -> str:
    """An invented resident id with a valid check digit."""
    first = f"990101{birthday}{serial:03d}"
    return first + resident_id.check_digit(first)


def desk(channel: str) -> dict[str, str]:
    """Who does it: what the act of this channel carries; windows number their transactions."""
    details = dict(_DESKS[channel])
    if channel == "windows":
        details["running"] = f"{next(_RUNNING):06d}"
    return details


def own_refs(channel: str, serial: int) -> dict[str, str]:
    """The channel's own numbers of an order."""
    return {
        "phone": {"call_id": f"CALL20260109{serial:06d}", "pickup_code": f"{48213000 + serial}"},
        "agents": {"agent_order": f"AG20260109{serial:06d}"},
    }.get(channel, {})


def order(
    channel: str,
    serial: int,
    people: int = 1,
    *,
    held: bool = False,
    fare_fen: int = 55300,
    train: Callable[[], dict[str, object]] | None = None,
) -> SimOrder:
    """A new order of ``people`` tickets: an adult, a child on the adult's train, a student with a passport ..."""
    number = f"{PREFIX[channel]}{serial:08d}"
    made = SimOrder(
        order_no=number,
        channel=channel,
        booked_at=NOON,
        own_refs=own_refs(channel, serial),
        seller=desk(channel),
        revision=1,
        updated_at=NOON,
    )
    for index in range(people):
        made.tickets.append(_ticket(made, index, held=held, fare_fen=fare_fen, run=(train or day_train)()))
    if held:
        made.hold_expires_at = NOON + timedelta(minutes=30)
    return made


def day_train() -> dict[str, object]:
    """G11, Beijing South to Shanghai Hongqiao, within one day."""
    return {
        "train_no": "24000000G11A",
        "train_code": "G11",
        "service_date": date(2026, 1, 11),
        "from_station": "VNP",
        "to_station": "AOH",
        "depart_at": datetime(2026, 1, 11, 8, 0, tzinfo=SHANGHAI),
        "arrive_at": datetime(2026, 1, 11, 12, 36, tzinfo=SHANGHAI),
    }


def night_train() -> dict[str, object]:
    """T109, boarded after midnight: the run left its origin the evening before."""
    return {
        "train_no": "240000T1090B",
        "train_code": "T109",
        "service_date": date(2026, 1, 11),
        "from_station": "JNK",
        "to_station": "SHH",
        "depart_at": datetime(2026, 1, 12, 0, 26, tzinfo=SHANGHAI),
        "arrive_at": datetime(2026, 1, 12, 10, 30, tzinfo=SHANGHAI),
    }


_PEOPLE: tuple[tuple[str, str, str, Callable[[int], str], str], ...] = (
    ("adult", "测试甲", "resident_id", lambda s: resident(s), "+8619900000001"),
    ("child", "测试乙", "resident_id", lambda s: resident(s, "20170512"), ""),
    ("student", "TEST DOE", "passport", lambda s: f"EX{s:07d}", "+8619900000003"),
    ("adult", "测试丁", "hk_macau_permit", lambda s: f"H{s:08d}", "+8619900000004"),
    ("disabled_veteran", "测试戊", "foreign_permanent_resident", lambda s: f"TST{s:012d}", "+8619900000005"),
)


def _ticket(made: SimOrder, index: int, *, held: bool, fare_fen: int, run: dict[str, object]) -> SimTicket:
    kind, name, document, number, phone = _PEOPLE[index]
    seat = f"{12 + index}{'ABCDF'[index]}"
    fare = fare_fen if kind == "adult" else fare_fen // 100 * 50
    return SimTicket(
        ticket_no=ticket_no.build(made.order_no, 1, "05", seat),
        batch=1,
        coach="05",
        seat_no=seat,
        seat_class="second" if run["train_code"] == "G11" else "hard_seat",
        ticket_type=kind,
        name=name,
        document_type=document,
        document_no=number(index + 1),
        phone=phone,
        fare_fen=fare,
        surcharge_fen=500 if made.channel == "agents" else 0,
        state="held" if held else "issued",
        state_at=made.booked_at,
        issued_at=None if held else made.booked_at,
        **run,  # type: ignore[arg-type]
    )


def pay(made: SimOrder, at: datetime, amount_fen: int | None = None, processor: str = "wechat") -> SimPayment:
    """A capture for the order; by default for all its tickets."""
    amount = sum(t.fare_fen + t.surcharge_fen for t in made.tickets) if amount_fen is None else amount_fen
    serial = len(made.payments) + 1
    digits = f"{ord(made.order_no[1])}{made.order_no[2:]}"
    reference = f"4200{digits}{serial:014d}" if processor == "wechat" else f"E2E{made.order_no}{serial}"
    method = {"wechat": "wechat_pay", "bank": "bank_card", "cash": "cash"}[processor]
    made.payments.append(SimPayment(processor, reference, method, amount, at))
    return made.payments[-1]


def refund(made: SimOrder, numbers: tuple[str, ...], at: datetime, fee_fen: int) -> None:
    """Give tickets back: the last of ``made.refunds`` is the repayment."""
    tickets = [t for t in made.tickets if t.ticket_no in numbers]
    gross = sum(t.fare_fen for t in tickets)
    reference = f"RF{made.order_no}{len(made.refunds) + 1:02d}"
    for ticket in tickets:
        ticket.state, ticket.state_at, ticket.refund_ref = "refunded", at, reference
    processor = made.payments[0].processor
    made.refunds.append(SimRefund(processor, reference, numbers, gross, fee_fen, gross - fee_fen, at))


def change(
    made: SimOrder,
    at: datetime,
    new_fare_fen: int,
    fee_fen: int,
    kind: Literal["train", "destination"] = "train",
) -> tuple[str, ...]:
    """Exchange the first ticket; the passenger pays or gets the difference. Returns the new ticket numbers."""
    old = made.tickets[0]
    new = deepcopy(old)
    new.batch, new.coach, new.seat_no = 2, "06", "3F"
    new.ticket_no = ticket_no.build(made.order_no, 2, new.coach, new.seat_no)
    new.fare_fen, new.surcharge_fen = new_fare_fen, 0
    new.state, new.state_at, new.issued_at = "issued", at, at
    new.origin, new.replaces = ("change" if kind == "train" else "destination_change"), old.ticket_no
    new.train_code, new.train_no = "G15", "24000000G15B"
    if kind == "destination":
        new.to_station = "NKH"
    old.state, old.state_at, old.replaced_by = "changed", at, new.ticket_no
    made.tickets.append(new)
    difference = old.fare_fen - new.fare_fen
    olds, news = (old.ticket_no,), (new.ticket_no,)
    made.changes.append(SimChange(new.ticket_no, kind, olds, news, fee_fen, difference, at))
    owed = difference - fee_fen
    processor = made.payments[0].processor
    if owed > 0:
        made.refunds.append(SimRefund(processor, f"CD{made.order_no}01", olds, owed, 0, owed, at))
    elif owed < 0:
        pay(made, at, -owed, processor)
    return news


class Story:
    """Acts on one order, each kept with the order as it was then."""

    def __init__(self, name: str, made: SimOrder) -> None:
        self.name = name
        self.order = made
        self.acts: list[Act] = []

    def act(self, kind: ActKind, channel: str, at: datetime, numbers: tuple[str, ...] = ()) -> "Story":
        if self.acts:
            self.order.revision += 1
        self.order.updated_at = at
        touched = numbers or tuple(t.ticket_no for t in self.order.tickets)
        self.acts.append(Act(kind, channel, at, deepcopy(self.order), touched, desk(channel)))
        return self


def _numbers(made: SimOrder) -> tuple[str, ...]:
    return tuple(t.ticket_no for t in made.tickets)


def _sale(channel: str, serial: int, people: int = 1, processor: str = "wechat", night: bool = False) -> Story:
    made = order(channel, serial, people, train=night_train if night else None)
    pay(made, NOON, processor=processor)
    return Story("sale", made)


def _held(channel: str, serial: int, people: int = 1) -> Story:
    story = Story("hold", order(channel, serial, people, held=True))
    return story.act("hold", channel, NOON)


def _issue(made: SimOrder, at: datetime, processor: str = "wechat") -> None:
    for ticket in made.tickets:
        ticket.state, ticket.state_at, ticket.issued_at = "issued", at, at
    pay(made, at, processor=processor)


def sale_one(channel: str) -> Story:
    return _sale(channel, 101).act("sale", channel, NOON)


def sale_family(channel: str) -> Story:
    return _sale(channel, 102, 5, "bank").act("sale", channel, NOON)


def sale_night(channel: str) -> Story:
    return _sale(channel, 103, 2, night=True).act("sale", channel, NOON)


def hold_pay(channel: str) -> Story:
    story = _held(channel, 104, 2)
    at = NOON + timedelta(minutes=6)
    _issue(story.order, at)
    return story.act("pay", channel, at)


def hold_cancel(channel: str) -> Story:
    story = _held(channel, 105, 2)
    at = NOON + timedelta(minutes=9)
    for ticket in story.order.tickets:
        ticket.state, ticket.state_at = "cancelled", at
    return story.act("cancel", channel, at)


def change_dearer(channel: str, sold_by: str | None = None, serial: int = 106) -> Story:
    story = _begun(channel, sold_by, serial)
    at = NOON + timedelta(hours=2)
    return story.act("change", channel, at, change(story.order, at, 60000, 0))


def change_cheaper(channel: str, sold_by: str | None = None) -> Story:
    story = _begun(channel, sold_by, 107)
    at = NOON + timedelta(hours=3)
    return story.act("change", channel, at, change(story.order, at, 50000, 250))


def change_destination(channel: str, sold_by: str | None = None) -> Story:
    story = _begun(channel, sold_by, 108)
    at = NOON + timedelta(hours=4)
    return story.act("change", channel, at, change(story.order, at, 44350, 0, "destination"))


def refund_part(channel: str, sold_by: str | None = None) -> Story:
    story = _begun(channel, sold_by, 109, 3)
    at = NOON + timedelta(hours=5)
    given_back = _numbers(story.order)[:2]
    refund(story.order, given_back, at, 4150)
    return story.act("refund", channel, at, given_back)


def refund_after_change(channel: str) -> Story:
    story = change_dearer(channel, serial=110)
    at = NOON + timedelta(hours=6)
    new = (story.order.tickets[-1].ticket_no,)
    refund(story.order, new, at, 3000)
    return story.act("refund", channel, at, new)


def _begun(channel: str, sold_by: str | None, serial: int, people: int = 1) -> Story:
    """A paid order: sold by this channel as its first act, or by another one before the story begins."""
    seller = sold_by or channel
    story = _sale(seller, serial + (0 if sold_by is None else 1000), people)
    return story if sold_by else story.act("sale", seller, NOON)


def pay_others_hold(channel: str) -> Story:
    """A phone reservation that this channel completes."""
    story = Story("pay", order("phone", 120, 2, held=True))
    at = NOON + timedelta(minutes=20)
    _issue(story.order, at, "cash" if channel == "windows" else "wechat")
    return story.act("pay", channel, at)


def collect(channel: str) -> Story:
    """Paper for an order sold elsewhere."""
    story = Story("collect", order("phone", 121, 1))
    pay(story.order, NOON)
    story.order.tickets[0].control_no = "B012345"
    return story.act("collect", channel, NOON + timedelta(hours=1))


STORIES: dict[str, Callable[[str], Story]] = {
    "sale": sale_one,
    "sale of five kinds of passenger": sale_family,
    "sale on a night train": sale_night,
    "hold, pay": hold_pay,
    "hold, cancel": hold_cancel,
    "change to a dearer train": change_dearer,
    "change to a cheaper train": change_cheaper,
    "change of destination": change_destination,
    "refund of two of three": refund_part,
    "change, then refund": refund_after_change,
    "change of an order sold by app or web": lambda c: change_cheaper(c, "app" if c != "app" else "web"),
    "refund of an order sold at a window": lambda c: refund_part(c, "windows"),
    "refund of an agents' order": lambda c: refund_part(c, "agents"),
    "payment of a phone reservation": pay_others_hold,
    "collection": collect,
}

_WORD: dict[ActKind, str] = {"sale": "sell"}


def stories(channel: str, may: frozenset[str]) -> dict[str, Story]:
    """The stories that a channel may tell: those whose every act is in ``may`` (asks and tells of its profile)."""
    found = {}
    for name, tell in STORIES.items():
        story = tell(channel)
        if {_WORD.get(act.kind, act.kind) for act in story.acts} <= may:
            found[name] = story
    return found
