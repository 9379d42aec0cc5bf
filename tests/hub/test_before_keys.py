"""A ledger of before people had keys: it is read as ever, goes on, and says what erasing does not reach."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake import Intake
from hub.store import orders, subjects
from hub.store.checks import ledger_complaints
from interlock.rotating import sealed_before
from interlock.wiring import new_id
from schemas.facts import TicketIssued
from schemas.model import altered
from schemas.personal import ERASED, masked_number
from tests.hub.railway import Railway, content, observation, passenger, sale
from tests.hub.test_erasing import ADAPTERS, digest, erase, readable, shown

MIGRATION = importlib.import_module("interlock.migrations.versions.0007_subjects")
FIELD_KEY = b"f" * 32  # of the small railway's seal
_TODAY = re.compile(r"sealed:2:[0-9a-f]{32}:[A-Za-z0-9_=-]+")


def sealed_as_before(clear: bytes, once: str = "") -> bytes:
    """``once``: what was sealed once and stands in several places."""
    nonce = hashlib.sha256(once.encode()).digest()[:12] if once else os.urandom(12)
    return nonce + AESGCM(FIELD_KEY).encrypt(nonce, clear, None)


def turn_back(railway: Railway) -> Railway:
    """Write the ledger as the release before wrote it: names clear, numbers under the field key, with their index.

    The same hub, in a process that has just begun.
    """
    with railway.pool.connection() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")  # past the append-only triggers
        keys = _every_key(connection, railway)
        for table, key, column in (("orders", "order_id", "document"), ("events", "position", "statements")):
            for identity, text in connection.execute(
                f"SELECT {key}, {column}::text FROM hub.{table}".encode()
            ).fetchall():
                before = _as_before(railway, text, keys)
                connection.execute(
                    f"UPDATE hub.{table} SET {column} = %s::jsonb WHERE {key} = %s".encode(), (before, identity)
                )
        rows = connection.execute("SELECT position, raw FROM hub.messages").fetchall()
        for (position, _), raw in zip(
            rows, subjects.opened_raw(connection, railway.seal, [bytes(r) for _, r in rows]), strict=True
        ):
            assert raw is not None
            connection.execute(
                "UPDATE hub.messages SET raw = %s WHERE position = %s", (sealed_as_before(raw), position)
            )
        people = {
            f"passport|{subject.hex}": blind
            for subject, blind in connection.execute("SELECT subject, blind FROM hub.subjects").fetchall()
        }
        for document, blind in people.items():
            connection.execute("UPDATE hub.tickets SET document = %s WHERE document = %s", (blind, document))
        connection.execute("TRUNCATE hub.subjects, hub.mentions")
        connection.execute(MIGRATION.PEOPLE_OF_BEFORE.encode())
    return replace(railway, intake=Intake(railway.pool, ADAPTERS, railway.seal, new_id))


def _every_key(connection: Connection[TupleRow], railway: Railway) -> dict[str, Any]:
    every = [subject.hex for (subject,) in connection.execute("SELECT subject FROM hub.subjects").fetchall()]
    return dict(subjects.keys_of(connection, railway.seal, every))


def _as_before(railway: Railway, text: str, keys: dict[str, Any]) -> str:
    convert = subjects.opening(railway.seal, keys)

    def number(found: re.Match[str]) -> str:
        clear = convert(found[0])
        cipher = base64.urlsafe_b64encode(sealed_as_before(clear.encode(), found[0])).decode()
        return f"sealed:1:{railway.seal.blind(clear)}:{masked_number(clear)}:{cipher}"

    def name(found: re.Match[str]) -> str:
        return f'"name": {json.dumps(convert(found[1]), ensure_ascii=False)}'

    return _TODAY.sub(number, re.sub(rf'"name": ?"({_TODAY.pattern})"', name, text))


def test_an_order_of_before_is_read_and_goes_on(railway: Railway) -> None:
    now, person = railway.clock(), passenger(91)
    railway.tell("north", "m-1", sale("EW00000091", "north", now))
    told, before = digest(railway), shown(railway, "EW00000091")
    railway = turn_back(railway)
    assert digest(railway) == told
    assert shown(railway, "EW00000091") == before
    assert readable(railway) == {"m-1": True}
    with railway.pool.connection() as connection:
        assert sealed_before(connection) == 1
    # A second witness tells the same sale today: one passenger, not two, and he is found under one index.
    railway.tell("south", "s-1", sale("EW00000091", "south", now))
    again = content("EW00000092", "south", seat="7A")
    later = TicketIssued(occurred_at=now, ticket=altered(again, {"passenger": person}))
    railway.tell("south", "s-2", observation("EW00000092", "south", [later], now))
    order = shown(railway, "EW00000091")
    assert [(p.name, p.document.number) for p in order.passengers] == [(person.name, person.document.number)]
    with railway.pool.connection() as connection:
        assert ledger_complaints(connection) == []
        assert len(orders.of_person(connection, 9, phone=railway.seal.blind(str(person.phone)))) == 2
        documents = connection.execute("SELECT count(DISTINCT document) FROM hub.tickets").fetchone()
    assert documents == (1,), "two journeys of one person are compared, old and new"


def test_erasing_says_what_it_does_not_reach(railway: Railway) -> None:
    now, person = railway.clock(), passenger(93)
    railway.tell("north", "m-1", sale("EW00000093", "north", now))
    railway = turn_back(railway)
    again = content("EW00000094", "south", seat="7A")
    later = TicketIssued(occurred_at=now, ticket=altered(again, {"passenger": person}))
    railway.tell("south", "s-1", observation("EW00000094", "south", [later], now))
    railway.clock.advance(timedelta(days=10))
    extent = erase(railway, person, "asked for")
    assert (extent.orders, extent.before) == (("EW00000093", "EW00000094"), ("EW00000093",))
    assert readable(railway) == {"m-1": True, "s-1": False}
    assert shown(railway, "EW00000094").passengers[0].name == ERASED
    assert shown(railway, "EW00000093").passengers[0].name == person.name
    with railway.pool.connection() as connection:
        assert connection.execute("SELECT DISTINCT document, phone FROM hub.tickets").fetchall() == [(None, None)]
