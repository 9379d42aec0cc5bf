"""One drain of one channel: three lanes over its cursors, as far as its room goes.

live     first, in every drain: what failed before and is due again, and what is new
bulk     events of files and mass uploads, and what happened before the channel subscribed, in the room that live
         left (never less than a small share)
replay   what an operator asked for again, in the room that is left then; also for a disabled channel
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.delivery.pacing import Breaker, allowance, spent
from hub.delivery.sending import Flight, Item, Lane, Page, Sending, SendingOptions, behind, fewest_attempts
from hub.delivery.speaking import Speaker
from hub.delivery.terms import subscribed
from hub.delivery.wire import Wires
from hub.ports import Adapter
from hub.store import channels, deliveries, events, outbox, replays
from hub.store.audit import Audit
from hub.store.channels import Channel
from hub.store.outbox import Ahead, Cursor, Wanted
from hub.store.seal import Seal

_ACTOR = "hub"
_SCAN_TIMES = 4
_SCANS_MAX = 8
_ASIDE_EACH = 8
"""Of one order in a page of the bulk lane: they go one after another, and the next live page waits for the last."""


@dataclass(frozen=True, slots=True)
class PumpOptions:
    """``page``: deliveries of one drain; ``aside``: at most so many of them in the bulk and the replay lane each.

    ``aside_least``: so many of each even when live fills the page. ``attempts_max``, ``backoff`` and ``breaker_after``:
    see ``SendingOptions``. The breaker opens for ``breaker_seconds``, doubled each time, at most ``breaker_last``.
    ``allow_private``: whether deliveries may go to private and loopback addresses.
    """

    page: int = 400
    aside: int = 50
    aside_least: int = 10
    concurrency: int = 32
    timeout_seconds: float = 10.0
    attempts_max: int = 12
    backoff_first_seconds: float = 0.5
    backoff_last_seconds: float = 600.0
    breaker_after: int = 20
    breaker_seconds: float = 5.0
    breaker_last_seconds: float = 300.0
    allow_private: bool = False
    public_url: str = "http://127.0.0.1:8400"

    @property
    def sending(self) -> SendingOptions:
        return SendingOptions(
            self.concurrency,
            self.attempts_max,
            self.backoff_first_seconds,
            self.backoff_last_seconds,
            self.breaker_after,
        )


@dataclass(slots=True)
class Drained:
    """What one drain did. ``more``: there is more to do at once; ``locked``: another process is at it."""

    channel: str
    delivered: int = 0
    failed: int = 0
    more: bool = False
    locked: bool = False

    def count(self, page: Page) -> None:
        self.delivered += sum(a.outcome == "delivered" for a in page.attempts)
        self.failed += sum(a.outcome == "failed" for a in page.attempts)


@dataclass(frozen=True, slots=True)
class Means:
    """What every drain of a process uses."""

    seal: Seal
    clock: Callable[[], datetime]
    audit: Audit
    speaker: Speaker
    wires: Wires[Flight]
    options: PumpOptions


class Drain:
    """One drain of one channel: what is left of its room, and how the channel fares while it goes on."""

    def __init__(self, connection: Connection[TupleRow], channel: Channel, adapter: Adapter, means: Means) -> None:
        self.connection, self.channel, self.adapter = connection, channel, adapter
        self.means, self.options, self.done = means, means.options, Drained(channel.channel)
        self.wanted = Wanted(channel.channel, subscribed(channel, adapter.profile), channel.history_txid)
        self.now = means.clock()
        self.breaker = Breaker(channel.breaker_failures, channel.breaker_openings, channel.breaker_until)
        self.quiet = channel.retry_at if channel.retry_at and channel.retry_at > self.now else None
        self.free_at = channel.rate_free_at
        self.room = allowance(channel.rate_per_second, self.free_at, self.now, self.options.page)
        self.well = True
        self.live_sent = 0
        self.live_cursor: Cursor = (channel.cursor_txid, channel.cursor_position)
        self.bulk_cursor: Cursor = (channel.bulk_txid, channel.bulk_position)

    def run(self) -> Drained:
        """The lanes in turn, as long as there is room and the channel is well."""
        if self.room >= 1 and self.quiet is None:
            active = self.channel.state == "active"
            if active and self.breaker.state(self.now) != "open":
                self._live()
            if self.well and self.breaker.state(self.now) == "closed" and active:
                self._bulk()
            if self.well and (self.breaker.until is None or self.channel.state == "disabled"):
                self._replay()
        return self.done

    # -- the three lanes --------------------------------------------------------------------------------------------

    def _live(self) -> None:
        """What failed before and is due, and what is new; exactly one delivery when the breaker is half open."""
        probing = self.breaker.state(self.now) == "half_open"
        limit = 1 if probing else self.room
        due = self._due(limit, replay=False)
        ahead = self._ahead(limit - min(len(due), limit // 2))
        due = due[: max(limit - len(ahead.chosen), 1 if probing else 0)]
        fresh = self._fresh(ahead.chosen, "live")
        ready, waiting = self._apart(fresh, bulk=self._lags() or ahead.bulk)
        if probing and due and (not ready or fewest_attempts([*due, *ready]) in due):
            due, ready, waiting, ahead = [fewest_attempts(due)], [], [], Ahead([], self.live_cursor, True, False)
        elif probing:
            due = []
        if not due and not ahead.chosen and ahead.end == self.live_cursor:
            self.connection.rollback()
            return
        page = self._send([*ready, *due])
        self.live_sent = page.sent
        page.exceptions += [behind(self.channel.channel, item) for item in waiting]
        self._move_live(ahead)
        self._settle(page, probing)
        self.done.count(page)
        self.done.more = self._goes_on() and (probing or ahead.whole or len(due) + len(ahead.chosen) >= limit)

    def _bulk(self) -> None:
        """Never ahead of the live cursor, so that order within an order holds between the lanes."""
        limit = self._aside()
        if self.bulk_cursor == self.live_cursor or limit < 1:
            return
        until = self.wanted.aside_until(self.bulk_cursor, self.live_cursor)
        ahead = outbox.bulk(self.connection, self.bulk_cursor, until, self.wanted, limit * _SCAN_TIMES)
        ahead = ahead.cut(limit).cut_each(_ASIDE_EACH)
        ready, waiting = self._apart(self._fresh(ahead.chosen, "bulk"), bulk=False)
        page = self._send(ready)
        page.exceptions += [behind(self.channel.channel, item) for item in waiting]
        self.bulk_cursor = ahead.end if ahead.whole else until
        channels.move_bulk_cursor(self.connection, self.channel.channel, *self.bulk_cursor)
        if not ahead.whole:  # caught up: nobody waits for this lane any more, whatever was in it
            deliveries.promote(self.connection, self.wanted, None, self.means.clock())
        self._settle(page, probing=False)
        self.done.count(page)
        self.done.more = self.done.more or (self._lags() and self._goes_on())

    def _replay(self) -> None:
        """Dead letters that were revived, and the oldest replay that is not finished."""
        name, now = self.channel.channel, self.means.clock()
        limit = self._aside()
        if limit < 1 or not replays.anything(self.connection, name, now):
            return
        due = self._due(limit, replay=True)
        asked = replays.running(self.connection, name)
        chosen: list[Item] = []
        if asked is not None and len(due) < limit and not self._choked():
            found = replays.page(self.connection, asked, self.wanted.types, limit - len(due))
            last = found[-1][0] if found else None
            finished = now if len(found) < limit - len(due) else None
            chosen = self._fresh(found, "replay")
            going = deliveries.under_way(self.connection, name, [item.logged.position for item in chosen])
            chosen = [item for item in chosen if item.logged.position not in going]
            replays.advance(self.connection, asked, last, len(found), finished)
            self.done.more = self.done.more or (finished is None and self._goes_on())
        if not due and not chosen:
            self.connection.commit()
            return
        page = self._send([*due, *chosen])
        self._settle(page, probing=False, counts=False)
        self.done.count(page)
        self.done.more = (self.done.more or len(due) == limit) and self._goes_on()

    # -- reading ----------------------------------------------------------------------------------------------------

    def _aside(self) -> int:
        """How many a lane beside live may send in this drain: what live left, but never nothing for ever.

        While live events flow, half as many as of them: a page of the others is what the next live ones wait for.
        """
        flowing = max(self.live_sent // 2, self.options.aside_least) if self.live_sent else self.options.aside
        left = min(self.room, self.options.aside, flowing)
        return left if self.channel.rate_per_second is not None else max(left, self.options.aside_least)

    def _goes_on(self) -> bool:
        """Whether another drain may follow at once. One with a rate waits for its bucket until the next wake-up."""
        return self.well and (self.channel.rate_per_second is None or self.room >= 1)

    def _choked(self) -> bool:
        """Whether so many of a replay have failed that asking for more of it would only pile them up."""
        waiting = deliveries.replays_waiting(self.connection, self.channel.channel)
        return waiting >= self.options.breaker_after

    def _due(self, limit: int, *, replay: bool) -> list[Item]:
        rows = deliveries.due(self.connection, self.channel.channel, self.now, limit, replay=replay)
        if not rows:
            return []
        logged = events.at(self.connection, [row.event for row in rows])
        return [Item(logged[row.event], cast(Lane, row.lane), row.attempts) for row in rows]

    def _ahead(self, limit: int) -> Ahead:
        """The next stretch of the log; a flood of events for others is passed over in a few longer reads."""
        scan = max(limit * _SCAN_TIMES, 50)
        ahead = outbox.live(self.connection, self.live_cursor, self.wanted, scan)
        for _ in range(_SCANS_MAX):
            if not ahead.whole or ahead.chosen:
                break
            scan *= 2
            further = outbox.live(self.connection, ahead.end, self.wanted, scan)
            ahead = Ahead(further.chosen, further.end, further.whole, ahead.bulk or further.bulk)
        return ahead.cut(limit)

    def _fresh(self, chosen: Sequence[tuple[Cursor, UUID]], lane: Lane) -> list[Item]:
        """The events themselves, without those of orders that are none of the channel's business."""
        logged = events.at(self.connection, [cursor[1] for cursor, _ in chosen]) if chosen else {}
        found = [logged[cursor[1]] for cursor, _ in chosen]
        if self.adapter.profile.scope == "own" and found:
            ids = [item.event.order_id for item in found]
            own = outbox.taken_part(self.connection, self.channel.channel, ids)
            found = [item for item in found if item.event.order_id in own]
        return [Item(item, lane) for item in found]

    def _apart(self, items: Sequence[Item], *, bulk: bool) -> tuple[list[Item], list[Item]]:
        """(what may go out, what must wait behind an earlier event of its order; ``bulk``: also one of that lane)."""
        if not items:
            return [], []
        ids = [item.logged.event.order_id for item in items]
        blocked = deliveries.blocked_orders(self.connection, self.channel.channel, ids)
        first = outbox.bulk_before(self.connection, self.bulk_cursor, self.wanted, ids) if bulk else {}
        ready: list[Item] = []
        waiting: list[Item] = []
        for item in items:
            order_id, position = item.logged.event.order_id, item.logged.position
            earlier = min(blocked.get(order_id, position), first.get(order_id, position)) < position
            (waiting if earlier else ready).append(item)
        return ready, waiting

    def _lags(self) -> bool:
        return self.bulk_cursor != self.live_cursor

    # -- sending and writing ----------------------------------------------------------------------------------------

    def _send(self, items: Sequence[Item]) -> Page:
        """Nothing is held open in the database while the network is used."""
        self.connection.commit()
        if not items:
            return Page(failures=self.breaker.failures)
        means, channel = self.means, self.channel
        speak = means.speaker.to(channel, self.adapter, [item.logged.event.order_id for item in items])
        secrets = channels.good_secrets(channel, means.seal, self.now)

        with means.wires.lent() as wire:
            url, failures = f"{channel.endpoint}/inbox", self.breaker.failures
            sending = Sending(channel.channel, url, wire, speak, secrets, means.clock, self.options.sending, failures)
            return sending.send(items)

    def _move_live(self, ahead: Ahead) -> None:
        along = not self._lags() and not ahead.bulk
        self.live_cursor = ahead.end
        channels.move_cursor(self.connection, self.channel.channel, *ahead.end)
        if along:
            self.bulk_cursor = ahead.end
            channels.move_bulk_cursor(self.connection, self.channel.channel, *ahead.end)

    def _settle(self, page: Page, probing: bool, *, counts: bool = True) -> None:
        """One transaction: what was tried, what waits, how far the cursors are, how the channel fares."""
        connection, name, now = self.connection, self.channel.channel, self.means.clock()
        deliveries.record(connection, page.attempts)
        deliveries.settle(connection, name, page.settled)
        deliveries.set_aside(connection, page.exceptions)
        if page.orders:
            deliveries.promote(connection, self.wanted, list(page.orders), now)
        self._fare(page, probing, counts, now)
        connection.commit()

    def _fare(self, page: Page, probing: bool, counts: bool, now: datetime) -> None:
        """What this page says about the channel: its breaker, the quiet it asks for, whether it is gone."""
        options, channel = self.options, self.channel
        if counts and page.sent:
            failed = page.failures > self.breaker.failures if probing else page.opened
            self.breaker = Breaker(page.failures, self.breaker.openings, self.breaker.until)
            if failed:
                self.breaker = self.breaker.opened(now, options.breaker_seconds, options.breaker_last_seconds)
            elif page.quiet is None:
                self.breaker = self.breaker.counted(page.failures)
        self.quiet = page.quiet or self.quiet
        self.free_at = spent(channel.rate_per_second, self.free_at, now, page.sent)
        self.room -= page.sent
        self.well = self.well and not page.stopped
        if page.sent:
            breaker = (self.breaker.failures, self.breaker.openings, self.breaker.until)
            channels.set_pace(self.connection, channel.channel, breaker, self.quiet, self.free_at)
        if page.gone is not None:
            channels.set_state(self.connection, channel.channel, "disabled", f"its endpoint answered {page.gone}"[:300])
            self.means.audit.record(
                self.connection, now, _ACTOR, "channel.disable", channel.channel, {"answer": page.gone[:3]}
            )
        channels.forget_faded(self.connection, channel, now)
