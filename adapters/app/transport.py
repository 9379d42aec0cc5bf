"""Our only I/O with the app: what changed without a push that reached us, and its day extract."""

from datetime import date

from adapters.app.faults import FAULTS
from adapters.kit.polling import read_page
from adapters.kit.transport import Asking
from hub.ports import PollPage

ASKING = Asking(FAULTS)


def poll(endpoint: str, watermark: str | None) -> PollPage:
    """``GET <endpoint>/changes?since=<watermark>``: the orders that changed since; raises ``ChannelFault``."""
    return read_page(ASKING.changes(endpoint, watermark), "messages")


def extract(endpoint: str, business_date: date) -> bytes:
    """``GET <endpoint>/extracts/<date>``: NDJSON, one order per line; raises ``ChannelFault``."""
    return ASKING.day_extract(endpoint, business_date)
