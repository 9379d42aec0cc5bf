"""Journeys through the real ledger: every step decided as the hub decides it, and the order afterwards in short.

python -m tests.schemas.replaying NAME...      what the ledger makes of these journeys, to be reviewed by a person
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args
from uuid import UUID

from hub.intake.decide import Work
from hub.intake.overlaps import Overlaps
from hub.intake.receipts import Receipt
from hub.ledger import Document, fold, statements_of
from hub.ports import Act, Profile
from hub.store.timetable import Timetable
from schemas.facts import Fact
from schemas.money import format_decimal
from schemas.observation import Observation
from schemas.order import Order
from schemas.states import MACHINES

FOLDER = Path(__file__).parents[2] / "schemas" / "examples" / "journeys"
ORDER_ID = UUID(int=99)


class EveryTrain:
    """In a journey all trains run: it is about the order, not about the timetable."""

    def knows(self, leg: Any) -> bool:
        return True


@dataclass
class Replayed:
    """What became of one step: the outcome, the event it caused, why it was refused, the order afterwards."""

    outcome: str
    event: str | None
    refusal: str | None
    then: dict[str, Any]


class Passed(NamedTuple):
    """A transition that a fact made: machine, fact, state before, state after."""

    machine: str
    fact: str
    before: str
    after: str


@dataclass
class Replay:
    """All steps of a journey, and the transitions on the way."""

    steps: list[Replayed] = field(default_factory=list)
    passed: set[Passed] = field(default_factory=set)
    order: Order | None = None


def journeys() -> dict[str, dict[str, Any]]:
    """Every journey by its file's name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def replay(steps: Sequence[Mapping[str, Any]]) -> Replay:
    """Decide the steps in this order, as the hub does with messages of one order."""
    found, work, seen = Replay(), Work.on(ORDER_ID, "", None), dict[str, Replayed]()
    for step in steps:
        if step["message"] in seen:
            # The door knows the message by its id and bytes, and answers as before.
            found.steps.append(Replayed("duplicate", None, None, short(found.order)))
            continue
        observation = Observation.model_validate_json(json.dumps(step["observation"]))
        receipt = Receipt(step["channel"], step["message"], b"", "http", observation.occurred_at)
        before = work.document
        decision = work.decide(
            receipt, observation, profile(step["channel"]), cast(Timetable, EveryTrain()), Overlaps()
        )
        if decision.outcome != "refused":
            found.passed |= set(_passed(before, step["channel"], observation))
            found.order = decision.order
        refusal = decision.refusal.code if decision.refusal else None
        result = Replayed(decision.outcome, decision.event_type, refusal, short(found.order))
        seen[step["message"]] = result
        found.steps.append(result)
    return found


def profile(channel: str) -> Profile:
    """In a journey every channel may ask for everything: which one may is its adapter's matter."""
    return Profile(channel, channel, channel, "application/json", "utf-8", asks=frozenset(get_args(Act)))


def _passed(document: Document, channel: str, observation: Observation) -> Iterator[Passed]:
    """The transitions of the observation's facts, each joined alone, in the order in which the message tells them."""
    for statement in statements_of(observation, observation.occurred_at, "journey"):
        machine = statement.fact.fact.split(".")[0]
        subjects = _subjects(statement.fact)
        before = {subject: states(document, machine).get(subject, "unknown") for subject in subjects}
        document, joined = document.join(channel, [statement])
        if machine in MACHINES and joined.new:
            after = states(document, machine)
            for subject in subjects:
                yield Passed(machine, statement.fact.fact, before[subject], after.get(subject, "unknown"))


def _subjects(fact: Fact) -> tuple[str, ...]:
    """What a fact is about, as the order names it: the second part of its identity, and the rest for money."""
    kind, _, rest = fact.identity.partition("|")
    return (rest.split("|")[0] if kind.startswith("ticket.") else rest.replace("|", ":"),)


def states(document: Document, machine: str) -> dict[str, str]:
    if not document.facts:
        return {}
    return _STATES[machine](fold(document)) if machine in _STATES else {}


_STATES: Mapping[str, Callable[[Order], dict[str, str]]] = {
    "ticket": lambda order: {t.ticket_no: t.state for t in order.tickets},
    "payment": lambda order: {p.payment_id: p.state for p in order.payments},
    "refund": lambda order: {r.refund_id: r.state for r in order.refunds},
    "change": lambda order: {c.change_id: change_state(c) for c in order.changes},
    "waitlist": lambda order: {w.waitlist_ref: w.state for w in order.waitlists},
    "invoice": lambda order: {i.invoice_no: i.state for i in order.invoices},
}


def change_state(change: Any) -> str:
    if change.settled:
        return "settled"
    return "confirmed" if change.confirmed_at else "quoted"


def short(order: Order | None) -> dict[str, Any]:
    """An order in the few words of a journey's ``then``; empty members are left out."""
    if order is None:
        return {}
    found: dict[str, Any] = {
        "fulfilment": order.fulfilment,
        "payment": order.payment,
        "refund": order.refund,
        "dispute": order.dispute,
        "complete": order.complete,
        "balance": format_decimal(order.balance),
        "tickets": {t.ticket_no: _ticket(t) for t in order.tickets},
    }
    for name in ("payment", "refund", "change", "waitlist", "invoice"):
        found[f"{name}s"] = _STATES[name](order)
    found["pickups"] = [p.pickup_ref for p in order.pickups]
    found["disputes"] = {d.dispute_id: d.state for d in order.disputes}
    return {name: value for name, value in found.items() if value not in ({}, [])}


def _ticket(ticket: Any) -> str:
    paper = f", on paper {ticket.control_no}" if ticket.control_no else ""
    return f"{ticket.state}{paper}{'' if ticket.seat_granted else ', seat not granted'}"


def filled(story: Mapping[str, Any]) -> dict[str, Any]:
    """The journey with what the ledger makes of every step."""
    steps = []
    for step, said in zip(story["steps"], replay(story["steps"]).steps, strict=True):
        told = {key: value for key, value in step.items() if key not in {"outcome", "event", "refused", "then"}}
        answer = {"outcome": said.outcome, "event": said.event, "refused": said.refusal, "then": said.then}
        steps.append(told | {key: value for key, value in answer.items() if value is not None})
    return {**story, "steps": steps}


def text(value: Any, indent: int = 0, used: int = 0) -> str:
    """JSON with short objects on one line, so that a person sees a story at a glance."""
    flat = json.dumps(value, ensure_ascii=False)
    if indent + used + len(flat) <= 118 or not isinstance(value, dict | list) or not value:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        lines = [f"{pad}{json.dumps(k)}: {text(v, indent + 2, len(k) + 4)}" for k, v in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + text(v, indent + 2) for v in value) + "\n" + " " * indent + "]"


def main(names: Sequence[str]) -> None:
    stories = journeys()
    for name in names or stories:
        (FOLDER / f"{name}.json").write_text(text(filled(stories[name])) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
