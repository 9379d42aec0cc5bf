"""Send a page of deliveries: in order within each order, concurrently across orders, until the channel is unwell.

What cannot be sent any more because the page was stopped is set aside as waiting: nothing is tried against a channel
that has just asked for quiet, is gone, or has failed too often in a row.
"""

import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from hub.delivery.pacing import blames_the_channel, quiet_until
from hub.delivery.signing import sign
from hub.delivery.wire import Response, Wire
from hub.ports import Formatted
from hub.store.deliveries import Attempt, Exceptional
from hub.store.events import Logged

log = logging.getLogger(__name__)

Lane = Literal["live", "bulk", "replay"]
Speak = Callable[[Logged], Formatted | None]
GONE = 410


@dataclass(frozen=True, slots=True)
class Item:
    """One delivery to make. ``attempts``: how often it has failed before."""

    logged: Logged
    lane: Lane = "live"
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class SendingOptions:
    """``attempts_max`` failures in a row make a dead letter; ``backoff`` doubles from its first to its last value.

    ``breaker_after``: failures in a row, over all orders, after which the page is stopped.
    """

    concurrency: int = 32
    attempts_max: int = 12
    backoff_first_seconds: float = 0.5
    backoff_last_seconds: float = 600.0
    breaker_after: int = 20


@dataclass(slots=True)
class Page:
    """The outcome. ``sent``: attempts on the network; ``failures``: in a row at the end, replays not counted."""

    attempts: list[Attempt] = field(default_factory=list)
    exceptions: list[Exceptional] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    orders: set[UUID] = field(default_factory=set)
    sent: int = 0
    failures: int = 0
    opened: bool = False
    quiet: datetime | None = None
    gone: str | None = None

    @property
    def stopped(self) -> bool:
        return self.opened or self.quiet is not None or self.gone is not None


@dataclass(slots=True)
class Flight:
    """The delivery of ``queue[place]``, under way since ``at``; what is behind it in the queue waits for its answer."""

    queue: Sequence[Item]
    place: int
    formatted: Formatted
    at: datetime

    @property
    def item(self) -> Item:
        return self.queue[self.place]


