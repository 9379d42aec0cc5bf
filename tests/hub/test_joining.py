"""Orders that turn out to be one: whatever came first, the order is the connected set of what was said of it."""

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from typing import Any, LiteralString
from uuid import UUID

import pytest

from hub.intake import Answer, Intake, Receipt
from hub.intake.own_voice import spoken
from hub.ledger import fold
from hub.store import checks, merging, orders
from interlock.clock import SetClock
from interlock.database import Pool
from interlock.wiring import new_id
from schemas.observation import Observation, ReferenceClaim
from schemas.order import Order
from tests.hub.inbox import open_inbox
from tests.hub.railway import Railway, connect, observation, open_railway, order_id_of, refund, sale
from tests.hub.telling import QUICK, drain, drain_once
from tests.hub.test_any_order import VOICES, digest_of, emptied, in_batches, receipts
from tests.schemas.replaying import journeys

Name = tuple[str, str, str]
NUMBER: Name = ("rail", "order", "EJ00000001")
WISH: Name = ("rail", "waitlist", "W-1")
CART: Name = ("north", "agent_order", "A-1")
CALL: Name = ("phone", "call", "95105105-0001")
MONEY: Name = ("wechat", "payment", "P-1")


def named(told: Observation, *names: Name) -> Observation:
    """The same, said of an order by these names."""
    claims = [ReferenceClaim(system=s, kind=k, value=v) for s, k, v in names]  # type: ignore[arg-type]  # kinds of tests
    return told.model_copy(update={"references": tuple(claims)})


