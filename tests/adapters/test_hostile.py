"""A hostile channel against the real hub: it lies, repeats, reorders, changes its mind and sends garbage.

Whoever lies, the hub stays right: the ledger's standing checks are empty, nothing that an honest channel told is lost
or altered, what contradicts it is a dispute with a name, no seat is held twice, no fen appears or vanishes, and the
same log gives the same ledger again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from adapters.kit.registry import registered
from hub.intake import Answer, Intake, Receipt
from hub.intake.decide import wanted
from hub.intake.own_voice import OwnVoice
from hub.ledger import Document, fold, order_content
from hub.store import timetable
from hub.store.checks import ledger_complaints, ledger_digest
from hub.store.orders import read
from hub.store.seal import Seal
from hub.store.timetable import Timetable
from interlock.database import Pool
from schemas.order import Order
from schemas.problems import catalogue
from schemas.timetable import timetable_document
from simulators import timetable as simulated
from simulators.book import SimOrder
from simulators.channels import CHANNELS
from simulators.day import build_plan
from simulators.plan import PlanOptions
from tests.adapters.hostile import Liar, Sent, native

DAY = date(2026, 3, 10)
OPTIONS = PlanOptions(seed=11, orders=40, date=DAY)
SEAL = Seal(b"f" * 32, b"b" * 32)
OURS = frozenset({"internal", "not_ready"})
"""Codes that say the hub failed: a hostile message must never get one."""

BEATEN = frozenset({"seat_already_sold", "same_person_on_overlapping_trains"})
"""Why an honest ask may be refused because of the liar: it told of a seat, or of the passenger, first."""


@dataclass(frozen=True)
class Ledger:
    """One hub over the test database, and what it answered."""

    pool: Pool
    answers: list[tuple[Sent, Answer]]
    orders: dict[str, tuple[Document, Order]]
    digest: str


@cache
def honest(without: str) -> tuple[Sent, ...]:
    """The day's messages of everybody but ``without``, in the order in which they were sent."""
    plan = build_plan(OPTIONS)
    steps = [(step, channel) for channel in CHANNELS if channel != without for step in plan.steps[channel]]
    steps.sort(key=lambda found: (found[0].send_at, found[0].rank, found[0].message_id))
    return tuple(
        Sent(channel, step.message_id, native(channel, step.act, step.message_id, DAY), step.send_at)
        for step, channel in steps
    )


def honest_orders(without: str) -> list[SimOrder]:
    plan = build_plan(OPTIONS)
    return [s.act.order for c in CHANNELS if c != without for s in plan.steps[c] if s.act.order.tickets]


def among(honest_messages: Iterable[Sent], lies: Iterable[Sent], seed: str) -> list[Sent]:
    """Both, the honest ones in their order and the lies anywhere between them."""
    chance = Random(seed)
    mixed = list(honest_messages)
    for lie in lies:
        mixed.insert(chance.randrange(len(mixed) + 1), lie)
    return mixed


def play(pool: Pool, messages: list[Sent], at_once: int = 20) -> Ledger:
    """A fresh ledger that takes these messages, ``at_once`` in a transaction."""
    adapters = {name: found.adapter for name, found in registered().items()} | {"hub": OwnVoice("hub", "枢纽", "hub")}
    document = timetable_document.validate_python(simulated.document(DAY), strict=False)
    with pool.connection() as connection:
        connection.execute(
            "TRUNCATE hub.messages, hub.repeats, hub.orders, hub.refs, hub.tickets, hub.seats, hub.events, hub.disputes"
        )
        timetable.load(connection, document.trains)
    intake = Intake(pool, adapters, SEAL, uuid4)
    answers: list[tuple[Sent, Answer]] = []
    for start in range(0, len(messages), at_once):
        batch = messages[start : start + at_once]
        receipts = [Receipt(sent.channel, sent.message_id, sent.raw, "http", sent.at) for sent in batch]
        answers += zip(batch, intake.take(receipts), strict=True)
    with pool.connection() as connection:
        ids = [row[0] for row in connection.execute("SELECT order_id FROM hub.orders").fetchall()]
        documents = [stored.document for stored in read(connection, ids).values()]
        digest = ledger_digest(connection, adapters, SEAL).digest
    folded = [(document, fold(document)) for document in documents]
    return Ledger(pool, answers, {str(o.reference("rail", "order")): (d, o) for d, o in folded}, digest)


