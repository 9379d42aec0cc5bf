"""How a rate is measured: rounds of fixed CPU time, the median round counts, work spread over real inputs.

CPU time, because the work is pure: a neighbour on the same machine must not change the figure.
"""

from collections.abc import Callable, Sequence
from itertools import cycle
from statistics import median
from time import process_time
from typing import TypeVar

T = TypeVar("T")

ROUNDS = 5
ROUND_SECONDS = 0.2
_STRIDE = 8


def rate(work: Callable[[T], object], inputs: Sequence[T]) -> float:
    """Calls of ``work`` a CPU second, over ``inputs`` in turn; the first round warms up and does not count."""
    turn = cycle(inputs)
    return median([_round(work, turn.__next__) for _ in range(ROUNDS + 1)][1:])


def _round(work: Callable[[T], object], following: Callable[[], T]) -> float:
    done = 0
    started = process_time()
    while (spent := process_time() - started) < ROUND_SECONDS:
        for _ in range(_STRIDE):
            work(following())
        done += _STRIDE
    return done / spent
