"""After-sales: refund offers, exchange operations, release offers, cancelled fulfilments; only what was confirmed.

A proposed offer has happened to nobody: it is a loss, so that the operator sees that it was not taken for a refund.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from adapters.kit import trains
from adapters.kit.reading import Record
from adapters.osdm.fulfillments import Fulfillment
from adapters.osdm.history import History
from adapters.osdm.money import Owed
from adapters.osdm.offers import Part
from adapters.osdm.wire import OFFER_STATES, TIME, not_taken, read_price
from schemas.codes import UNKNOWN, code_list
from schemas.facts import ChangeFact, Override, RefundFact
from schemas.money import Money

_OFFERS_MOST, _FULFILLMENTS_MOST = 20, 20
_REASON = code_list("override_reason")
_VALIDITY = ("createdOn", "validFrom", "validUntil")
_EXCHANGE_STATES = {"PREBOOKED": "change.quoted", "CONFIRMED": "change.confirmed", "FULFILLED": "change.confirmed"}
NOT_NAMED = "not named"
"""Stands for the member of staff whom no history entry names."""


@dataclass(frozen=True, slots=True)
class Ended:
    """When a release or a cancellation of fulfilments was confirmed, and by which override."""

    at: datetime
    override: Override | None = None


def _confirmed(booking: Record, name: str) -> Iterator[Record]:
    """The offers of a list that were confirmed; the others are a loss each."""
    for record in booking.children(name, most=_OFFERS_MOST):
        if record.choice("status", OFFER_STATES):
            yield record
        else:
            not_taken(record.fields, record.pointer, record.losses, "proposed only: nothing happened")


def _named(record: Record, known: Mapping[str, Fulfillment]) -> list[Part]:
    """The tickets of the fulfilments that a record lists, each once and in order."""
    found: dict[str, Part] = {}
    for reference in record.children("fulfillments", least=1, most=_FULFILLMENTS_MOST):
        fulfillment = known.get(reference.text("id"))
        if fulfillment is None:
            raise reference.refuse("id", "identifier_invalid", "no such fulfilment in this booking")
        found |= {part.ticket_no: part for part in fulfillment.parts}
        reference.repeated("status", "bookingRef", "createdOn")
        reference.finish()
    return list(found.values())


def _override(record: Record, name: str, history: History) -> Override | None:
    """The overrule code, and who applied it by the booking's history."""
    if not record.has("appliedOverruleCode"):
        return None
    reason = record.code_or_unknown("appliedOverruleCode", _REASON)
    entry = history.take("overridden", name)
    if entry is None or entry.staff is None:
        record.lost("appliedOverruleCode", "less_precise", "no history entry says who set the rule aside")
        return Override(reason=reason, staff=NOT_NAMED, note=entry.note if entry else None)
    return Override(reason=reason, staff=entry.staff, note=entry.note)


def read_refund_offers(booking: Record, known: Mapping[str, Fulfillment], history: History) -> dict[str, Owed]:
    """Confirmed refund offers by id."""
    found = {}
    for record in _confirmed(booking, "refundOffers"):
        name = trains.processor_ref(record, "id")
        tickets = tuple(part.ticket_no for part in _named(record, known))
        fee, net = read_price(record, "refundFee"), read_price(record, "refundableAmount")
        override = _override(record, name, history)
        requested = RefundFact(
            fact="refund.requested",
            processor=UNKNOWN,
            refund_ref=name,
            ticket_nos=tickets,
            amount_gross=fee + net,
            fee=fee,
            amount_net=net,
            override=override,
            occurred_at=record.time("confirmedOn", TIME),
        )
        found[name] = Owed(tickets, fee, net, record, requested, override)
        record.repeated(*_VALIDITY)
        record.finish()
    return found


