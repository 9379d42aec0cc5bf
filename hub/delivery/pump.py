"""The pump: PostgreSQL is the queue; one drain moves one channel's cursors over the event log as far as they go.

A page of events behind the commit barrier is sent, in order within each order and concurrently across orders; then
attempts, exceptions and the cursor are written in one transaction. If the process dies between sending and writing, the
page is sent again under the same ids: at least once, never out of order.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from hub.delivery.draining import Drain, Drained, Means, PumpOptions
from hub.delivery.sending import Flight
from hub.delivery.speaking import Speaker
from hub.delivery.wire import Wires
from hub.intake.intake import Pool
from hub.ports import Adapter
from hub.store import channels, outbox
from hub.store.audit import Audit
from hub.store.seal import Seal

__all__ = ["Drained", "Pump", "PumpOptions"]

_LOCK_SPACE = 0x64656C69  # "deli": first key of the advisory lock, the second is the channel's hash


class Pump:
    """Delivers to channels. ``clock`` is the wall clock: the other side is a machine, not a passenger."""

    def __init__(
        self,
        pool: Pool,
        adapters: Mapping[str, Adapter],
        seal: Seal,
        clock: Callable[[], datetime],
        audit: Audit,
        options: PumpOptions | None = None,
    ) -> None:
        self._pool = pool
        self._adapters = adapters
        chosen = options or PumpOptions()
        speaker = Speaker(pool, seal, chosen.public_url)
        wires = Wires[Flight](chosen.timeout_seconds, chosen.allow_private)
        self._means = Means(seal, clock, audit, speaker, wires, chosen)

    @property
    def speaker(self) -> Speaker:
        """What it says events with."""
        return self._means.speaker

    def waiting(self) -> list[str]:
        """The channels for which a drain would find something to do: one read, however many there are."""
        with self._pool.connection() as connection:
            found = outbox.waiting(connection, self._means.clock())
        return [name for name in found if name in self._adapters]

    def drain(self, channel: str) -> Drained:
        """Send what is due for ``channel``; one process at a time per channel, safe to call at any moment."""
        with self._pool.connection() as connection:
            # The log is read by its index, whatever the planner thinks of it: after a mass upload its statistics are
            # old, and it would sort a hundred thousand rows for the first four hundred (500 ms instead of 0.4).
            got = connection.execute(
                """SELECT CASE WHEN pg_try_advisory_lock(%s, hashtext(%s))
                          THEN set_config('enable_bitmapscan', 'off', false) END""",
                (_LOCK_SPACE, channel),
            ).fetchone()
            connection.commit()
            if not got or not got[0]:
                return Drained(channel, locked=True)
            try:
                found, adapter = channels.find(connection, channel), self._adapters.get(channel)
                if found is None or adapter is None or found.state == "paused" or not found.endpoint:
                    return Drained(channel)
                return Drain(connection, found, adapter, self._means).run()
            finally:
                connection.rollback()
                connection.execute(
                    "SELECT pg_advisory_unlock(%s, hashtext(%s)), set_config('enable_bitmapscan', 'on', false)",
                    (_LOCK_SPACE, channel),
                )
                connection.commit()
