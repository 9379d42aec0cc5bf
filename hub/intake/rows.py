"""What became of the rows of one file: counted by outcome, the refused ones listed with their place and reason.

A file is accepted when its totals fit; a row of it may be refused all the same. Nobody reads an answer to it, so the
receipt and the operators' page must say it.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hub.intake.answers import Answer
from hub.ports import Part
from schemas.problems import Pointer, Problem, problem

SHOWN_MAX = 100


@dataclass(slots=True)
class Rows:
    """The rows of one file so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    refused: list[dict[str, str]] = field(default_factory=list)

    def add(self, part: Part, answer: Answer) -> None:
        """One row's answer. Native values stay out: they may be personal, and the sender has the file."""
        self.outcomes[answer.outcome] += 1
        if answer.outcome != "refused" or len(self.refused) >= SHOWN_MAX:
            return
        first: dict[str, str] = next(iter(answer.body.get("pointers") or ()), {})
        self.refused.append(
            {
                "place": part.place,
                "message_id": str(answer.body.get("message_id", part.message_id)),
                "code": str(answer.body.get("code", "")),
                "detail": str(answer.body.get("detail", "")),
                "pointer": str(first.get("pointer", "")),
                "expected": str(first.get("expected", "")),
            }
        )

    @property
    def problem(self) -> Problem | None:
        """``rows_refused`` with a pointer for each row; None when all rows were taken."""
        count = self.outcomes["refused"]
        if not count:
            return None
        pointers = tuple(
            Pointer(
                pointer=f"{row['place']}: {row['pointer']}"[:200],
                expected=row["expected"],
                found=f"{row['code']}: {row['detail']}",
            )
            for row in self.refused
        )
        total = sum(self.outcomes.values())
        return problem("rows_refused", f"{count} of {total} transactions were refused, the others are taken.", pointers)

    def receipt(self) -> dict[str, Any]:
        """The part of the sender's receipt that is about rows."""
        said: dict[str, Any] = {"rows": dict(sorted(self.outcomes.items()))}
        return said | ({"refused": self.refused} if self.refused else {})
