"""Our only I/O with the web: its day extract."""

from datetime import date

from adapters.kit.transport import Asking
from adapters.web.faults import FAULTS

ASKING = Asking(FAULTS)


def extract(endpoint: str, business_date: date) -> bytes:
    """``GET <endpoint>/extracts/<date>``: NDJSON, one order per line; raises ``ChannelFault``."""
    return ASKING.day_extract(endpoint, business_date)
