"""Disputes as a table that a revenue accountant can read: what was told, and which contradiction the ledger sees."""

import itertools
from collections.abc import Callable

import pytest

from schemas.facts import (
    Fact,
    Resolved,
    Retracted,
    SeatNotGranted,
    TicketChanged,
    TicketHeld,
    TicketIssued,
    TicketRefunded,
)
from schemas.states import state_machine
from tests.ledger.stories import Told, at, capture, content, fold, refund, step, ticket_no, told

# witness, minute, what it says of ticket 1; then the disputes, "-" for none. Rows by rank of the contradiction.
TABLE = """
web 10 issued 553                                                                 | -
web 10 issued 553, app 10 issued 553                                              | -
web 10 issued 553, app 10 issued 500                                              | amount_differs
web 10 issued 553, app 10 issued 553 seat 9F                                      | seat_differs
web 10 issued 553, app 10 issued 500 seat 9F                                      | amount_differs seat_differs
web 10 paid 553, wechat 10 paid 550                                               | amount_differs
web 10 issued 553, phone 60 refunded R1                                           | -
web 10 issued 553, phone 60 refunded R1, windows 70 exited                        | refunded_after_use
web 10 issued 553, windows 40 changed 2, phone 60 refunded R1                     | changed_and_refunded
web 10 issued 553, windows 40 changed 2, app 70 exited                            | changed_after_use
web 10 issued 553, windows 40 voided, app 70 exited                               | used_after_void
web 10 issued 553, windows 40 changed 2, app 41 changed 3                         | changed_twice
web 10 issued 553, windows 40 refunded R1, app 41 refunded R2                     | refunded_twice
web 10 issued 553, windows 40 refunded R1, app 41 refunded R1                     | -
web 0 held, web 40 expired, app 45 issued 553                                     | paid_after_hold_expired
web 0 held, app 20 issued 553, web 40 expired                                     | -
phone 0 held, windows 20 issued 553                                               | -
phone 0 held, windows 20 issued 540                                               | amount_differs
phone 0 held, windows 20 issued 553 seat 9F                                       | seat_differs
phone 0 held, phone 20 issued 540                                                 | -
web 10 issued 553, hub 10 not_granted                                             | seat_already_sold
web 10 issued 553, web 20 retracted, phone 60 refunded R1, windows 70 exited      | refunded_after_use
web 10 issued 553, app 10 issued 500, app 12 issued 553                           | -
web 10 issued 553, app 10 issued 500, finance 90 resolved                         | amount_differs:resolved
"""


def rows() -> list[tuple[str, str]]:
    cells = [line.split("|") for line in TABLE.strip().splitlines()]
    return [(story.strip(), disputes.strip()) for story, disputes in cells]


@pytest.mark.parametrize(("story", "expected"), rows())
def test_disputes(story: str, expected: str) -> None:
    said = [_told(words.split()) for words in story.split(", ")]
    for arrival in itertools.permutations(said):
        order = fold(list(arrival))
        found = [d.kind if d.state == "open" else f"{d.kind}:resolved" for d in order.disputes]
        assert (" ".join(found) or "-") == expected
        assert order.dispute == _status(expected)


@pytest.mark.parametrize("rule", state_machine("ticket")["exclusions"], ids=lambda rule: rule["dispute"])
def test_every_exclusion_of_the_state_table_has_a_row(rule: dict[str, str]) -> None:
    assert any(rule["dispute"] in expected.split() for _, expected in rows())


def test_both_sides_are_kept_with_their_witnesses() -> None:
    order = fold([_told(words.split()) for words in ("web 10 issued 553", "app 10 issued 500", "phone 10 issued 553")])
    (dispute,) = order.disputes
    assert {side.says: side.witnesses for side in dispute.sides} == {"500.00": ("app",), "553.00": ("phone", "web")}


def _status(expected: str) -> str:
    if expected == "-":
        return "none"
    return "resolved" if expected.endswith(":resolved") else "open"


def _told(words: list[str]) -> Told:
    witness, minute, verb, *rest = words
    return told(witness, _VERBS[verb](int(minute), rest))


def _issued(minute: int, rest: list[str]) -> Fact:
    # The seller's name is left out of the table: nobody's word weighs more there.
    seat = rest[2] if len(rest) == 3 else "1A"
    return TicketIssued(occurred_at=at(minute), ticket=content(1, fare=int(rest[0]) * 100, seller="none", seat=seat))


def _held(minute: int, rest: list[str]) -> Fact:
    return TicketHeld(occurred_at=at(minute), ticket=content(1, seller="none"), expires_at=at(minute + 30))


def _changed(minute: int, rest: list[str]) -> Fact:
    return TicketChanged(occurred_at=at(minute), ticket_no=ticket_no(1), new_ticket_no=ticket_no(1, int(rest[0])))


def _refunded(minute: int, rest: list[str]) -> Fact:
    fact = refund(1, minute)[0]
    assert isinstance(fact, TicketRefunded)
    return fact.model_copy(update={"refund_ref": rest[0]})


def _step(name: str) -> Callable[[int, list[str]], Fact]:
    def fact(minute: int, rest: list[str]) -> Fact:
        return step(f"ticket.{name}", 1, at(minute))

    return fact


_VERBS: dict[str, Callable[[int, list[str]], Fact]] = {
    "issued": _issued,
    "held": _held,
    "changed": _changed,
    "refunded": _refunded,
    "paid": lambda minute, rest: capture("4200", minute, int(rest[0]) * 100),
    "exited": _step("exited"),
    "voided": _step("voided"),
    "expired": _step("hold_expired"),
    "not_granted": lambda minute, rest: SeatNotGranted(occurred_at=at(minute), ticket_no=ticket_no(1)),
    "retracted": lambda minute, rest: Retracted(
        occurred_at=at(minute), retracts=f"ticket.issued|{ticket_no(1)}", reason="by mistake"
    ),
    "resolved": lambda minute, rest: Resolved(
        occurred_at=at(minute),
        dispute=f"amount_differs|ticket.issued|{ticket_no(1)}",
        resolution="the seller's fare stands",
        by="finance",
    ),
}
