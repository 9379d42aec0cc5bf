"""What decides the meaning of a difference beside its own two rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from reconciliation.breaks.values import Accepted
from reconciliation.matching.tables import PairSide


@dataclass(frozen=True, slots=True)
class Around:
    """Inputs of an explanation, all of them part of the run's identity.

    ``hub``: files of the hub's dataset, for the order of a payment; ``claims``: files of the channels' datasets, for
    payments that some channel itself states; ``accepted``: differences accepted before; ``waits_from``: (side, date the
    row belongs to) -> first microsecond from which a one-sided row may still clear, None when it is a break by now.
    """

    hub: Sequence[Path] = ()
    claims: Sequence[Path] = ()
    accepted: Accepted = frozenset()
    waits_from: Mapping[tuple[PairSide, date], int | None] = field(default_factory=dict)
