"""Messages that cannot be opened any more, because somebody whom they name was erased: what stays of what they said."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.store import subjects
from hub.store.seal import Seal
from schemas.model import SCHEMA_VERSION
from schemas.observation import Observation
from schemas.upcasting import upcast

Key = tuple[str, str]
"""(channel, message id)."""


class Opened(NamedTuple):
    """``raw`` as it came, or None and what was ``remembered``; neither for one whose adapter had not understood it."""

    raw: bytes | None
    remembered: Observation | None


def opened(connection: Connection[TupleRow], seal: Seal, messages: Sequence[tuple[str, str, bytes]]) -> list[Opened]:
    """These messages (channel, message id, sealed bytes) as far as they can be read; two queries for any number."""
    raws = subjects.opened_raw(connection, seal, [raw for _, _, raw in messages])
    gone = [(channel, message_id) for (channel, message_id, _), raw in zip(messages, raws, strict=True) if raw is None]
    kept = of(connection, gone)
    return [
        Opened(raw, kept.get((channel, message_id)))
        for (channel, message_id, _), raw in zip(messages, raws, strict=True)
    ]


def of(connection: Connection[TupleRow], keys: Sequence[Key]) -> dict[Key, Observation]:
    """What these messages had said, people by their sealed texts."""
    if not keys:
        return {}
    rows = connection.execute(
        """SELECT channel, message_id, observation::text, contract FROM hub.erased_messages
           JOIN unnest(%s::text[], %s::text[]) AS k (channel, message_id) USING (channel, message_id)""",
        ([channel for channel, _ in keys], [message_id for _, message_id in keys]),
    )
    return {(channel, message_id): _read(text, contract) for channel, message_id, text, contract in rows}


def keep(connection: Connection[TupleRow], rows: Sequence[tuple[str, str, Observation]]) -> None:
    """Remember what these messages said; ``Observation`` with everything personal sealed."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO hub.erased_messages (channel, message_id, observation, contract)
               VALUES (%s, %s, %s::jsonb, %s) ON CONFLICT DO NOTHING""",
            [(channel, message_id, said.model_dump_json(), SCHEMA_VERSION) for channel, message_id, said in rows],
        )


def _read(text: str, written: str) -> Observation:
    if written == SCHEMA_VERSION:
        return Observation.model_validate_json(text)
    return Observation.model_validate_json(json.dumps(upcast(json.loads(text), written)))
