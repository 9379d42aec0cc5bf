"""People as the ledger knows them: a pseudonym, a key of their own, and the one index that leads from a number to them.

Who writes holds ``hold`` (shared) until he commits, who erases holds it alone: no text is ever sealed under a key that
is being erased. ``epoch`` rises with every erasure; keys and clear texts kept in memory are good while it stands.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg.rows import TupleRow

from hub.store.appending import BYTEA, TEXT, UUIDS, Table, append, packed
from hub.store.seal import Seal
from hub.store.subject_keys import SubjectKey, head_of, open_raw, subject_of
from schemas.model import Canonical
from schemas.personal import ERASED, convert_sealed, personal_values

_LOCK = 0x6572617365  # "erase"
_Value = TypeVar("_Value", bound=Canonical)


class SubjectRow(NamedTuple):
    """What is written of a new subject; ``key`` is wrapped (:func:`wrapped`)."""

    subject: UUID
    blind: str
    key: bytes


class Known(NamedTuple):
    """The answer to :func:`ask`: the keys of those who are known, those who have none yet, and the epoch."""

    keys: dict[str, SubjectKey]
    keyless: dict[str, UUID]
    epoch: int


_MENTIONS = Table("mentions", {"subject": UUIDS, "order_id": UUIDS}, conflict="ON CONFLICT DO NOTHING")
_SUBJECTS = Table("subjects", {"subject": UUIDS, "blind": TEXT, "key": BYTEA})


def hold(connection: Connection[TupleRow]) -> None:
    """No erasure until this transaction ends. The first thing it does, before it holds anything another one needs."""
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_LOCK,))


def hold_alone(connection: Connection[TupleRow]) -> None:
    """Wait until nobody writes, and let nobody write until this transaction ends."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def ask(connection: Connection[TupleRow], blinds: Sequence[str]) -> Cursor[TupleRow]:
    """Ask for the subjects of these indexes; a pipeline can send it with other questions."""
    return connection.execute(
        """SELECT blind, subject, key, NULL FROM hub.subjects WHERE blind = ANY(%s)
           UNION ALL SELECT NULL, NULL, NULL, (SELECT coalesce(max(erasure_id), 0) FROM hub.erasures)""",
        (packed(TEXT, blinds),),
    )


def read(rows: Cursor[TupleRow], seal: Seal) -> Known:
    """The answer to :func:`ask`."""
    known = Known({}, {}, 0)
    for blind, subject, key, epoch in rows:
        if epoch is not None:
            known = known._replace(epoch=epoch)
        elif key is None:
            known.keyless[blind] = subject
        else:
            known.keys[blind] = unwrapped(seal, subject, bytes(key))
    return known


def epoch(connection: Connection[TupleRow]) -> int:
    """How many erasures there have been: read it before the keys whose age it tells."""
    row = connection.execute("SELECT coalesce(max(erasure_id), 0) FROM hub.erasures").fetchone()
    return int(row[0]) if row else 0


def wrapped(seal: Seal, subject: UUID, key: bytes) -> bytes:
    """A subject's key under the field key, bound to the subject: it opens in no other row."""
    return seal.seal_bytes(key, subject.bytes)


def unwrapped(seal: Seal, subject: UUID, key: bytes) -> SubjectKey:
    """A subject's key in hand; raises ``cryptography.exceptions.InvalidTag`` when no field key of ours opens it."""
    return SubjectKey(subject.hex, seal.open_bytes(key, subject.bytes))


def insert(connection: Connection[TupleRow], rows: Iterable[SubjectRow]) -> None:
    """New subjects; one that another transaction made at this moment raises ``UniqueViolation``."""
    ordered: list[SubjectRow] = sorted(rows, key=lambda row: row.blind)
    append(connection, _SUBJECTS, ordered)


def give_keys(connection: Connection[TupleRow], seal: Seal, fresh: Mapping[UUID, bytes]) -> dict[UUID, SubjectKey]:
    """Keys for subjects of before; one that got its key meanwhile keeps that. ``fresh``: subject -> wrapped key."""
    found: dict[UUID, SubjectKey] = {}
    for subject in sorted(fresh):
        row = connection.execute(
            "UPDATE hub.subjects SET key = coalesce(key, %s) WHERE subject = %s AND blind IS NOT NULL RETURNING key",
            (fresh[subject], subject),
        ).fetchone()
        if row is not None:
            found[subject] = unwrapped(seal, subject, bytes(row[0]))
    return found


def mention(connection: Connection[TupleRow], rows: Iterable[tuple[str, UUID]]) -> None:
    """(subject, order): this order's messages name the subject, though no ticket of it may lead there."""
    append(connection, _MENTIONS, [(UUID(subject), order_id) for subject, order_id in sorted(set(rows))])


def keys_of(connection: Connection[TupleRow], seal: Seal, subjects: Collection[str]) -> dict[str, SubjectKey]:
    """The keys of these subjects; who was erased, or was never known, is not among them."""
    if not subjects:
        return {}
    rows = connection.execute(
        "SELECT subject, key FROM hub.subjects WHERE subject = ANY(%s::uuid[]) AND key IS NOT NULL", (list(subjects),)
    )
    return {subject.hex: unwrapped(seal, subject, bytes(key)) for subject, key in rows}


def opener(connection: Connection[TupleRow], seal: Seal, values: Iterable[Canonical]) -> Callable[[str], str]:
    """Opens every personal text in ``values``: one query, however many there are. Who was erased reads ``erased``.

    The keys are those of this moment: do not keep the opener, nor what it opened, longer than ``epoch`` stands.
    """
    subjects = {s for value in values for text in personal_values(value) if (s := subject_of(text.text)) is not None}
    return opening(seal, keys_of(connection, seal, subjects))


def opening(seal: Seal, keys: Mapping[str, SubjectKey]) -> Callable[[str], str]:
    """Opens personal texts of these subjects; of everybody else it says ``erased``."""

    def open_text(text: str) -> str:
        subject = subject_of(text)
        if subject is None:
            return seal.open(text)
        key = keys.get(subject)
        return ERASED if key is None else key.open(text)

    return open_text


def opened(connection: Connection[TupleRow], seal: Seal, values: Sequence[_Value]) -> list[_Value]:
    """``values`` with their personal texts in clear, those of erased people as ``erased``."""
    convert = opener(connection, seal, values)
    return [convert_sealed(value, convert) for value in values]


def opened_one(connection: Connection[TupleRow], seal: Seal, value: _Value) -> _Value:
    """The same of one value."""
    return opened(connection, seal, [value])[0]


def opened_raw(connection: Connection[TupleRow], seal: Seal, sealed: Sequence[bytes]) -> list[bytes | None]:
    """Messages as they came; None for one that names somebody who was erased."""
    heads = [head_of(item) for item in sealed]
    keys = keys_of(connection, seal, {subject for head in heads if head is not None for subject in head.subjects})
    return [
        seal.open_bytes(item) if head is None else open_raw(keys, item)
        for item, head in zip(sealed, heads, strict=True)
    ]
