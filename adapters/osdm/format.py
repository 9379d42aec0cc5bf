"""Order -> OSDM's JSON: the event that the retailer would have sent, had it done the act itself."""

from collections.abc import Iterator
from itertools import groupby

import msgspec

from adapters.kit.refusing import Losses
from adapters.kit.telling import Whole, Words, confirmed, requested, unsaid, whole_tickets
from adapters.osdm.fulfillments import fulfillment_id, write_fulfillment
from adapters.osdm.history import Writing
from adapters.osdm.money import write_payments, write_reimbursement
from adapters.osdm.offers import HOLDS, admission_id, begun_at, write_offer
from adapters.osdm.passengers import write_passenger
from adapters.osdm.profile import PROFILE
from adapters.osdm.trips import write_trip
from adapters.osdm.wire import DESK, TIME, TYPE_OF_EVENT, Native, present, write_code, write_price, write_requestor
from hub.ports import Formatted
from schemas.events import OrderEvent
from schemas.facts import Leg, PointOfSale
from schemas.money import Money
from schemas.order import Change, Order, Refund

WORDS: Words = frozenset(
    {
        "override",
        "split_refund",
        "external",
        "refund_state",
        "payment_state",
        "printed_at",
        "berth",
        "surcharges",
        "issued_by",
    }
)


def format(event: OrderEvent, order: Order) -> Formatted | None:
    """One message with the whole booking; None when no ticket of the order can be told yet."""
    losses = Losses()
    number = order.reference("rail", "order")
    wholes = whole_tickets(order, losses, DESK, WORDS)
    if number is None or not wholes or event.type not in PROFILE.subscribes:
        return None
    unsaid(order, losses, WORDS)
    name = order.reference("osdm", "order") or number
    writer = _Writer(order, name, wholes, losses)
    booking = writer.booking(number)
    acting = order.point_of_sale if order.channel == event.origin else None
    message = {
        "objectType": "BookingEvent",
        "id": str(event.event_id),
        "messageType": "tell",
        "type": TYPE_OF_EVENT.get(event.type, "BOOKING_TRIP_CONFIRMED"),
        "timeStamp": TIME.write(order.updated_at),
        "revision": event.sequence,
        "requestor": write_requestor(acting or PointOfSale(channel=event.origin), "/origin", losses),
        "summary": event.type,
        "resources": [{"href": f"/bookings/{name}"}],
        "bookingId": name,
        "booking": booking,
        "history": writer.history.entries,
        "payments": list(write_payments(order, losses)),
        "reimbursements": writer.reimbursements,
    }
    return Formatted(msgspec.json.encode(message), PROFILE.media_type, losses.all())