@pytest.fixture(params=CHANNELS)
def liar(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass(frozen=True)
class Trial:
    """The same day with and without the liar; the ledger that is left standing is the one with."""

    liar: str
    alone: Ledger
    together: Ledger
    messages: list[Sent]


@pytest.fixture
def trial(pool: Pool, liar: str) -> Trial:
    lies = Liar(liar, honest_orders(liar), DAY, seed=11).messages()
    messages = among(honest(liar), lies, f"{liar} 11")
    alone = play(pool, list(honest(liar)))
    return Trial(liar, alone, play(pool, messages), messages)


def test_the_hub_stays_right(trial: Trial) -> None:
    """one ledger, every question: building it is what takes time"""
    nothing_is_dropped(trial)
    standing_checks_are_empty(trial)
    honest_words_stand(trial)
    untouched_orders_are_the_same(trial)
    no_seat_is_held_twice(trial)
    money_is_conserved(trial)
    the_same_log_gives_the_same_ledger(trial)


def nothing_is_dropped(trial: Trial) -> None:
    """Every hostile message is on the ledger or refused with a code of the catalogue; every honest one as before."""
    before = {sent.message_id: answer.outcome for sent, answer in trial.alone.answers}
    for sent, answer in trial.together.answers:
        if sent.lie:
            assert answer.outcome in {"applied", "witnessed", "disputed", "duplicate", "refused"}, sent.lie
            if answer.outcome == "refused":
                assert answer.body["code"] in catalogue(), f"{sent.lie}: {answer.body}"
                assert answer.body["code"] not in OURS, f"{sent.lie}: {answer.body}"
        elif answer.outcome == "refused" and before[sent.message_id] != "refused":
            assert answer.body["code"] in BEATEN, answer.body
    heard = {sent.lie for sent, answer in trial.together.answers if sent.lie and answer.outcome != "refused"}
    assert heard >= {"wrong amounts", "stolen seats", "others' orders", "another mind"}, (
        "the lies must be worth the test"
    )
    refused = {a.body["code"] for sent, a in trial.together.answers if sent.lie and a.outcome == "refused"}
    assert "message_id_reused" in refused


def standing_checks_are_empty(trial: Trial) -> None:
    with trial.together.pool.connection() as connection:
        assert ledger_complaints(connection) == []


def honest_words_stand(trial: Trial) -> None:
    """What the honest channels said of each order is there, word for word, as far as their asks were granted."""
    beaten = {f"{sent.channel}/{sent.message_id}" for sent, a in trial.together.answers if a.outcome == "refused"}
    nothing = Document(order_id=uuid4())
    for number, (document, _) in trial.alone.orders.items():
        now, _ = trial.together.orders.get(number, (nothing, None))
        for identity, statements in document.facts.items():
            for witness, statement in statements.items():
                if witness == "hub":  # its own words on seats follow who came first
                    continue
                told = now.facts.get(identity, {}).get(witness)
                if told is None:
                    assert statement.message in beaten, f"{number}: {identity} by {witness} is lost"
                else:
                    assert told.says == statement.says, f"{number}: {identity} by {witness} became {told.says}"


def untouched_orders_are_the_same(trial: Trial) -> None:
    """An honest order differs only where the liar spoke of it or wanted its seat; then a dispute has a name for it,
    or the difference is a fact that the liar alone attests."""
    for number, (document, order) in trial.alone.orders.items():
        if number not in trial.together.orders:
            continue
        other, now = trial.together.orders[number]
        if content(now) == content(order):
            continue
        named = {d.dispute_id for d in now.disputes} - {d.dispute_id for d in order.disputes}
        alone = [i for i, who in other.facts.items() if set(who) == {trial.liar} and i not in document.facts]
        assert named or alone, f"{number} differs, and nothing says why: {content(now)} {content(order)}"
        for ticket in order.tickets:
            told = now.ticket(ticket.ticket_no)
            assert told is not None, f"{number} lost {ticket.ticket_no}"
            if (told.fare_gross, told.seat) != (ticket.fare_gross, ticket.seat):
                assert any(ticket.ticket_no in name for name in named), (
                    f"{number}: a value changed without a dispute: {ticket} became {told}"
                )


def content(order: Order) -> dict[str, Any]:
    return {key: value for key, value in order_content(order).items() if key != "references"}


def no_seat_is_held_twice(trial: Trial) -> None:
    """By the folded orders themselves, not by the table of seats: valid tickets on one seat have no leg in common."""
    known = Timetable()
    orders = [order for _, order in trial.together.orders.values()]
    with trial.together.pool.connection() as connection:
        known.learn(connection, (t.leg for order in orders for t in order.tickets if t.leg is not None))
    held: dict[tuple[Any, ...], tuple[int, str]] = {}
    for order in orders:
        for number, place in wanted(order, known).items():
            *seat, legs = place
            taken, holder = held.get(tuple(seat), (0, ""))
            assert not taken & legs, f"{number} and {holder} both hold {seat}"
            held[tuple(seat)] = (taken | legs, number)


def money_is_conserved(trial: Trial) -> None:
    with trial.together.pool.connection() as connection:
        rows = connection.execute(
            """SELECT p.line->>2, sum((p.line->>1)::bigint)
               FROM hub.events e, jsonb_array_elements(e.postings) AS p (line) GROUP BY 1"""
        ).fetchall()
    assert [(currency, int(total)) for currency, total in rows] == [("CNY", 0)]


def the_same_log_gives_the_same_ledger(trial: Trial) -> None:
    """Again from empty, seven messages in a transaction instead of twenty."""
    again = play(trial.together.pool, trial.messages, at_once=7)
    for (sent, first), (_, second) in zip(trial.together.answers, again.answers, strict=True):
        assert second.outcome == first.outcome, f"{sent.message_id} ({sent.lie}): {first.body} became {second.body}"
    for number, (_, order) in trial.together.orders.items():
        assert content(again.orders[number][1]) == content(order), number
    assert again.digest == trial.together.digest
