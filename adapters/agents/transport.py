"""Agents push successes only, so they are polled; and they are asked for their day."""

from datetime import date

from adapters.agents.faults import FAULTS
from adapters.kit.polling import read_page
from adapters.kit.transport import Asking
from hub.ports import PollPage

_ASKING = Asking(FAULTS)


def poll(endpoint: str, watermark: str | None) -> PollPage:
    """What changed since ``watermark``; raises ``ChannelFault``, also for a page that cannot be read."""
    return read_page(_ASKING.changes(endpoint, watermark), "orders")


def extract(endpoint: str, business_date: date) -> bytes:
    """The day as NDJSON, one order document per line; raises ``ChannelFault``."""
    return _ASKING.day_extract(endpoint, business_date)
