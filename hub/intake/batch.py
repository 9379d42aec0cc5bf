"""One transaction's worth of messages: seen before? whose order? decide, seat, write, commit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

from hub.intake import answers
from hub.intake.answers import Answer
from hub.intake.decide import Decision, Work
from hub.intake.finding import Entangled, bind, find
from hub.intake.joining import Reference
from hub.intake.keeping import REJECTED_HEAD_BYTES, message_row, rejection_row
from hub.intake.overlaps import Overlaps
from hub.intake.receipts import LIVE_SOURCES, Parsed
from hub.intake.sealing import Sealing
from hub.intake.seating import brought_legs, seat
from hub.intake.writing import write
from hub.ports import Adapter
from hub.store import messages, orders
from hub.store.timetable import Timetable
from schemas.observation import Observation, Rejection
from schemas.problems import problem


@dataclass(frozen=True, slots=True)
class Means:
    """What every batch of an intake works with."""

    adapters: Mapping[str, Adapter]
    sealing: Sealing
    new_id: Callable[[], UUID]
    timetable: Timetable


class Batch:
    """These messages, in one transaction of ``connection``; made anew for each try."""

    def __init__(self, means: Means, connection: Connection[TupleRow], parsed: Sequence[Parsed]) -> None:
        self._means = means
        self._connection = connection
        self._parsed = parsed
        self._people = means.sealing.people()
        self._overlaps = Overlaps()
        self._answers: dict[int, Answer] = {}
        self._repeats: list[tuple[str, str, str, datetime]] = []
        self._bound: dict[Reference, UUID] = {}
        self._again: list[tuple[int, int]] = []
        self._place: dict[int, int] = {}

    def run(self) -> tuple[list[Answer], bool]:
        """The answers, committed, in the order of the messages; and whether an event was written."""
        observed = [(n, p.result) for n, p in enumerate(self._parsed) if isinstance(p.result, Observation)]
        known = self._look_up([observation for _, observation in observed])
        fresh = self._fresh(known)
        works = self._decide([(n, self._people.sealed(self._parsed[n])) for n, _ in observed if n in fresh])
        rejected = [(n, p.result) for n, p in enumerate(self._parsed) if n in fresh and isinstance(p.result, Rejection)]
        self._people.meet(self._connection, works)
        with self._connection.pipeline():
            wrote = self._write(works, rejected)
            # Not commit(): that waits for its answer without having sent all that stands before it, for ever when it
            # is more than a socket holds. The end of the pipeline sends all.
            self._connection.execute("COMMIT", prepare=False)
        self._people.committed()
        return [self._answers[n] for n in range(len(self._parsed))], wrote

    def _write(self, works: Sequence[Work], rejected: Sequence[tuple[int, Rejection]]) -> bool:
        """Put on disk what was decided, with the answers; whether there were events."""
        bind(self._connection, works, self._bound)
        wrote = write(self._connection, self._means.new_id, works, self._means.timetable, self._people.phone)
        self._people.mention(self._connection, works, lambda decision: self._parsed[self._place[id(decision)]])
        rows = []
        for work in works:
            for decision in work.decisions:
                n, answer = self._answer(work, decision)
                self._answers[n] = answer
                rows.append(self._row(n, decision, work.order_id))
        for n, rejection in rejected:
            self._answers[n] = answers.rejected(self._parsed[n].receipt, rejection)
            rows.append(self._row(n))
        messages.insert(self._connection, rows)
        self._answer_repeats()
        self._people.write(self._connection)
        messages.insert_repeats(self._connection, self._repeats)
        return wrote

    # -- seen before ------------------------------------------------------------------------------------------------

    def _look_up(self, observations: Sequence[Observation]) -> dict[tuple[str, str], messages.Known]:
        """Lock the orders, then ask what is known of messages and references: one round trip, one after the other."""
        claims = [claim for observation in observations for claim in observation.references]
        with self._connection.pipeline():
            self._people.hold(self._connection)
            if observations:
                orders.lock(self._connection, (observation.references[0] for observation in observations))
            seen = messages.ask_known(self._connection, [p.receipt.key for p in self._parsed])
            bound = orders.ask_references(self._connection, claims)
            self._people.ask(self._connection, self._parsed)
        self._people.learn(self._connection)
        self._bound = orders.read_references(bound)
        return messages.read_known(seen)

    def _fresh(self, known: Mapping[tuple[str, str], messages.Known]) -> set[int]:
        """Places of messages nobody has seen, here or in the database; the others are answered as before."""
        first: dict[tuple[str, str], int] = {}
        fresh: set[int] = set()
        for n, item in enumerate(self._parsed):
            receipt = item.receipt
            if receipt.key in known:
                before = known[receipt.key]
                status = int(before.answer.get("status", 200)) if before.answer.get("outcome") == "refused" else 200
                self._repeat(n, before.digest, Answer(status, before.answer))
            elif receipt.key in first:
                self._again.append((n, first[receipt.key]))
            else:
                first[receipt.key] = n
                fresh.add(n)
        return fresh

    def _answer_repeats(self) -> None:
        for n, earlier in self._again:
            self._repeat(n, self._parsed[earlier].receipt.digest, self._answers[earlier])

    def _repeat(self, n: int, digest: bytes, answer: Answer) -> None:
        item, receipt = self._parsed[n], self._parsed[n].receipt
        if digest == receipt.digest:
            self._answers[n] = answer.again()
            if receipt.source in LIVE_SOURCES:  # a file or poll that is taken up again after a crash repeats itself
                self._repeats.append((receipt.channel, receipt.message_id, receipt.source, receipt.received_at))
            return
        self._answers[n] = answers.refused(receipt, problem("message_id_reused"))
        head = self._people.raw(item, REJECTED_HEAD_BYTES)
        messages.insert_rejection(self._connection, rejection_row(head, receipt, self._answers[n]))

    # -- orders and seats -------------------------------------------------------------------------------------------

    def _decide(self, observed: Sequence[tuple[int, Observation]]) -> list[Work]:
        """Decide the messages that are new, each on its order, in the order in which they came."""
        if not observed:
            return []
        observations = [observation for _, observation in observed]
        self._means.timetable.learn(self._connection, brought_legs(observations))
        self._overlaps.learn(self._connection, observations)
        try:
            asked = [(self._parsed[n].receipt, observation) for n, observation in observed]
            works = find(self._connection, asked, self._bound, self._means.new_id)
        except Entangled as message:
            raise Entangled(observed[message.place][0]) from message
        for work, (n, observation) in zip(works, observed, strict=True):
            decision = self._take(work, n, observation)
            self._place[id(decision)] = n
        distinct = list({id(work): work for work in works}.values())
        seat(self._connection, distinct, self._means.timetable, lambda decision: self._place[id(decision)])
        return distinct

    def _take(self, work: Work, n: int, observation: Observation) -> Decision:
        receipt = self._parsed[n].receipt
        profile = self._means.adapters[receipt.channel].profile
        decision = work.decide(receipt, observation, profile, self._means.timetable, self._overlaps)
        if decision.order is not None:
            self._overlaps.take(decision.order)
        return decision

    # -- answers ----------------------------------------------------------------------------------------------------

    def _answer(self, work: Work, decision: Decision) -> tuple[int, Answer]:
        n = self._place[id(decision)]
        if decision.refusal is not None:
            why = decision.refusal
            known = work.order_id if work.stored else None
            return n, answers.refused(decision.receipt, problem(why.code, why.detail), known)
        assert decision.order is not None
        new = (*decision.joined.new, *decision.joined.restated)
        answer = answers.decided(
            decision.receipt, decision.observation, decision.outcome, decision.order, new, decision.opened
        )
        return n, answer

    def _row(self, n: int, decision: Decision | None = None, order_id: UUID | None = None) -> messages.MessageRow:
        receipt = self._parsed[n].receipt
        media_type = self._means.adapters[receipt.channel].profile.media_type
        raw = self._people.raw(self._parsed[n])
        return message_row(raw, receipt, media_type, self._answers[n], decision, order_id)
