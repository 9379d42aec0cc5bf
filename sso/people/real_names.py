"""Real names: who an identity is by law, as a name and the number of a document.

Three states. *unverified*: the person says so; it opens nothing and keeps nobody else from saying the same. *verified*:
the register of names has confirmed it. *at_window*: a clerk has seen the document. A number has one confirmed holder;
whoever proves it next is told to join the two accounts instead.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation

from sso import audit
from sso.people import documents, lockout, notices
from sso.people.proofs import ProofRefused
from sso.ports import FieldCipher
from sso.provider import Provider

UNVERIFIED, VERIFIED, AT_WINDOW = "unverified", "verified", "at_window"
WINDOW_CODE_DIGITS, WINDOW_CODE_LIFETIME = 8, timedelta(minutes=10)
METHOD = "document"
"""Declarations are counted like guesses, but pause only themselves: with a register behind it, the form could be used
to find out whose number is whose."""


@dataclass(frozen=True, slots=True, repr=False)
class RealName:
    """A declared name, opened. Never logged."""

    name: str
    document_type: str
    number: str
    state: str
    confirmed_at: datetime | None

    @property
    def confirmed(self) -> bool:
        """Whether anybody but the person says so."""
        return self.state != UNVERIFIED


def of(connection: Connection, cipher: FieldCipher, identity_id: UUID) -> RealName | None:
    """What is known of this identity."""
    row = connection.execute(
        """SELECT name_sealed, document_type, number_sealed, state, confirmed_at FROM sso.real_name
           WHERE identity_id = %s""",
        (identity_id,),
    ).fetchone()
    return RealName(cipher.open(row[0]), row[1], cipher.open(row[2]), row[3], row[4]) if row else None


def holder(connection: Connection, cipher: FieldCipher, document_type: str, number: str) -> UUID | None:
    """The confirmed holder of a document; `number` is clean (`documents.compact`)."""
    row = connection.execute(
        "SELECT identity_id FROM sso.real_name WHERE number_blind = %s AND state <> 'unverified'",
        (documents.blind(cipher, document_type, number),),
    ).fetchone()
    return row[0] if row else None


def declare(provider: Provider, identity_id: UUID, name: str, document_type: str, number: str) -> RealName:
    """The person says who they are; where there is a register, it is asked at once.

    Raises ProofRefused: `bad_real_name`, `bad_document`, `locked`, `real_name_stands` (a confirmed name changes at a
    window only), `real_name_denied` (the register says no), `document_taken` (it has a confirmed holder).
    """
    stated = _stated(provider, name, document_type, number)
    now = provider.clock()
    with provider.pool.connection() as connection:
        standing = of(connection, provider.cipher, identity_id)
        if standing and standing.confirmed:
            raise ProofRefused("real_name_stands", 409)
        until = lockout.take_attempt(connection, lockout.subject_of(identity_id), METHOD, now, provider.options)
    if until:
        raise ProofRefused("declared_too_often", 429)
    answer = _ask(provider, stated)
    with provider.pool.connection() as connection:
        if answer is False:
            audit.record(connection, now, "real_name_denied", identity_id=identity_id, document=document_type)
        else:
            _keep(connection, provider, identity_id, stated, VERIFIED if answer else UNVERIFIED, "register", now)
    if answer is False:
        raise ProofRefused("real_name_denied", 422)
    return RealName(*stated, VERIFIED if answer else UNVERIFIED, now if answer else None)


def window_code(connection: Connection, provider: Provider, identity_id: UUID) -> str:
    """A code that the person shows at a window within ten minutes: the clerk learns whose name he confirms, and nothing
    else about the account."""
    now, code = provider.clock(), provider.mint.digits(WINDOW_CODE_DIGITS)
    connection.execute("DELETE FROM sso.window_request WHERE identity_id = %s", (identity_id,))
    connection.execute(
        "INSERT INTO sso.window_request (code_blind, identity_id, created_at, expires_at) VALUES (%s, %s, %s, %s)",
        (_code_blind(provider, code), identity_id, now, now + WINDOW_CODE_LIFETIME),
    )
    return code


def shown_at_window(connection: Connection, provider: Provider, clerk_id: UUID, code: str) -> UUID:
    """Whose code this is; used up. The caller commits also when it then refuses.

    Raises ProofRefused: `window_code_wrong`, `declared_too_often` (a clerk who types many wrong ones).
    """
    now, subject = provider.clock(), f"clerk:{clerk_id}"
    if lockout.take_attempt(connection, subject, METHOD, now, provider.options):
        raise ProofRefused("declared_too_often", 429)
    row = connection.execute(
        """UPDATE sso.window_request SET consumed_at = %s WHERE code_blind = %s AND expires_at > %s
           AND consumed_at IS NULL RETURNING identity_id""",
        (now, _code_blind(provider, code), now),
    ).fetchone()
    if row is None:
        raise ProofRefused("window_code_wrong", 404)
    lockout.forgive(connection, subject, METHOD)
    return UUID(str(row[0]))


def _code_blind(provider: Provider, code: str) -> str:
    return provider.cipher.blind(f"window:{code.strip()}")


def confirm_at_window(
    connection: Connection,
    provider: Provider,
    identity_id: UUID,
    clerk_id: UUID,
    *,
    name: str,
    document_type: str,
    number: str,
) -> None:
    """A clerk has the document in hand and the person in front of him; replaces what was known (a new passport).

    The caller has made sure that both are there (`clerk_id` with the role `window`, the person by a proof of their
    own). Raises ProofRefused: `bad_real_name`, `bad_document`, `document_taken`, `own_document`.
    """
    if clerk_id == identity_id:
        raise ProofRefused("own_document", 403)
    stated = _stated(provider, name, document_type, number)
    _keep(connection, provider, identity_id, stated, AT_WINDOW, f"clerk:{clerk_id}", provider.clock())


def _stated(provider: Provider, name: str, document_type: str, number: str) -> tuple[str, str, str]:
    name = name.strip()
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise ProofRefused("bad_real_name")
    try:
        return name, document_type, documents.compact(provider.registers.documents, document_type, number)
    except documents.DocumentRefused as refused:
        raise ProofRefused("bad_document") from refused


def _ask(provider: Provider, stated: tuple[str, str, str]) -> bool | None:
    """What the register says; None also while it is away: the person is not kept waiting for it."""
    if provider.registers.names is None:
        return None
    try:
        return provider.registers.names.confirms(*stated)
    except OSError:
        return None  # the register is away: nothing is confirmed, a window can do it


def _keep(
    connection: Connection,
    provider: Provider,
    identity_id: UUID,
    stated: tuple[str, str, str],
    state: str,
    by: str,
    now: datetime,
) -> None:
    name, document_type, number = stated
    cipher, confirmed = provider.cipher, state != UNVERIFIED
    blind = documents.blind(cipher, document_type, number)
    try:
        with connection.transaction():
            kept = connection.execute(
                """INSERT INTO sso.real_name (identity_id, name_sealed, document_type, number_sealed, number_blind,
                       state, confirmed_by, declared_at, confirmed_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
                   ON CONFLICT (identity_id) DO UPDATE SET name_sealed = excluded.name_sealed,
                       document_type = excluded.document_type, number_sealed = excluded.number_sealed,
                       number_blind = excluded.number_blind, state = excluded.state,
                       confirmed_by = excluded.confirmed_by, declared_at = excluded.declared_at,
                       confirmed_at = excluded.confirmed_at
                   WHERE real_name.state = 'unverified' OR excluded.state = 'at_window'""",
                (
                    identity_id,
                    cipher.seal(name),
                    document_type,
                    cipher.seal(number),
                    blind,
                    state,
                    by if confirmed else None,
                    now,
                    now if confirmed else None,
                ),
            )
    except UniqueViolation as taken:
        raise ProofRefused("document_taken", 409) from taken
    if not kept.rowcount:  # confirmed by somebody else in the meantime
        raise ProofRefused("real_name_stands", 409)
    audit.record(connection, now, f"real_name_{state}", identity_id=identity_id, document=document_type, by=by)
    if confirmed:
        # What others have said about this number was wrong, or a trap laid in advance.
        connection.execute(
            "DELETE FROM sso.real_name WHERE number_blind = %s AND state = 'unverified' AND identity_id <> %s",
            (blind, identity_id),
        )
        lockout.forgive(connection, lockout.subject_of(identity_id), METHOD)
        notices.notify(connection, provider.mint, identity_id, "real_name_confirmed", now)
