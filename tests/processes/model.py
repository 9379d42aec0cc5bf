"""What must be true of claims and their answers, written from the railway's rules and not from the hub's code.

    granted   an ask that was answered `applied`, a tell whose seat was granted
    lost      an ask that was refused with `seat_already_sold`, a tell that became a dispute of that name

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
    def granted(self) -> bool:
        return self.outcome == "applied"

    @property
    def lost(self) -> bool:
        if self.claim.mode == "ask":
            return self.outcome == "refused" and self.code == "seat_already_sold"
        return self.outcome == "disputed" and any(d.startswith("seat_already_sold|") for d in self.disputes)


def broken_rules(answers: Iterable[Answered]) -> Iterator[str]:
    """A sentence for each broken rule; none for an interlock that works."""
    by_seat: dict[tuple[object, ...], list[Answered]] = defaultdict(list)
    for answer in answers:
        claim = answer.claim
        by_seat[claim.day, claim.coach, claim.seat].append(answer)
        if not answer.granted and not answer.lost:
            yield f"{claim.order_no}: neither granted nor lost, but {answer.outcome} {answer.code}"
    for rivals in by_seat.values():
        granted = [answer for answer in rivals if answer.granted]
        for place, one in enumerate(granted):
            for other in granted[place + 1 :]:
                if one.claim.overlaps(other.claim):
                    yield f"{one.claim.order_no} and {other.claim.order_no} both have {one.claim.seat}"
        for answer in rivals:
            if answer.lost and not any(_in_the_way(holder, answer) for holder in granted):
                yield f"{answer.claim.order_no} did not get {answer.claim.seat} {answer.claim.legs}, which was free"


def _in_the_way(holder: Answered, answer: Answered) -> bool:
    """Whether this one may have been there first: it was under way before the other was answered."""
    return holder.claim.overlaps(answer.claim) and holder.began < answer.ended


def sold_legs(answers: Iterable[Answered]) -> Mapping[tuple[str, str, str], int]:
    """(service date, coach, seat) -> the bits of the legs that somebody holds: bit n is from stop n to stop n+1."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for answer in answers:
        if answer.granted:
            claim = answer.claim
            begins, ends = claim.legs
            found[claim.day.isoformat(), claim.coach.lstrip("0"), claim.seat] |= sum(
                1 << n for n in range(begins, ends)
            )
    return dict(found)
