"""The only I/O of an adapter: asking a channel for news and for its day, with that channel's table of faults."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import httpx

from hub.ports import ChannelUnavailable


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of a channel's table: what their answer means to us.

    ``code`` is of problems.csv; ``whose`` is who must act; ``sentence`` is for the operator who reads it at night.
    """

    code: str
    retry: bool
    whose: Literal["channel", "hub", "operator", "nobody"]
    sentence: str


class ChannelFault(ChannelUnavailable):
    """A channel did not answer as it should; ``fault.retry`` says whether asking again may help."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault.sentence} ({detail})")
        self.fault = fault
        self.detail = detail


UNREACHABLE = Fault("not_ready", True, "channel", "The channel cannot be reached.")
UNEXPECTED = Fault("message_malformed", False, "channel", "The channel answered with a status that its table lacks.")

FaultTable = Mapping[str, Fault]
"""Keyed by HTTP status (``"503"``), by class (``"5xx"``) or by the channel's own error code (``"E2001"``)."""


def fault_for(faults: FaultTable, status: int, own_code: str | None = None) -> Fault:
    """The most particular row: their own code, then the status, then its class."""
    for key in (own_code, str(status), f"{status // 100}xx"):
        if key is not None and key in faults:
            return faults[key]
    return UNEXPECTED


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask one channel: its faults, the patience for one answer in seconds, and how often to try again.

    ``own_code`` finds the channel's own error code in a refusing answer, None when it says none.
    """

    faults: FaultTable
    timeout_seconds: float = 30.0
    attempts: int = 3
    pause_seconds: float = 0.2
    own_code: Callable[[httpx.Response], str | None] = lambda response: response.headers.get("x-error-code")

    def get(self, url: str, params: Mapping[str, str] | None = None) -> bytes:
        """The body of a 200; raises ``ChannelFault`` after the last attempt, at once when a retry cannot help."""
        attempt = 1
        while True:
            try:
                return self._once(url, params)
            except ChannelFault as fault:
                if not fault.fault.retry or attempt >= self.attempts:
                    raise
            time.sleep(self.pause_seconds * attempt)
            attempt += 1

    def _once(self, url: str, params: Mapping[str, str] | None) -> bytes:
        try:
            with httpx.Client(timeout=self.timeout_seconds, follow_redirects=False) as client:
                response = client.get(url, params=params)
        except httpx.HTTPError as error:
            raise ChannelFault(UNREACHABLE, f"{type(error).__name__}: {error}") from error
        if response.status_code == httpx.codes.OK:
            return response.content
        fault = fault_for(self.faults, response.status_code, self.own_code(response))
        raise ChannelFault(fault, f"GET {url}: {response.status_code}")

    def day_extract(self, endpoint: str, business_date: date) -> bytes:
        """``GET <endpoint>/extracts/<YYYY-MM-DD>``: the channel's day in its native bytes."""
        return self.get(f"{endpoint.rstrip('/')}/extracts/{business_date.isoformat()}")

    def changes(self, endpoint: str, watermark: str | None) -> bytes:
        """``GET <endpoint>/changes?since=<watermark>``: what changed since; without a watermark, everything."""
        return self.get(f"{endpoint.rstrip('/')}/changes", {"since": watermark} if watermark else None)
