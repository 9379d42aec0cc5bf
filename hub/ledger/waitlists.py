"""Waitlists of an order: prepaid requests for seats to come, and what became of each."""

from collections.abc import Sequence

from schemas.facts import WaitlistRequested, WaitlistStep
from schemas.model import trusted
from schemas.order import Waitlist
from schemas.states import ranks, reached, state_after

_build_waitlist = trusted(Waitlist)


def waitlists(facts: Sequence[WaitlistRequested | WaitlistStep]) -> tuple[Waitlist, ...]:
    """One per waitlist_ref; a step that is seen before its request makes one of which only the state is known."""
    if not facts:
        return ()
    found: dict[str, list[WaitlistRequested | WaitlistStep]] = {}
    for fact in facts:
        found.setdefault(fact.waitlist_ref, []).append(fact)
    return tuple(_waitlist(ref, found[ref]) for ref in sorted(found))


def _waitlist(ref: str, said: Sequence[WaitlistRequested | WaitlistStep]) -> Waitlist:
    after, rank = state_after("waitlist"), ranks("waitlist")
    furthest = max(said, key=lambda f: rank[after[f.fact]])
    request = next((f for f in said if isinstance(f, WaitlistRequested)), None)
    return _build_waitlist(
        waitlist_ref=ref,
        alternatives=request.alternatives if request else (),
        passengers=request.passengers if request else (),
        prepaid=request.prepaid if request else None,
        requested_at=request.occurred_at if request else None,
        realise_by=request.realise_by if request else None,
        state=reached("waitlist", (f.fact for f in said)),  # type: ignore[arg-type]  # the table's states are the literal's
        state_since=furthest.occurred_at,
        ticket_nos=tuple(sorted({no for f in said if isinstance(f, WaitlistStep) for no in f.ticket_nos})),
        point_of_sale=request.point_of_sale if request else None,
    )
