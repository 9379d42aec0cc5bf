"""A document of words -> the facts it implies. Every document is a snapshot of one order."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Literal, NamedTuple

from adapters.kit import built, people, trains
from adapters.kit.money_records import ChangeKind, read_change, read_payment, read_refund
from adapters.kit.reading import Record
from adapters.kit.snapshot import Snapshot, SnapshotTicket, facts_of, references
from adapters.kit.times import local_date
from adapters.kit.together import Together
from adapters.kit.words.names import Meaning, OverrideNames, PickupNames, Wording
from schemas.codes import UNKNOWN, code_list
from schemas.facts import (
    ChangeFact,
    Leg,
    Override,
    PickupCollected,
    PointOfSale,
    RefundFact,
    Seat,
    Surcharge,
    TicketContent,
)
from schemas.identifiers import order_no, ticket_no
from schemas.model import altered
from schemas.observation import Observation, ReferenceClaim
from schemas.stations import telecode_of

_REFERENCE = re.compile(r"[0-9A-Za-z_.:-]{1,64}")
_DOCUMENT_TYPE, _TICKET_TYPE, _CHANNEL = (code_list(n) for n in ("document_type", "ticket_type", "sales_channel"))
_KIND_OF_ORIGIN: Mapping[str, ChangeKind] = {"change": "train", "destination_change": "destination"}
_HOLDS = frozenset({"held", "expired", "cancelled"})
_UNKNOWN = PointOfSale(channel=UNKNOWN)
TICKETS_MOST = 20


def read_order(order: Record, wording: Wording, mode: Literal["ask", "tell"]) -> Observation:
    """The facts of one document; what stands around the order, the caller has read."""
    names, money = wording.order, wording.money
    number = order.identifier(names.number, order_no.validate, example=wording.example)
    seller = wording.seller(order)
    changes = tuple([_change(row, wording, number) for row in order.children(names.changes)])
    refunds = tuple([fact for row in order.children(names.refunds) for fact in _refund(row, wording, number)])
    payments = tuple([fact for row in order.children(names.payments) for fact in read_payment(row, money, number)])
    tickets = _Tickets(order, wording, number, seller).read(changes, refunds)
    snapshot = Snapshot(tickets, payments, refunds, changes)
    updated = order.time(names.updated_at, wording.moment)
    facts = (*facts_of(snapshot, order.losses), *_pickups(order, wording, number))
    if not facts:
        raise order.refuse(names.tickets, "message_malformed", "the order says nothing that has happened")
    own = _own_references(order, wording)
    revision = order.integer(names.revision, default=0)
    order.finish()
    return built.observation(
        mode=mode,
        references=references(number, snapshot, *own),
        occurred_at=updated,
        sequence=revision,
        business_date=local_date(updated),
        point_of_sale=seller,
        facts=facts,
        losses=order.losses.all(),
    )


def _own_references(order: Record, wording: Wording) -> list[ReferenceClaim]:
    return [
        ReferenceClaim(system=wording.channel, kind=kind, value=_reference(order, name))
        for name, kind in wording.order.own.items()
        if order.has(name)
    ]


def _reference(row: Record, name: str) -> str:
    text = row.text(name)
    if not _REFERENCE.fullmatch(text):
        raise row.refuse(name, "identifier_invalid", f"{name} is letters, digits and _ . : - only")
    return text


class _Parts(NamedTuple):
    """What a connection's tickets say in the same words again and again."""

    leg: Together[Record, Leg]
    seat: Together[Record, Seat]


@cache
def _parts(wording: Wording) -> _Parts:
    """Of one connection: its code tables are its own."""

    def leg(row: Record) -> Leg:
        return _leg(row, wording)

    return _Parts(Together(leg, *wording.of_train), Together(wording.seat, *wording.of_seat))


