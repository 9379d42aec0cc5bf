"""OSDM's JSON -> observation. A message is the whole booking as it is now, in an event that says what came last."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import cast

from adapters.kit import built
from adapters.kit.decoding import decode_json
from adapters.kit.folding import identities
from adapters.kit.money_records import ORIGIN_OF_CHANGE, replaced
from adapters.kit.reading import Record, finish_all
from adapters.kit.refusing import never_raises
from adapters.kit.snapshot import STEP_OF_STATE, Snapshot, SnapshotTicket, facts_of, references
from adapters.kit.times import local_date
from adapters.osdm.aftersales import Ended, read_cancellations, read_exchanges, read_refund_offers, read_releases
from adapters.osdm.fulfillments import Fulfillment, read_fulfillments
from adapters.osdm.history import History, What
from adapters.osdm.money import check_methods, read_payments, read_reimbursements
from adapters.osdm.offers import HOLDS, Part, read_parts
from adapters.osdm.passengers import read_passengers
from adapters.osdm.profile import PROFILE
from adapters.osdm.trips import Trips
from adapters.osdm.wire import CHANGE_TYPES, MODES, TIME, read_price, read_requestor
from schemas.facts import ChangeFact, Fact, Passenger, PointOfSale, TicketContent
from schemas.identifiers import order_no
from schemas.observation import Observation, ReferenceClaim

_NAME = re.compile(r"[0-9A-Za-z_.:/-]{1,80}")
_SEEN: tuple[What, ...] = ("checked_in", "entered")
_ONGOING = "an exchange is under way"


@never_raises
def parse(raw: bytes) -> Observation:
    """One event of the retailer; see README.md for the wire. Raises nothing but through ``never_raises``."""
    message = decode_json(raw, "osdm", PROFILE.max_message_bytes)
    message.choice("objectType", {"BookingEvent": None})
    mode = message.choice("messageType", MODES)
    message.choice("type", CHANGE_TYPES)
    occurred_at, revision = message.time("timeStamp", TIME), message.integer("revision", default=0)
    acting = read_requestor(message, "requestor")
    booking = message.child("booking")
    number = booking.identifier("bookingCode", order_no.validate, example="EO12345678")
    names = _names(message, booking, number)
    facts, snapshot = _facts(message, booking, number)
    for resource in message.children("resources", most=10):
        resource.repeated("href", "title")
        resource.finish()
    message.repeated("id", "summary")
    finish_all((booking, message))
    if not facts:
        raise booking.refuse("bookedOffers", "message_malformed", "the booking says nothing that has happened")
    return built.observation(
        mode=mode,
        references=references(number, snapshot, *names),
        occurred_at=occurred_at,
        sequence=revision,
        business_date=local_date(occurred_at),
        point_of_sale=acting,
        facts=facts,
        losses=message.losses.all(),
    )


def _names(message: Record, booking: Record, number: str) -> list[ReferenceClaim]:
    """The booking's own id and the retailer's number for it."""
    name = booking.matching("id", _NAME, "an id of letters, digits and _ . : / -", example="B-0001")
    if message.text("bookingId") != name:
        raise message.refuse("bookingId", "identifier_invalid", "the event is of another booking", expected=name)
    claims = [built.reference_claim(system="osdm", kind="order", value=name)] if name != number else []
    if booking.has("externalRef"):
        theirs = booking.matching("externalRef", _NAME, "letters, digits and _ . : / -", example="R-2026-1")
        claims.append(built.reference_claim(system="osdm", kind="agent_order", value=theirs))
    booking.repeated("createdOn")
    return claims


def _facts(message: Record, booking: Record, number: str) -> tuple[tuple[Fact, ...], Snapshot]:
    history, trips = History(message), Trips(booking)
    people, parts = read_passengers(booking), read_parts(booking, number, trips)
    known = read_fulfillments(booking, booking.text("id"), parts)
    exchanges = read_exchanges(booking, known, history)
    confirmed = tuple(change for _, change in exchanges.values() if change.fact == "change.confirmed")
    payments = tuple(read_payments(message))
    check_methods(booking, payments)
    processors = {payment.processor for payment in payments}
    offers = read_refund_offers(booking, known, history)
    operations = {name: owed for name, (owed, change) in exchanges.items() if change in confirmed}
    refunds = read_reimbursements(message, offers, operations, next(iter(processors)) if len(processors) == 1 else None)
    ended = {"released": read_releases(booking, known, history), "voided": read_cancellations(booking, known, history)}
    limit = _limit(booking, parts)
    reader = _Tickets(booking, people, tuple(known.values()), confirmed, history, ended, limit)
    tickets = tuple(reader.ticket(part) for part in parts)
    _check_prices(booking, parts, after_sales=bool(confirmed or offers or any(ended.values())))
    snapshot = Snapshot(tickets, payments, tuple(refunds), confirmed)
    quoted = [change for _, change in exchanges.values() if change.fact == "change.quoted"]
    more = [fact for part in parts for fact in reader.more(part)]
    facts = (*facts_of(snapshot, message.losses), *more, *quoted)
    reader.finish()
    trips.finish()
    history.finish()
    return tuple(cast(dict[str, Fact], identities(facts)).values()), snapshot


def _limit(booking: Record, parts: list[Part]) -> datetime | None:
    """Until when the holds of the booking stand: its own limit, or the later one of a confirmed on-hold offer."""
    if not any(part.state in HOLDS for part in parts):
        return None
    limit = booking.optional_time("confirmationTimeLimit", TIME)
    if not booking.has("onHoldOffer") or not any(part.status == "ON_HOLD" for part in parts):
        return limit
    offer = booking.child("onHoldOffer")
    if offer.optional_time("confirmedOn", TIME) is None:
        offer.lost("increasedTTL", "not_mapped", "offered only: nothing happened")
    else:
        limit = offer.time("increasedTTL", TIME)
        if booking.has("confirmationTimeLimit"):
            booking.lost("confirmationTimeLimit", "less_precise", "prolonged: increasedTTL counts")
    offer.repeated("id", "createdOn", "validFrom", "validUntil", "increasedTTL")
    offer.finish()
    return limit


def _check_prices(booking: Record, parts: list[Part], *, after_sales: bool) -> None:
    """The booking's sums must fit its tickets, where their meaning is certain: before anything was given back."""
    held = [part for part in parts if part.state == "held"]
    sold = [part for part in parts if part.state not in ("held", "expired", "cancelled")]
    for name, counted, certain in (("provisionalPrice", held, True), ("confirmedPrice", sold, not after_sales)):
        if not booking.has(name):
            continue
        total = sum(part.fare.amount + sum(s.amount_gross.amount for s in part.surcharges) for part in counted)
        if read_price(booking, name).amount != total and certain:
            raise booking.refuse(name, "amount_invalid", f"its tickets cost {total} fen together")


