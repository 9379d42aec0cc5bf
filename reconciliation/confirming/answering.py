"""A channel's answers to the figures of a date, row by row. The same again changes nothing; the latest one counts.

An answer names the version of the figures that it is given to: who answers to figures that have changed since is told
so, and asked again. Late answers are taken and marked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from hub.store.settled import known_orders
from reconciliation.confirming.drawing import COMPONENTS

Said = Literal["accord", "difference"]
Amount = Annotated[int, Field(ge=-(2**53), le=2**53)]

OUTCOMES: Mapping[str, tuple[str, str]] = {
    "recorded": ("已记录", "recorded"),
    "replaced": ("已记录，取代先前的答复", "recorded; it replaces an earlier answer"),
    "repeated": ("先前已有同样的答复", "this very answer was given before"),
    "order_unknown": ("没有此订单，或非贵方订单", "no such order is known as one of yours"),
    "not_of_this_date": ("该订单在此营业日没有款项", "this order has no money on this business date"),
    "figures_changed": (
        "账面数据已变化，请重新取数后答复",
        "the figures have changed since; fetch them and answer again",
    ),
    "nothing_differs": ("所报金额与账面一致，请答复相符", "the amounts given are the hub's own; answer accord"),
    "answered_twice": ("同一订单在本次请求中出现两次", "the same order stands twice in this request"),
}
"""outcome -> (Chinese, English)."""


class Theirs(BaseModel):
    """The party's own figures, minor units, for the components that differ."""

    model_config = ConfigDict(extra="forbid")

    fare: Amount | None = None
    refund: Amount | None = None
    fee: Amount | None = None
    commission: Amount | None = None


class Answer(BaseModel):
    """One order's answer. ``version`` is the one that the figures carried; ``theirs`` is needed for a difference."""

    model_config = ConfigDict(extra="forbid")

    order_no: Annotated[str, Field(min_length=1, max_length=64)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    version: Annotated[str, Field(pattern=r"^([0-9a-f]{16}|nothing)$")]
    answer: Said
    theirs: Theirs | None = None
    note: Annotated[str, Field(max_length=500)] | None = None

    @property
    def figures(self) -> dict[str, int] | None:
        """What they say, component by component; None for an accord."""
        return self.theirs.model_dump(exclude_none=True) if self.answer == "difference" and self.theirs else None


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one answer."""

    order_no: str
    currency: str
    outcome: str
    late: bool = False

    def to_json(self) -> dict[str, Any]:
        zh, en = OUTCOMES[self.outcome]
        told = {"order_no": self.order_no, "currency": self.currency, "outcome": self.outcome, "zh": zh, "en": en}
        return told | ({"late": True} if self.late else {})


def answer(
    connection: Connection[TupleRow], channel: str, day: date, answers: Sequence[Answer], person: str, now: datetime
) -> list[Answered]:
    """Take the answers of a channel to a date, in the caller's transaction; one outcome per answer, in their order."""
    numbers = sorted({a.order_no for a in answers})
    with connection.cursor(row_factory=dict_row) as cursor:
        asked = cursor.execute(_ASKED, {"channel": channel, "day": day, "numbers": numbers}).fetchall()
    known = {(row["order_no"], row["currency"]): row for row in asked}
    strangers = [number for number in numbers if number not in {row["order_no"] for row in asked}]
    ours = known_orders(connection, channel, strangers) if strangers else set()
    done: list[Answered] = []
    kept: list[dict[str, Any]] = []
    seen: set[tuple[str, str]] = set()
    for said in answers:
        key = (said.order_no, said.currency)
        row = known.get(key)
        outcome = "answered_twice" if key in seen else _outcome(said, row, ours)
        seen.add(key)
        late = row is not None and now > row["due_at"]
        done.append(Answered(*key, outcome, late and outcome in {"recorded", "replaced"}))
        if outcome in {"recorded", "replaced"}:
            kept.append(_values(channel, day, said, person, now, late))
    if kept:
        with connection.cursor() as cursor:
            cursor.executemany(_KEEP, kept)
            cursor.executemany(_HISTORY, kept)
    return done


def _outcome(said: Answer, row: Mapping[str, Any] | None, ours: set[str]) -> str:
    if row is None:
        return "not_of_this_date" if said.order_no in ours else "order_unknown"
    if said.version != row["version"]:
        return "figures_changed"
    theirs = said.figures
    if said.answer == "difference" and all((theirs or {}).get(name) in (None, row[name]) for name in COMPONENTS):
        return "nothing_differs"
    if row["answer"] is None:
        return "recorded"
    same = (row["answer"], row["theirs"], row["note"], row["answered_to"]) == (
        said.answer, theirs, said.note, said.version,
    )  # fmt: skip
    return "repeated" if same else "replaced"


def _values(channel: str, day: date, said: Answer, person: str, now: datetime, late: bool) -> dict[str, Any]:
    return {
        "channel": channel,
        "day": day,
        "number": said.order_no,
        "currency": said.currency,
        "version": said.version,
        "answer": said.answer,
        "theirs": Jsonb(said.figures) if said.figures is not None else None,
        "note": said.note,
        "person": person,
        "now": now,
        "late": late,
    }


_ASKED: LiteralString = """
SELECT c.*, d.due_at FROM recon.confirmations c JOIN recon.confirmation_days d USING (channel, business_date)
WHERE c.channel = %(channel)s AND c.business_date = %(day)s AND c.order_no = ANY(%(numbers)s)
ORDER BY c.order_no, c.currency FOR UPDATE OF c
"""

_KEEP: LiteralString = """
UPDATE recon.confirmations SET answer = %(answer)s, theirs = %(theirs)s, note = %(note)s, answered_to = %(version)s,
       answered_by = %(person)s, answered_at = %(now)s, late = %(late)s
WHERE channel = %(channel)s AND business_date = %(day)s AND order_no = %(number)s AND currency = %(currency)s
"""

_HISTORY: LiteralString = """
INSERT INTO recon.confirmation_answers (channel, business_date, order_no, currency, answered_to, answer, theirs, note,
                                        answered_by, answered_at, late)
VALUES (%(channel)s, %(day)s, %(number)s, %(currency)s, %(version)s, %(answer)s, %(theirs)s, %(note)s, %(person)s,
        %(now)s, %(late)s)
"""