class Sending:
    """Sends one page to one channel. ``secrets`` are clear; ``failures``: in a row before this page."""

    def __init__(
        self,
        channel: str,
        url: str,
        wire: Wire[Flight],
        speak: Speak,
        secrets: Sequence[str],
        clock: Callable[[], datetime],
        options: SendingOptions,
        failures: int = 0,
    ) -> None:
        self._channel, self._url, self._wire, self._speak, self._secrets = channel, url, wire, speak, secrets
        self._clock, self._options = clock, options
        self._page = Page(failures=failures)

    def send(self, items: Sequence[Item]) -> Page:
        """Every item is in the outcome: settled, or among the exceptions."""
        queues: dict[tuple[UUID, bool], list[Item]] = {}
        for item in items:
            queues.setdefault((item.logged.event.order_id, item.lane == "replay"), []).append(item)
        left = iter(queues.values())
        self._fill(left)
        while self._wire.under_way:
            for flight, response in self._wire.finished():
                if self._landed(flight, response):
                    self._go_on(flight.queue, flight.place + 1)
                else:
                    self._leave(flight.queue, flight.place + 1)
            self._fill(left)
        return self._page

    def _fill(self, left: Iterator[list[Item]]) -> None:
        """As many orders at once as may be."""
        while self._wire.under_way < self._options.concurrency and (queue := next(left, None)) is not None:
            self._page.orders.add(queue[0].logged.event.order_id)
            self._go_on(queue, 0)

    def _go_on(self, queue: Sequence[Item], place: int) -> None:
        """Send ``queue[place]``, or what follows it when there is nothing to say of it."""
        page = self._page
        for at in range(place, len(queue)):
            item = queue[at]
            if page.stopped:
                page.exceptions.append(self._waiting(item, item.attempts, self._resumes(), None))
                return self._leave(queue, at + 1)
            try:
                formatted = self._speak(item.logged)
                if formatted is not None:
                    return self._start(Flight(queue, at, formatted, self._clock()))
            except Exception:
                # Adapters of strangers run here too: theirs to mend, and no reason to hold up everybody else.
                log.exception("the adapter of %s cannot say event %d", self._channel, item.logged.position)
                response = Response(None, "the channel's adapter failed on this event", 0.0)
                page.attempts.append(_attempt(self._channel, item, None, response, self._clock()))
                page.exceptions.append(self._failed(item, response))
                return self._leave(queue, at + 1)
            page.settled.append(item.logged.position)
            page.attempts.append(_attempt(self._channel, item, None, None, self._clock()))
        return None

    def _start(self, flight: Flight) -> None:
        formatted = flight.formatted
        headers = sign(self._secrets, str(flight.item.logged.event.event_id), flight.at, formatted.body)
        headers["content-type"] = formatted.content_type
        self._wire.start(self._url, formatted.body, headers, flight)
        self._page.sent += 1

    def _leave(self, queue: Sequence[Item], place: int) -> None:
        """What waits behind one that did not go through."""
        self._page.exceptions += [behind(self._channel, later) for later in queue[place:]]

    def _landed(self, flight: Flight, response: Response) -> bool:
        """Whether the next event of the order may go out."""
        page, item = self._page, flight.item
        page.attempts.append(_attempt(self._channel, item, flight.formatted, response, flight.at))
        if item.lane != "replay":
            page.failures = page.failures + 1 if blames_the_channel(response.status) else 0
        if response.delivered:
            page.settled.append(item.logged.position)
            return True
        page.exceptions.append(self._failed(item, response))
        return False

    def _failed(self, item: Item, response: Response) -> Exceptional:
        page, options, now = self._page, self._options, self._clock()
        attempts = item.attempts + 1
        error = f"{response.status or 'no answer'}: {response.head}"[:300]
        quiet = quiet_until(response.status, response.header("retry-after"), now, options.backoff_first_seconds)
        if quiet is not None:
            page.quiet = max(quiet, page.quiet or quiet)
            return self._waiting(item, attempts, quiet, error)  # the channel is busy: no fault of this message
        if response.status == GONE and item.lane != "replay":
            page.gone = error
            return self._waiting(item, attempts, now, error)
        if page.failures >= options.breaker_after:
            page.opened = True
        if attempts >= options.attempts_max or response.status == GONE:
            return _exceptional(self._channel, item, "dead", attempts, None, error)
        wait = min(options.backoff_first_seconds * 2.0 ** (attempts - 1), options.backoff_last_seconds)
        return self._waiting(item, attempts, now + timedelta(seconds=wait * random.uniform(0.5, 1.0)), error)

    def _waiting(self, item: Item, attempts: int, at: datetime, error: str | None) -> Exceptional:
        return _exceptional(self._channel, item, "waiting", attempts, at, error)

    def _resumes(self) -> datetime:
        return self._page.quiet or self._clock()


def behind(channel: str, item: Item) -> Exceptional:
    """It waits for an earlier event of its order."""
    return _exceptional(channel, item, "behind", item.attempts, None, None)


def _exceptional(
    channel: str, item: Item, state: str, attempts: int, at: datetime | None, error: str | None
) -> Exceptional:
    logged = item.logged
    return Exceptional(channel, logged.position, logged.event.order_id, state, attempts, at, error, item.lane)


def _attempt(
    channel: str, item: Item, formatted: Formatted | None, response: Response | None, started: datetime
) -> Attempt:
    logged = item.logged
    outcome = "not_expressible" if response is None else "delivered" if response.delivered else "failed"
    losses = [loss.model_dump(exclude_defaults=True) for loss in formatted.losses] if formatted else []
    return Attempt(
        channel=channel,
        event=logged.position,
        order_id=logged.event.order_id,
        attempt=item.attempts + 1,
        outcome=outcome,
        status=response.status if response else None,
        response=response.head or None if response else None,
        losses=json.dumps(losses) if losses else None,
        started_at=started,
        duration_ms=response.duration_ms if response else 0.0,
        delay_ms=max(0.0, (started - logged.committed_at).total_seconds() * 1000),
        lane=item.lane,
    )


def fewest_attempts(items: Sequence[Item]) -> Item:
    """The probe of a half-open breaker: what has failed least, so that no bad message keeps a well channel shut."""
    heads: Mapping[UUID, Item] = {item.logged.event.order_id: item for item in reversed(items)}
    return min(heads.values(), key=lambda item: (item.attempts, item.logged.position))