class _Tickets:
    """The tickets of one order, and what the order says for all of them: read once."""

    def __init__(self, order: Record, wording: Wording, number: str, seller: PointOfSale) -> None:
        names = wording.order
        self._wording = wording
        self._parts = _parts(wording)
        self._number = number
        self._rows = order.children(names.tickets, most=TICKETS_MOST)
        self._order = order
        self._held_at = order.optional_time(names.held_at, wording.moment)
        self._expires_at = order.optional_time(names.expires_at, wording.moment)
        self._sellers = {wording.channel: seller}
        self._sold_in = self._seller_of(order, _UNKNOWN)

    def read(self, changes: tuple[ChangeFact, ...], refunds: tuple[RefundFact, ...]) -> tuple[SnapshotTicket, ...]:
        """The tickets as the snapshot table wants them."""
        wording = self._wording
        statuses = [row.choice(wording.ticket.status, wording.statuses) for row in self._rows]
        contents = [self._content(row) for row in self._rows]
        kinds = {c.replaces: _KIND_OF_ORIGIN.get(c.origin, "train") for c in contents if c.replaces}
        wording.check_order(self._order, [row.text(wording.ticket.status) for row in self._rows])
        return tuple(
            self._ticket(row, status, content, kinds, changes, refunds)
            for row, status, content in zip(self._rows, statuses, contents, strict=True)
        )

    def _ticket(
        self,
        row: Record,
        status: Meaning,
        content: TicketContent,
        kinds: Mapping[str, ChangeKind],
        changes: tuple[ChangeFact, ...],
        refunds: tuple[RefundFact, ...],
    ) -> SnapshotTicket:
        names, number = self._wording.ticket, content.ticket_no
        made_by = [change for change in changes if number in change.old_ticket_nos] if changes else []
        ticket = SnapshotTicket(
            content=content,
            state=status.state,
            record=row,
            field=names.status,
            state_at=row.time(names.status_at, self._wording.moment),
            held_at=self._held_at,
            expires_at=self._expires_at,
            issued_at=row.optional_time(names.issued_at, self._wording.moment),
            change_kind=status.kind or kinds.get(number, "train"),
        )
        if status.says_more:
            row.lost(names.status, "less_precise", status.en)
        if not ticket.is_dated:
            what = "issued" if status.state not in _HOLDS else "held, and until when"
            for name in row.fields:  # without a time there is no fact, and so no place for any of these
                row.lost(name, "not_expressible", f"no field says when it was {what}")
        if ticket.issued_at is not None and status.state in _HOLDS:
            row.lost(names.issued_at, "not_expressible", "the status says that it is not issued")
        began = {"held": self._held_at, "issued": ticket.issued_at}.get(status.state)
        if began is not None and ticket.state_at != began:
            note = "no fact carries since when" if status.says_more else "another field says another time"
            row.lost(names.status_at, "less_precise", note)
        if status.kind and any(change.kind != status.kind for change in made_by):
            row.lost(names.status, "less_precise", "its change record says another kind of change")
        _repeats(row, names.replaced_by, (new for change in made_by for new in change.new_ticket_nos))
        _repeats(row, names.refund, (refund.refund_ref for refund in refunds if number in refund.ticket_nos))
        row.finish()
        return ticket

    def _seller_of(self, row: Record, otherwise: PointOfSale) -> PointOfSale:
        """The point of sale that a ``sold_in`` names; one object a channel."""
        name = self._wording.order.sold_in
        if not row.has(name):
            return otherwise
        channel = row.code_or_unknown(name, _CHANNEL)
        return self._sellers.get(channel) or built.sold_in(channel)

    def _content(self, row: Record) -> TicketContent:
        wording, names = self._wording, self._wording.ticket
        number = _ticket_no(row, names.number, self._number)
        document_type = row.code_or_unknown(names.document_type, _DOCUMENT_TYPE)
        ticket_type = row.code_or_unknown(names.ticket_type, _TICKET_TYPE)
        fee = row.money(names.surcharge, fen=wording.money.fen, default=0)
        return built.ticket_content(
            ticket_no=number,
            batch=int(number[10]),
            ticket_type=ticket_type,
            passenger=built.passenger(
                name=row.text(names.name, maximum=60),
                document=people.document(row, names.document_no, document_type),
                type=ticket_type,
                phone=people.phone(row, names.phone),
            ),
            leg=self._parts.leg(row),
            seat=self._parts.seat(row),
            fare_gross=row.money(names.fare, fen=wording.money.fen),
            surcharges=(Surcharge(kind="agent_service", amount_gross=fee),) if fee.amount else (),
            origin=row.choice(names.origin, wording.origins) if row.has(names.origin) else "sale",
            replaces=_ticket_no(row, names.replaces, self._number) if row.has(names.replaces) else None,
            point_of_sale=self._seller_of(row, self._sold_in),
        )


