"""Who said what and who has heard what, compared by id: every message of a channel, every event meant for one.

Three witnesses that know nothing of each other: the simulators' journals (what a channel did, was answered, was told),
the gateway's notes (what passed on the line), and the database.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from benchmarks.chaos.gateway import Notes
from hub.delivery.terms import subscribed
from hub.ports import Adapter
from hub.store import channels
from simulators.journal import Journal
from simulators.plan import CHANNELS, Plan, Step


@dataclass
class Accounts:
    """The comparison. Lists hold sentences for people; an empty one is what everybody hopes for.

    ``messages``: different messages that channels sent, polls and rows of files included; ``requests``: how often they
    were seen on the line; ``events``: (event, channel) pairs that had to be told; ``again``: how many deliveries came a
    second time, under the same id; ``late``: messages that arrived late by the hub's own judgement.
    """

    messages: int = 0
    requests: int = 0
    events: int = 0
    again: int = 0
    late: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the log, as far as it matters here. ``order_no``: the railway's number of its order."""

    position: int
    sequence: int
    type: str
    origin: str
    order_id: str
    order_no: str


def drawn_up(
    connection: Connection[TupleRow], adapters: Mapping[str, Adapter], plan: Plan, notes: Notes, data_dir: Path
) -> Accounts:
    """Compare. ``plan`` with every channel's acts. Reads only."""
    accounts = Accounts(requests=len(notes.answers))
    journals = {channel: _journal(data_dir, channel) for channel in CHANNELS}
    _messages(connection, accounts, plan, notes, journals)
    _effects(connection, accounts)
    _inboxes(connection, accounts, adapters, plan, notes, journals)
    return accounts


def _journal(data_dir: Path, channel: str) -> list[dict[str, Any]]:
    journal = Journal(data_dir / "simulation" / f"{channel}.journal.jsonl")
    try:
        return list(journal.read())
    finally:
        journal.close()


# --- channel -> hub ------------------------------------------------------------------------------------------------


def _messages(
    connection: Connection[TupleRow],
    accounts: Accounts,
    plan: Plan,
    notes: Notes,
    journals: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """Everything that was sent is on record; everything that was acknowledged is there with the same bytes."""
    taken = {
        (channel, message_id): digest
        for channel, message_id, digest in connection.execute(
            "SELECT channel, message_id, encode(digest, 'hex') FROM hub.messages"
        )
    }
    recorded = taken.keys() | {
        (channel, message_id)
        for channel, message_id in connection.execute(
            "SELECT channel, message_id FROM hub.rejections UNION SELECT channel, message_id FROM hub.repeats"
        )
    }
    acknowledged = {(channel, message_id) for channel, message_id, status, _ in notes.answers if status < 300}
    said = set(notes.sent) | set(_answered(plan, journals))
    accounts.messages = len(said) + len(list(_unpushed(plan)))
    accounts.lost += [f"message {c} {m} is nowhere" for c, m in sorted(said - recorded)]
    accounts.lost += [f"message {c} {m} was acknowledged and not taken" for c, m in sorted(acknowledged - taken.keys())]
    accounts.lost += [
        f"message {c} {m} is there with other bytes"
        for (c, m), digest in notes.sent.items()
        if (c, m) in taken and taken[c, m] != digest
    ]
    accounts.lost += [f"{c} never got an answer to {m}" for c, m in _unanswered(plan, journals)]
    polled = " ".join(m for c, m in taken if c == "agents")
    accounts.lost += [
        f"change of {step.act.order.order_no} was never polled"
        for step in _unpushed(plan)
        if step.act.order.order_no not in polled
    ]


def _unpushed(plan: Plan) -> Iterator[Step]:
    return (step for steps in plan.steps.values() for step in steps if step.travel == "unpushed")


def _answered(plan: Plan, journals: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, str]]:
    """(channel, message id) of what a channel's own journal calls answered; rows of files by the id they get there."""
    for channel, journal in journals.items():
        ids = {event["id"] for event in journal if event["kind"] == "answer"}
        for step in plan.steps[channel]:
            if step.message_id in ids:
                yield channel, _id_on_the_wire(step, plan)


def _id_on_the_wire(step: Step, plan: Plan) -> str:
    """A window's transaction has no message id; the hub numbers it by its place (adapters/windows/README.md)."""
    if step.act.channel != "windows":
        return step.message_id
    desk = step.act.desk
    day = plan.options.date
    return f"{desk['office']}-{desk['window']}-{desk['shift']}-{day:%Y%m%d}-{desk['running']}"


def _unanswered(plan: Plan, journals: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, str]]:
    for channel, journal in journals.items():
        answered = {event["id"] for event in journal if event["kind"] == "answer"}
        for step in plan.steps[channel]:
            if step.travel in ("sent", "twice") and step.message_id not in answered:
                yield channel, step.message_id


