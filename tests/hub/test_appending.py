"""Columns in PostgreSQL's binary form say what psycopg's own parameters would, and large batches get through."""

import asyncio
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from hub.intake import Answer, Intake, Receipt
from hub.intake.batcher import MicroBatcher
from hub.store.appending import (
    BOOL,
    BYTEA,
    CODE,
    DATE,
    INT4,
    INT8,
    JSONB,
    REAL,
    TEXT,
    TIMESTAMPTZ,
    UUIDS,
    Kind,
    packed,
)
from interlock.database import Pool
from tests.hub.railway import Railway, sale

_VALUES: dict[str, tuple[Kind, list[Any]]] = {
    "text": (TEXT, ["", "12A", "测试乘客", "a\tb\\c{,}\"'", "𠀀", "x" * 10_000]),
    "code": (CODE, ["applied", "web", "applied"]),
    "bytea": (BYTEA, [b"", b"\x00\xff\\x", bytes(range(256))]),
    "uuid": (UUIDS, [uuid.UUID(int=0), uuid.UUID(int=1), uuid.UUID(int=2**128 - 1)]),
    "int4": (INT4, [0, -1, 2**31 - 1, -(2**31)]),
    "int8": (INT8, [0, -1, 2**63 - 1, -(2**63)]),
    "real": (REAL, [0.0, -1.5, 2.0**-100, float("inf")]),
    "bool": (BOOL, [True, False]),
    "date": (DATE, [date.min, date(1999, 12, 31), date(2000, 1, 1), date(2024, 2, 29), date.max]),
    "timestamptz": (
        TIMESTAMPTZ,
        [
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2000, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        ],
    ),
}


@pytest.mark.parametrize("kind", _VALUES)
def test_postgresql_reads_the_values_that_were_packed(pool: Pool, kind: str) -> None:
    of, values = _VALUES[kind]
    for said in ([], [None], values, [None, *values, None]):
        with pool.connection() as connection:
            read = connection.execute("SELECT * FROM unnest(%s)", (packed(of, said),), binary=True).fetchall()
        assert [value for (value,) in read] == said


def test_json_is_read_as_json_and_a_time_by_its_zone(pool: Pool) -> None:
    at = datetime.fromisoformat("2026-03-12T08:00:00.000001+08:00")
    with pool.connection() as connection:
        texts, times = packed(JSONB, ['{"a": ["测", null]}', None]), packed(TIMESTAMPTZ, [at])
        assert connection.execute("SELECT * FROM unnest(%s)", (texts,)).fetchall() == [({"a": ["测", None]},), (None,)]
        assert connection.execute("SELECT * FROM unnest(%s)", (times,)).fetchall() == [(at,)]
        columns = (packed(UUIDS, [uuid.UUID(int=1)]), packed(DATE, [date(1999, 12, 31)]))
        assert connection.execute("SELECT * FROM unnest(%s, %s)", columns).fetchall() == [
            (uuid.UUID(int=1), date(1999, 12, 31))
        ]


def test_a_batch_of_more_than_a_socket_holds_is_committed(railway: Railway) -> None:
    """1.3 MB in one transaction: what the end of a pipeline does not send, it would wait for, for ever."""
    at = railway.clock()
    receipts = []
    for number in range(64):
        told = railway.receipt("north", f"m-{number}", sale(f"EN{number:08d}", "north", at, seat=f"{number + 1}A"))
        receipts.append(Receipt("north", told.message_id, told.raw + b" " * 20_000, "bulk", at))
    taken: list[Answer] = []
    work = threading.Thread(target=lambda: taken.extend(railway.intake.take(receipts)), daemon=True)
    work.start()
    work.join(60)
    assert [answer.outcome for answer in taken] == ["applied"] * 64


class _Gate:
    """The intake behind a gate that lets one batch through at a time, with the sizes of the batches."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.batches: list[int] = []
        self.open = threading.Semaphore(0)

    def take(self, receipts: list[Receipt]) -> list[Answer]:
        self.batches.append(len(receipts))
        self.open.acquire()
        return self._intake.take(receipts)


def test_while_one_transaction_is_under_way_the_next_waits_until_it_is_worth_it(railway: Railway) -> None:
    gate, at = _Gate(railway.intake), railway.clock()

    async def scene() -> list[Answer]:
        async with MicroBatcher(gate, worth=3) as batcher:  # type: ignore[arg-type]  # all it needs of an intake

            def send(number: int) -> asyncio.Task[Answer]:
                told = sale(f"EN{number:08d}", "north", at, seat=f"{number + 1}A")
                return asyncio.create_task(batcher.submit(railway.receipt("north", f"m-{number}", told)))

            sent = [send(0)]
            await _until(lambda: gate.batches == [1])
            sent += [send(1), send(2)]
            await asyncio.sleep(0.05)
            assert gate.batches == [1]
            sent.append(send(3))
            await _until(lambda: gate.batches == [1, 3])
            sent.append(send(4))
            for _ in range(3):
                gate.open.release()
            return await asyncio.gather(*sent)

    answers = asyncio.run(scene())
    assert gate.batches == [1, 3, 1]
    assert [(answer.outcome, answer.body["message_id"]) for answer in answers] == [
        ("applied", f"m-{number}") for number in range(5)
    ]


async def _until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():
            await asyncio.sleep(0.001)
