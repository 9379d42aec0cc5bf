"""Windows drop files and are asked for their day; the hub's file intake takes the files, so nothing else is here."""

from datetime import date

from adapters.kit.transport import Asking
from adapters.windows.faults import FAULTS

_ASKING = Asking(FAULTS, timeout_seconds=120.0)


def extract(endpoint: str, business_date: date) -> bytes:
    """The day as one fixed-width file of all shifts; raises ``ChannelFault``."""
    return _ASKING.day_extract(endpoint, business_date)
