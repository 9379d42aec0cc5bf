"""Recovery at a station window: for a person who has no way in left, or whose account somebody else has got into.

| step | who | what |
|---|---|---|
| 1 `ask` | a clerk | compares person and document with the account's confirmed name; the old number is told |
| 2 `confirm` | another clerk | reads the document himself; gets a ticket of ten digits for the person's hand |
| 3 `begin` | the person | ticket and document number, and the number of the phone in their hand: a code goes there |
| 4 `finish` | the person | the code; a new password, or none |

Then nothing of before opens the account: every session, password, passkey, app, recovery code and pending change is
gone (what a hijacker added, too). An account without a confirmed name cannot be recovered: no document proves whose
it is. No clerk recovers an account alone, nor ever their own; both are in the audit.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection

from sso import audit, logout
from sso.people import authenticators, documents, identities, lockout, notices, proofs, real_names
from sso.people.identities import Identity
from sso.people.proofs import ProofRefused
from sso.provider import Provider

TICKET_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Waiting:
    """A recovery that waits for the second clerk."""

    recovery_id: UUID
    identity_id: UUID
    asked_by: UUID
    office: str
    asked_at: datetime


def ask(
    connection: Connection, provider: Provider, clerk: UUID, office: str, name: str, document_type: str, number: str
) -> UUID:
    """The first clerk's step; answers the recovery's id.

    Raises ProofRefused: `bad_document`, `identify_unknown` (no passenger has that confirmed name and document),
    `own_document`, `recovery_office_missing`, `declared_too_often` (a clerk who tries many documents).
    """
    now, office = provider.clock(), " ".join(office.split())[:60]
    if not office:
        raise ProofRefused("recovery_office_missing")
    if lockout.take_attempt(connection, f"clerk:{clerk}", real_names.METHOD, now, provider.options):
        raise ProofRefused("declared_too_often", 429)
    connection.commit()  # counted, whatever comes of it
    passenger, blind = holder(connection, provider, name, document_type, number)
    if passenger.identity_id == clerk:
        raise ProofRefused("own_document", 403)
    lockout.forgive(connection, f"clerk:{clerk}", real_names.METHOD)
    recovery_id = provider.mint.identifier()
    connection.execute(
        "DELETE FROM sso.recovery WHERE identity_id = %s AND confirmed_at IS NULL", (passenger.identity_id,)
    )
    connection.execute(
        """INSERT INTO sso.recovery
               (recovery_id, identity_id, office, document_type, document_blind, asked_by, asked_at, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            recovery_id,
            passenger.identity_id,
            office,
            document_type,
            blind,
            clerk,
            now,
            now + provider.options.recovery_lifetime,
        ),
    )
    audit.record(connection, now, "recovery_asked", identity_id=passenger.identity_id, clerk=str(clerk), office=office)
    notices.notify(connection, provider.mint, passenger.identity_id, "recovery_asked", now, office=office)
    return recovery_id


def waiting(connection: Connection, now: datetime) -> list[Waiting]:
    """Recoveries that wait for a second clerk, oldest first."""
    rows = connection.execute(
        """SELECT recovery_id, identity_id, asked_by, office, asked_at FROM sso.recovery
           WHERE confirmed_at IS NULL AND consumed_at IS NULL AND expires_at > %s ORDER BY asked_at LIMIT 50""",
        (now,),
    )
    return [Waiting(*row) for row in rows]


def confirm(
    connection: Connection, provider: Provider, clerk: UUID, recovery_id: UUID, document_type: str, number: str
) -> str:
    """The second clerk's step: he types the number from the document himself. Answers the ticket, shown this once.

    Raises ProofRefused: `recovery_gone`, `recovery_same_clerk`, `own_document`, `bad_document`,
    `recovery_other_document`.
    """
    now, ticket = provider.clock(), provider.mint.digits(TICKET_DIGITS)
    row = connection.execute(
        """SELECT identity_id, asked_by, document_blind FROM sso.recovery
           WHERE recovery_id = %s AND confirmed_at IS NULL AND expires_at > %s FOR UPDATE""",
        (recovery_id, now),
    ).fetchone()
    if row is None:
        raise ProofRefused("recovery_gone", 410)
    identity_id, asked_by, document_blind = row
    if clerk == asked_by:
        raise ProofRefused("recovery_same_clerk", 403)
    if clerk == identity_id:
        raise ProofRefused("own_document", 403)
    if documents.blind(provider.cipher, document_type, _clean(provider, document_type, number)) != document_blind:
        # The first wrong number ends it: nobody tries his way to a match.
        connection.execute("DELETE FROM sso.recovery WHERE recovery_id = %s", (recovery_id,))
        audit.record(connection, now, "recovery_refused", identity_id=identity_id, clerk=str(clerk))
        connection.commit()
        raise ProofRefused("recovery_other_document", 409)
    connection.execute(
        "UPDATE sso.recovery SET confirmed_by = %s, confirmed_at = %s, ticket_blind = %s WHERE recovery_id = %s",
        (clerk, now, _ticket_blind(provider, identity_id, ticket), recovery_id),
    )
    audit.record(connection, now, "recovery_confirmed", identity_id=identity_id, clerk=str(clerk))
    return f"{ticket[:5]}-{ticket[5:]}"


