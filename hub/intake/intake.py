"""From bytes to ledger: the one path that every message takes.

    parse (pure) -> lock orders -> seen before? -> resolve references -> decide -> seats -> write -> commit

A batch is one transaction. If PostgreSQL refuses the batch (two processes with the same message, a deadlock), its
messages are taken one by one, so that no message suffers for its neighbour.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from hub.intake import answers
from hub.intake.answers import Answer
from hub.intake.decide import Decision, Work, wanted
from hub.intake.overlaps import Overlaps
from hub.intake.receipts import LIVE_SOURCES, Parsed, Receipt
from hub.intake.writing import write
from hub.ledger.rules import Refusal
from hub.ports import Adapter
from hub.store import messages, orders, seats
from hub.store.appending import COPY_ROWS
from hub.store.seal import Seal
from hub.store.timetable import Place, Timetable
from schemas.facts import Leg, TicketHeld, TicketIssued
from schemas.model import altered
from schemas.observation import Observation, ReferenceClaim, Rejection
from schemas.personal import convert_sealed
from schemas.problems import Problem, problem

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode

Pool = ConnectionPool[Connection[TupleRow]]

_AGAIN = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
_TRIES = 5


class Intake:
    """The door of the ledger. ``take`` may be called from many threads at once."""

    def __init__(
        self,
        pool: Pool,
        adapters: Mapping[str, Adapter],
        seal: Seal,
        new_id: Callable[[], UUID],
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        """``committed`` is called after every commit that wrote an event: a hint to deliver, which may be lost."""
        self._pool = pool
        self._adapters = adapters
        self._seal = seal
        self._new_id = new_id
        self._committed = committed
        self._timetable = Timetable()

    def take(self, receipts: Sequence[Receipt]) -> list[Answer]:
        """Decide these messages durably; the answers stand in the order of the receipts.

        Every answer is on disk when this returns. Never raises for a message: 503 ``not_ready`` says that the
        database did not answer and nothing was taken, 500 ``internal`` that this one message broke a rule of ours.
        """
        parsed = [self._parse(receipt) for receipt in receipts]
        try:
            return self._transaction(parsed)
        except _AGAIN:
            return [self._alone(item) for item in parsed]
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.warning("the ledger cannot be written: %s", type(error).__name__)
            return [answers.refused(item.receipt, problem("not_ready")) for item in parsed]
        except Exception:
            log.exception("a batch of %d failed; taking its messages one by one", len(parsed))
            return [self._alone(item) for item in parsed]

    def reject(self, receipt: Receipt, refusal: Problem) -> Answer:
        """Keep and answer what may not become a message: nobody vouched for it, it is too large, it has no id."""
        answer = answers.refused(receipt, refusal)
        try:
            with self._pool.connection() as connection:
                messages.insert_rejection(connection, rejection_row(self._seal, receipt, answer))
        except (psycopg.OperationalError, PoolTimeout):
            return answers.refused(receipt, problem("not_ready"))
        return answer

    def _alone(self, item: Parsed) -> Answer:
        for _ in range(_TRIES):
            try:
                return self._transaction([item])[0]
            except _AGAIN:
                continue
            except (psycopg.OperationalError, PoolTimeout):
                break
            except Exception:
                log.exception("message %s/%s failed", item.receipt.channel, item.receipt.message_id)
                return answers.refused(item.receipt, problem("internal"))
        return answers.refused(item.receipt, problem("not_ready"))

    def _parse(self, receipt: Receipt) -> Parsed:
        try:
            result = self._adapters[receipt.channel].parse(receipt.raw)
        except Exception:
            # Adapters of strangers run here too: theirs to mend, ours to survive.
            log.exception("the adapter of %s failed on %s", receipt.channel, receipt.message_id)
            result = Rejection(code="message_malformed", detail="The adapter failed on this message.", pointer="/")
        if isinstance(result, Observation):
            result = altered(result, {"facts": tuple([convert_sealed(f, self._seal.seal) for f in result.facts])})
        return Parsed(receipt, result)

    def _transaction(self, parsed: Sequence[Parsed]) -> list[Answer]:
        with self._pool.connection() as connection:
            result, wrote_events = _Batch(self, connection, parsed).run()
        if wrote_events:
            self._committed()
        return result


class _Batch:
    """One transaction's worth of messages."""

    def __init__(self, intake: Intake, connection: Connection[TupleRow], parsed: Sequence[Parsed]) -> None:
        self.adapters, self.seal = intake._adapters, intake._seal
        self.timetable, self.new_id = intake._timetable, intake._new_id
        self.connection = connection
        self.parsed = parsed
        self.overlaps = Overlaps()
        self.answers: dict[int, Answer] = {}
        self.repeats: list[tuple[str, str, str, datetime]] = []

    def run(self) -> tuple[list[Answer], bool]:
        observed = [(n, p.result) for n, p in enumerate(self.parsed) if isinstance(p.result, Observation)]
        known = self._look_up([observation for _, observation in observed])
        fresh = self._fresh(known)
        works = self._decide([(n, observation) for n, observation in observed if n in fresh])
        rejected = [(n, p.result) for n, p in enumerate(self.parsed) if n in fresh and isinstance(p.result, Rejection)]
        # Few rows go in one round trip; many by COPY, which a pipeline does not have.
        with self.connection.pipeline() if len(self.parsed) < COPY_ROWS else nullcontext():
            wrote = self._write(works, rejected)
            self.connection.commit()
        return [self.answers[n] for n in range(len(self.parsed))], wrote

    def _write(self, works: Sequence[Work], rejected: Sequence[tuple[int, Rejection]]) -> bool:
        """Put on disk what was decided, with the answers; whether there were events."""
        self._bind(works)
        wrote = write(self.connection, self.new_id, works, self.timetable)
        rows = []
        for work in works:
            for decision in work.decisions:
                n, answer = self._answer(work, decision)
                self.answers[n] = answer
                rows.append(self._row(self.parsed[n].receipt, answer, decision, work.order_id))
        for n, rejection in rejected:
            self.answers[n] = answers.rejected(self.parsed[n].receipt, rejection)
            rows.append(self._row(self.parsed[n].receipt, self.answers[n], None, None))
        messages.insert(self.connection, rows)
        self._answer_repeats()
        messages.insert_repeats(self.connection, self.repeats)
        return wrote

    # -- seen before ------------------------------------------------------------------------------------------------

    def _look_up(self, observations: Sequence[Observation]) -> dict[tuple[str, str], messages.Known]:
        """Lock the orders, then ask what is known of messages and references: one round trip, one after the other."""
        claims = [claim for observation in observations for claim in observation.references]
        with self.connection.pipeline():
            if observations:
                orders.lock(self.connection, (observation.references[0] for observation in observations))
            seen = messages.ask_known(self.connection, [p.receipt.key for p in self.parsed])
            bound = orders.ask_references(self.connection, claims)
        self.bound = orders.read_references(bound)
        return messages.read_known(seen)

    def _fresh(self, known: Mapping[tuple[str, str], messages.Known]) -> set[int]:
        """Places of messages nobody has seen, here or in the database; the others are answered as before."""
        first: dict[tuple[str, str], int] = {}
        fresh: set[int] = set()
        self.again: list[tuple[int, int]] = []
        for n, item in enumerate(self.parsed):
            receipt = item.receipt
            if receipt.key in known:
                before = known[receipt.key]
                status = int(before.answer.get("status", 200)) if before.answer.get("outcome") == "refused" else 200
                self._repeat(n, before.digest, Answer(status, before.answer))
            elif receipt.key in first:
                self.again.append((n, first[receipt.key]))
            else:
                first[receipt.key] = n
                fresh.add(n)
        return fresh

    def _answer_repeats(self) -> None:
        for n, earlier in self.again:
            self._repeat(n, self.parsed[earlier].receipt.digest, self.answers[earlier])

    def _repeat(self, n: int, digest: bytes, answer: Answer) -> None:
        receipt = self.parsed[n].receipt
        if digest == receipt.digest:
            self.answers[n] = answer.again()
            if receipt.source in LIVE_SOURCES:  # a file or poll that is taken up again after a crash repeats itself
                self.repeats.append((receipt.channel, receipt.message_id, receipt.source, receipt.received_at))
            return
        self.answers[n] = answers.refused(receipt, problem("message_id_reused"))
        messages.insert_rejection(self.connection, rejection_row(self.seal, receipt, self.answers[n]))

    # -- orders and seats -------------------------------------------------------------------------------------------

    def _decide(self, observed: Sequence[tuple[int, Observation]]) -> list[Work]:
        if not observed:
            return []
        self.timetable.learn(self.connection, _legs(observation for _, observation in observed))
        self.overlaps.learn(self.connection, [observation for _, observation in observed])
        works = self._works([observation for _, observation in observed])
        self.place: dict[int, int] = {}
        for n, observation in observed:
            work = works[_anchor(observation)]
            decision = self._take(work, n, observation)
            self.place[id(decision)] = n
        distinct = list({id(work): work for work in works.values()}.values())
        self.timetable.learn(self.connection, _held_legs(distinct))
        self._claim(distinct)
        return distinct

    def _take(self, work: Work, n: int, observation: Observation) -> Decision:
        receipt = self.parsed[n].receipt
        profile = self.adapters[receipt.channel].profile
        decision = work.decide(receipt, observation, profile, self.timetable, self.overlaps)
        if decision.order is not None:
            self.overlaps.take(decision.order)
        return decision

    def _works(self, observations: Sequence[Observation]) -> dict[tuple[str, str, str], Work]:
        """The orders that these observations are about, found by their references or new; anchor -> work."""
        known = self.bound
        bound: dict[tuple[str, str, str], UUID] = {}
        for observation in observations:
            keys = [(c.system, c.kind, c.value) for c in observation.references]
            order_id = next((found for key in keys if (found := bound.get(key) or known.get(key))), None)
            order_id = order_id or self.new_id()
            for key in keys:
                if key not in known:
                    bound.setdefault(key, order_id)
            bound.setdefault(_anchor(observation), order_id)
        stored = orders.read(self.connection, set(bound.values()) & set(known.values()), for_update=True)
        works: dict[UUID, Work] = {}
        result: dict[tuple[str, str, str], Work] = {}
        for observation in observations:
            anchor = _anchor(observation)
            order_id = bound[anchor]
            if order_id not in works:
                works[order_id] = Work.on(order_id, anchor[2], stored.get(order_id))
            result[anchor] = works[order_id]
        return result

    def _bind(self, works: Sequence[Work]) -> None:
        """Bind references that are new; those of a refused ask never become anybody's."""
        rows = {
            (claim.system, claim.kind, claim.value): work.order_id
            for work in works
            for decision in work.decisions
            if decision.outcome != "refused"
            for claim in decision.observation.references
        }
        fresh = [(*key, order_id) for key, order_id in rows.items() if key not in self.bound]
        orders.insert_references(self.connection, fresh)

    def _claim(self, works: Sequence[Work]) -> None:
        """Move every order's seats to where its facts put them; who comes second is refused or disputed."""
        releases: list[tuple[Work, Place]] = []
        claims: list[tuple[Work, str, Place]] = []
        for work in works:
            target = wanted(work.folded.order if work.folded else None, self.timetable)
            releases += [(work, place) for no, place in work.held.items() if target.get(no) != place]
            claims += [(work, no, place) for no, place in sorted(target.items()) if work.held.get(no) != place]
        if _change_hands(releases, claims):
            # Who came between the two messages lost the seat; only one by one is it as if they had come so.
            raise psycopg.errors.SerializationFailure("a seat changes hands within a batch")
        claims.sort(key=lambda claim: self._came(claim[0], claim[1]))
        seats.release(self.connection, [place for _, place in releases])
        granted = seats.claim(self.connection, [place for _, _, place in claims])
        lost: dict[int, list[tuple[str, Place]]] = {}
        won: dict[int, list[Place]] = {}
        for (work, ticket_no, place), ours in zip(claims, granted, strict=True):
            if ours:
                won.setdefault(id(work), []).append(place)
            else:
                lost.setdefault(id(work), []).append((ticket_no, place))
        for work in works:
            if id(work) in lost:
                self._lose(work, lost[id(work)], won.get(id(work), []))

    def _came(self, work: Work, ticket_no: str) -> int:
        """Where in the batch the message stands that brings this ticket: who came first gets the seat."""
        return min((self.place[id(d)] for d in work.decisions if _brings(d.observation, ticket_no)), default=0)

    def _lose(self, work: Work, lost: Sequence[tuple[str, Place]], won: Sequence[Place]) -> None:
        """The message that brought the lost ticket is refused (ask) or becomes a dispute (tell)."""
        for ticket_no, place in lost:
            decision = next(d for d in work.decisions if d.outcome != "refused" and _brings(d.observation, ticket_no))
            if decision.observation.mode == "tell":
                work.not_granted(decision, {ticket_no: seats.holder(self.connection, place)})
                continue
            if len(work.decisions) > 1:
                # What followed the ask in this batch was decided on facts that do not stand: take them one by one.
                raise psycopg.errors.SerializationFailure("an ask of a batch lost its seat")
            seats.release(self.connection, won)
            where = f"coach {place.coach} seat {place.seat} of {place.train} on {place.service_date}"
            work.refuse(decision, Refusal("seat_already_sold", f"Held or sold on these legs: {where}."))
            work.restore()
            return

    # -- answers ----------------------------------------------------------------------------------------------------

    def _answer(self, work: Work, decision: Decision) -> tuple[int, Answer]:
        n = self.place[id(decision)]
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

    def _row(
        self, receipt: Receipt, answer: Answer, decision: Decision | None, order_id: UUID | None
    ) -> messages.MessageRow:
        refused = answer.outcome == "refused"
        return messages.MessageRow(
            channel=receipt.channel,
            message_id=receipt.message_id,
            digest=receipt.digest,
            source=receipt.source,
            media_type=self.adapters[receipt.channel].profile.media_type,
            raw=self.seal.seal_bytes(receipt.raw),
            received_at=receipt.received_at,
            occurred_at=decision.observation.occurred_at if decision else None,
            outcome=answer.outcome,
            code=str(answer.body["code"]) if refused else None,
            arrival=decision.arrival if decision else "in_order",
            order_id=order_id,
            sequence=decision.sequence if decision else None,
            answer=encode_answer(answer),
        )


