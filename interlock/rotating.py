"""Rotation of the field key: what it seals is sealed anew under the newest one, in small steps, while everything runs.

Only keys and secrets are sealed under the field key, in rows that may change. Names, numbers and messages are sealed
under keys of people, and stay as they are. A step is one transaction of at most a thousand rows; killed between two
of them, the next run goes on with what is left, because every sealed value says under which key it is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from hub.store.keyring import ID_BYTES, LOOK_AGAIN_SECONDS
from hub.store.seal import Seal
from schemas.model import SEALED

STEP_ROWS = 1000
UNMARKED = "?"
"""The key of what was sealed before a sealed value said under which it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column that the field key seals. ``bound``: what a value belongs to, made of the row's key; see ``Seal``."""

    table: str
    key: str
    column: str
    kind: str
    bound: Callable[[Any], bytes] | None = None


PLACES: Sequence[Place] = (
    Place("hub.subjects", "subject", "key", "bytes", lambda subject: bytes(subject.bytes)),
    Place("hub.requests", "request", "answer", "bytes", bytes.fromhex),
    Place("hub.channels", "channel", "secrets", "json"),
    Place("hub.channels", "channel", "former_secrets", "json"),
    Place("sso.signing_key", "kid", "private_sealed", "text"),
    Place("sso.identity", "identity_id", "phone_sealed", "text"),
    Place("sso.phone_challenge", "handle_digest", "phone_sealed", "text"),
    Place("sso.totp", "identity_id", "secret_sealed", "text"),
    Place("sso.notice", "notice_id", "phone_sealed", "text"),
    Place("sso.real_name", "identity_id", "name_sealed", "text"),
    Place("sso.real_name", "identity_id", "number_sealed", "text"),
    Place("sso.linked_account", "link_id", "account_sealed", "text"),
    Place("sso.link_proof", "handle_digest", "account_sealed", "text"),
    Place("sso.link_voucher", "code_blind", "account_sealed", "text"),
    Place("sso.joining", "joining_id", "taken_phone_sealed", "text"),
    Place("sso.companion", "companion_id", "name_sealed", "text"),
    Place("sso.companion", "companion_id", "number_sealed", "text"),
    Place("sso.companion", "companion_id", "phone_sealed", "text"),
    Place("sso.interaction", "handle_digest", "parameters", "json"),
)
"""Everything that is sealed under the field key and may change."""


def counts(connection: Connection[TupleRow]) -> dict[str, Counter[str]]:
    """Key id -> table.column -> how many values are sealed under it."""
    found: dict[str, Counter[str]] = {}
    for place in PLACES:
        if place.kind == "bytes":
            source, mark = place.table, f"encode(substring({place.column} FROM 1 FOR {ID_BYTES}), 'hex')"
        else:
            source = (
                f"{place.table}, regexp_matches({place.column}::text, 'sealed:(?:3:([0-9a-f]{{8}}):|1:)', 'g') AS m"
            )
            mark = f"coalesce(m[1], '{UNMARKED}')"
        query = f"SELECT {mark}, count(*) FROM {source} WHERE {place.column} IS NOT NULL GROUP BY 1"
        for key, number in connection.execute(query.encode()):
            found.setdefault(key, Counter())[f"{place.table}.{place.column}"] = number
    return found


def sealed_before(connection: Connection[TupleRow]) -> int:
    """Messages of before there were keys of people. They and their facts stay under the field key of their day."""
    total = 0
    for table, column in (("messages", "raw"), ("rejections", "raw_head")):
        row = connection.execute(
            f"""SELECT count(*) FROM hub.{table} WHERE position < coalesce(
                    (SELECT position FROM hub.{table} WHERE substring({column} FROM 1 FOR 8) = 'sealed:2'::bytea
                     ORDER BY position LIMIT 1), 9223372036854775807)""".encode()
        ).fetchone()
        total += int(row[0]) if row else 0
    return total


def rotate(
    connection: Connection[TupleRow], seal: Seal, told: Callable[[str, int], None] = lambda place, rows: None
) -> int:
    """Seal everything under the newest key; commits after every step. How many values were sealed anew.

    Call it when every process has had time to learn of the new key (``LOOK_AGAIN_SECONDS``): it ends when nothing is
    left under another one.
    """
    total = 0
    for place in PLACES:
        while done := _step(connection, seal, place):
            connection.commit()
            total += done
            told(f"{place.table}.{place.column}", done)
        connection.commit()
    return total


def wait_until_known() -> None:
    """Until every running process seals under the key that was just added."""
    time.sleep(LOOK_AGAIN_SECONDS * 2)


def _step(connection: Connection[TupleRow], seal: Seal, place: Place) -> int:
    """Seal some values anew; 0 when none is left."""
    current = seal.keyring.current().id
    value: bytes | str
    if place.kind == "bytes":
        other, value = f"substring({place.column} FROM 1 FOR {ID_BYTES}) <> %s", current
    else:
        other, value = f"{place.column}::text ~ %s", f"sealed:(?!3:{current.hex()}:)"
    rows = connection.execute(
        f"""SELECT {place.key}, {place.column} FROM {place.table} WHERE {place.column} IS NOT NULL AND {other}
            ORDER BY {place.key} LIMIT {STEP_ROWS} FOR UPDATE""".encode(),
        (value,),
    ).fetchall()
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE {place.table} SET {place.column} = %s WHERE {place.key} = %s".encode(),
            [(_resealed(seal, place, key, sealed), key) for key, sealed in rows],
        )
    return len(rows)


def _resealed(seal: Seal, place: Place, key: Any, value: Any) -> Any:
    if place.kind == "bytes":
        bound = place.bound(key) if place.bound else None
        return seal.seal_bytes(seal.open_bytes(bytes(value), bound), bound)
    return seal.seal(seal.open(value)) if place.kind == "text" else Jsonb(_resealed_in(seal, value))


def _resealed_in(seal: Seal, value: Any) -> Any:
    """Every sealed text in a JSON value."""
    if isinstance(value, list):
        return [_resealed_in(seal, item) for item in value]
    if isinstance(value, dict):
        return {name: _resealed_in(seal, item) for name, item in value.items()}
    return seal.seal(seal.open(value)) if isinstance(value, str) and value.startswith(SEALED) else value
