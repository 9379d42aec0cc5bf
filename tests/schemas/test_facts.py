"""Facts: each kind has one identity, and no kind stands outside the union."""

from typing import get_args

import pytest
from pydantic import ValidationError

from schemas.facts import Fact, RefundFact, TicketPrinted, TicketStep
from schemas.money import Money
from tests.ledger.stories import at, change, refund, sale, ticket_no

KINDS = get_args(get_args(Fact)[0])


def names() -> list[str]:
    return [name for kind in KINDS for name in get_args(kind.model_fields["fact"].annotation)]


def test_every_fact_has_a_name_of_its_own() -> None:
    assert len(names()) == len(set(names()))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_defines_its_identity(kind: type) -> None:
    assert "identity" in vars(kind)


def test_an_identity_begins_with_the_name_of_the_fact() -> None:
    facts = [*sale(1, 0, "web"), *refund(1, 5), *change(2, 6, "app", 55300, 50000, 0)]
    assert all(fact.identity.startswith(f"{fact.fact}|") for fact in facts)


def test_a_reprint_is_another_fact_and_a_second_look_at_it_is_not() -> None:
    prints = [TicketPrinted(occurred_at=at(0), ticket_no=ticket_no(1), control_no=no) for no in ("A1", "A2", "A1")]
    assert len({fact.identity for fact in prints}) == 2


def test_a_refund_adds_up() -> None:
    with pytest.raises(ValidationError, match="amount_gross is fee plus amount_net"):
        RefundFact(
            fact="refund.requested",
            processor="wechat",
            refund_ref="R1",
            amount_gross=Money(amount=100),
            fee=Money(amount=10),
            amount_net=Money(amount=100),
            occurred_at=at(0),
        )


def test_a_time_without_offset_is_no_instant() -> None:
    step = {"fact": "ticket.exited", "ticket_no": ticket_no(1), "occurred_at": "2026-01-11T10:00:00"}
    with pytest.raises(ValidationError, match="timezone"):
        TicketStep.model_validate_json(str(step).replace("'", '"'))
