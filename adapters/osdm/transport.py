"""Our only I/O with the retailer: its day extract. It refuses with RFC 9457 problems, whose ``code`` is its own."""

from datetime import date

import httpx

from adapters.kit.transport import Asking
from adapters.osdm.faults import FAULTS


def problem_code(response: httpx.Response) -> str | None:
    """The ``code`` of a problem document; None when the answer is none."""
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return None
    try:
        code = response.json().get("code")
    except (ValueError, AttributeError):  # not JSON, or no object: the HTTP status decides
        return None
    return code if isinstance(code, str) else None


ASKING = Asking(FAULTS, own_code=problem_code)


def extract(endpoint: str, business_date: date) -> bytes:
    """``GET <endpoint>/extracts/<date>``: NDJSON, one booking per line; raises ``ChannelFault``."""
    return ASKING.day_extract(endpoint, business_date)
