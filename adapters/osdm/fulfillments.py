"""Fulfilments: the documents of a booking. Value paper is a printing; check-in is read off their state.

A reprint is another fulfilment of the same parts; the one it replaces is CANCELLED and stays in the list.
"""

from datetime import datetime
from typing import NamedTuple

from adapters.kit.reading import Record
from adapters.kit.telling import Whole
from adapters.osdm.offers import Part, admission_id
from adapters.osdm.wire import (
    FULFILLMENT_OF_STATUS,
    FULFILLMENT_STATES,
    PAPER,
    STATUS_OF_STATE,
    TIME,
    Native,
    present,
    read_ids,
)
from adapters.osdm.wire import write_time as written

_FULFILLMENTS_MOST, _DOCUMENTS_MOST = 40, 20


class Fulfillment(NamedTuple):
    """One document, of one or more tickets. ``control_no`` and ``at`` of paper are those of its printing."""

    name: str
    parts: tuple[Part, ...]
    checked_in: bool
    paper: bool
    control_no: str | None
    at: datetime
    record: Record

    @property
    def place(self) -> str:
        """Of its status, for losses."""
        return self.record.at("status")


def read_fulfillments(booking: Record, name: str, parts: list[Part]) -> dict[str, Fulfillment]:
    """By id. ``name``: the booking's own id, which each of them repeats."""
    known = {part_id: part for part in parts for part_id in part.ids}
    found = {}
    for record in booking.children("fulfillments", most=_FULFILLMENTS_MOST):
        fulfillment = _fulfillment(record, name, known)
        if fulfillment.name in found:
            raise record.refuse("id", "identifier_invalid", "two fulfilments with one id")
        found[fulfillment.name] = fulfillment
    return found


def _fulfillment(record: Record, booking: str, known: dict[str, Part]) -> Fulfillment:
    if record.text("bookingRef") != booking:
        raise record.refuse("bookingRef", "identifier_invalid", "a document of another booking", expected=booking)
    parts = _parts(record, known)
    status = record.choice("status", FULFILLMENT_STATES)
    if any(status not in FULFILLMENT_OF_STATUS.get(part.status, frozenset()) for part in parts):
        record.lost("status", "less_precise", "the state of its booking parts counts")
    fulfillment = Fulfillment(
        name=record.text("id"),
        parts=parts,
        checked_in=status == "CHECKEDIN",
        paper=_is_paper(record),
        control_no=record.optional("controlNumber"),
        at=record.time("createdOn", TIME),
        record=record,
    )
    if fulfillment.control_no and not fulfillment.paper:
        record.lost("controlNumber", "not_mapped", "an e-ticket's own number: it controls no paper")
    record.finish()
    return fulfillment


def _parts(record: Record, known: dict[str, Part]) -> tuple[Part, ...]:
    found: dict[str, Part] = {}
    names = read_ids(record, "bookingParts", _FULFILLMENTS_MOST)
    for index, name in enumerate(names):
        part = known.get(name)
        if part is None:
            place = f"{record.at('bookingParts')}/{index}/id"
            record.losses.add(place, "not_mapped", name, "no admission or reservation of this booking")
        else:
            found[part.ticket_no] = part
    if not names:
        raise record.refuse("bookingParts", "message_malformed", "a document of nothing", expected="references")
    return tuple(found.values())


def _is_paper(record: Record) -> bool:
    """Whether one of the documents is on value paper."""
    media = []
    for document in record.children("fulfillmentDocuments", most=_DOCUMENTS_MOST):
        media.append(document.text("medium"))
        document.repeated("type", "format")
        document.finish()
    return any(medium in PAPER for medium in media)


def write_fulfillment(whole: Whole, booking: str) -> Native:
    """The document of one ticket that is no hold."""
    ticket = whole.ticket
    paper = ticket.medium == "paper" or ticket.control_no is not None
    at = ticket.printed_at if paper and ticket.printed_at else ticket.issued_at or ticket.state_since
    return present(
        {
            "id": fulfillment_id(ticket.ticket_no),
            "status": "CHECKEDIN" if ticket.state == "checked_in" else STATUS_OF_STATE[ticket.state],
            "bookingRef": booking,
            "createdOn": written(at),
            "controlNumber": ticket.control_no,
            "bookingParts": [{"id": admission_id(ticket.ticket_no)}, {"id": f"R-{ticket.ticket_no}"}],
            "fulfillmentDocuments": [{"medium": "RCCST", "type": "TICKET", "format": "application/pdf"}]
            if paper
            else [],
        }
    )


def fulfillment_id(number: str) -> str:
    """How we call the fulfilment of a ticket in what we write."""
    return f"F-{number}"
