"""How far a run has come, for whoever waits for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["gather", "prepare", "match", "later", "explain", "persist", "resolve", "finished"]

WHOLE_DAY = "*"


@dataclass(frozen=True, slots=True)
class Moment:
    """One look at a run. ``definition`` is ``*`` for what concerns all pairs; rows are those of both sides."""

    definition: str
    stage: Stage
    pieces_done: int = 0
    pieces_total: int = 0
    rows_done: int = 0
    rows_total: int = 0


Progress = Callable[[Moment], None]


def silent(moment: Moment) -> None:
    """Nobody looks."""
