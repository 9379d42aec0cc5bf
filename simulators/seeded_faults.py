"""The faults of the day, each on an order of its own, and the truth about each for the final scoring."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from simulators.calendar import NEWS_TRAVELS, at
from simulators.inventory import Place, SoldOut
from simulators.journeys import Traveller
from simulators.plan import Capture, FileFault, Repayment, Step, World
from simulators.story import Story, Trip

PUSHERS = ("web", "app", "agents")
SELLERS = ("web", "app", "agents", "windows")
RACERS = (("web", "app"), ("app", "agents"), ("agents", "web"))
# The other channel that refunds what this one sold and then fails to listen.
ELSEWHERE = {"web": "app", "app": "web", "agents": "windows"}
FAULT_WINDOW = "09"
LATE_BY = timedelta(minutes=45)
SMALL_ERRORS_FEN = (50, -50, 100, -100)
LARGE_ERRORS_FEN = (1000, -550, 2000, 350)


class Faults:
    """Seeds every kind of fault; ``each`` is how many of a kind."""

    def __init__(self, world: World, traveller: Traveller) -> None:
        self.world = world
        self.plan = world.plan
        self.rng = world.rng
        self.traveller = traveller
        self.each = max(2, world.options.orders // 1000)

    def seed(self) -> None:
        """All of them, in the order of ``KINDS``."""
        for kind, make in KINDS.items():
            for number in range(self.each):
                make(self, kind, number)

    # --- the message -----------------------------------------------------------------------------------------------

    def message_lost(self, kind: str, number: int) -> None:
        story, step = self._sold(PUSHERS[number % 3])
        step.travel = "lost"
        payment = story.order.payments[0]
        money = f"{payment.processor}|{payment.processor_ref}"
        self._truth(
            kind,
            story,
            [
                (f"hub-{story.channel}", "MISSING_IN_HUB", story.order.tickets[0].ticket_no),
                (f"hub-{payment.processor}", "MISSING_IN_HUB", money),
            ],
            resolves=True,
        )

    def message_twice(self, kind: str, number: int) -> None:
        story, step = self._sold(PUSHERS[number % 3])
        step.travel = "twice"
        self._truth(kind, story, [("repeats", "duplicate", step.message_id)], resolves=True)

    def message_late(self, kind: str, number: int) -> None:
        story, step = self._sold(PUSHERS[number % 3])
        step.send_at = step.act.at + LATE_BY
        self._truth(kind, story, [("messages", "late", step.message_id)], resolves=True)

    def messages_swapped(self, kind: str, number: int) -> None:
        story, sale = self._sold(PUSHERS[number % 3])
        then = sale.act.at + timedelta(minutes=10)
        refund = story.refund(story.channel, then)
        sale.send_at, sale.rank = refund.send_at, refund.rank + 1
        self._truth(kind, story, [("messages", "out_of_order", sale.message_id)], resolves=True)

    # --- what a channel believes -----------------------------------------------------------------------------------

    def amount_differs(self, kind: str, number: int) -> None:
        story, _ = self._sold(SELLERS[number // 2 % 4])
        small = number % 2 == 0
        errors = SMALL_ERRORS_FEN if small else LARGE_ERRORS_FEN
        self.plan.fare_errors[story.order.order_no] = errors[number // 2 % 4]
        where = f"hub-{story.channel}"
        self._truth(kind, story, [(where, "AMOUNT", story.order.tickets[0].ticket_no)], resolves=small)

    def status_differs(self, kind: str, number: int) -> None:
        channel = PUSHERS[number % 3]
        story, step = self._sold(channel, last="15:00")
        who = ELSEWHERE[channel]
        story.refund(who, step.act.at + NEWS_TRAVELS + timedelta(hours=1))
        self.plan.deaf[story.order.order_no] = channel
        self._truth(kind, story, [(f"hub-{channel}", "STATUS", story.order.tickets[0].ticket_no)], resolves=True)

    def agent_cancel_not_pushed(self, kind: str, number: int) -> None:
        story, sale = self._sold("agents", last="15:00")
        refund = story.refund("agents", sale.act.at + timedelta(minutes=40 + number % 60))
        refund.travel = "lost"
        given = story.order.refunds[0]
        money = f"{given.processor}|{given.refund_ref}"
        self._truth(
            kind,
            story,
            [
                ("hub-agents", "STATUS", story.order.tickets[0].ticket_no),
                (f"hub-{given.processor}", "MISSING_IN_HUB", money),
            ],
            resolves=True,
        )

    # --- the seat --------------------------------------------------------------------------------------------------

    def seat_race_ask(self, kind: str, number: int) -> None:
        """Two channels ask for one seat; whoever is refused takes the other one, so both pay the same fare."""
        trip, places = self._contested(2)
        when = self._time("15:00")
        stories = []
        for channel in RACERS[number % 3]:
            story = self.traveller.story(channel, trip, 1)
            hold = story.hold(when, when + timedelta(minutes=25), [places[0]])
            hold.alternative = (places[1],)
            # Asked again after a refusal under a new message id; the tickets are then for the other seat.
            story.pay(channel, when + timedelta(minutes=12))
            stories.append((story, hold))
        one_of = " ".join(sorted(hold.message_id for _, hold in stories))
        self._truth_of(kind, [story for story, _ in stories], [("messages", "seat_already_sold", one_of)], True)

    def seat_race_tell(self, kind: str, number: int) -> None:
        trip, places = self._contested(1)
        when = self._time("20:00")
        stories = []
        for channel in RACERS[number % 3]:
            story = self.traveller.story(channel, trip, 1)
            story.sale(when, places, method="bank_transfer" if channel == "agents" else "wechat_pay")
            stories.append(story)
        tickets = sorted(story.order.tickets[0].ticket_no for story in stories)
        expects = [
            ("disputes", "seat_already_sold", " ".join(tickets)),
            ("seats", "DOUBLE_SOLD_SEAT", "+".join(tickets)),
        ]
        self._truth_of(kind, stories, expects, False)

    # --- the money -------------------------------------------------------------------------------------------------

    def orphan_refund(self, kind: str, number: int) -> None:
        story, step = self._sold(PUSHERS[number % 3])
        payment = story.order.payments[0]
        ref = f"R{story.order.order_no[1:]}{self.world.number():06d}"
        amount = min(payment.amount_fen, 1000)
        when = step.act.at + timedelta(minutes=30)
        self.plan.repayments.append(
            Repayment(
                payment.processor, ref, story.order.order_no, payment.processor_ref, amount, payment.amount_fen, when
            )
        )
        key = f"{payment.processor}|{ref}"
        self._truth(kind, story, [(f"hub-{payment.processor}", "ORPHAN_REFUND", key)], resolves=False)

    def charged_twice(self, kind: str, number: int) -> None:
        story, step = self._sold(PUSHERS[number % 3])
        payment = story.order.payments[0]
        ref = f"{payment.processor_ref[:-10]}{self.world.number():010d}"
        second = Capture(
            payment.processor, ref, story.order.order_no, payment.amount_fen, step.act.at + timedelta(minutes=1)
        )
        self.plan.captures.append(second)
        key = f"{payment.processor}|{ref}"
        self._truth(kind, story, [(f"hub-{payment.processor}", "DOUBLE_PAYMENT", key)], resolves=False)

    def paid_no_ticket(self, kind: str, number: int) -> None:
        channel = PUSHERS[number % 3]
        story = self.traveller.story(channel, self.traveller.trip(5), 1)
        when = self._time("20:00")
        self._retry(story, lambda: story.hold(when, when + timedelta(minutes=25)))
        ticket = story.order.tickets[0]
        ref = f"4200{self.world.options.seed % 10**6:06d}{self.world.day:%Y%m%d}{self.world.number():010d}"
        paid = ticket.fare_fen + ticket.surcharge_fen
        self.plan.captures.append(Capture("wechat", ref, story.order.order_no, paid, when + timedelta(minutes=10)))
        self._truth(kind, story, [("hub-wechat", "PAID_NO_TICKET", f"wechat|{ref}")], resolves=False)

    def ticket_no_payment(self, kind: str, number: int) -> None:
        story, _ = self._sold(PUSHERS[number % 3])
        payment = story.order.payments[0]
        self.plan.captures = [c for c in self.plan.captures if c.ref != payment.processor_ref]
        key = f"{payment.processor}|{payment.processor_ref}"
        self._truth(kind, story, [(f"hub-{payment.processor}", "TICKET_NO_PAYMENT", key)], resolves=False)

    # --- the files -------------------------------------------------------------------------------------------------

    def files(self) -> None:
        """One shift file comes twice, another with a wrong total. To be called when windows' acts are numbered."""
        at_windows = self.plan.steps["windows"]
        shifts = sorted({_shift(step) for step in at_windows if step.act.desk["window"] != FAULT_WINDOW})
        twice, broken = self.rng.sample(shifts, 2)
        self.plan.file_faults = [FileFault("shift_file_twice", *twice), FileFault("shift_file_broken_total", *broken)]
        outcomes = {"shift_file_twice": ("duplicate", 2), "shift_file_broken_total": ("control_total_wrong", 1)}
        for fault in self.plan.file_faults:
            outcome, attempt = outcomes[fault.fault]
            name = file_name(self.world.day, fault.office, fault.window, fault.shift, attempt)
            self.plan.truth.append(_entry(fault.fault, name, [], [("files", outcome, name)], True))

    # --- inside ----------------------------------------------------------------------------------------------------

    def _time(self, last: str) -> datetime:
        first = at(self.world.day, "07:30")
        minutes = int((at(self.world.day, last) - first) / timedelta(minutes=1))
        return first + timedelta(minutes=self.rng.randint(0, minutes))

    def _sold(self, channel: str, last: str = "20:00") -> tuple[Story, Step]:
        """One ticket sold, paid through a processor, for a day far enough ahead."""
        story = self.traveller.story(channel, self.traveller.trip(5), 1, FAULT_WINDOW)
        when = self._time(last)
        method = "bank_transfer" if channel == "agents" else self.rng.choice(("wechat_pay", "bank_card"))
        step = self._retry(story, lambda: story.sale(when, method=method))
        return story, step

    def _retry(self, story: Story, act: Callable[[], Step]) -> Step:
        while True:
            try:
                return act()
            except SoldOut:
                story.trip = self.traveller.trip(6)

    def _contested(self, seats: int) -> tuple[Trip, list[Place]]:
        while True:
            trip = self.traveller.trip(6)
            try:
                return trip, self.world.inventory.take(
                    trip.train, trip.service_date, trip.seat_class, trip.start, trip.end, seats
                )
            except SoldOut:
                continue

    def _truth(self, kind: str, story: Story, expects: list[tuple[str, str, str]], *, resolves: bool) -> None:
        self._truth_of(kind, [story], expects, resolves)

    def _truth_of(self, kind: str, stories: list[Story], expects: list[tuple[str, str, str]], resolves: bool) -> None:
        orders = [story.order.order_no for story in stories]
        self.plan.truth.append(_entry(kind, "+".join(orders), orders, expects, resolves))