REJECTED_HEAD_BYTES = 4096


def rejection_row(seal: Seal, receipt: Receipt, answer: Answer) -> messages.RejectionRow:
    return messages.RejectionRow(
        channel=receipt.channel,
        message_id=receipt.message_id or None,
        code=str(answer.body["code"]),
        digest=receipt.digest,
        size_bytes=len(receipt.raw),
        raw_head=seal.seal_bytes(receipt.raw[:REJECTED_HEAD_BYTES]),
        problem=encode_answer(answer),
        received_at=receipt.received_at,
    )


def encode_answer(answer: Answer) -> str:
    """The answer as it is kept: without native values, which may be personal; the sealed raw bytes have them."""
    kept = dict(answer.body)
    for part, native in (("pointers", "found"), ("losses", "native")):
        if kept.get(part):
            kept[part] = [{key: value for key, value in item.items() if key != native} for item in kept[part]]
    return _encode(kept).decode()


def _anchor(observation: Observation) -> tuple[str, str, str]:
    first: ReferenceClaim = observation.references[0]
    return (first.system, first.kind, first.value)


def _legs(observations: Iterable[Observation]) -> list[Leg]:
    return [
        fact.ticket.leg
        for observation in observations
        for fact in observation.facts
        if isinstance(fact, TicketHeld | TicketIssued)
    ]


def _held_legs(works: Iterable[Work]) -> list[Leg]:
    return [t.leg for work in works if work.folded for t in work.folded.order.tickets if t.leg is not None]


def _change_hands(releases: Sequence[tuple[Work, Place]], claims: Sequence[tuple[Work, str, Place]]) -> bool:
    """Whether one order gives up what another one claims."""
    given: dict[tuple[object, ...], list[tuple[Work, int]]] = {}
    for work, place in releases:
        given.setdefault(place[:-1], []).append((work, place.legs))
    return any(
        giver is not work and legs & place.legs
        for work, _, place in claims
        for giver, legs in given.get(place[:-1], ())
    )


def _brings(observation: Observation, ticket_no: str) -> bool:
    return any(
        isinstance(fact, TicketHeld | TicketIssued) and fact.ticket.ticket_no == ticket_no for fact in observation.facts
    )
