"""Money as of any time: lines up to a moment are what the facts up to it post; a fact is reversed, never edited."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.ledger import Document, Posting, dating, difference, fold_with_postings, statements_of
from hub.ledger.dating import _moment_by_moment, dated_postings
from hub.ledger.reading import about, readings, sold_at
from schemas.facts import Retracted
from schemas.money import Money
from schemas.observation import Observation
from tests.ledger.stories import (
    ORDER_ID,
    Told,
    any_story,
    at,
    capture,
    change,
    fold,
    joined,
    journeys,
    refund,
    sale,
    told,
)
from tests.schemas import replaying

thorough = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Sums = dict[tuple[str, str, str], int]


def sums(lines: Iterable[Posting]) -> Sums:
    """(account, currency, fact) -> balance, without what comes to nothing."""
    found: Sums = {}
    for line in lines:
        key = (line.account, line.amount.currency, line.identity)
        found[key] = found.get(key, 0) + line.amount.amount
    return {key: amount for key, amount in found.items() if amount}


def balances(lines: Iterable[Posting]) -> dict[tuple[str, str], int]:
    """(account, currency) -> balance, without what comes to nothing."""
    found: dict[tuple[str, str], int] = {}
    for line in lines:
        key = (line.account, line.amount.currency)
        found[key] = found.get(key, 0) + line.amount.amount
    return {key: amount for key, amount in found.items() if amount}


def instants(document: Document) -> list[datetime]:
    """The moments at which anything happened, and those just before and after."""
    times = {s.fact.occurred_at for said in document.facts.values() for s in said.values()}
    return sorted({time + timedelta(microseconds=step) for time in times for step in (-1, 0, 1)})


def books_follow_the_facts(story: list[Told]) -> None:
    books_agree(joined(story))


def books_agree(document: Document, name: str = "") -> None:
    lines = fold_with_postings(document).lines
    for moment in instants(document):
        then = document.as_of(moment)
        expected = sums(fold_with_postings(then).lines) if then.facts else {}
        assert sums(line for line in lines if line.at <= moment) == expected, f"{name} at {moment}"


@thorough
@given(any_story())
def test_at_every_instant_the_books_are_those_of_the_facts_up_to_it(story: list[Told]) -> None:
    books_follow_the_facts(story)


@thorough
@given(journeys(), st.data())
def test_so_they_are_when_every_witness_has_a_clock_of_its_own(story: list[Told], data: st.DataObject) -> None:
    for witness, statement in data.draw(st.lists(st.sampled_from(story), max_size=4)):
        late = timedelta(minutes=data.draw(st.integers(-3, 20)))
        fact = statement.fact.model_copy(update={"occurred_at": statement.fact.occurred_at + late})
        story.append((data.draw(st.sampled_from([witness, "bank"])), statement.model_copy(update={"fact": fact})))
    books_follow_the_facts(story)


def test_so_they_are_in_every_journey_after_every_message() -> None:
    """All stories of the contract, as known after each of their messages, at every instant of each."""
    for name, journey in replaying.journeys().items():
        document = Document(order_id=ORDER_ID)
        for step in journey["steps"]:
            told_now = Observation.model_validate_json(json.dumps(step["observation"]))
            said = statements_of(told_now, told_now.occurred_at, step["message"])
            document, _ = document.join(step["channel"], said)
            if document.facts:
                books_agree(document, name)


@thorough
@given(any_story())
def test_the_quick_way_says_what_the_long_way_says(story: list[Told]) -> None:
    document = joined(story)
    facts = readings(document)
    pos = sold_at(about(facts))
    quick = dated_postings(document, facts, pos.channel if pos else None)
    moments = {s.fact.occurred_at for said in document.facts.values() for s in said.values()}
    assert difference([], quick) == difference([], _moment_by_moment(document, moments))


def test_an_ordinary_order_takes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[Posting]:
        raise AssertionError("the long way")

    monkeypatch.setattr(dating, "_moment_by_moment", refuse)
    story = [told("web", fact) for fact in sale(1, 10, "web")]
    story += [told("windows", fact) for fact in change(1, 40, "windows", 55300, 60000, 0)]
    story += [told("app", fact) for fact in refund(1, 60, batch=2, fare=60000, fee=200)]
    story += [told("bank", fact) for fact in sale(1, 11, "web")]  # the same again, by a slower clock
    assert fold(story).balance.amount == 0


# --- reversed, never edited ------------------------------------------------------------------------------------------


@thorough
@given(journeys())
def test_a_fact_that_is_withdrawn_leaves_the_books_as_if_it_had_never_been(story: list[Told]) -> None:
    document = joined(story)
    before = fold_with_postings(document).lines
    later = at(500)
    for identity in {line.identity for line in before}:
        withdrawal = Retracted(occurred_at=later, retracts=identity, reason="entered by mistake")
        after = fold_with_postings(joined([*story, told("reconciliation", withdrawal)])).lines
        never = [(w, s) for w, s in story if s.fact.identity != identity]
        expected = balances(fold_with_postings(joined(never)).lines) if never else {}
        assert balances(after) == expected
        mirror = difference(before, after)
        assert {line.at for line in mirror} == {later}, "what was posted before stands as it was"
        assert sums(line for line in after if line.at < later) == sums(before)


@thorough
@given(journeys())
def test_a_withdrawal_may_be_withdrawn(story: list[Told]) -> None:
    before = fold_with_postings(joined(story)).lines
    identity = before[0].identity
    once = Retracted(occurred_at=at(500), retracts=identity, reason="entered by mistake")
    twice = Retracted(occurred_at=at(600), retracts=once.identity, reason="it was right after all")
    after = fold_with_postings(joined([*story, told("reconciliation", once), told("reconciliation", twice)])).lines
    assert sums(after) == sums(before)


# --- several currencies ----------------------------------------------------------------------------------------------


def test_every_currency_balances_by_itself_and_nothing_is_converted() -> None:
    euros = capture("E1", 12, 100).model_copy(update={"amount_gross": Money(amount=7000, currency="EUR")})
    story = [told("web", fact) for fact in (*sale(1, 10, "web"), euros)]
    lines = fold_with_postings(joined(story)).lines
    assert balances(lines) == {
        ("channel_clearing:web", "EUR"): -7000,
        ("processor_clearing:wechat", "CNY"): 55300,
        ("processor_clearing:wechat", "EUR"): 7000,
        ("sales", "CNY"): -55300,
    }
    order = fold(story)
    assert (order.balance, order.paid_gross) == (Money(amount=0), Money(amount=55300))
    assert order.payment == "paid"


def test_an_order_of_another_currency_is_told_in_it() -> None:
    euros = Money(amount=7000, currency="EUR")
    paid = capture("E1", 12, 100).model_copy(update={"amount_gross": euros})
    order = fold([told("web", paid)])
    assert (order.balance.currency, order.paid_gross) == ("EUR", euros)


def test_nothing_is_posted_for_an_empty_document() -> None:
    assert dated_postings(Document(order_id=ORDER_ID), [], None) == []