def _effects(connection: Connection[TupleRow], accounts: Accounts) -> None:
    """No message had its effect twice; how many came late."""
    rows = connection.execute(
        """SELECT origin, message_id, count(*) FROM hub.events WHERE message_id IS NOT NULL
           GROUP BY origin, message_id, order_id HAVING count(*) > 1"""
    )
    accounts.doubled += [f"message {origin} {m} made {n} events" for origin, m, n in rows]
    row = connection.execute(
        "SELECT count(*) FROM hub.messages WHERE arrival = 'late' AND source NOT IN ('hub', 'reconciliation')"
    ).fetchone()
    accounts.late = int(row[0]) if row else 0


# --- hub -> channel ------------------------------------------------------------------------------------------------


def _inboxes(
    connection: Connection[TupleRow],
    accounts: Accounts,
    adapters: Mapping[str, Adapter],
    plan: Plan,
    notes: Notes,
    journals: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
    """Every channel was told every event that was meant for it, at least once, and within an order one by one."""
    log = _log(connection)
    mute = {
        (channel, position)
        for channel, position in connection.execute(
            """SELECT channel, event FROM hub.deliveries GROUP BY channel, event
               HAVING bool_and(outcome = 'not_expressible')"""
        )
    }
    for name in CHANNELS:
        channel = channels.find(connection, name)
        assert channel is not None
        types = set(subscribed(channel, adapters[name].profile))
        since = _took_part(name, log) if adapters[name].profile.scope == "own" else None
        meant = {
            event_id: event
            for event_id, event in log.items()
            if event.type in types
            and event.origin != name
            and (name, event.position) not in mute
            and (since is None or event.sequence > since.get(event.order_id, event.sequence))
        }
        arrived = list(dict.fromkeys(notes.accepted[name]))
        heard = [event["id"] for event in journals[name] if event["kind"] == "heard"]
        deaf = {order_no for order_no, who in plan.deaf.items() if who == name}
        accounts.events += len(meant)
        accounts.again += len(notes.accepted[name]) - len(arrived)
        accounts.lost += missing(name, meant, set(arrived), set(heard), deaf)
        accounts.doubled += [f"{name} was told {e}, which is no event for it" for e in arrived if e not in log]
        accounts.doubled += [f"{name} wrote {e} down twice" for e in told_twice(heard)]
        for place, ids in (("line", arrived), ("journal", heard)):
            accounts.disordered += out_of_order(f"{name} ({place})", ids, log)


def _log(connection: Connection[TupleRow]) -> dict[str, Event]:
    rows = connection.execute(
        """SELECT e.event_id::text, e.position, e.sequence, e.type, e.origin, e.order_id::text, coalesce(r.value, '?')
           FROM hub.events e
           LEFT JOIN hub.refs r ON r.order_id = e.order_id AND r.system = 'rail' AND r.kind = 'order'"""
    )
    return {event_id: Event(*rest) for event_id, *rest in rows}


def _took_part(name: str, log: Mapping[str, Event]) -> dict[str, int]:
    """order -> the first of its events that this channel caused: from then on the order is its business."""
    first: dict[str, int] = {}
    for event in log.values():
        if event.origin == name:
            first[event.order_id] = min(event.sequence, first.get(event.order_id, event.sequence))
    return first


def missing(name: str, meant: Mapping[str, Event], arrived: set[str], heard: set[str], deaf: set[str]) -> Iterator[str]:
    """``arrived``: what the channel answered with 2xx; ``heard``: its journal; ``deaf``: orders it ignores."""
    for event_id, event in meant.items():
        what = f"event {event.sequence} ({event.type}) of {event.order_no}"
        if event_id not in arrived and event_id not in heard:
            yield f"{what} never reached {name}"
        elif event_id not in heard and event.order_no not in deaf:
            yield f"{what} was taken by {name} and is not in its journal"


def told_twice(ids: Sequence[str]) -> list[str]:
    """The ids that stand in it more than once."""
    return sorted(event_id for event_id, times in Counter(ids).items() if times > 1)


def out_of_order(where: str, ids: Sequence[str], log: Mapping[str, Event]) -> Iterator[str]:
    """First arrivals that come after a later one of the same order."""
    newest: dict[str, int] = {}
    for event_id in ids:
        event = log.get(event_id)
        if event is None:
            continue
        if event.sequence < newest.get(event.order_id, 0):
            yield f"{where}: event {event.sequence} of {event.order_no} came after {newest[event.order_id]}"
        newest[event.order_id] = max(event.sequence, newest.get(event.order_id, 0))
