"""The model of the claims itself, on lies: what it must not let pass."""

from __future__ import annotations

from tests.processes.model import Answered, broken_rules, sold_legs
from tests.processes.traffic import Claim, Legs


def answered(
    number: int, legs: Legs, outcome: str, began: float = 0.0, ended: float = 1.0, mode: str = "ask", others: str = ""
) -> Answered:
    """A claim of 1A, and of the seats ``others``; a dispute is about the last of them."""
    claim = Claim(number, "web", mode, "1A", legs, others=tuple(others.split()))
    code = "seat_already_sold" if outcome == "refused" else ""
    disputes = (f"seat_already_sold|{claim.ticket_no(claim.seats[-1])}",) if outcome == "disputed" else ()
    return Answered(claim, outcome, code, disputes, began, ended)


def test_what_is_right_is_let_pass() -> None:
    told = [answered(1, (0, 3), "applied"), answered(2, (3, 6), "applied"), answered(3, (2, 4), "refused")]
    told.append(answered(4, (0, 1), "disputed", mode="tell"))
    assert list(broken_rules(told)) == []
    assert sold_legs(told) == {("2026-05-20", "5", "1A"): 0b111111}


def test_a_seat_that_two_have_on_one_leg_is_named() -> None:
    told = [answered(1, (0, 3), "applied"), answered(2, (2, 6), "applied", mode="tell")]
    assert list(broken_rules(told)) == ["EW00000001 and EW00000002 both have 1A"]


def test_a_free_seat_that_was_refused_is_named() -> None:
    for winner in ([], [answered(1, (0, 2), "applied")], [answered(1, (0, 3), "applied", began=2.0, ended=3.0)]):
        found = list(
            broken_rules([*winner, answered(2, (2, 6), "refused"), answered(3, (2, 6), "disputed", mode="tell")])
        )
        assert len(found) == 2
        assert all("which was free" in sentence for sentence in found)


def test_any_other_answer_is_named() -> None:
    assert len(list(broken_rules([answered(1, (0, 3), "witnessed"), answered(2, (4, 5), "disputed")]))) == 2


def test_a_party_is_refused_whole_for_one_seat_but_sold_seat_by_seat() -> None:
    holder = answered(1, (0, 3), "applied")
    assert list(broken_rules([holder, answered(2, (0, 3), "refused", others="1B 1C")])) == []
    told = [answered(3, (0, 3), "disputed", mode="tell", others="2A"), answered(4, (0, 9), "applied", others="1D")]
    assert list(broken_rules(told)) == [
        "EW00000003 and EW00000004 both have 1A",
        "EW00000003 did not get 2A (0, 3), which was free",
    ]
