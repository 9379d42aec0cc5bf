"""From bytes to ledger: the one path that every message takes.

    parse (pure) -> lock orders -> seen before? -> resolve references -> decide -> seats -> write -> commit

A batch is one transaction. If PostgreSQL refuses the batch (two processes with the same message, a deadlock), its
messages are taken one by one, so that no message suffers for its neighbour.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool, PoolTimeout

from hub.intake import answers
from hub.intake.answers import Answer
from hub.intake.batch import Batch, Means
from hub.intake.finding import Entangled
from hub.intake.keeping import REJECTED_HEAD_BYTES, rejection_row
from hub.intake.lapsing import HoldsLapsed, let_go
from hub.intake.receipts import Parsed, Receipt
from hub.intake.sealing import Sealing
from hub.ports import Adapter
from hub.store import messages
from hub.store.seal import Seal
from hub.store.timetable import Timetable
from schemas.observation import Rejection
from schemas.problems import Problem, problem

log = logging.getLogger(__name__)

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
        self._committed = committed
        self._sealing = Sealing(seal, new_id)
        self._means = Means(adapters, self._sealing, new_id, Timetable())

    def take(self, receipts: Sequence[Receipt]) -> list[Answer]:
        """Decide these messages durably; the answers stand in the order of the receipts.

        Every answer is on disk when this returns. Never raises for a message: 503 ``not_ready`` says that the
        database did not answer and nothing was taken, 500 ``internal`` that this one message broke a rule of ours.
        """
        parsed = [self._parse(receipt) for receipt in receipts]
        done: list[Answer] = []
        while len(done) < len(parsed):
            done += self._together(parsed[len(done) :])
        return done

    def _together(self, parsed: Sequence[Parsed]) -> list[Answer]:
        """Answers to all of these messages, or to the first so many of them when one must be taken alone."""
        try:
            return self._transaction(parsed)
        except Entangled as message:
            # It may join orders of the messages before it, which must be on record first.
            before = self._together(parsed[: message.place]) if message.place else []
            return before if len(before) < message.place else [*before, self._alone(parsed[message.place])]
        except HoldsLapsed as over:
            self.take(let_go(over.holds, over.now))
            return [self._alone(item) for item in parsed]
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
        for _ in range(_TRIES):
            try:
                self._keep(receipt, answer)
            except _AGAIN:  # somebody else was quicker: the next try sees what they wrote
                continue
            except (psycopg.OperationalError, PoolTimeout):
                break
            return answer
        return answers.refused(receipt, problem("not_ready"))

    def _keep(self, receipt: Receipt, answer: Answer) -> None:
        """Nobody has read it, so nobody knows whom it names: its head is sealed under the house's key."""
        item = Parsed(receipt, Rejection(code="message_malformed", detail="Not read.", pointer="/"))
        people = self._sealing.people()
        with self._pool.connection() as connection:
            people.hold(connection)
            people.ask(connection, [item])
            people.learn(connection)
            messages.insert_rejection(connection, rejection_row(people.raw(item, REJECTED_HEAD_BYTES), receipt, answer))
            people.write(connection)
        people.committed()

    def _alone(self, item: Parsed) -> Answer:
        for _ in range(_TRIES):
            try:
                return self._transaction([item])[0]
            except HoldsLapsed as over:
                self.take(let_go(over.holds, over.now))
            except _AGAIN:  # somebody else was quicker: the next try sees what they wrote
                continue
            except (psycopg.OperationalError, PoolTimeout):
                break
            except Exception:
                log.exception("message %s/%s failed", item.receipt.channel, item.receipt.message_id)
                return answers.refused(item.receipt, problem("internal"))
        return answers.refused(item.receipt, problem("not_ready"))

    def _parse(self, receipt: Receipt) -> Parsed:
        if receipt.remembered is not None:
            return Parsed(receipt, receipt.remembered.observation)
        try:
            result = self._adapters[receipt.channel].parse(receipt.raw)
        except Exception:
            # Adapters of strangers run here too: theirs to mend, ours to survive.
            log.exception("the adapter of %s failed on %s", receipt.channel, receipt.message_id)
            result = Rejection(code="message_malformed", detail="The adapter failed on this message.", pointer="/")
        return Parsed(receipt, result)

    def _transaction(self, parsed: Sequence[Parsed]) -> list[Answer]:
        with self._pool.connection() as connection:
            result, wrote_events = Batch(self._means, connection, parsed).run()
        if wrote_events:
            self._committed()
        return result
