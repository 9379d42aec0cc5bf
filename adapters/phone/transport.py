"""The call centre is asked for its day only; its messages come by themselves, ours are posted by the hub's delivery."""

from datetime import date

import httpx

from adapters.kit.refusing import Refused
from adapters.kit.transport import Asking, ChannelFault, fault_for
from adapters.phone.document import fault_of, read_message
from adapters.phone.faults import FAULTS


def _fault_code(response: httpx.Response) -> str | None:
    """Their code in a SOAP fault (SOAP 1.1 sends it with status 500); None when the answer is none."""
    fault = _fault(response.content)
    return fault[0] if fault else None


def _fault(body: bytes) -> tuple[str, str] | None:
    try:
        return fault_of(read_message(body, _FAULT_BYTES))
    except Refused:
        return None  # a gateway's page, or a day extract: too long to be a fault


_FAULT_BYTES = 64_000
_ASKING = Asking(FAULTS, timeout_seconds=60.0, own_code=_fault_code)


def extract(endpoint: str, business_date: date) -> bytes:
    """The day as one GB18030 document with many orders; raises ``ChannelFault``, also for a fault sent with 200."""
    body = _ASKING.day_extract(endpoint, business_date)
    fault = _fault(body)
    if fault is not None:
        raise ChannelFault(fault_for(FAULTS, httpx.codes.INTERNAL_SERVER_ERROR, fault[0]), fault[1])
    return body
