"""The field key is rotated while two API processes sell: killed in the middle, run again, and the old key forgotten."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime

import psycopg
import pytest
from typer.testing import CliRunner

from hub.store import subjects
from hub.store.keyring import key_id
from interlock.cli.main import app
from interlock.rotating import STEP_ROWS
from interlock.sealing import open_seal
from tests.processes.house import Crowd, House
from tests.processes.traffic import Claim, native

PEOPLE = 3 * STEP_ROWS
FIRST = 3_000_000
DAY = date(2026, 8, 1)


def run(*words: str) -> str:
    """The command, in this process."""
    done = CliRunner().invoke(app, ["keys", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def many_people(house: House) -> None:
    """So many keys that a rotation takes several steps."""
    seal = open_seal(house.settings)
    ids = [uuid.uuid4() for _ in range(PEOPLE)]
    rows = [subjects.SubjectRow(s, f"passport|{s.hex}", subjects.wrapped(seal, s, os.urandom(32))) for s in ids]
    with psycopg.connect(house.database_url) as connection:
        subjects.insert(connection, rows)


def wrapped_under(house: House) -> dict[str, int]:
    with psycopg.connect(house.database_url) as connection:
        rows = connection.execute(
            """SELECT encode(substring(key FROM 1 FOR 4), 'hex'), count(*) FROM hub.subjects
               WHERE key IS NOT NULL GROUP BY 1"""
        ).fetchall()
    return dict(rows)


def killed_in_the_middle(house: House, old: str) -> None:
    """Start a rotation and kill it once some keys are under the new one and some are not."""
    command = [sys.executable, "-m", "interlock", "keys", "rotate"]
    process = subprocess.Popen(command, env=os.environ | house.environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = wrapped_under(house)
            if any(number >= STEP_ROWS for key, number in found.items() if key != old):
                break
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()


async def test_nobody_notices_a_rotation(two_doors: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = two_doors
    for name, value in house.environment.items():
        if name.startswith("INTERLOCK_"):
            monkeypatch.setenv(name, value)
    many_people(house)
    (old,) = (key_id(key).hex() for key in house.settings.field_keys())
    sold: list[int] = []
    stop = asyncio.Event()

    async def sell(door: int) -> Sequence[str]:
        wrong = []
        async with Crowd(house, 2) as crowd:
            number = FIRST + door * 100_000
            while not stop.is_set():
                number += 1
                claim = Claim(number, "web", "tell", f"{number % 90 + 1}A", (0, 63), f"{door + 2:02d}", DAY)
                said = await crowd.say(house.claim(door, claim, native(claim, datetime.now(UTC))))
                sold.append(said.status)
                if said.status != 200:
                    wrong.append(f"{number}: {said.status} {said.body}")
        return wrong

    selling = [asyncio.create_task(sell(door)) for door in range(2)]
    await asyncio.to_thread(killed_in_the_middle, house, old)
    halfway = wrapped_under(house)
    told = json.loads(await asyncio.to_thread(run, "rotate", "--json"))
    assert told["made"] is False, "the rotation that was cut off is ended, not another one begun"
    after = len(sold)
    await asyncio.sleep(0.5)
    assert len(sold) > after, "both go on selling"
    new = told["key"]
    await asyncio.to_thread(run, "forget", old)
    await asyncio.sleep(1.2)
    stop.set()
    wrong = [line for lines in await asyncio.gather(*selling) for line in lines]
    assert wrong == []
    assert halfway.keys() == {old, new}, "it was killed between its first step and its last"
    assert set(wrapped_under(house)) == {new}
    assert [key_id(key).hex() for key in house.settings.field_keys()] == [new]
    listed = json.loads(await asyncio.to_thread(run, "list", "--json"))
    assert [key["key"] for key in listed["keys"]] == [new]
    assert listed["messages_of_before_people_had_keys"] == 0
    seal = open_seal(house.settings)
    with psycopg.connect(house.database_url) as connection:
        rows = connection.execute("SELECT raw FROM hub.messages ORDER BY position DESC LIMIT 2000").fetchall()
        opened = subjects.opened_raw(connection, seal, [bytes(raw) for (raw,) in rows])
        secrets = connection.execute("SELECT secrets FROM hub.channels WHERE channel = 'web'").fetchone()
    assert len(opened) > 10
    assert None not in opened
    assert secrets is not None
    assert seal.open(secrets[0][0]).startswith("whsec_")