def read_exchanges(
    booking: Record, known: Mapping[str, Fulfillment], history: History
) -> dict[str, tuple[Owed, ChangeFact]]:
    """Exchange operations that were at least prebooked, by id: ``change.quoted`` or ``change.confirmed``."""
    found = {}
    for record in booking.children("exchangeOperations", most=_OFFERS_MOST):
        if record.text("status") == "ERROR":
            not_taken(record.fields, record.pointer, record.losses, "it failed: nothing happened")
            continue
        owed, change = _exchange(record, known, history)
        found[change.change_ref] = (owed, change)
    return found


def _exchange(record: Record, known: Mapping[str, Fulfillment], history: History) -> tuple[Owed, ChangeFact]:
    name, fact = trains.processor_ref(record, "id"), record.choice("status", _EXCHANGE_STATES)
    quoted = fact == "change.quoted"
    new = _named(record, known) if record.has("fulfillments") or not quoted else []
    (offer,) = record.children("exchangeOffers", least=1, most=1)
    old = _named(offer, known)
    fee, back = read_price(offer, "exchangeFee"), read_price(offer, "refundableAmount", default=0)
    due = read_price(offer, "amountToBePaid", default=0)
    if back.amount and due.amount:
        raise offer.refuse("amountToBePaid", "amount_invalid", "money goes one way only", expected="one of the two")
    price = read_price(offer, "exchangePrice")
    if new and price.amount != sum(part.fare.amount for part in new):
        raise offer.refuse("exchangePrice", "amount_invalid", "the new tickets cost another amount together")
    offer.text("offerId")
    change = ChangeFact.model_validate(
        {
            "fact": fact,
            "change_ref": name,
            "kind": kind_of(old, new),
            "old_ticket_nos": tuple(part.ticket_no for part in old),
            "new_ticket_nos": tuple(part.ticket_no for part in new),
            "fee": fee,
            "difference": Money(amount=back.amount - due.amount + fee.amount),
            "override": _override(offer, name, history),
            "occurred_at": offer.time("createdOn", TIME) if quoted else _exchanged_at(record, name, new, history),
        }
    )
    if quoted and not new:
        record.lost("status", "inferred", "the new train is not told: taken to go to the same station")
        offer.lost("exchangePrice", "not_mapped", "the new tickets are not told")
    offer.repeated("createdOn", "preBookableUntil", "passengerRefs")
    offer.finish()
    record.finish()
    return Owed(change.old_ticket_nos, fee, back, record), change


def _exchanged_at(record: Record, name: str, new: list[Part], history: History) -> datetime:
    """OSDM gives an operation no time of its own: its history entry, else the new parts say when."""
    entry = history.take("exchanged", name)
    if entry is not None:
        return entry.at
    times = [part.confirmed_at for part in new if part.confirmed_at is not None]
    if not times:
        raise record.refuse("id", "time_invalid", "neither history nor the new parts say when", example=TIME.example)
    return max(times)


def kind_of(old: Iterable[Part], new: Iterable[Part]) -> str:
    """OSDM has one word for both kinds: a change of destination is one that goes elsewhere."""
    before, after = ({part.leg.destination.station for part in parts} for parts in (old, new))
    return "train" if not after or before == after else "destination"


def read_releases(booking: Record, known: Mapping[str, Fulfillment], history: History) -> dict[str, Ended]:
    """When seats were given free, by ticket number."""
    return _ended(booking, "releaseOffers", known, history)


def read_cancellations(booking: Record, known: Mapping[str, Fulfillment], history: History) -> dict[str, Ended]:
    """When fulfilments were cancelled, by ticket number."""
    return _ended(booking, "cancelFulfillmentsOffers", known, history)


def _ended(booking: Record, name: str, known: Mapping[str, Fulfillment], history: History) -> dict[str, Ended]:
    found: dict[str, Ended] = {}
    for record in _confirmed(booking, name):
        ended = Ended(record.time("confirmedOn", TIME), _override(record, record.text("id"), history))
        found |= {part.ticket_no: ended for part in _named(record, known)}
        record.repeated(*_VALIDITY)
        record.finish()
    return found