def rows(railway: Railway, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    with railway.pool.connection() as connection:
        return connection.execute(query, values).fetchall()


def order_of(railway: Railway, order_id: UUID) -> Order:
    with railway.pool.connection() as connection:
        return fold(orders.read(connection, [order_id])[order_id].document)


def well(railway: Railway) -> None:
    with railway.pool.connection() as connection:
        assert checks.ledger_complaints(connection) == []


class Story:
    """A sale told under a waitlist's number, its refund told under the order's, and a message that names both."""

    def __init__(self, railway: Railway, number: str = "EJ00000001", seat: str = "12A") -> None:
        now = railway.clock()
        sold = sale(number, "north", now, seat=seat)
        ticket_no = sold.facts[0].ticket.ticket_no  # type: ignore[union-attr]  # an issued ticket
        self.sold = named(sold, WISH)
        self.back = named(refund(number, "south", now + timedelta(hours=1), ticket_no), NUMBER, MONEY)
        paid = observation(number, "east", sold.facts[1:], now)
        self.link = named(paid, NUMBER, WISH)


def test_two_orders_become_one_under_the_elder_id(railway: Railway) -> None:
    story = Story(railway)
    elder = order_id_of(railway.tell("north", "sold", story.sold))
    younger = order_id_of(railway.tell("south", "back", story.back))
    assert elder != younger
    answer = railway.tell("east", "link", story.link)
    assert (answer.outcome, order_id_of(answer)) == ("witnessed", elder)
    assert rows(railway, "SELECT order_id, order_no FROM hub.orders") == [(elder, "EJ00000001")]
    assert {
        row[0] for row in rows(railway, "SELECT order_id FROM hub.refs UNION SELECT order_id FROM hub.tickets")
    } == {elder}
    order = order_of(railway, elder)
    assert (order.complete, order.refund, order.tickets[0].state) == (True, "owed", "refunded")
    assert order_of(railway, younger) == order, "the younger id leads to the same order"
    well(railway)


def test_what_was_said_stays_and_one_event_tells_that_they_are_one(railway: Railway) -> None:
    story = Story(railway)
    elder = order_id_of(railway.tell("north", "sold", story.sold))
    younger = order_id_of(railway.tell("south", "back", story.back))
    railway.tell("east", "link", story.link)
    told = rows(railway, "SELECT order_id, sequence, type, origin FROM hub.events ORDER BY position")
    assert told == [
        (elder, 1, "order.issued", "north"),
        (younger, 1, "order.refunded", "south"),
        (younger, 2, "order.joined", "hub"),
        (elder, 2, "order.joined", "hub"),
        (elder, 3, "order.witnessed", "east"),
    ]
    sums = rows(
        railway,
        """SELECT e.order_id, sum((p.line->>1)::bigint) FILTER (WHERE p.line->>0 = 'refunds_payable')::bigint
           FROM hub.events e, jsonb_array_elements(e.postings) AS p (line) GROUP BY 1 ORDER BY 1""",
    )
    assert sums == [(elder, -52550), (younger, 0)], "the lines moved with the facts"
    with railway.pool.connection() as connection:
        assert merging.family(connection, younger) == [elder, younger]


def test_joining_again_leads_every_older_id_to_the_survivor(railway: Railway) -> None:
    story = Story(railway)
    ids = [
        order_id_of(railway.tell("west", "cart", named(story.back, CART))),
        order_id_of(railway.tell("north", "sold", story.sold)),
        order_id_of(railway.tell("south", "back", story.back)),
    ]
    assert ids == sorted(set(ids))
    railway.tell("east", "link", story.link)
    railway.tell("east", "link-2", named(story.link, NUMBER, CART))
    assert rows(railway, "SELECT order_id FROM hub.orders") == [(ids[0],)]
    assert {order_of(railway, order_id).order_id for order_id in ids} == {ids[0]}
    well(railway)


def test_every_permutation_of_messages_that_share_names_through_one_alone(railway: Railway) -> None:
    story = Story(railway)
    said = [
        ("north", "sold", story.sold),
        ("south", "back", story.back),
        ("east", "link", named(story.link, NUMBER, WISH, CART)),
        ("west", "cart", named(observation("EJ00000001", "west", story.link.facts, railway.clock()), CART)),
    ]
    found = set()
    for order in permutations(said):
        emptied(railway)
        for channel, message, told in order:
            assert railway.tell(channel, message, told).status == 200
        assert len(rows(railway, "SELECT order_id FROM hub.orders")) == 1
        found.add(digest_of(railway))
    for order in list(permutations(said))[::4]:
        emptied(railway)
        railway.intake.take([railway.receipt(*message) for message in order])
        found.add(digest_of(railway))
    assert len(found) == 1


def test_a_channel_is_told_under_both_ids_each_in_its_order(pool: Pool, clock: SetClock) -> None:
    """What waits under the younger id is told after the two were joined, with the order as it is then."""
    railway = open_railway(pool, clock, QUICK)
    with open_inbox() as inbox:
        connect(railway, "centre", inbox.url)
        story = Story(railway)
        elder = order_id_of(railway.tell("north", "sold", story.sold))
        younger = order_id_of(railway.tell("south", "back", story.back))
        inbox.failing = {f"{younger} 1": 500}
        drain_once(railway, "centre")
        railway.tell("east", "link", story.link)
        drain_once(railway, "centre")
        inbox.failing = {}
        drain(railway, "centre")
        for order_id, told in ((elder, ["1", "2"]), (younger, ["1", "2"])):
            assert [body.split()[1] for body in inbox.received if body.startswith(str(order_id))] == told


# --- every journey, torn apart -------------------------------------------------------------------------------------


def torn() -> list[tuple[str, str, bytes]]:
    """Every step of every journey under one of three names of its own; the first step names the order and all three."""
    found = []
    for place, story in enumerate(journeys().values()):
        steps = {step["message"]: step for step in story["steps"] if step["outcome"] != "refused"}
        for number, step in enumerate(steps.values()):
            found.append((step["channel"], step["message"], _torn(step, place, number)))
    return found


def _torn(step: dict[str, Any], place: int, number: int) -> bytes:
    told = Observation.model_validate_json(json.dumps({**step["observation"], "mode": "tell"}))
    names = [("web", kind, f"J{place}-{kind}") for kind in ("order", "agent_order", "waitlist")]
    own = [(claim.system, claim.kind, claim.value) for claim in told.references]
    return spoken(named(told, *own, *names) if number == 0 else named(told, names[number % len(names)]))


@pytest.fixture
def intake(railway: Railway) -> Intake:
    return Intake(railway.pool, VOICES, railway.seal, new_id)


def taken(answers: Sequence[Answer]) -> None:
    assert {answer.status for answer in answers} == {200}


def test_torn_journeys_end_the_same_in_any_order_and_from_eight_senders(railway: Railway, intake: Intake) -> None:
    sent = torn()
    for receipt in receipts(railway, sent):
        taken(intake.take([receipt]))
    whole = digest_of(railway)
    assert rows(railway, "SELECT count(*) FROM hub.aliases") == [(0,)], "the message that joins them came first"
    for seed in range(2):
        chance = random.Random(seed)
        shuffled = receipts(railway, sent)
        chance.shuffle(shuffled)
        emptied(railway)
        for batch in in_batches(shuffled, chance):
            taken(intake.take(batch))
        assert digest_of(railway) == whole, f"seed {seed}"
        assert rows(railway, "SELECT count(*) > 5 FROM hub.aliases") == [(True,)], "nothing was joined"
    emptied(railway)
    with ThreadPoolExecutor(8) as threads:
        for answers in threads.map(
            lambda batches: [a for b in batches for a in intake.take(b)], _queues(railway, sent)
        ):
            taken(answers)
    assert digest_of(railway) == whole


def _queues(railway: Railway, sent: Sequence[tuple[str, str, bytes]]) -> Iterator[list[list[Receipt]]]:
    """Eight queues of batches; every message stands in two of them."""
    chance = random.Random(8)
    queues: list[list[Receipt]] = [[] for _ in range(8)]
    for receipt in receipts(railway, sent):
        for queue in chance.sample(queues, 2):
            queue.append(receipt)
    for queue in queues:
        chance.shuffle(queue)
        yield list(in_batches(queue, chance))


def test_eight_links_at_once_join_once(railway: Railway) -> None:
    for turn in range(5):
        emptied(railway)
        story = Story(railway)
        railway.tell("north", f"sold-{turn}", story.sold)
        railway.tell("south", f"back-{turn}", story.back)
        railway.tell("west", f"cart-{turn}", named(story.back, CART))
        links = [
            railway.receipt(
                "east",
                f"link-{turn}-{n}",
                named(story.link, *((NUMBER, WISH, CART) if n % 2 else (CART, WISH, NUMBER))),
            )
            for n in range(8)
        ]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda link: railway.intake.take([link])[0], links))
        assert len({order_id_of(answer) for answer in answers}) == 1
        assert rows(railway, "SELECT count(*) FROM hub.events WHERE type = 'order.joined'") == [(4,)] or rows(
            railway, "SELECT count(*) FROM hub.events WHERE type = 'order.joined'"
        ) == [(3,)]
        well(railway)


