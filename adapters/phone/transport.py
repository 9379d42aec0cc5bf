"""The call centre is asked for its day only; its messages come by themselves, ours are posted by the hub's delivery."""

from datetime import date

from adapters.kit.transport import Asking
from adapters.phone.faults import FAULTS

_ASKING = Asking(FAULTS, timeout_seconds=60.0)


def extract(endpoint: str, business_date: date) -> bytes:
    """The day as one GB18030 document with many orders; raises ``ChannelFault``."""
    return _ASKING.day_extract(endpoint, business_date)