class _Writer:
    """One message being written: the booking, and the history and repayments that go with it."""

    def __init__(self, order: Order, name: str, wholes: list[Whole], losses: Losses) -> None:
        self.history = Writing(name)
        self.reimbursements: list[Native] = []
        self._order, self._name, self._losses = order, name, losses
        self._wholes = {whole.ticket.ticket_no: whole for whole in wholes}
        self._documents = {
            number: write_fulfillment(whole, name)
            for number, whole in self._wholes.items()
            if whole.ticket.state not in HOLDS
        }

    def booking(self, number: str) -> Native:
        """The booking itself; everything that it says about time goes into the history as it goes."""
        order, wholes = self._order, list(self._wholes.values())
        trips = self._trips()
        for whole in wholes:
            self._remember(whole)
        changes = confirmed(order, self._losses)
        exchanges = self._exchanges(changes)
        names = {exchange["id"] for exchange in exchanges}
        refund_offers = list(self._refund_offers(self._links([c for c in changes if c.change_id in names])))
        sums = self._sums(bool(changes or refund_offers))
        people = {whole.passenger.passenger_id: whole.passenger for whole in wholes}
        return present(
            {
                "id": self._name,
                "bookingCode": number,
                "externalRef": order.reference("osdm", "agent_order"),
                "createdOn": TIME.write(order.booked_at or order.updated_at),
                **sums,
                "confirmationTimeLimit": self._limit(),
                "passengers": [
                    write_passenger(person, f"/passengers/{person.passenger_id}", self._losses)
                    for person in people.values()
                ],
                "trips": [write_trip(trip, leg) for trip, leg in trips],
                "bookedOffers": [
                    write_offer(trip, [w for w in wholes if w.leg == leg], self._losses) for trip, leg in trips
                ],
                "fulfillments": list(self._documents.values()),
                "refundOffers": refund_offers,
                "exchangeOperations": exchanges,
                "releaseOffers": self._ended("released", "REL"),
                "cancelFulfillmentsOffers": self._ended("voided", "CAN"),
            }
        )

    def _trips(self) -> list[tuple[str, Leg]]:
        """Every train once, in the order of its first ticket."""
        legs: list[Leg] = []
        for whole in self._wholes.values():
            if whole.leg not in legs:
                legs.append(whole.leg)
        return [(f"T{index}", leg) for index, leg in enumerate(legs, 1)]

    def _limit(self) -> str | None:
        """The first limit of the holds that stand; each part says its own."""
        limits = [w.ticket.hold_expires_at for w in self._wholes.values() if w.ticket.state == "held"]
        return TIME.write(min(limit for limit in limits if limit)) if any(limits) else None

    def _sums(self, after_sales: bool) -> Native:
        """What is to be paid, and what was; after a change or refund OSDM's sum would need rules that are not ours."""
        states = {state: 0 for state in ("held", "sold")}
        ended = after_sales
        for whole in self._wholes.values():
            state = whole.ticket.state
            price = whole.fare_gross.amount + sum(s.amount_gross.amount for s in whole.ticket.surcharges)
            if state == "held" or state not in HOLDS:
                states["held" if state == "held" else "sold"] += price
            ended = ended or state in ("released", "voided", "refunded", "changed")
        return {
            "provisionalPrice": write_price(Money(amount=states["held"])) if states["held"] else None,
            "confirmedPrice": write_price(Money(amount=states["sold"])) if states["sold"] and not ended else None,
        }

    def _remember(self, whole: Whole) -> None:
        """What the parts do not say: who sold the ticket, when a hold was cancelled, when the passenger was seen."""
        ticket, history = whole.ticket, self.history
        seller = ticket.point_of_sale or self._order.point_of_sale
        if seller is not None:
            requestor = write_requestor(seller, f"{whole.place}/point_of_sale", self._losses)
            at = TIME.write(begun_at(ticket) or ticket.state_since)
            history.add("sold", "parts", admission_id(ticket.ticket_no), at, requestor)
        since = TIME.write(ticket.state_since)
        if ticket.state == "cancelled":
            history.add("cancelled", "parts", admission_id(ticket.ticket_no), since)
        elif ticket.state == "checked_in":
            history.add("checked_in", "fulfillments", fulfillment_id(ticket.ticket_no), since)
        elif ticket.state == "entered":
            history.add("entered", "fulfillments", fulfillment_id(ticket.ticket_no), since)
        elif ticket.state == "used":
            self._losses.add(
                f"{whole.place}/state", "not_expressible", "used", "told as issued: OSDM has no word for it"
            )

    def _references(self, numbers: tuple[str, ...], place: str) -> list[Native]:
        """The fulfilments of some tickets, as after-sales repeat them."""
        known = [number for number in numbers if number in self._documents]
        if len(known) != len(numbers):
            self._losses.add(place, "not_expressible", ", ".join(sorted(set(numbers) - set(known))), "tickets not told")
        fields = ("id", "status", "bookingRef", "createdOn")
        return [{field: self._documents[number][field] for field in fields} for number in known]

    def _links(self, changes: list[Change]) -> dict[str, Native]:
        """refund reference -> what it pays back: a change's difference or, of its own, tickets given back."""
        operations = {change.old_ticket_nos: change.change_id for change in changes if change.old_ticket_nos}
        links: dict[str, Native] = {}
        for refund in self._order.refunds:
            leading = refund.part_of or refund.refund_ref
            if refund.ticket_nos in operations:
                links[refund.refund_ref] = {"exchangeOperationId": operations[refund.ticket_nos]}
            elif any(number in self._documents for number in refund.ticket_nos):
                links[refund.refund_ref] = {"refundOfferId": leading}
            else:
                links[refund.refund_ref] = {}
                if refund.ticket_nos:
                    self._losses.add(f"/refunds/{refund.refund_id}/ticket_nos", "not_expressible", "", "not told")
        return links

    def _refund_offers(self, links: dict[str, Native]) -> Iterator[Native]:
        """One offer for every repayment of tickets, however many processors it goes back over."""
        told = requested(self._order, self._losses, WORDS)
        for refund in told:
            self.reimbursements.append(write_reimbursement(refund, links[refund.refund_ref], self._losses))
        offered = [refund for refund in told if "refundOfferId" in links[refund.refund_ref]]
        offered.sort(key=lambda refund: links[refund.refund_ref]["refundOfferId"])
        for name, parts in groupby(offered, key=lambda refund: str(links[refund.refund_ref]["refundOfferId"])):
            yield self._refund_offer(name, list(parts))

    def _refund_offer(self, name: str, parts: list[Refund]) -> Native:
        leading = next((refund for refund in parts if refund.refund_ref == name), parts[0])
        at = TIME.write(leading.requested_at)
        place = f"/refunds/{leading.refund_id}"
        return present(
            {
                "id": name,
                "createdOn": at,
                "validFrom": at,
                "validUntil": at,
                "confirmedOn": at,
                "status": "CONFIRMED",
                "appliedOverruleCode": self._overrule(leading, name, at, place),
                "fulfillments": self._references(leading.ticket_nos, f"{place}/ticket_nos"),
                "refundFee": write_price(Money(amount=sum(refund.fee.amount for refund in parts))),
                "refundableAmount": write_price(Money(amount=sum(refund.amount_net.amount for refund in parts))),
            }
        )

    def _overrule(self, of: Refund | Change, name: str, at: str, place: str) -> str | None:
        override = of.override
        if override is None:
            return None
        self.history.overridden(name, at, override.staff, override.note)
        return write_code("override_reason", override.reason, f"{place}/override/reason", self._losses)

    def _exchanges(self, changes: list[Change]) -> list[Native]:
        """The changes whose tickets are all told; a ticket of another change has to be told as a sale."""
        told = [
            change
            for change in changes
            if change.old_ticket_nos
            and change.new_ticket_nos
            and {*change.old_ticket_nos, *change.new_ticket_nos} <= self._documents.keys()
        ]
        for change in changes:
            if change not in told:
                self._losses.add(
                    f"/changes/{change.change_id}", "not_expressible", "", "not all of its tickets are told"
                )
        new = {number for change in told for number in change.new_ticket_nos}
        for number, whole in self._wholes.items():
            if whole.ticket.origin in ("change", "destination_change") and number not in new:
                self._losses.add(f"{whole.place}/origin", "not_expressible", whole.ticket.origin, "told as a sale")
        return [self._exchange(change) for change in told]

    def _exchange(self, change: Change) -> Native:
        place = f"/changes/{change.change_id}"
        at = TIME.write(change.confirmed_at or self._order.updated_at)
        self.history.add("exchanged", "exchange-operations", change.change_id, at)
        old = [self._wholes[number] for number in change.old_ticket_nos]
        new = [self._wholes[number] for number in change.new_ticket_nos]
        if _goes_elsewhere(old, new) != (change.kind == "destination"):
            self._losses.add(f"{place}/kind", "not_expressible", change.kind, "OSDM tells it by the stations only")
        owed = change.difference.amount - change.fee.amount
        offer = {
            "offerId": f"X-{change.change_id}",
            "createdOn": at,
            "preBookableUntil": at,
            "passengerRefs": sorted({whole.passenger.passenger_id for whole in old}),
            "exchangeFee": write_price(change.fee),
            "exchangePrice": write_price(Money(amount=sum(whole.fare_gross.amount for whole in new))),
            "refundableAmount": write_price(Money(amount=owed)) if owed > 0 else None,
            "amountToBePaid": write_price(Money(amount=-owed)) if owed < 0 else None,
            "appliedOverruleCode": self._overrule(change, change.change_id, at, place),
            "fulfillments": self._references(change.old_ticket_nos, f"{place}/old_ticket_nos"),
        }
        return {
            "id": change.change_id,
            "status": "FULFILLED",
            "exchangeOffers": [present(offer)],
            "fulfillments": self._references(change.new_ticket_nos, f"{place}/new_ticket_nos"),
        }

    def _ended(self, state: str, letters: str) -> list[Native]:
        """Releases or cancellations: one offer a ticket, confirmed when its state began."""
        return [
            {
                "id": f"{letters}-{number}",
                "createdOn": at,
                "validFrom": at,
                "validUntil": at,
                "confirmedOn": at,
                "status": "CONFIRMED",
                "fulfillments": self._references((number,), f"{whole.place}/state"),
            }
            for number, whole in self._wholes.items()
            if whole.ticket.state == state
            for at in (TIME.write(whole.ticket.state_since),)
        ]


def _goes_elsewhere(old: list[Whole], new: list[Whole]) -> bool:
    before, after = ({whole.leg.destination.station for whole in wholes} for wholes in (old, new))
    return bool(after) and before != after