# --- what does not join --------------------------------------------------------------------------------------------


def test_two_railway_numbers_are_never_one_order(railway: Railway) -> None:
    """A mistaken name: the message goes to the order it names first, and a dispute names both."""
    now = railway.clock()
    one = order_id_of(railway.tell("north", "one", named(sale("EJ00000001", "north", now), NUMBER, WISH)))
    other = ("rail", "order", "EJ00000002")
    told = named(sale("EJ00000002", "south", now, seat="12B"), other, WISH)
    answer = railway.tell("south", "two", told)
    two = order_id_of(answer)
    assert (answer.outcome, answer.body["disputes"]) == ("disputed", ["references_clash|rail|waitlist|W-1"])
    assert one != two
    (dispute,) = order_of(railway, two).disputes
    assert [(side.witnesses, side.says) for side in dispute.sides] == [
        (("south",), "rail waitlist W-1 is a name of this order"),
        (("hub",), "rail waitlist W-1 belongs to EJ00000001"),
    ]
    assert [r.value for r in order_of(railway, two).references] == ["EJ00000002"]
    assert rows(railway, "SELECT kind, state FROM hub.disputes") == [("references_clash", "open")]
    well(railway)


def test_a_mistaken_name_has_one_digest_whoever_came_first(railway: Railway) -> None:
    now = railway.clock()
    one = named(sale("EJ00000001", "north", now), NUMBER, WISH)
    two = named(sale("EJ00000002", "south", now, seat="12B"), ("rail", "order", "EJ00000002"), WISH)
    found = set()
    for order in permutations([("north", "one", one), ("south", "two", two)]):
        emptied(railway)
        for message in order:
            railway.tell(*message)
        found.add(digest_of(railway))
    assert len(found) == 1


