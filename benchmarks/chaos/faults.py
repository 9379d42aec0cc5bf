"""What breaks, and when: a schedule made from a seed. Pure: the same seed, ticks and number give the same schedule."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from simulators.calendar import DAY_BEGINS, DAY_ENDS, SHIFT_HOURS, at
from simulators.plan import CHANNELS

Where = Literal["process", "engine", "folder", "endpoint", "network", "clock", "hub clock"]

KINDS: dict[str, tuple[Where, int]] = {
    "kill api": ("process", 3),
    "kill api child": ("process", 3),
    "kill worker": ("process", 2),
    "kill worker-2": ("process", 2),
    "kill worker child": ("process", 4),
    "kill beat": ("process", 2),
    "kill simulator": ("process", 3),
    "kill processors": ("process", 1),
    "valkey flushed": ("engine", 3),
    "valkey killed": ("engine", 2),
    "postgres restarted": ("engine", 2),
    "postgres killed": ("engine", 2),
    "folder unwritable": ("folder", 2),
    "files cut short": ("folder", 2),
    "endpoint 500": ("endpoint", 4),
    "endpoint slow": ("endpoint", 3),
    "endpoint hangs": ("endpoint", 2),
    "endpoint 429": ("endpoint", 3),
    "endpoint answer lost": ("endpoint", 4),
    "requests doubled": ("network", 4),
    "requests late": ("network", 4),
    "requests echoed": ("network", 4),
    "requests lost": ("network", 3),
    "answers lost": ("network", 3),
    "clock off": ("clock", 3),
    "clock far off": ("clock", 3),
    "hub clock behind": ("hub clock", 2),
}
"""Kind of fault -> where it strikes, and how often beside the others."""

# What is not over at once stays so many seconds, least and most.
SECONDS: dict[Where, tuple[float, float]] = {"folder": (1.0, 4.0), "endpoint": (2.0, 5.0)}
# What falls on messages of channels stays so many ticks: with few orders a second may well have none.
TICKS: dict[Where, tuple[int, int]] = {"network": (8, 30), "clock": (20, 60)}
# Shares of the day: not before everything runs, and not so late that nothing could show it any more.
FIRST, LAST = 0.04, 0.94
DELAY_SECONDS_MAX = 0.3


def _shift_ends() -> Sequence[float]:
    """The shares of the day that are over when a shift ends."""
    day = date(2026, 1, 1)
    begins, length = at(day, DAY_BEGINS), at(day, DAY_ENDS) - at(day, DAY_BEGINS)
    return [(at(day, f"{hour:02d}:00") - begins) / length for hour in SHIFT_HOURS[1:]]


SHIFT_ENDS = _shift_ends()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that breaks in the ``tick`` of the day, ``delay`` seconds after its beginning.

    ``target``: the channel whose endpoint or process it is; empty where there is only one. It stays for ``seconds`` or
    for ``ticks``; with neither it is over at once.
    """

    tick: int
    delay: float
    kind: str
    target: str
    seconds: float = 0.0
    ticks: int = 0

    @property
    def where(self) -> Where:
        return KINDS[self.kind][0]


def schedule(seed: int, ticks: int, number: int) -> list[Fault]:
    """``number`` faults over a day of ``ticks``, in order of time. Every kind comes once before one comes again."""
    rng = random.Random(f"chaos {seed} {ticks} {number}")
    chosen = list(KINDS)
    rng.shuffle(chosen)
    chosen = chosen[:number]
    weights = [weight for _, weight in KINDS.values()]
    chosen += rng.choices(list(KINDS), weights, k=number - len(chosen))
    return sorted((_fault(rng, kind, ticks) for kind in chosen), key=lambda fault: (fault.tick, fault.delay))


def _fault(rng: random.Random, kind: str, ticks: int) -> Fault:
    where = KINDS[kind][0]
    tick = rng.randint(max(1, round(ticks * FIRST)), round(ticks * LAST))
    if where == "folder":
        # Files come when a shift ends, four times a day: at another time nobody would notice.
        tick = round(rng.choice(SHIFT_ENDS) * ticks) - 1
    target = rng.choice(CHANNELS) if where == "endpoint" or kind == "kill simulator" else ""
    seconds = round(rng.uniform(*SECONDS.get(where, (0.0, 0.0))), 3)
    delay = round(rng.uniform(0.0, DELAY_SECONDS_MAX), 3)
    return Fault(tick, delay, kind, target, seconds, rng.randint(*TICKS.get(where, (0, 0))))
