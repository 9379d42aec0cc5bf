"""Agents push successes only, so they are polled; and they are asked for their day."""

from datetime import date

from adapters.agents.faults import FAULTS
from adapters.agents.parse import page
from adapters.kit.transport import UNEXPECTED, Asking, ChannelFault
from hub.ports import PollPage
from schemas.observation import Rejection

_ASKING = Asking(FAULTS)


def poll(endpoint: str, watermark: str | None) -> PollPage:
    """What changed since ``watermark``; raises ``ChannelFault``, also for a page that cannot be read."""
    answer = page(_ASKING.changes(endpoint, watermark))
    if isinstance(answer, Rejection):
        raise ChannelFault(UNEXPECTED, answer.detail)
    return answer


def extract(endpoint: str, business_date: date) -> bytes:
    """The day as NDJSON, one order document per line; raises ``ChannelFault``."""
    return _ASKING.day_extract(endpoint, business_date)
