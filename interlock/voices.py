"""Every channel's adapter by name, for the life of a process: a connection that is registered meanwhile is heard too.

A name that is not known is looked for in the database again, at most once in a second; whoever walks over all names
sees those of five seconds ago. The code tables of a connection that is known are read when the process starts.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping

import psycopg
from psycopg_pool import PoolTimeout

from hub.ports import Adapter

MISSED_SECONDS = 1.0
WALKED_SECONDS = 5.0

log = logging.getLogger(__name__)


class Voices(Mapping[str, Adapter]):
    """``read`` gives all of them as the database has them now; ``clock`` gives seconds that never go back."""

    def __init__(self, read: Callable[[], Mapping[str, Adapter]], clock: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock = read, clock
        self._known = dict(read())
        self._read_at = clock()

    def __getitem__(self, name: str) -> Adapter:
        if name not in self._known:
            self._renew(MISSED_SECONDS)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        self._renew(WALKED_SECONDS)
        return iter(list(self._known))

    def __len__(self) -> int:
        return len(self._known)

    def add(self, adapter: Adapter) -> None:
        """One more, in this process only, under its profile's name."""
        self._known = {**self._known, adapter.profile.channel: adapter}

    def renew(self) -> None:
        """Something was registered just now, by this process."""
        self._renew(0)

    def _renew(self, seconds: float) -> None:
        """Add what is new. An adapter that is in use is not changed under whoever uses it."""
        if self._clock() - self._read_at < seconds:
            return
        self._read_at = self._clock()
        try:
            self._known = {**self._read(), **self._known}
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("connections cannot be read now, those of before count: %s", type(error).__name__)
