"""The booking's history: who did what, when. OSDM dates most things in the booking itself; some only here.

    what the entry says                     used for
    change PREBOOKED, ON_HOLD, CONFIRMED    who sold the part (``requestor``)
    change CANCELLED                        when a hold was cancelled or a part voided
    change CHECKED_IN                       when a fulfilment was checked in
    type FULFILLMENT_CONTROLLED             when its passenger entered
    change EXCHANGED                        when an exchange operation was confirmed
    type AFTERSALES_OVERRIDDEN              who set a rule aside for an offer, and why (``summary``)

Source: OSDM 3.9, Event and EventDetail, as ``GET /bookings/{id}/history`` answers them.
"""

from datetime import datetime
from typing import Literal, NamedTuple

from adapters.kit.reading import Record, finish_all
from adapters.osdm.wire import TIME, Native, not_taken, present, read_requestor
from schemas.facts import PointOfSale

What = Literal["sold", "cancelled", "checked_in", "entered", "exchanged", "overridden"]

_BY_TYPE: dict[str, What] = {"FULFILLMENT_CONTROLLED": "entered", "AFTERSALES_OVERRIDDEN": "overridden"}
_BY_CHANGE: dict[str, What] = {
    "PREBOOKED": "sold",
    "ON_HOLD": "sold",
    "CONFIRMED": "sold",
    "CANCELLED": "cancelled",
    "CHECKED_IN": "checked_in",
    "EXCHANGED": "exchanged",
}
_WRITTEN: dict[What, tuple[str, str]] = {
    "sold": ("FULFILLMENT_AVAILABLE", "CONFIRMED"),
    "cancelled": ("FULFILLMENT_CANCELLED", "CANCELLED"),
    "checked_in": ("FULFILLMENT_AVAILABLE", "CHECKED_IN"),
    "entered": ("FULFILLMENT_CONTROLLED", "FULFILLED"),
    "exchanged": ("FULFILLMENT_EXCHANGED", "EXCHANGED"),
}
_ENTRIES_MOST = 100


class Entry(NamedTuple):
    """One entry that means something to us; ``seller`` of what was sold, ``staff`` and ``note`` of an override."""

    at: datetime
    record: Record
    seller: PointOfSale | None = None
    staff: str | None = None
    note: str | None = None

    @property
    def place(self) -> str:
        """Where it stands, for losses."""
        return self.record.pointer


class History:
    """Entries by what they say and about which id: a booking part, a fulfilment, an offer, an operation."""

    def __init__(self, message: Record) -> None:
        self._losses = message.losses
        self._entries: dict[tuple[What, str], Entry] = {}
        self._unused: dict[tuple[What, str], Record] = {}
        for record in message.children("history", most=_ENTRIES_MOST):
            self._add(record)

    def _add(self, record: Record) -> None:
        kind, at = record.text("type"), record.time("timestamp", TIME)
        details = record.child("details")
        resource = details.child("resource")
        about = resource.text("href", example="/bookings/B1/parts/A1").rpartition("/")[2]
        what = _BY_TYPE.get(kind) or _BY_CHANGE.get(details.text("change"))
        if what is None:
            not_taken(record.fields, record.pointer, self._losses, "an entry that no ticket needs")
            return
        entry = Entry(
            at=at,
            record=record,
            seller=read_requestor(details, "requestor") if what == "sold" and details.has("requestor") else None,
            staff=details.optional("requestor") if what == "overridden" else None,
            note=details.optional("summary") if what == "overridden" else None,
        )
        first = self._entries.setdefault((what, about), entry)
        self._unused.setdefault((what, about), record)
        if first is not entry and not (what == "sold" and first.seller == entry.seller):
            self._losses.add(record.pointer, "less_precise", about, f"{what} again: the first time counts")
        record.repeated("id")
        details.repeated("summary", "change")
        resource.repeated("title")
        finish_all((resource, details, record))

    def take(self, what: What, *about: str | None) -> Entry | None:
        """The first entry of this kind about one of these ids."""
        for name in about:
            if name is not None and (what, name) in self._entries:
                self._unused.pop((what, name), None)
                return self._entries[what, name]
        return None

    def finish(self) -> None:
        """Entries that nothing in the booking asked for become losses."""
        for record in self._unused.values():
            not_taken(record.fields, record.pointer, self._losses, "nothing in the booking asks for it")


class Writing:
    """The entries of a message that is being written."""

    def __init__(self, booking: str) -> None:
        self.entries: list[Native] = []
        self._booking = booking

    def add(self, what: What, kind: str, about: str, at: str, requestor: str | None = None) -> None:
        """One entry about ``/bookings/{booking}/{kind}/{about}``."""
        of_type, change = _WRITTEN[what]
        self._append(of_type, change, f"{kind}/{about}", at, requestor, what)

    def overridden(self, about: str, at: str, staff: str, note: str | None) -> None:
        """Who set a rule aside for a refund offer or exchange operation."""
        self._append("AFTERSALES_OVERRIDDEN", "CONFIRMED", f"offers/{about}", at, staff, note)

    def _append(self, kind: str, change: str, about: str, at: str, requestor: str | None, summary: str | None) -> None:
        self.entries.append(
            {
                "id": f"{self._booking}-{len(self.entries) + 1}",
                "timestamp": at,
                "type": kind,
                "details": present(
                    {
                        "summary": summary,
                        "requestor": requestor,
                        "change": change,
                        "resource": {"title": about.partition("/")[0], "href": f"/bookings/{self._booking}/{about}"},
                    }
                ),
            }
        )
