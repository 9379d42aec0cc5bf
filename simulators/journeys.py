"""Ordinary journeys: who buys what where, and what becomes of it. Nothing here goes wrong on purpose."""

from datetime import datetime, timedelta

from simulators.calendar import (
    DAY_ENDS,
    HOLD_MINUTES,
    NEWS_TRAVELS,
    PICKUP_DEADLINE,
    at,
    known_elsewhere,
    shift_ends,
    shift_of,
    some_time,
)
from simulators.inventory import SoldOut
from simulators.people import Person
from simulators.plan import World
from simulators.story import Story, Trip
from simulators.timetable import Train, by_corridor

SELLERS = {"web": 30, "app": 38, "phone": 7, "agents": 13, "windows": 12}
SIZES = {1: 62, 2: 20, 3: 10, 4: 5, 5: 3}
CLASS_WEIGHTS = {
    "second": 80, "first": 15, "business": 5, "hard_seat": 55, "hard_sleeper": 38, "soft_sleeper": 7,
}  # fmt: skip
# Days from the day of sale to the day of travel, with weights.
AHEAD = {0: 10, 1: 22, 2: 14, 3: 10, 4: 8, 5: 7, 6: 6, 7: 6, 8: 5, 9: 4, 10: 3, 12: 3, 14: 2}
AFTERWARDS = {"nothing": 70, "change": 11, "refund": 11, "collect": 5, "change_then_refund": 3}
# Who does it, per seller: the channel that sold it most often, others now and then.
WHO_CHANGES = {
    "web": {"web": 60, "app": 15, "windows": 25},
    "app": {"app": 60, "web": 15, "windows": 25},
    "phone": {"web": 30, "app": 30, "windows": 40},
    "agents": {"agents": 50, "windows": 30, "web": 20},
    "windows": {"windows": 60, "web": 20, "app": 20},
}
WHO_REFUNDS = {
    "web": {"web": 50, "app": 15, "phone": 15, "windows": 20},
    "app": {"app": 50, "web": 15, "phone": 15, "windows": 20},
    "phone": {"phone": 50, "web": 20, "windows": 30},
    "agents": {"agents": 55, "phone": 15, "windows": 30},
    "windows": {"windows": 60, "phone": 20, "app": 20},
}
SLACK = timedelta(hours=3)
ACCOUNT_NAME, ACCOUNT_PHONE = "李未", "+8619900000001"


