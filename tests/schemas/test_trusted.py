"""Models built without their checks: equal to the checked ones, and as frozen; a wrong call is an error at once."""

import pickle
from copy import copy, deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.facts import ChangeFact, Document, PaymentFact, TicketStep
from schemas.model import altered, is_code, trusted
from schemas.money import Money

AT = datetime(2026, 1, 9, 4, tzinfo=UTC)
DOCUMENT: dict[str, Any] = {"type": "passport", "number": "E12345678"}
STEP: dict[str, Any] = {"fact": "ticket.entered", "ticket_no": "EW00000001105012A", "occurred_at": AT}
CHANGE: dict[str, Any] = {
    "fact": "change.confirmed",
    "change_ref": "C1",
    "kind": "destination",
    "old_ticket_nos": ("EW00000001105012A",),
    "new_ticket_nos": ("EW00000001205012A",),
    "fee": Money(amount=0),
    "difference": Money(amount=-500),
    "occurred_at": AT,
}


@pytest.mark.parametrize(("kind", "values"), [(Document, DOCUMENT), (TicketStep, STEP), (ChangeFact, CHANGE)])
def test_equal_to_the_checked_one(kind: type[BaseModel], values: dict[str, Any]) -> None:
    """Also a class with a field that the built function might call one of its own names (``kind``)."""
    checked, built = kind(**values), trusted(kind)(**values)
    assert built == checked
    assert hash(built) == hash(checked)
    assert built.model_dump_json() == checked.model_dump_json()
    assert list(built.model_dump()) == list(checked.model_dump())
    for twin in (copy(built), deepcopy(built), pickle.loads(pickle.dumps(built)), built.model_copy()):
        assert twin == checked


def test_it_is_frozen_too() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(trusted(Document)(**DOCUMENT), "number", "E87654321")  # noqa: B010 - mypy knows that it cannot be set


@pytest.mark.parametrize("values", [{"type": "passport"}, DOCUMENT | {"nonsense": 1}], ids=["missing", "unknown"])
def test_a_wrong_call_is_an_error(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        trusted(Document)(**values)


def test_altered_is_another_one() -> None:
    paid = PaymentFact(
        fact="payment.captured",
        processor="wechat",
        processor_ref="1",
        method="wechat_pay",
        amount_gross=Money(amount=1),
        occurred_at=AT,
    )
    back = altered(paid, {"fact": "payment.charged_back"})
    assert (paid.fact, back.fact) == ("payment.captured", "payment.charged_back")
    assert PaymentFact.model_validate(back.model_dump()) == back


@pytest.mark.parametrize(
    ("text", "expected"), [("second", True), ("", False), ("Second", False), ("a b", False), ("a\n", False)]
)
def test_is_code(text: str, expected: bool) -> None:
    assert is_code(text) is expected
