"""Claims in the channels' own languages: one ticket each, on a train of 64 stops, asked for or sold.

The native bytes come from the simulators' codecs, which know nothing of the hub's adapters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache

from schemas.identifiers import resident_id, ticket_no
from schemas.stations import station_name, telecode_of, telecodes
from schemas.timetable import STOPS_MAX, Train, TrainStop
from simulators.book import Act, ActKind, SimOrder, SimPayment, SimTicket
from simulators.channels import codec_for
from simulators.channels.windows import shift_file
from simulators.plan import ORDER_PREFIX
from simulators.timetable import BEIJING

Legs = tuple[int, int]

CODE, NUMBER = "G6301", "24000G63010A"
DAY = date(2026, 5, 20)
DEPARTS, MINUTES_A_LEG = 6 * 60, 12
ASKING = ("web", "app", "phone", "agents")
SELLING = ("web", "app", "agents", "windows")
"""Windows have sold when they tell; the call centre sells nothing, it holds."""

_DESK = {
    "office": "VNP", "window": "07", "shift": "2", "clerk": "0415", "terminal": "T07",
    "agent": "A01", "contract": "C01", "device": "D1", "app_version": "5.1",
}  # fmt: skip
_FARE_FEN = 10_000


@dataclass(frozen=True, slots=True)
class Claim:
    """Tickets that a channel wants (``ask``) or has sold (``tell``): ``legs`` is a range of stops of the run.

    ``others``: seats of those who travel along, in the same coach on the same legs.
    """

    number: int
    channel: str
    mode: str
    seat: str
    legs: Legs
    coach: str = "05"
    day: date = DAY
    others: tuple[str, ...] = ()

    @property
    def order_no(self) -> str:
        return f"{ORDER_PREFIX[self.channel]}{self.number:08d}"

    @property
    def message_id(self) -> str:
        return f"{self.mode}-{self.order_no}"

    @property
    def seats(self) -> tuple[str, ...]:
        return (self.seat, *self.others)

    def ticket_no(self, seat: str) -> str:
        return ticket_no.build(self.order_no, 1, self.coach, seat)

    def meets(self, other: Claim) -> bool:
        """Whether they have a leg of one run in common, in one coach."""
        same = (self.day, self.coach) == (other.day, other.coach)
        return same and self.legs[0] < other.legs[1] and other.legs[0] < self.legs[1]


@cache
def stops() -> tuple[str, ...]:
    """64 telecodes whose names lead back to them: some channels write names."""
    good = (code for code in sorted(telecodes()) if telecode_of(station_name(code) or "") == code)
    return tuple(code for code, _ in zip(good, range(STOPS_MAX), strict=False))


def train() -> Train:
    """The longest run there can be: 63 legs, on every day of the year."""

    def clock(stop: int) -> str:
        minutes = DEPARTS + stop * MINUTES_A_LEG
        return f"{minutes // 60:02d}:{minutes % 60:02d}"

    calls = tuple(TrainStop(station=code, arrive=clock(n), depart=clock(n)) for n, code in enumerate(stops()))
    return Train(
        train_code=CODE, train_no=NUMBER, valid_from=date(2026, 1, 1), valid_to=date(2026, 12, 31), stops=calls
    )


def native(claim: Claim, at: datetime, hold_minutes: float = 30, wire: str | None = None) -> bytes:
    """The message of a claim, stated at ``at`` (whole minutes: the coarsest wires know no seconds).

    ``wire``: another channel that tells of this order, in its own language.
    """
    order = _order(claim, at, hold_minutes)
    kind: ActKind = "hold" if claim.mode == "ask" else "sale"
    desk = _DESK | {"running": str(claim.number % 1_000_000)}
    if claim.channel == "phone":
        desk |= {"call_id": f"L{claim.number}", "pickup_code": f"{claim.number:08d}"}
    act = Act(kind, claim.channel, at, order, tuple(map(claim.ticket_no, claim.seats)), desk)
    body = codec_for(wire or claim.channel).encode(act, claim.message_id).body
    if (wire or claim.channel) != "windows":
        return body
    file = shift_file(
        [body],
        office=desk["office"],
        window=desk["window"],
        shift=desk["shift"],
        business_date=at.astimezone(BEIJING).date(),
        clerk=desk["clerk"],
        terminal=desk["terminal"],
    )
    # A single transaction has no trailers with totals: it ends with how many records it has.
    return file.partition(b"ST ")[0] + b"PE %06d\r\n" % len(body.splitlines())


def _order(claim: Claim, at: datetime, hold_minutes: float) -> SimOrder:
    held = claim.mode == "ask"
    order = SimOrder(
        order_no=claim.order_no,
        channel=claim.channel,
        booked_at=at,
        tickets=[_ticket(claim, seat, at) for seat in claim.seats],
        hold_expires_at=at + timedelta(minutes=hold_minutes) if held else None,
        own_refs={"agent_order": f"A{claim.number}"} if claim.channel == "agents" else {},
        revision=1,
        updated_at=at,
    )
    if not held:
        paid = SimPayment(
            "wechat", f"4200{ORDER_PREFIX[claim.channel]}{claim.number:014d}", "wechat_pay", _FARE_FEN, at
        )
        order.payments = [paid]
    return order


def _ticket(claim: Claim, seat: str, at: datetime) -> SimTicket:
    held = claim.mode == "ask"
    begins, ends = claim.legs
    return SimTicket(
        ticket_no=claim.ticket_no(seat),
        batch=1,
        coach=claim.coach,
        seat_no=seat,
        seat_class="second",
        ticket_type="adult",
        name="测试甲",
        document_type="resident_id",
        document_no=document_no(claim.channel, claim.number, claim.seats.index(seat)),
        phone=f"+861990{claim.number % 10_000_000:07d}",
        train_no=NUMBER,
        train_code=CODE,
        service_date=claim.day,
        from_station=stops()[begins],
        to_station=stops()[ends],
        depart_at=_calls(claim.day, begins),
        arrive_at=_calls(claim.day, ends),
        fare_fen=_FARE_FEN,
        surcharge_fen=0,
        state="held" if held else "issued",
        state_at=at,
        issued_at=None if held else at,
    )


def document_no(channel: str, number: int, companion: int = 0) -> str:
    """A number that nobody has (region 99), another one for every passenger of every claim of every channel."""
    rest, sequence = divmod(number, 1000)
    region = f"99{list(ORDER_PREFIX).index(channel)}{companion}{rest // 10_000 % 100:02d}"
    birthday = date(1950, 1, 1) + timedelta(days=rest % 10_000)
    first = f"{region}{birthday:%Y%m%d}{sequence:03d}"
    return first + resident_id.check_digit(first)


def _calls(day: date, stop: int) -> datetime:
    return datetime.combine(day, time(), BEIJING) + timedelta(minutes=DEPARTS + stop * MINUTES_A_LEG)
