"""A run and its breaks as rows, put there by hand: for tests of what the tables themselves keep."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from uuid import NAMESPACE_OID, UUID, uuid5

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from tests.reconciliation.house import DAY, at

RUN = "a" * 64


@dataclass
class BreakTable:
    """Writes with the connection it is given; commits nothing."""

    connection: Connection[TupleRow]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.run(RUN)

    def run(self, run_id: str, day: date = DAY, definition: str = "hub-web", state: str = "done") -> str:
        self.connection.execute(
            "INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest, left_digest,"
            " right_digest, context_digest, state, reason, started_at, finished_at, finish_order)"
            " VALUES (%s, %s, %s, '1', 'd', 'l', 'r', 'c', %s, %s, %s, %s, nextval('recon.run_order'))"
            " ON CONFLICT DO NOTHING",
            (run_id, definition, day, state, "why" if state != "done" else None, at("12:00"), at("12:01")),
        )
        return run_id

    def put(self, amount: int, kind: str = "AMOUNT", day: date = DAY, definition: str = "hub-web") -> UUID:
        """An open break."""
        number = next(self.numbers)
        break_id = uuid5(NAMESPACE_OID, f"{definition}{day}{kind}{number}")
        ours = {"kind": "ticket", "state": "issued", "amount": 10000, "currency": "CNY"}
        self.connection.execute(
            "INSERT INTO recon.breaks (break_id, run_id, last_run_id, definition, business_date, kind, key, order_no,"
            " left_value, right_value, amount_at_stake, since, state, opened_at, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, NULL, %s, %s, %s, %s, 'open', %s, %s)",
            (
                break_id, RUN, RUN, definition, day, kind, f"K{number}", Jsonb(ours),
                Jsonb(ours | {"amount": 10000 + amount}), amount, at("09:00"), at("12:00"), at("12:00"),
            ),
        )  # fmt: skip
        return break_id
