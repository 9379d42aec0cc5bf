"""Polling: for channels that have to be asked. The watermark moves only after what it covers is on the ledger."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from hub.intake.intake import Intake, Pool
from hub.intake.receipts import Receipt
from hub.ports import Adapter, ChannelUnavailable, Polled
from hub.store import channels

log = logging.getLogger(__name__)

_PAGES_MAX = 50


class Poller:
    """Asks polled channels for news. Asking twice is harmless: message ids are the channel's own."""

    def __init__(
        self, intake: Intake, pool: Pool, adapters: Mapping[str, Adapter], clock: Callable[[], datetime]
    ) -> None:
        self._intake = intake
        self._pool = pool
        self._adapters = adapters
        self._clock = clock

    def poll(self, name: str) -> int:
        """Take everything new of one channel; returns how many messages. A channel that is away is asked next time."""
        adapter = self._adapters[name]
        if not isinstance(adapter, Polled):
            return 0
        taken = 0
        for _ in range(_PAGES_MAX):
            with self._pool.connection() as connection:
                channel = channels.find(connection, name)
            if channel is None or channel.state != "active" or channel.endpoint is None:
                return taken
            try:
                page = adapter.poll(channel.endpoint, channel.poll_watermark)
            except ChannelUnavailable as error:
                log.warning("channel %s does not answer a poll: %s", name, error)
                return taken
            now = self._clock()
            receipts = [Receipt(name, part.message_id, part.raw, "poll", now) for part in page.parts]
            if receipts and any(answer.status >= 500 for answer in self._intake.take(receipts)):
                return taken
            taken += len(receipts)
            if page.watermark == channel.poll_watermark:
                return taken
            with self._pool.connection() as connection:
                channels.move_watermark(connection, name, page.watermark)
            if not page.parts:
                return taken
        return taken