class Traveller:
    """Makes trips and parties, and tells ordinary journeys."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.rng = world.rng
        self._corridors = list(by_corridor().items())
        self._ends = at(world.day, DAY_ENDS)

    def pick(self, weights: dict[str, int]) -> str:
        return self.rng.choices(list(weights), list(weights.values()))[0]

    # --- what is sold ----------------------------------------------------------------------------------------------

    def trip(self, days_ahead: int | None = None) -> Trip:
        """Any ride; ``days_ahead`` from the day of sale, drawn when None."""
        _, trains = self.rng.choice(self._corridors)
        train = self.rng.choice(trains)
        start, end = sorted(self.rng.sample(range(len(train.calls)), 2))
        if days_ahead is None:
            days_ahead = self.rng.choices(list(AHEAD), list(AHEAD.values()))[0]
        return Trip(train, self.world.day + timedelta(days=days_ahead), start, end, self._class(train))

    def party(self, count: int | None = None) -> list[Person]:
        """One to five people, the first one grown up."""
        people = self.world.people
        size = count or self.rng.choices(list(SIZES), list(SIZES.values()))[0]
        kinds = ["adult" if self.rng.random() < 0.93 else "student"]
        kinds += self.rng.choices(["adult", "child", "student", "disabled_veteran"], [70, 22, 6, 2], k=size - 1)
        return [people.person(kind) for kind in kinds]

    def story(self, channel: str, trip: Trip, count: int | None = None, window: str | None = None) -> Story:
        return Story(self.world, channel, trip, self.party(count), window)

    def account_orders(self) -> None:
        """The demo's passenger with a login: one ticket bought on the web, one at a window, on different days."""
        person = self.world.people.account_holder(ACCOUNT_NAME, ACCOUNT_PHONE)
        for channel, ahead, clock in (("web", 3, "09:15"), ("windows", 9, "11:20")):
            trip = self.trip(ahead)
            Story(self.world, channel, trip, [person]).sale(at(self.world.day, clock))

    # --- an ordinary order -----------------------------------------------------------------------------------------

    def journey(self) -> None:
        """One order from its sale to its end."""
        channel = self.pick(SELLERS)
        trip = self.trip()
        begins = some_time(self.rng, self.world.day, channel, at(self.world.day, "05:10"), self._ends)
        if begins is None or trip.departs - begins < SLACK:
            # The train leaves too soon for this hour: the same passenger a day later.
            begins = begins or at(self.world.day, "12:00")
            trip = Trip(trip.train, trip.service_date + timedelta(days=1), trip.start, trip.end, trip.seat_class)
        story = self.story(channel, trip)
        known = self._begin(story, begins)
        if known is not None:
            self._afterwards(story, known)

    def _begin(self, story: Story, begins: datetime) -> datetime | None:
        """Sell or hold; answers from when on the tickets may be used elsewhere, None when nothing was issued."""
        while True:
            try:
                if story.channel == "phone":
                    return self._by_phone(story, begins)
                if story.channel == "windows" or self.rng.random() < 0.6:
                    story.sale(begins)
                    return known_elsewhere(story.channel, begins)
                return self._by_hold(story, begins)
            except SoldOut:
                story.trip = self.trip(self.rng.randint(2, 14))

    def _by_hold(self, story: Story, begins: datetime) -> datetime | None:
        minutes = HOLD_MINUTES[story.channel]
        story.hold(begins, begins + timedelta(minutes=minutes))
        fate = self.pick({"pays": 78, "lapses": 11, "cancels": 11})
        if fate == "lapses":
            return None
        then = begins + timedelta(minutes=self.rng.randint(6, minutes - 8))
        if fate == "cancels":
            cancel = story.cancel(story.channel, then)
            if story.channel == "agents":
                # Agents push successes only; who wants to know of a cancel has to ask for it.
                cancel.travel = "unpushed"
            return None
        story.pay(story.channel, then)
        return then + NEWS_TRAVELS

    def _by_phone(self, story: Story, begins: datetime) -> datetime | None:
        deadline = at(self.world.day, PICKUP_DEADLINE)
        story.hold(begins, deadline)
        fate = self.pick({"web": 25, "app": 30, "windows": 25, "cancels": 10, "lapses": 10})
        if fate == "lapses":
            return None
        who = "phone" if fate == "cancels" else fate
        # A window's word arrives with its shift's file, so it takes the money in a shift that ends well before.
        last = deadline - timedelta(hours=4 if who == "windows" else 1, minutes=1)
        then = some_time(self.rng, self.world.day, who, begins + NEWS_TRAVELS, last)
        if then is None:
            return None
        if who == "phone":
            story.cancel("phone", then)
            return None
        story.pay(who, then)
        return known_elsewhere(who, then)

    # --- and after it ----------------------------------------------------------------------------------------------

    def _afterwards(self, story: Story, known: datetime) -> None:
        fate = self.pick(AFTERWARDS)
        if fate == "nothing" or story.trip.departs.date() == self.world.day:
            return
        if fate == "collect":
            self._collect(story, known)
            return
        if fate.startswith("change"):
            changed = self._change(story, known)
            if changed is None or fate == "change":
                return
            known = changed
        self._refund(story, known)

    def _when(self, who: str, known: datetime, story: Story) -> datetime | None:
        last = min(known + timedelta(hours=5), story.trip.departs - SLACK)
        return some_time(self.rng, self.world.day, who, known, last)

    def _collect(self, story: Story, known: datetime) -> None:
        then = self._when("windows", known, story)
        if then is not None:
            story.collect(then, prints=self.rng.random() < 0.6)

    def _change(self, story: Story, known: datetime) -> datetime | None:
        who = self.pick(WHO_CHANGES[story.channel])
        if story.paid_in_cash:
            who = "windows"
        then = self._when(who, known, story)
        if then is None:
            return None
        for _ in range(5):
            try:
                story.change(who, then, self._other(story, then))
            except SoldOut:
                continue
            return known_elsewhere(who, then)
        return None

    def _refund(self, story: Story, known: datetime) -> None:
        who = self.pick(WHO_REFUNDS[story.channel])
        if story.paid_in_cash:
            who = "windows"
        then = self._when(who, known, story)
        if then is not None:
            count = self.rng.randint(1, len(story.issued())) if self.rng.random() < 0.3 else None
            story.refund(who, then, count)

    def _other(self, story: Story, then: datetime) -> Trip:
        """Another train of the same line, another class or, seldom and early enough, another destination."""
        old = story.trip
        trains = by_corridor()[old.train.corridor]
        train = self.rng.choice(trains)
        far_ahead = old.departs - then >= timedelta(hours=48)
        end = old.end
        if far_ahead and self.rng.random() < 0.15 and old.start + 1 < len(train.calls):
            end = self.rng.randint(old.start + 1, len(train.calls) - 1)
        days = self.rng.choice((0, 0, 1, 2)) if far_ahead else self.rng.choice((0, 1))
        return Trip(train, old.service_date + timedelta(days=days), old.start, end, self._class(train))

    def _class(self, train: Train) -> str:
        return self.pick({name: CLASS_WEIGHTS[name] for name in train.classes})


def number_windows(world: World) -> None:
    """Give every window's transactions their running numbers, shift by shift, in order of time."""
    running: dict[tuple[str, str, str], int] = {}
    steps = sorted(world.plan.steps["windows"], key=lambda s: (s.act.at, s.act.order.order_no, s.rank))
    for step in steps:
        desk = step.act.desk
        key = (desk["office"], desk["window"], desk["shift"])
        running[key] = running.get(key, 0) + 1
        desk["running"] = f"{running[key]:06d}"
        step.send_at = shift_ends(world.day, shift_of(step.act.at))
