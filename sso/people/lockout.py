"""Guessing is counted per identity and method, the same in every channel; too many wrong guesses pause the method.

Every way of logging in counts its attempts here, *before* they are checked (`take_attempt`), so that parallel guesses
cannot slip past the limit. A way that checks no secret itself (a request approved on the phone, a device at a window,
an exchanged token) asks `locked` first: somebody is guessing at this person, so nobody is let in as them unseen
(CVE-2026-9798: a provider whose CIBA ignored the lockout).

Pausing one method leaves the others: whoever guesses passwords cannot keep the person's own phone or passkey out.
"""

from datetime import datetime
from uuid import UUID

from psycopg import Connection

from sso.options import SsoOptions
from sso.people.identities import Identity
from sso.ports import FieldCipher

PASSWORD, CODE, TOTP, RECOVERY_CODE, WINDOW_TICKET = "password", "code", "totp", "recovery_code", "window_ticket"

PROOFS = (PASSWORD, CODE, TOTP, RECOVERY_CODE, WINDOW_TICKET)
"""Methods that prove a person by a secret which can be guessed. Counters of other methods (a guessed `user_code`) may
stand beside them; they pause what they count and lock nobody."""

DOUBLINGS_MAX = 6
"""A method that is locked again without a right attempt in between stays locked twice as long, up to 64 times."""


def subject_of(identity_id: UUID) -> str:
    """Under which name an identity's attempts are counted."""
    return f"identity:{identity_id}"


def subject(identity: Identity | None, cipher: FieldCipher, login: str) -> str:
    """Whose attempts are counted when somebody typed `login`.

    A login that names nobody is counted too, under its keyed digest, so that being locked out betrays nothing
    about who exists.
    """
    return subject_of(identity.identity_id) if identity else f"unknown:{cipher.blind('login:' + login.strip().lower())}"


def locked(connection: Connection, identity_id: UUID, now: datetime) -> datetime | None:
    """Until when nobody may be let in as this person without a proof of their own; None when nothing is locked.

    Asked by CIBA, device approval and token exchange, when they start and when they are redeemed.
    """
    row = connection.execute(
        """SELECT max(locked_until) FROM sso.attempt_counter
           WHERE subject = %s AND method = ANY(%s) AND locked_until > %s""",
        (subject_of(identity_id), list(PROOFS), now),
    ).fetchone()
    return row[0] if row else None


def take_attempt(
    connection: Connection, subject: str, method: str, now: datetime, options: SsoOptions
) -> datetime | None:
    """Count one attempt before it is checked.

    Answers None when the attempt may be checked, or the moment until which this method is locked. The caller commits
    before it refuses, and clears the counter with `forgive` when the attempt turns out right.
    """
    connection.execute(
        """INSERT INTO sso.attempt_counter (subject, method, failures, updated_at) VALUES (%s, %s, 0, %s)
           ON CONFLICT (subject, method) DO NOTHING""",
        (subject, method, now),
    )
    row = connection.execute(
        "SELECT failures, locked_until, locks FROM sso.attempt_counter WHERE subject = %s AND method = %s FOR UPDATE",
        (subject, method),
    ).fetchone()
    failures, locked_until, locks = row if row else (0, None, 0)
    if locked_until and locked_until > now:
        return locked_until  # type: ignore[no-any-return]
    failures = 1 if locked_until else failures + 1
    until = None
    if failures >= options.lockout_failures:
        until, locks = now + options.lockout_duration * 2 ** min(locks, DOUBLINGS_MAX), locks + 1
    connection.execute(
        """UPDATE sso.attempt_counter SET failures = %s, locked_until = %s, locks = %s, updated_at = %s
           WHERE subject = %s AND method = %s""",
        (failures, until, locks, now, subject, method),
    )
    return None


def forgive(connection: Connection, subject: str, method: str) -> None:
    """Forget the failures of one method after a right attempt."""
    connection.execute("DELETE FROM sso.attempt_counter WHERE subject = %s AND method = %s", (subject, method))


def unlock(connection: Connection, identity_id: UUID) -> None:
    """Forget all failures of a person, who has just been recognised by their ID document or by an operator."""
    connection.execute("DELETE FROM sso.attempt_counter WHERE subject = %s", (subject_of(identity_id),))
