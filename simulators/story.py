"""One order's story while a day is planned: each method is one act, with its tickets, its money and its message."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from schemas.identifiers import ticket_no
from simulators.book import Act, ActKind, SimChange, SimOrder, SimPayment, SimRefund, SimTicket
from simulators.calendar import at as moment
from simulators.calendar import shift_of
from simulators.fares import AGENT_SURCHARGE_FEN, change_terms, fare, refund_fee
from simulators.inventory import Place
from simulators.people import Person
from simulators.plan import Capture, Repayment, Step, World
from simulators.timetable import Train

ChangeKind = Literal["train", "destination"]

OFFICES = ("VNP", "AOH", "IZQ", "WHN", "EAY", "ICW")
WINDOWS = ("01", "02")
PROCESSOR_OF = {"wechat_pay": "wechat", "bank_card": "bank", "bank_transfer": "bank", "cash": "cash"}
METHODS = {
    "web": (("wechat_pay", 60), ("bank_card", 40)),
    "app": (("wechat_pay", 75), ("bank_card", 25)),
    "agents": (("bank_transfer", 80), ("wechat_pay", 20)),
    "windows": (("cash", 45), ("wechat_pay", 30), ("bank_card", 25)),
}


@dataclass(frozen=True, slots=True)
class Trip:
    """A ride that can be sold: a train run, two of its stops, a class."""

    train: Train
    service_date: date
    start: int
    end: int
    seat_class: str

    @property
    def departs(self) -> datetime:
        return self.train.departs(self.service_date, self.start)


class Story:
    """Begins with ``sale`` or ``hold``. Times are whole minutes: the coarsest wires know no seconds."""

    def __init__(self, world: World, channel: str, trip: Trip, party: list[Person], window: str | None = None) -> None:
        self.world = world
        self.channel = channel
        self.trip = trip
        self.party = party
        self._window = window
        self.order = SimOrder(world.order_no(channel), channel, moment(world.day, "00:00"))
        self.places: list[Place] = []
        self.method: str | None = None

    # --- how it begins ---------------------------------------------------------------------------------------------

    def sale(self, at: datetime, places: list[Place] | None = None, method: str | None = None) -> Step:
        """Sold and paid at once."""
        self._book(at, places)
        for ticket in self.order.tickets:
            ticket.state, ticket.state_at, ticket.issued_at = "issued", at, at
        self._capture(self.channel, at, self._total(), method)
        return self._act("sale", self.channel, at, self._numbers())

    def hold(self, at: datetime, expires_at: datetime, places: list[Place] | None = None) -> Step:
        """Seats are asked for until ``expires_at``."""
        self._book(at, places)
        self.order.hold_expires_at = expires_at
        return self._act("hold", self.channel, at, self._numbers())

    # --- what may follow -------------------------------------------------------------------------------------------

    def pay(self, channel: str, at: datetime) -> Step:
        """A hold is paid and becomes tickets, in this or another channel."""
        for ticket in self.order.tickets:
            ticket.state, ticket.state_at, ticket.issued_at = "issued", at, at
        self._capture(channel, at, self._total(), None)
        return self._act("pay", channel, at, self._numbers())

    def cancel(self, channel: str, at: datetime) -> Step:
        """The passenger gives a hold up."""
        for ticket in self.order.tickets:
            ticket.state, ticket.state_at = "cancelled", at
        return self._act("cancel", channel, at, self._numbers())

    def refund(self, channel: str, at: datetime, count: int | None = None) -> Step:
        """The first ``count`` issued tickets (None: all) are given back; the money goes where it came from."""
        tickets = self.issued()[:count]
        ref = f"R{self.order.order_no[1:]}{self.world.number():06d}"
        gross = sum(ticket.fare_fen for ticket in tickets)
        fee = sum(refund_fee(ticket.fare_fen, ticket.depart_at - at) for ticket in tickets)
        for ticket in tickets:
            ticket.state, ticket.state_at, ticket.refund_ref = "refunded", at, ref
        numbers = tuple(ticket.ticket_no for ticket in tickets)
        self._repay(ref, numbers, gross, fee, at)
        return self._act("refund", channel, at, numbers)

    def change(self, channel: str, at: datetime, trip: Trip) -> Step:
        """All issued tickets are exchanged for ``trip``; the order number stays, the batch becomes 2."""
        old = self.issued()
        seat_class = trip.seat_class
        count = len(old)
        places = self.world.inventory.take(trip.train, trip.service_date, seat_class, trip.start, trip.end, count)
        kind: ChangeKind = "train" if trip.end == self.trip.end else "destination"
        new: list[SimTicket] = []
        fees = difference = 0
        for ticket, place in zip(old, places, strict=True):
            successor = self._exchanged(ticket, trip, place, at, kind)
            later = trip.service_date > self.trip.service_date
            terms = change_terms(ticket.fare_fen, successor.fare_fen, ticket.depart_at - at, moves_later=later)
            fees, difference = fees + terms.fee_fen, difference + terms.difference_fen
            ticket.state, ticket.state_at, ticket.replaced_by = "changed", at, successor.ticket_no
            new.append(successor)
        self.order.tickets.extend(new)
        old_numbers, new_numbers = (tuple(t.ticket_no for t in side) for side in (old, new))
        self.order.changes.append(SimChange(new_numbers[0], kind, old_numbers, new_numbers, fees, difference, at))
        self._settle(channel, at, difference - fees, old_numbers)
        self.trip = trip
        return self._act("change", channel, at, new_numbers)

    def collect(self, at: datetime, *, prints: bool) -> Step:
        """Fetched at a window, on paper or not."""
        tickets = self.issued()
        if prints:
            for ticket in tickets:
                ticket.control_no = f"{self.world.rng.choice('ABCDEFG')}{self.world.number():07d}"
        self.order.own_refs["collected_at"] = at.isoformat()
        return self._act("collect", "windows", at, tuple(ticket.ticket_no for ticket in tickets))

    # --- looking at it ---------------------------------------------------------------------------------------------

    def issued(self) -> list[SimTicket]:
        return [ticket for ticket in self.order.tickets if ticket.state == "issued"]

    @property
    def paid_in_cash(self) -> bool:
        return self.method == "cash"

    # --- inside ----------------------------------------------------------------------------------------------------

    def _numbers(self) -> tuple[str, ...]:
        return tuple(ticket.ticket_no for ticket in self.order.tickets)

    def _total(self) -> int:
        return sum(ticket.fare_fen + ticket.surcharge_fen for ticket in self.order.tickets)

    def _book(self, at: datetime, places: list[Place] | None) -> None:
        trip, order = self.trip, self.order
        self.places = places or self.world.inventory.take(
            trip.train, trip.service_date, trip.seat_class, trip.start, trip.end, len(self.party)
        )
        order.booked_at = at
        order.own_refs, order.seller = self._own_numbers()
        order.tickets = [self._ticket(p, place, at) for p, place in zip(self.party, self.places, strict=True)]

    def _own_numbers(self) -> tuple[dict[str, str], dict[str, str]]:
        world = self.world
        if self.channel == "phone":
            return {"call_id": f"C{world.number():09d}", "pickup_code": f"P{world.number():08d}"}, {}
        if self.channel == "agents":
            contract = world.rng.randint(1, 5)
            return {"agent_order": f"A{world.day:%y%m%d}{world.number():07d}"}, {
                "agent": f"AG{contract:02d}",
                "contract": f"CT{contract:04d}",
            }
        return {}, {}

    def _ticket(self, person: Person, place: Place, at: datetime) -> SimTicket:
        trip = self.trip
        kilometres = trip.train.kilometres(trip.start, trip.end)
        return SimTicket(
            ticket_no=ticket_no.build(self.order.order_no, 1, place.coach, place.number),
            batch=1,
            coach=place.coach,
            seat_no=place.number,
            seat_class=trip.seat_class,
            ticket_type=person.ticket_type,
            name=person.name,
            document_type=person.document_type,
            document_no=person.document_no,
            phone=person.phone,
            train_no=trip.train.train_no,
            train_code=trip.train.code,
            service_date=trip.service_date,
            from_station=trip.train.calls[trip.start].station,
            to_station=trip.train.calls[trip.end].station,
            depart_at=trip.departs,
            arrive_at=trip.train.arrives(trip.service_date, trip.end),
            fare_fen=fare(kilometres, trip.train.speed, trip.seat_class, person.ticket_type),
            surcharge_fen=AGENT_SURCHARGE_FEN if self.channel == "agents" else 0,
            state="held",
            state_at=at,
        )

    def _exchanged(self, old: SimTicket, trip: Trip, place: Place, at: datetime, kind: ChangeKind) -> SimTicket:
        kilometres = trip.train.kilometres(trip.start, trip.end)
        return replace(
            old,
            ticket_no=ticket_no.build(self.order.order_no, 2, place.coach, place.number),
            batch=2,
            coach=place.coach,
            seat_no=place.number,
            seat_class=trip.seat_class,
            train_no=trip.train.train_no,
            train_code=trip.train.code,
            service_date=trip.service_date,
            from_station=trip.train.calls[trip.start].station,
            to_station=trip.train.calls[trip.end].station,
            depart_at=trip.departs,
            arrive_at=trip.train.arrives(trip.service_date, trip.end),
            fare_fen=fare(kilometres, trip.train.speed, trip.seat_class, old.ticket_type),
            surcharge_fen=0,
            state="issued",
            state_at=at,
            issued_at=at,
            origin="change" if kind == "train" else "destination_change",
            replaces=old.ticket_no,
        )

    def _settle(self, channel: str, at: datetime, net_fen: int, old: tuple[str, ...]) -> None:
        """The money of a change: plus goes to the passenger, minus is taken from him."""
        if net_fen < 0:
            self._capture(channel, at, -net_fen, None)
        elif net_fen > 0:
            self._repay(f"R{self.order.order_no[1:]}{self.world.number():06d}", old, net_fen, 0, at)

    def _capture(self, channel: str, at: datetime, amount_fen: int, method: str | None) -> None:
        world = self.world
        names, weights = zip(*METHODS[channel], strict=True)
        chosen: str = method or world.rng.choices(names, weights)[0]
        if self.method is not None and self.paid_in_cash:
            chosen = "cash"
        elif self.method is not None and chosen == "cash":
            chosen = "wechat_pay"
        processor = PROCESSOR_OF[chosen]
        payment = SimPayment(processor, _processor_ref(processor, world), chosen, amount_fen, at)
        self.order.payments.append(payment)
        if processor != "cash":
            world.plan.captures.append(Capture(processor, payment.processor_ref, self.order.order_no, amount_fen, at))
        self.method = self.method or chosen

    def _repay(self, ref: str, tickets: tuple[str, ...], gross_fen: int, fee_fen: int, at: datetime) -> None:
        origin = self.order.payments[0]
        net = gross_fen - fee_fen
        self.order.refunds.append(SimRefund(origin.processor, ref, tickets, gross_fen, fee_fen, net, at))
        if origin.processor != "cash":
            self.world.plan.repayments.append(
                Repayment(origin.processor, ref, self.order.order_no, origin.processor_ref, net, origin.amount_fen, at)
            )

    def _act(self, kind: ActKind, channel: str, at: datetime, numbers: tuple[str, ...]) -> Step:
        self.order.revision += 1
        self.order.updated_at = at
        desk = self._desk(channel, at)
        if channel == "windows" and kind == "sale":
            self.order.seller = desk
        return self.world.add(Act(kind, channel, at, self.order, numbers, desk), self.order)

    def _desk(self, channel: str, at: datetime) -> dict[str, str]:
        rng = self.world.rng
        if channel == "windows":
            office, window = rng.choice(OFFICES), self._window or rng.choice(WINDOWS)
            clerk = f"{office}{window}{shift_of(at)}"
            return {
                "office": office,
                "window": window,
                "shift": str(shift_of(at)),
                "clerk": clerk,
                "terminal": f"T{window}",
                "running": "",
            }
        if channel == "agents":
            return dict(self.order.seller)
        if channel == "phone":
            refs = self.order.own_refs
            return {
                "call_id": refs.get("call_id") or f"C{self.world.number():09d}",
                "pickup_code": refs.get("pickup_code", ""),
            }
        if channel == "app":
            return {"device": f"D{rng.randint(1, 10**8):09d}", "app_version": "5.9.0"}
        return {}


def _processor_ref(processor: str, world: World) -> str:
    number = world.number()
    if processor == "wechat":
        return f"4200{world.options.seed % 10**6:06d}{world.day:%Y%m%d}{number:010d}"
    prefix = "E2E" if processor == "bank" else "CASH"
    return f"{prefix}{world.day:%Y%m%d}{number:09d}"
