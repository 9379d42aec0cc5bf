"""The plan of a seeded day: who does what when, in every channel, what the processors saw, and what goes wrong.

The same (seed, orders, date) give the same plan in every process; each one picks its part. A process that plays one
channel asks for ``only=<channel>``: then only that channel's acts carry a picture of the order.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Literal

from simulators.book import Act, SimOrder
from simulators.inventory import Inventory, Place
from simulators.people import Registry

CHANNELS = ("web", "app", "phone", "agents", "windows")
ORDER_PREFIX = {"web": "EW", "app": "EA", "phone": "EP", "agents": "ED", "windows": "EC"}

Travel = Literal["sent", "lost", "twice", "unpushed"]
"""How a message travels: as it should, not at all, two times, or (agents) not pushed though others may poll for it."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What a plan is made from."""

    seed: int
    orders: int
    date: date


@dataclass(slots=True)
class Step:
    """An act and how the word of it travels. ``rank`` orders messages that are sent in the same minute.

    ``alternative``: the seats to take when an ask is refused because somebody else was first.
    """

    act: Act
    message_id: str
    send_at: datetime
    rank: int
    travel: Travel = "sent"
    alternative: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Capture:
    """Money that a processor took. ``ref`` is the processor's own number."""

    processor: str
    ref: str
    order_no: str
    amount_fen: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Repayment:
    """Money that a processor gave back; ``ref`` is the merchant's refund number, ``of_ref`` the capture it undoes."""

    processor: str
    ref: str
    order_no: str
    of_ref: str
    amount_fen: int
    paid_fen: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FileFault:
    """What happens to one window's shift file."""

    fault: Literal["shift_file_twice", "shift_file_broken_total"]
    office: str
    window: str
    shift: str


@dataclass
class Plan:
    """The whole day. ``fare_errors``: order -> fen that the channel's extract says too much (may be negative)."""

    options: PlanOptions
    steps: dict[str, list[Step]] = field(default_factory=lambda: {channel: [] for channel in CHANNELS})
    captures: list[Capture] = field(default_factory=list)
    repayments: list[Repayment] = field(default_factory=list)
    truth: list[dict[str, Any]] = field(default_factory=list)
    fare_errors: dict[str, int] = field(default_factory=dict)
    deaf: dict[str, str] = field(default_factory=dict)
    file_faults: list[FileFault] = field(default_factory=list)
    orders: int = 0


class World:
    """What the makers of journeys share while a plan grows."""

    def __init__(self, options: PlanOptions, only: str | None) -> None:
        self.options = options
        self.day = options.date
        self.rng = random.Random(f"interlock {options.seed} {options.orders} {options.date.isoformat()}")
        self.plan = Plan(options)
        self.inventory = Inventory()
        self.people = Registry(self.rng, options.date)
        self._only = only
        self._orders = dict.fromkeys(CHANNELS, 0)
        self._numbers = 0

    def order_no(self, channel: str) -> str:
        """The next number of the channel's own range; scattered, as real ones look, and never the same twice."""
        self._orders[channel] += 1
        self.plan.orders += 1
        scattered = (self._orders[channel] * 48_271 + self.options.seed * 7_919 + 10_000_019) % 10**8
        return f"{ORDER_PREFIX[channel]}{scattered:08d}"

    def number(self) -> int:
        """A number nobody else gets on this day: for payment and refund numbers, call ids and the like."""
        self._numbers += 1
        return self._numbers

    def add(self, act: Act, order: SimOrder) -> Step:
        """Note that ``act`` happens; ``order`` is the order after it, of which a picture is kept."""
        if self._only is None or self._only == act.channel:
            act.order = picture(order)
        message_id = f"{act.channel}-{order.order_no}-{order.revision}"
        step = Step(act, message_id, act.at, order.revision)
        self.plan.steps[act.channel].append(step)
        return step


def picture(order: SimOrder) -> SimOrder:
    """A copy that later acts on the order leave alone. (``seller`` is shared: the running number comes at the end.)"""
    return replace(
        order,
        tickets=[replace(ticket) for ticket in order.tickets],
        payments=list(order.payments),
        refunds=list(order.refunds),
        changes=list(order.changes),
        own_refs=dict(order.own_refs),
    )


def sorted_by_time(steps: Iterable[Step]) -> list[Step]:
    """In the order in which the channel does them."""
    return sorted(steps, key=lambda step: (step.act.at, step.act.order.order_no, step.rank))