class _Tickets:
    """What the rest of the booking says about its parts."""

    def __init__(
        self,
        booking: Record,
        people: dict[str, Passenger],
        documents: tuple[Fulfillment, ...],
        changes: tuple[ChangeFact, ...],
        history: History,
        ended: dict[str, dict[str, Ended]],
        limit: datetime | None,
    ) -> None:
        self._booking, self._people, self._changes, self._history = booking, people, changes, history
        self._ended, self._limit = ended, limit
        self._documents: dict[str, list[Fulfillment]] = {}
        self._unused = set(people)
        for document in sorted(documents, key=lambda d: d.at):
            for part in document.parts:
                self._documents.setdefault(part.ticket_no, []).append(document)

    def finish(self) -> None:
        """Passengers that no admission is for become losses."""
        for name in sorted(self._unused):
            self._booking.losses.add(self._booking.at("passengers"), "not_mapped", name, "no admission is for them")

    def ticket(self, part: Part) -> SnapshotTicket:
        """How the ticket came into being; its later steps are in ``more``."""
        held = part.state in HOLDS
        expires_at = part.confirmable_until or self._limit
        if part.status == "EXCHANGE_ONGOING":
            part.admission.lost("status", "less_precise", _ONGOING)
        if part.state == "held" and expires_at is None:
            raise self._booking.refuse(
                "confirmationTimeLimit", "time_invalid", "a hold says until when", example=TIME.example
            )
        documents = self._documents.get(part.ticket_no, [])
        ticket = SnapshotTicket(
            content=self._content(part),
            state="held" if held else part.state if part.state in ("changed", "refunded") else "issued",
            record=part.admission,
            field="status",
            held_at=part.created_at if held else None,
            expires_at=expires_at if held else None,
            issued_at=None if held else part.confirmed_at or (documents[0].at if documents else None),
        )
        if not ticket.is_dated:
            part.admission.lost("status", "not_expressible", "no field says since when or until when")
        return ticket

    def _content(self, part: Part) -> TicketContent:
        passenger = self._people.get(part.passenger)
        if passenger is None:
            raise part.admission.refuse("passengerIds", "identifier_invalid", "no such passenger in the booking")
        self._unused.discard(part.passenger)
        change, old = replaced(self._changes, part.ticket_no)
        return built.ticket_content(
            ticket_no=part.ticket_no,
            batch=int(part.ticket_no[10]),
            ticket_type=passenger.type,
            passenger=passenger,
            leg=part.leg,
            seat=part.seat,
            fare_gross=part.fare,
            surcharges=part.surcharges,
            origin=ORIGIN_OF_CHANGE[change.kind] if change else "sale",
            replaces=old,
            point_of_sale=self._seller(part),
        )

    def _seller(self, part: Part) -> PointOfSale:
        """By the history who sold it; without an entry it was sold here."""
        entry = self._history.take("sold", *self._about(part))
        if entry is None or entry.seller is None:
            return built.sold_in("osdm")
        if entry.at not in (part.created_at, part.confirmed_at):
            part.admission.losses.add(f"{entry.place}/timestamp", "less_precise", "", "the booking part says when")
        return entry.seller

    def _about(self, part: Part) -> tuple[str, ...]:
        return (*part.ids, *(document.name for document in self._documents.get(part.ticket_no, [])))

    def more(self, part: Part) -> Iterator[Fact]:
        """Printings and steps: each is dated by its own record."""
        number = part.ticket_no
        documents = self._documents.get(number, [])
        for document in documents:
            if document.paper:
                yield built.ticket_printed(ticket_no=number, control_no=document.control_no, occurred_at=document.at)
        dated = self._dated(part)
        for state, ended in dated.items():
            yield built.ticket_step(
                fact=STEP_OF_STATE[state], ticket_no=number, occurred_at=ended.at, override=ended.override
            )
        if part.state in ("expired", "cancelled", "voided", "released") and part.state not in dated:
            part.admission.lost("status", "not_expressible", "no field says when")
        for document in documents:
            if document.checked_in and "checked_in" not in dated:
                part.admission.losses.add(document.place, "not_expressible", "CHECKEDIN", "no history entry says when")

    def _dated(self, part: Part) -> dict[str, Ended]:
        """state -> when, for every step of the ticket that some record dates."""
        found: dict[str, Ended] = {}
        for state, by_ticket in self._ended.items():
            if part.ticket_no in by_ticket:
                found[state] = by_ticket[part.ticket_no]
        for step in _SEEN:
            entry = self._history.take(step, *self._about(part))
            if entry is not None:
                found[step] = Ended(entry.at)
        expires_at = part.confirmable_until or self._limit
        if part.state == "expired" and expires_at is not None:
            found["expired"] = Ended(expires_at)
        if part.state in ("cancelled", "voided") and part.state not in found:
            entry = self._history.take("cancelled", *self._about(part))
            if entry is not None:
                found[part.state] = Ended(entry.at)
        return found
