"""Our only I/O with the app: its day extract."""

from datetime import date

from adapters.app.faults import FAULTS
from adapters.kit.transport import Asking

ASKING = Asking(FAULTS)


def extract(endpoint: str, business_date: date) -> bytes:
    """``GET <endpoint>/extracts/<date>``: NDJSON, one order per line; raises ``ChannelFault``."""
    return ASKING.day_extract(endpoint, business_date)