def test_a_message_with_two_railway_numbers_is_of_the_first(railway: Railway) -> None:
    now = railway.clock()
    other = ("rail", "order", "EJ00000002")
    for order in ((NUMBER, other), (other, NUMBER)):
        emptied(railway)
        told = named(sale("EJ00000001", "north", now), *order)
        assert railway.tell("north", "both", told).body["disputes"] == [f"references_clash|{'|'.join(order[1])}"]
        assert rows(railway, "SELECT system, kind, value FROM hub.refs") == [order[0]]


@pytest.mark.parametrize("shared", [MONEY, CART, CALL])
def test_one_payment_cart_or_call_for_two_orders_joins_nothing(railway: Railway, shared: Name) -> None:
    now = railway.clock()
    one = order_id_of(railway.tell("north", "one", named(sale("EJ00000001", "north", now), NUMBER, shared)))
    told = named(sale("EJ00000002", "north", now, seat="12B"), ("rail", "order", "EJ00000002"), shared)
    two = railway.tell("north", "two", told)
    assert two.outcome == "applied"
    assert order_id_of(two) != one
    assert shared[2] in {r.value for r in order_of(railway, order_id_of(two)).references}
    well(railway)


def test_an_order_without_a_name_is_taken_in_by_who_names_its_payment(railway: Railway) -> None:
    story = Story(railway)
    nameless = order_id_of(railway.tell("east", "paid", named(story.link, MONEY)))
    sold = railway.tell("north", "sold", named(story.sold, NUMBER, MONEY))
    assert order_id_of(sold) == nameless, "nobody had another name for it"
    assert rows(railway, "SELECT order_no FROM hub.orders") == [("EJ00000001",)]


def test_a_refused_ask_joins_nothing(railway: Railway) -> None:
    story = Story(railway)
    railway.tell("north", "sold", story.sold)
    railway.tell("south", "back", story.back)
    before = digest_of(railway)
    asked = named(refund("EJ00000001", "east", railway.clock(), "NOSUCHTICKET"), NUMBER, WISH)
    answer = railway.tell("east", "ask", asked.model_copy(update={"mode": "ask"}))
    assert answer.outcome == "refused"
    assert digest_of(railway) == before
    assert rows(railway, "SELECT count(*) FROM hub.orders") == [(2,)]
    well(railway)


def test_a_ticket_told_in_both_orders_keeps_its_seat(railway: Railway) -> None:
    """Its second telling lost the seat to the first: to itself, as turns out when the two orders are one."""
    now = railway.clock()
    sold = sale("EJ00000001", "north", now)
    railway.tell("north", "wish", named(sold, WISH))
    lost = railway.tell("south", "number", named(sold, NUMBER))
    assert lost.outcome == "disputed"
    railway.tell("east", "link", Story(railway).link)
    (order_id,) = rows(railway, "SELECT order_id FROM hub.orders")[0]
    order = order_of(railway, order_id)
    assert (order.tickets[0].seat_granted, order.disputes) == (True, ())
    assert rows(railway, "SELECT state FROM hub.disputes") in ([], [("withdrawn",)])
    well(railway)
