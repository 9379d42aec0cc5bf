"""Facts that cannot all be true. Both sides are kept; a dispute's name is a sentence."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache

from hub.ledger.reading import Reading, clashes, money_values, seat_values
from hub.ledger.tickets import state_of
from schemas.facts import ReferencesClash, SeatNotGranted, TicketChanged, TicketHeld, TicketIssued, TicketRefunded
from schemas.order import Dispute, DisputeSide
from schemas.states import MACHINES, state_machine, valid_states


def disputes(readings: Sequence[Reading], resolutions: Mapping[str, str]) -> tuple[Dispute, ...]:
    """Every contradiction among an order's facts, by id ``kind|subject``."""
    found = {d.dispute_id: d for d in _found(readings, resolutions)}
    return tuple([found[key] for key in sorted(found)])


def _found(readings: Sequence[Reading], resolutions: Mapping[str, str]) -> Iterator[Dispute]:
    for reading in readings:
        for kind, said in clashes(reading) if len(reading.said) > 1 else ():
            sides = tuple(DisputeSide(witnesses=tuple(who), says=what) for what, who in sorted(said.items()))
            yield _dispute(kind, reading.identity, sides, _latest([reading]), resolutions)
        if type(reading.fact) is ReferencesClash:
            yield _dispute(
                "references_clash",
                reading.identity.partition("|")[2],
                _owners(reading, reading.fact),
                _latest([reading]),
                resolutions,
            )
    for (machine, subject), about in _things(readings).items():
        pairs = _exclusions(machine, about)
        if machine == "ticket":
            pairs = [*pairs, *_twice(about), *_seat(about), *_late_payment(about), *_held_otherwise(about)]
        for kind, pair in pairs:
            yield _dispute(kind, subject, tuple(map(_side, pair)), _latest(pair), resolutions)


def _things(readings: Sequence[Reading]) -> dict[tuple[str, str], list[Reading]]:
    """The facts by machine and number of what they are about, where there are several: one fact excludes nothing."""
    found: dict[tuple[str, str], list[Reading]] = {}
    if len(readings) < 2:
        return found
    for reading in readings:
        kind = reading.fact.fact
        if machine := _machine_of(kind):
            number = reading.identity[len(kind) + 1 :]
            subject = number.partition("|")[0] if machine == "ticket" else number
            found.setdefault((machine, subject), []).append(reading)
    return {thing: about for thing, about in found.items() if len(about) > 1}


@cache
def _machine_of(kind: str) -> str | None:
    machine = kind.partition(".")[0]
    return machine if machine in MACHINES else None


def _exclusions(machine: str, about: Sequence[Reading]) -> list[tuple[str, list[Reading]]]:
    """Facts that the machine's table says cannot both stand."""
    kinds = {reading.fact.fact: reading for reading in about}
    return [
        (rule["dispute"], [kinds[left], kinds[right]])
        for rule in state_machine(machine)["exclusions"]
        for left, right in [rule["facts"]]
        if left in kinds and right in kinds
    ]


def _twice(about: Sequence[Reading]) -> Iterator[tuple[str, list[Reading]]]:
    changed = {r.fact.new_ticket_no: r for r in about if isinstance(r.fact, TicketChanged) and r.fact.new_ticket_no}
    if len(changed) > 1:
        yield "changed_twice", [changed[key] for key in sorted(changed)]
    refunded = {r.fact.refund_ref: r for r in about if isinstance(r.fact, TicketRefunded) and r.fact.refund_ref}
    if len(refunded) > 1:
        yield "refunded_twice", [refunded[key] for key in sorted(refunded)]


def _seat(about: Sequence[Reading]) -> Iterator[tuple[str, list[Reading]]]:
    """Only of a valid ticket: one that was given back, changed or cancelled needs no seat, whoever had it."""
    refusal = next((r for r in about if isinstance(r.fact, SeatNotGranted)), None)
    if refusal is not None and state_of([r.fact for r in about])[0] in valid_states():
        sold = [r for r in about if isinstance(r.fact, TicketIssued | TicketHeld)]
        yield "seat_already_sold", [*sold[-1:], refusal]


def _late_payment(about: Sequence[Reading]) -> Iterator[tuple[str, list[Reading]]]:
    held = next((r for r in about if isinstance(r.fact, TicketHeld)), None)
    issued = next((r for r in about if isinstance(r.fact, TicketIssued)), None)
    lapsed = next((r for r in about if r.fact.fact == "ticket.hold_expired"), None)
    if (
        held is not None
        and issued is not None
        and lapsed is not None
        and isinstance(held.fact, TicketHeld)
        and issued.fact.occurred_at > held.fact.expires_at
    ):
        yield "paid_after_hold_expired", [lapsed, issued]


def _held_otherwise(about: Sequence[Reading]) -> Iterator[tuple[str, list[Reading]]]:
    """Held by one witness, issued by another one with another fare or seat: two facts, one contradiction."""
    held = next((r for r in about if isinstance(r.fact, TicketHeld)), None)
    issued = next((r for r in about if isinstance(r.fact, TicketIssued)), None)
    if held is None or issued is None or not held.said.keys().isdisjoint(issued.said):
        return
    if money_values(held.fact) != money_values(issued.fact):
        yield "amount_differs", [held, issued]
    place, other = seat_values(held.fact), seat_values(issued.fact)
    if place and other and place != other:
        yield "seat_differs", [held, issued]


def _side(reading: Reading) -> DisputeSide:
    fact = reading.fact
    says = f"{fact.fact} at {fact.occurred_at.isoformat(timespec='seconds')}"
    if isinstance(fact, SeatNotGranted) and fact.holder is not None:
        says = f"the seat was held by {fact.holder} at {fact.occurred_at.isoformat(timespec='seconds')}"
    return DisputeSide(witnesses=tuple(sorted(reading.said)), says=says)


def _owners(reading: Reading, fact: ReferencesClash) -> tuple[DisputeSide, ...]:
    """Who said that the name is this order's, and that it is another one's."""
    name = f"{fact.system} {fact.kind} {fact.value}"
    tellers = sorted({statement.message.partition("/")[0] for statement in reading.said.values()})
    holder = fact.holder or "another order"
    return (
        DisputeSide(witnesses=tuple(tellers), says=f"{name} is a name of this order"),
        DisputeSide(witnesses=tuple(sorted(reading.said)), says=f"{name} belongs to {holder}"),
    )


def _latest(about: Sequence[Reading]) -> datetime:
    return max(reading.fact.occurred_at for reading in about)


def _dispute(
    kind: str, subject: str, sides: tuple[DisputeSide, ...], opened_at: datetime, resolutions: Mapping[str, str]
) -> Dispute:
    dispute_id = f"{kind}|{subject}"[:200]
    resolution = resolutions.get(dispute_id)
    return Dispute(
        dispute_id=dispute_id,
        kind=kind,
        subject=subject[:200],
        sides=sides,
        opened_at=opened_at,
        state="open" if resolution is None else "resolved",
        resolution=resolution,
    )
