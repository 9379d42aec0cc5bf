"""The pure part of a message's way on one core: parse, join, fold, format, for every installed channel.

Inputs are the adapters' own golden samples. The floor is what nobody can go below in Python while validating: reading
the same observation's JSON into the contract's model with Pydantic.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from adapters.kit.folding import event_of, order_of
from adapters.kit.golden import pairs
from adapters.kit.registry import Registered, registered
from benchmarks.timing import rate
from hub.ledger import Document, Statement, fold_with_postings, statements_of
from schemas.observation import Observation

ORDER_ID = UUID(int=1)
NOW = datetime(2026, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Row:
    """Messages a CPU second, by step."""

    channel: str
    samples: int
    bytes_mean: int
    floor: float
    parse: float
    join: float
    fold: float
    format: float

    @property
    def whole(self) -> float:
        """Messages a CPU second through parse, join and fold: the pure cost of taking one in."""
        return 1 / (1 / self.parse + 1 / self.join + 1 / self.fold)


def measure() -> list[Row]:
    """One row per channel."""
    return [_channel(found) for found in registered().values()]


def _channel(found: Registered) -> Row:
    adapter = found.adapter
    natives = [p.native.read_bytes() for p in pairs(found.samples) if not p.name.startswith("reject-")]
    observed = [answer for raw in natives if isinstance(answer := adapter.parse(raw), Observation)]
    said = [statements_of(observation, NOW, "benchmark/1") for observation in observed]
    documents = [_joined(adapter.profile.channel, statements) for statements in said]
    told = [(event_of(o, order_of(o), adapter.profile), order_of(o)) for o in observed]
    return Row(
        channel=found.name,
        samples=len(observed),
        bytes_mean=sum(map(len, natives)) // len(natives),
        floor=rate(Observation.model_validate_json, [o.model_dump_json() for o in observed]),
        parse=rate(adapter.parse, natives),
        join=rate(lambda statements: _joined(adapter.profile.channel, statements), said),
        fold=rate(fold_with_postings, documents),
        format=rate(lambda pair: adapter.format(*pair), told),
    )


def _joined(witness: str, statements: list[Statement]) -> Document:
    document, _ = Document(order_id=ORDER_ID).join(witness, statements)
    return document
