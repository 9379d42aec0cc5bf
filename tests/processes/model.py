"""What must be true of claims and their answers, written from the railway's rules and not from the hub's code.

    granted   the seats of an ask that was answered `applied`, those of a tell that no dispute names
    lost      an ask that was refused with `seat_already_sold`, and nothing of it stays; the seats of a tell that
              disputes of that name name

Nobody lets go of a seat between the first claim and the last answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.processes.traffic import Claim


@dataclass(frozen=True, slots=True)
class Answered:
    """A claim and what was said to it; seconds of one clock, from the first sending to the answer."""

    claim: Claim
    outcome: str
    code: str
    disputes: tuple[str, ...]
    began: float
    ended: float

    @property
    def granted(self) -> frozenset[str]:
        """The seats that it got."""
        if self.claim.mode == "ask":
            return frozenset(self.claim.seats if self.outcome == "applied" else ())
        return frozenset(self.claim.seats) - self.lost

    @property
    def lost(self) -> frozenset[str]:
        """The seats that somebody else has; of an ask one of these, or more."""
        if self.claim.mode == "ask":
            return frozenset(self.claim.seats if self.code == "seat_already_sold" else ())
        named = {dispute.partition("|")[2] for dispute in self.disputes if dispute.startswith("seat_already_sold|")}
        return frozenset(seat for seat in self.claim.seats if self.claim.ticket_no(seat) in named)

    @property
    def understood(self) -> bool:
        """Whether the answer is one of those that a claim can get."""
        if self.claim.mode == "ask":
            return self.outcome == "applied" or (self.outcome == "refused" and self.code == "seat_already_sold")
        return self.outcome == ("disputed" if self.lost else "applied")


def broken_rules(answers: Iterable[Answered]) -> Iterator[str]:
    """A sentence for each broken rule; none for an interlock that works."""
    together: dict[tuple[object, str], list[Answered]] = defaultdict(list)
    for answer in answers:
        together[answer.claim.day, answer.claim.coach].append(answer)
        if not answer.understood:
            yield f"{answer.claim.order_no}: neither granted nor lost, but {answer.outcome} {answer.code}"
    for rivals in together.values():
        holders: dict[str, list[Answered]] = defaultdict(list)
        for answer in rivals:
            for seat in answer.granted:
                yield from (
                    f"{other.claim.order_no} and {answer.claim.order_no} both have {seat}"
                    for other in holders[seat]
                    if other.claim.meets(answer.claim)
                )
                holders[seat].append(answer)
        yield from _refused_for_nothing(rivals, holders)


def _refused_for_nothing(rivals: Iterable[Answered], holders: Mapping[str, list[Answered]]) -> Iterator[str]:
    """Who lost a seat in whose way nobody can have been: a holder was under way before the loser was answered."""
    for answer in rivals:
        taken = {
            seat
            for seat in answer.lost
            if any(h is not answer and h.claim.meets(answer.claim) and h.began < answer.ended for h in holders[seat])
        }
        # An ask is refused whole for one seat; of a tell every seat has its own fate.
        free = answer.lost - taken if answer.claim.mode == "tell" else answer.lost if not taken else frozenset()
        if free:
            yield f"{answer.claim.order_no} did not get {', '.join(sorted(free))} {answer.claim.legs}, which was free"


def sold_legs(answers: Iterable[Answered]) -> Mapping[tuple[str, str, str], int]:
    """(service date, coach, seat) -> the bits of the legs that somebody holds: bit n is from stop n to stop n+1."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for answer in answers:
        begins, ends = answer.claim.legs
        for seat in answer.granted:
            place = (answer.claim.day.isoformat(), answer.claim.coach.lstrip("0"), seat)
            found[place] |= sum(1 << n for n in range(begins, ends))
    return dict(found)
