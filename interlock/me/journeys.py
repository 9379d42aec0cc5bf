"""An order as its passenger reads it: trips, money and what happened, as plain values for a page."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from hub.ledger import Document
from interlock.console.ordering import facts_and_witnesses
from interlock.me.words import WORDS
from schemas.order import Order, Ticket

_LIVE = frozenset({"held", "issued", "checked_in", "entered"})
"""States of a ticket that somebody may still travel or pay on."""
_NO_TIME = datetime.min.replace(tzinfo=UTC)


def card(order: Order) -> dict[str, Any]:
    """One order of the list; ``order`` has its people's numbers masked already."""
    names = {p.passenger_id: p.name for p in order.passengers}
    trips = sorted((_trip(ticket, names) for ticket in order.tickets), key=lambda trip: (_departs(trip), trip["no"]))
    standing = [trip for trip in trips if trip["live"]]
    return {
        "order_id": str(order.order_id),
        "order_no": order.reference("rail", "order") or str(order.order_id),
        "channel": order.channel,
        "trips": standing or trips,
        "all_trips": trips,
        "pay_until": order.hold.expires_at if order.hold is not None else None,
        "disputed": order.dispute == "open",
        "complete": order.complete,
    }


def in_two(cards: Iterable[dict[str, Any]], now: datetime) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(still to travel, next departure first; past or ended, latest first)."""
    coming: list[dict[str, Any]] = []
    past: list[dict[str, Any]] = []
    for one in cards:
        ahead = any(trip["live"] and (trip["departs"] is None or trip["departs"] > now) for trip in one["trips"])
        (coming if ahead else past).append(one)
    return sorted(coming, key=_begins), sorted(past, key=_begins, reverse=True)


def in_full(order: Order, document: Document) -> dict[str, Any]:
    """The page of one order: every ticket, the money, the steps with who told us of them."""
    return {
        **card(order),
        "paid": order.paid_gross.model_dump(),
        "refunded": order.refunded_net.model_dump(),
        "balance": order.balance.model_dump(),
        "payments": [p.model_dump(mode="json") for p in order.payments if p.state == "captured"],
        "refunds": [r.model_dump(mode="json") for r in order.refunds],
        "changes": [c.model_dump(mode="json") for c in order.changes if c.confirmed_at is not None],
        "steps": steps(facts_and_witnesses(document)),
    }


def steps(facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a passenger has words for, in order of time; the same step of several tickets at one moment is one."""
    told: dict[tuple[str, str], set[str]] = {}
    for row in facts:
        if row["fact"] in WORDS:
            told.setdefault((row["at"], row["fact"]), set()).update(row["witnesses"])
    return [{"at": at, "fact": fact, "witnesses": sorted(who)} for (at, fact), who in told.items()]


def _departs(trip: dict[str, Any]) -> datetime:
    moment: datetime | None = trip["departs"]
    return moment or _NO_TIME


def _begins(one: dict[str, Any]) -> datetime:
    return _departs(one["trips"][0]) if one["trips"] else _NO_TIME


def _trip(ticket: Ticket, names: dict[str, str]) -> dict[str, Any]:
    leg, seat = ticket.leg, ticket.seat
    return {
        "no": ticket.ticket_no,
        "state": ticket.state,
        "live": ticket.state in _LIVE,
        "train": leg.train_code if leg else None,
        "from": leg.origin.station if leg else None,
        "to": leg.destination.station if leg else None,
        "departs": leg.origin.at if leg else None,
        "arrives": leg.destination.at if leg else None,
        "seat": seat.model_dump(mode="json") if seat else None,
        "passenger": names.get(ticket.passenger_id or ""),
        "ticket_type": ticket.ticket_type,
        "fare": ticket.fare_gross.model_dump() if ticket.fare_gross else None,
    }