def begin(provider: Provider, document_type: str, number: str, ticket: str, phone: str, locale: str) -> str:
    """The person's first step: a code goes to `phone` (E.164); answers the handle of the next form.

    Raises ProofRefused: `bad_document`, `recovery_ticket_wrong` (also for a document that nobody has), `locked`, and
    those of `proofs.send_code`.
    """
    clean = _clean(provider, document_type, number)
    with provider.pool.connection() as connection:
        holder = real_names.holder(connection, provider.cipher, document_type, clean)
        identity = identities.load(connection, holder) if holder else None
        subject = lockout.subject(identity, provider.cipher, f"document:{document_type}:{clean}")
        proofs.take_attempt(provider, connection, subject, lockout.WINDOW_TICKET, identity)
    with provider.pool.connection() as connection:
        if identity is None or not _stands(connection, provider, identity.identity_id, ticket):
            raise ProofRefused("recovery_ticket_wrong", 401)
        lockout.forgive(connection, subject, lockout.WINDOW_TICKET)
    return proofs.send_code(provider, "recover", phone, locale, identity.identity_id)


def finish(provider: Provider, handle: str, code: str, ticket: str, password: str) -> Identity:
    """The person's last step: the code from the new number uses the ticket up, and the account is theirs alone.

    An empty `password` means none: the phone is the way in. Raises ProofRefused: `bad_password`, `wrong_code`,
    `locked`, `recovery_gone`, `phone_taken` (then everything is as it was).
    """
    password_hash = proofs.new_password_hash(provider, password) if password else None
    proven = proofs.by_code(provider, "recover", handle, code)
    with provider.pool.connection() as connection:
        identity = identities.load(connection, proven.for_identity) if proven.for_identity else None
        if identity is None:
            raise ProofRefused("recovery_gone", 410)
        _take_over(connection, provider, identity.identity_id, ticket, proven.phone, password_hash)
    return identity


def _take_over(
    connection: Connection, provider: Provider, identity_id: UUID, ticket: str, phone: str, password_hash: str | None
) -> None:
    now = provider.clock()
    used = connection.execute(
        """UPDATE sso.recovery SET consumed_at = %(now)s
           WHERE identity_id = %(id)s AND ticket_blind = %(ticket)s AND consumed_at IS NULL AND expires_at > %(now)s
           RETURNING asked_by, confirmed_by""",
        {"now": now, "id": identity_id, "ticket": _ticket_blind(provider, identity_id, ticket)},
    ).fetchone()
    if used is None:
        raise ProofRefused("recovery_gone", 410)
    notices.notify(connection, provider.mint, identity_id, "recovered_at_window", now)  # to the old number
    authenticators.forget_all(connection, identity_id)
    authenticators.put_phone(connection, provider, identity_id, phone, now)
    if password_hash is not None:
        identities.set_password_hash(connection, identity_id, password_hash, now)
    lockout.unlock(connection, identity_id)
    logout.end_all_sessions(connection, identity_id, "recovered_at_window", now, provider.options, provider.mint)
    asked_by, confirmed_by = map(str, used)
    audit.record(
        connection, now, "recovered_at_window", identity_id=identity_id, asked_by=asked_by, confirmed_by=confirmed_by
    )


def holder(
    connection: Connection, provider: Provider, name: str, document_type: str, number: str
) -> tuple[Identity, str]:
    """The passenger whose confirmed name and document these are, and the document's blind index."""
    clean = _clean(provider, document_type, number)
    holder = real_names.holder(connection, provider.cipher, document_type, clean)
    known = real_names.of(connection, provider.cipher, holder) if holder else None
    passenger = identities.load(connection, holder) if holder else None
    if passenger is None or known is None or known.name != name.strip() or passenger.kind != "passenger":
        raise ProofRefused("identify_unknown", 404)
    return passenger, documents.blind(provider.cipher, document_type, clean)


def _stands(connection: Connection, provider: Provider, identity_id: UUID, ticket: str) -> bool:
    row = connection.execute(
        """SELECT 1 FROM sso.recovery
           WHERE identity_id = %s AND ticket_blind = %s AND consumed_at IS NULL AND expires_at > %s""",
        (identity_id, _ticket_blind(provider, identity_id, ticket), provider.clock()),
    ).fetchone()
    return row is not None


def _clean(provider: Provider, document_type: str, number: str) -> str:
    try:
        return documents.compact(provider.registers.documents, document_type, number)
    except documents.DocumentRefused as refused:
        raise ProofRefused("bad_document") from refused


def _ticket_blind(provider: Provider, identity_id: UUID, ticket: str) -> str:
    digits = "".join(character for character in ticket if character.isascii() and character.isdigit())
    return provider.cipher.blind(f"recovery:{identity_id}:{digits}")