def _repeats(row: Record, name: str, said: Iterable[str]) -> None:
    """A field that repeats what a record says: where none does, it is a loss."""
    text = row.optional(name)
    if text is not None and text not in said:
        row.lost(name, "not_mapped", "no record of this order says the same")


def _ticket_no(row: Record, name: str, order: str) -> str:
    number = row.identifier(name, ticket_no.validate, example=f"{order}105012A")
    if number.startswith(order):
        return number
    raise row.refuse(name, "identifier_invalid", "the ticket is of another order", expected=f"{order}...")


def _leg(row: Record, wording: Wording) -> Leg:
    names = wording.ticket
    departs: datetime = row.time(names.departs_at, wording.moment)
    arrives = wording.arrival(row, departs)
    if arrives is None or arrives <= departs:
        detail = "no possible time, or before the departure"
        raise row.refuse(wording.arrives, "time_invalid", detail, expected=f"after {departs:%Y-%m-%d %H:%M}")
    number, code = trains.train_no(row, names.train_no), trains.train_code(row, names.train_code)
    return built.leg(
        (number, code, row.time(names.service_date, wording.day).date()),
        (_station(row, names.from_station), departs),
        (_station(row, names.to_station), arrives),
    )


def _station(row: Record, name: str) -> str:
    telecode = telecode_of(row.text(name, example="北京南"))
    if telecode is None:
        raise row.refuse(name, "unknown_code", "no such station", expected="a station's Chinese name", example="北京南")
    return telecode


def _refund(row: Record, wording: Wording, order: str) -> list[RefundFact]:
    override = _override(row, wording.override)
    facts = read_refund(row, wording.money, order)
    return facts if override is None else [altered(fact, {"override": override}) for fact in facts]


def _change(row: Record, wording: Wording, order: str) -> ChangeFact:
    override = _override(row, wording.override)
    fact = read_change(row, wording.money, order)
    return fact if override is None else altered(fact, {"override": override})


def _override(row: Record, names: OverrideNames | None) -> Override | None:
    """Who set a rule aside and why; a reason without a name, or a name without a reason, is refused."""
    if names is None or not (row.has(names.reason) or row.has(names.staff)):
        return None
    return Override(
        reason=row.code_or_unknown(names.reason, code_list("override_reason")),
        staff=row.text(names.staff, maximum=60),
        note=row.optional(names.note),
    )


def _pickups(order: Record, wording: Wording, number: str) -> Iterator[PickupCollected]:
    names: PickupNames | None = wording.pickup
    if names is None:
        return
    for row in order.children(names.records):
        numbers = [ticket_no.compact(text) for text in row.texts(names.tickets)]
        if any(not ticket_no.is_valid(text) or not text.startswith(number) for text in numbers):
            detail = "these are not tickets of this order"
            raise row.refuse(names.tickets, "identifier_invalid", detail, example=f"{number}105012A")
        yield PickupCollected(
            pickup_ref=_reference(row, names.reference),
            ticket_nos=tuple(numbers),
            occurred_at=row.time(names.at, wording.moment),
        )
        row.finish()
