"""Order of arrival does not matter: all journeys at once through the real hub, shuffled, repeated, split and mixed.

Asks are told here: what a rule refuses depends on what it knows when it is asked, and that is what asks are for. The
seats of journeys are on no train of the timetable, because who wins a seat is the one thing that arrival decides.
"""

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.intake import Intake, Receipt
from hub.intake.own_voice import OwnVoice, spoken
from hub.store import checks
from interlock.wiring import new_id
from schemas.observation import Observation
from tests.hub.railway import Railway
from tests.schemas.replaying import journeys

CHANNELS = sorted({step["channel"] for story in journeys().values() for step in story["steps"]})
VOICES = {name: OwnVoice(name, name, name) for name in CHANNELS}


def messages() -> list[tuple[str, str, bytes]]:
    """(channel, message id, bytes) of every step of every journey, in the order of the stories."""
    return [told(step) for story in journeys().values() for step in story["steps"] if step["outcome"] != "refused"]


def told(step: dict[str, Any]) -> tuple[str, str, bytes]:
    body = {**step["observation"], "mode": "tell"}
    return step["channel"], step["message"], spoken(Observation.model_validate_json(json.dumps(body)))


def digest_of(railway: Railway) -> str:
    with railway.pool.connection() as connection:
        assert checks.ledger_complaints(connection) == []
        return checks.ledger_digest(connection, VOICES, railway.seal).digest


def emptied(railway: Railway) -> None:
    with railway.pool.connection() as connection:
        connection.execute(
            "TRUNCATE hub.messages, hub.repeats, hub.rejections, hub.orders, hub.refs, hub.tickets, hub.seats,"
            " hub.events, hub.disputes, hub.aliases"
        )


def receipts(railway: Railway, sent: Sequence[tuple[str, str, bytes]]) -> list[Receipt]:
    return [Receipt(channel, message_id, raw, "http", railway.clock()) for channel, message_id, raw in sent]


def in_batches(items: list[Receipt], chance: random.Random) -> Iterator[list[Receipt]]:
    """Everything, in batches of one to forty."""
    place = 0
    while place < len(items):
        size = chance.randint(1, 40)
        yield items[place : place + size]
        place += size


@pytest.fixture
def intake(railway: Railway) -> Intake:
    return Intake(railway.pool, VOICES, railway.seal, new_id)


@pytest.fixture
def in_order(railway: Railway, intake: Intake) -> str:
    """The digest when everything comes once, in the order in which it happened."""
    for receipt in receipts(railway, messages()):
        assert intake.take([receipt])[0].status == 200
    return digest_of(railway)


def test_every_permutation_repetition_and_split_ends_the_same(railway: Railway, intake: Intake, in_order: str) -> None:
    sent = messages()
    for seed in range(4):
        chance = random.Random(seed)
        shuffled = receipts(railway, [*sent, *chance.choices(sent, k=len(sent) // 2)])
        chance.shuffle(shuffled)
        emptied(railway)
        answers = [answer for batch in in_batches(shuffled, chance) for answer in intake.take(batch)]
        assert {answer.status for answer in answers} == {200}, f"seed {seed}"
        assert sum(answer.repeated for answer in answers) == len(answers) - len({(c, m) for c, m, _ in sent})
        assert digest_of(railway) == in_order, f"seed {seed}"


def test_eight_senders_at_once_end_the_same(railway: Railway, intake: Intake, in_order: str) -> None:
    """Every message is sent by two of eight threads at some moment; batches overlap and collide."""
    sent = messages()
    for seed in range(2):
        chance = random.Random(seed)
        queues: list[list[Receipt]] = [[] for _ in range(8)]
        for receipt in receipts(railway, sent):
            for queue in chance.sample(queues, 2):
                queue.append(receipt)
        for queue in queues:
            chance.shuffle(queue)
        emptied(railway)
        work = [list(in_batches(queue, chance)) for queue in queues]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda batches: [a for batch in batches for a in intake.take(batch)], work))
        assert {answer.status for part in answers for answer in part} == {200}, f"seed {seed}"
        assert digest_of(railway) == in_order, f"seed {seed}"


def test_an_order_told_from_its_end_is_complete_when_its_beginning_came(railway: Railway, intake: Intake) -> None:
    backwards = receipts(railway, messages())[::-1]
    answers = intake.take(backwards)
    assert any(not answer.body["complete"] for answer in answers), "nothing here began in the middle"
    with railway.pool.connection() as connection:
        left = connection.execute("SELECT order_no FROM hub.orders WHERE NOT complete").fetchall()
        whole = connection.execute("SELECT count(*) FROM hub.orders WHERE complete").fetchone()
    assert whole is not None
    assert whole[0] > 30
    assert [number for (number,) in left] == []