def file_name(day: date, office: str, window: str, shift: str, attempt: int) -> str:
    """The name under which a shift's file is dropped; ``attempt`` 2 is the same or the corrected one again."""
    return f"{office}-{window}-{day:%Y%m%d}-{shift}-{attempt}.txt"


def _shift(step: Step) -> tuple[str, str, str]:
    desk = step.act.desk
    return desk["office"], desk["window"], desk["shift"]


def _entry(
    kind: str, identity: str, orders: list[str], expects: list[tuple[str, str, str]], resolves: bool
) -> dict[str, Any]:
    return {
        "fault": kind,
        "id": identity,
        "order_no": orders[0] if orders else "",
        "orders": orders,
        "expects": [{"where": where, "kind": what, "key": key} for where, what, key in expects],
        "resolves_by_policy": resolves,
    }


KINDS: dict[str, Callable[[Faults, str, int], None]] = {
    "message_lost": Faults.message_lost,
    "message_twice": Faults.message_twice,
    "message_late": Faults.message_late,
    "messages_swapped": Faults.messages_swapped,
    "amount_differs": Faults.amount_differs,
    "status_differs": Faults.status_differs,
    "agent_cancel_not_pushed": Faults.agent_cancel_not_pushed,
    "seat_race_ask": Faults.seat_race_ask,
    "seat_race_tell": Faults.seat_race_tell,
    "orphan_refund": Faults.orphan_refund,
    "charged_twice": Faults.charged_twice,
    "paid_no_ticket": Faults.paid_no_ticket,
    "ticket_no_payment": Faults.ticket_no_payment,
}
