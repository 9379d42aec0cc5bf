"""A run's pieces, done by the workers of the lane `bulk`. PostgreSQL lists what is to do; Celery only wakes."""

from __future__ import annotations

import time
from collections.abc import Callable

from celery import Celery

from interlock.clock import Clock
from reconciliation.ports import Spread
from reconciliation.runs import ReconOptions
from reconciliation.runs.pieces import take_piece
from reconciliation.runs.worklist import Worklist

PIECE = "interlock.recon_piece"

_ASK_EVERY_SECONDS = 0.2
# A wake-up that nobody has taken by then was lost, with the broker or with its worker; another one is sent.
_WAKE_AGAIN_SECONDS = 30.0
# If the workers have done nothing for so long, whoever waits does a piece himself: a run never hangs on them.
_HELP_AFTER_SECONDS = 20.0


def spread_by(celery: Celery, worklist: Worklist, options: ReconOptions, clock: Clock) -> Spread:
    """A spread that wakes a worker for every piece and waits until none is open.

    A wake-up too many finds nothing to do, and one too few is sent again: each takes whatever piece is free.
    """

    def spread(run_id: str, watch: Callable[[], None]) -> None:
        pulse = _Pulse()
        while still := worklist.open_pieces(run_id):
            if pulse.wake(still):
                for _ in range(still):
                    celery.send_task(PIECE, [run_id], queue="bulk", expires=_WAKE_AGAIN_SECONDS)
            if pulse.stalled():
                take_piece(worklist, options, run_id, clock)
            time.sleep(_ASK_EVERY_SECONDS)
            watch()

    return spread


class _Pulse:
    """When to wake again, and when to stop relying on it. By a clock that only goes forward."""

    def __init__(self) -> None:
        self._woken = self._moved = time.monotonic()
        self._still: int | None = None

    def wake(self, still: int) -> bool:
        """Whether wake-ups are due: at first, and when the last ones have expired."""
        now = time.monotonic()
        first, moved = self._still is None, still != self._still
        self._still = still
        if first or moved:
            self._moved = now
        if first or now - self._woken > _WAKE_AGAIN_SECONDS:
            self._woken = now
            return True
        return False

    def stalled(self) -> bool:
        return time.monotonic() - self._moved > _HELP_AFTER_SECONDS
