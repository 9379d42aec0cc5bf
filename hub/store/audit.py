"""The audit chain: each row's hash covers the row before it, so that a removed or changed row is seen.

hash(n) = HMAC-SHA-256(audit key, hash(n-1) + canonical JSON of row n).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

_LOCK = 0x617564697400  # "audit": one writer at a time, or two rows would follow the same one


class Audit:
    """Writes and verifies the chain under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def record(
        self,
        connection: Connection[TupleRow],
        at: datetime,
        actor: str,
        action: str,
        subject: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Append one act. ``detail`` must be free of secrets and personal data."""
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        last = connection.execute("SELECT position, hash FROM hub.audit ORDER BY position DESC LIMIT 1").fetchone()
        position, before = (last[0] + 1, bytes(last[1])) if last else (1, b"")
        connection.execute(
            "INSERT INTO hub.audit (position, at, actor, action, subject, detail, hash) VALUES (%s,%s,%s,%s,%s,%s,%s)",
            (
                position,
                at,
                actor,
                action,
                subject,
                Jsonb(dict(detail or {})),
                self._hash(before, position, at, actor, action, subject, dict(detail or {})),
            ),
        )

    def verify(self, connection: Connection[TupleRow]) -> tuple[int, int | None]:
        """(rows checked, position of the first row that does not fit or None)."""
        before = b""
        count = 0
        rows = connection.execute(
            "SELECT position, at, actor, action, subject, detail, hash FROM hub.audit ORDER BY position"
        )
        for position, at, actor, action, subject, detail, stored in rows:
            expected = self._hash(before, position, at, actor, action, subject, detail)
            if position != count + 1 or not hmac.compare_digest(expected, bytes(stored)):
                return count, position
            before = expected
            count += 1
        return count, None

    def _hash(
        self, before: bytes, position: int, at: datetime, actor: str, action: str, subject: str, detail: dict[str, Any]
    ) -> bytes:
        row = [position, at.timestamp(), actor, action, subject, detail]
        return hmac.digest(self._key, before + json.dumps(row, sort_keys=True).encode(), hashlib.sha256)
