"""Proving who one is: password, or a code sent to the phone. Knows no pages; raises `ProofRefused`.

Attempts are counted before they are checked and per identity, the same in every channel (`lockout.take_attempt`).
No password is hashed and no code is sent while a transaction is open.
"""

import hmac
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg import Connection

from sso import audit, interactions, logout, sessions
from sso.people import identities, lockout
from sso.people.identities import Identity
from sso.ports import digest
from sso.provider import Provider

CODE_DIGITS = 6
NEW_NUMBER = ("register", "change", "recover")
"""Purposes of codes that go to a number which nobody has proven yet."""


class ProofRefused(Exception):
    """The proof is refused. `sentence` names an entry of the pages' words; `values` fill it."""

    def __init__(self, sentence: str, status: int = 400, **values: object) -> None:
        super().__init__(sentence)
        self.sentence, self.status, self.values = sentence, status, values


def by_password(provider: Provider, login: str, password: str) -> Identity:
    """The person with this login (phone number or login name) and password.

    Raises ProofRefused: `wrong_password` (also when nobody has that login, after the same work) or `locked`.
    """
    with provider.pool.connection() as connection:
        identity = identities.by_login(connection, provider.cipher, login)
        subject = lockout.subject(identity, provider.cipher, login)
        take_attempt(provider, connection, subject, lockout.PASSWORD, identity)
    if not provider.passwords.matches(identity.password_hash if identity else None, password[:1000]):
        with provider.pool.connection() as connection:
            audit.record(connection, provider.clock(), "password_wrong", identity_id=_id(identity))
        raise ProofRefused("wrong_password", 401)
    if identity is None or identity.password_hash is None:
        raise ProofRefused("wrong_password", 401)
    renewed = provider.passwords.hash(password) if provider.passwords.outdated(identity.password_hash) else None
    with provider.pool.connection() as connection:
        lockout.forgive(connection, subject, lockout.PASSWORD)
        if renewed:
            identities.set_password_hash(connection, identity.identity_id, renewed, provider.clock())
    return identity


def take_attempt(
    provider: Provider, connection: Connection, subject: str, method: str, identity: Identity | None
) -> None:
    """Count an attempt at `method` in a transaction that the caller commits. Raises ProofRefused `locked`."""
    now = provider.clock()
    locked_until = lockout.take_attempt(connection, subject, method, now, provider.options)
    if locked_until:
        audit.record(connection, now, "attempt_while_locked", identity_id=_id(identity), method=method)
        connection.commit()  # the refusal below must not undo the record
        raise ProofRefused("locked", 429, minutes=_minutes(locked_until - now))


def send_code(provider: Provider, purpose: str, phone: str, locale: str, for_identity: UUID | None = None) -> str:
    """Make a code for a phone number (E.164) and send it; answers the handle that the next form carries.

    `purpose` is `login`, `register`, `step_up`, `change`, `recover` or `part`; the last three are about
    `for_identity`: its new number, or the number of a sleeping account. To log in, a number that nobody has
    proven gets no message, and the answer looks the same.
    Raises ProofRefused: `code_too_soon`, `code_not_sent`.
    """
    now, options, cipher = provider.clock(), provider.options, provider.cipher
    handle, code = provider.mint.secret(), provider.mint.digits(CODE_DIGITS)
    blind = cipher.blind(f"phone:{phone}")
    with provider.pool.connection() as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (blind,))
        _refuse_flood(provider, connection, blind, now)
        known = identities.by_phone(connection, cipher, phone)
        connection.execute(
            """INSERT INTO sso.phone_challenge
                   (handle_digest, purpose, phone_sealed, phone_blind, code_digest, created_at, expires_at, identity_id)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s)""",
            (
                digest(handle),
                purpose,
                cipher.seal(phone),
                blind,
                _code_digest(provider, handle, code),
                now,
                now + options.phone_code_lifetime,
                for_identity,
            ),
        )
    if known or for_identity or purpose in NEW_NUMBER:
        try:
            provider.sender.send(phone, code, locale, purpose)
        except OSError as error:
            raise ProofRefused("code_not_sent", 503) from error
    return handle


def _refuse_flood(provider: Provider, connection: Connection, blind: str, now: datetime) -> None:
    sent = [
        row[0]
        for row in connection.execute(
            """SELECT created_at FROM sso.phone_challenge WHERE phone_blind = %s AND created_at > %s
               ORDER BY created_at DESC""",
            (blind, now - timedelta(hours=1)),
        )
    ]
    if len(sent) >= provider.options.phone_codes_per_hour:
        raise ProofRefused("code_too_soon", 429, minutes=_minutes(sent[-1] + timedelta(hours=1) - now))
    if sent and sent[0] + provider.options.phone_code_interval > now:
        raise ProofRefused("code_too_soon", 429, minutes=_minutes(sent[0] + provider.options.phone_code_interval - now))


@dataclass(frozen=True, slots=True)
class ProvenPhone:
    """A phone number whose holder has just read us the code, and who it belongs to, if anybody.

    for_identity: whose new number it is to become, when the code was made for that.
    """

    phone: str
    identity: Identity | None
    for_identity: UUID | None = None


def by_code(provider: Provider, purpose: str, handle: str, code: str) -> ProvenPhone:
    """Check the code of a challenge, which is then used up, or good for one registration (`register`).

    Raises ProofRefused: `wrong_code` (also for an unknown, used or expired challenge) or `locked`.
    """
    now = provider.clock()
    with provider.pool.connection() as connection:
        row = connection.execute(
            """SELECT phone_sealed, code_digest, identity_id FROM sso.phone_challenge
               WHERE handle_digest = %s AND purpose = %s AND expires_at > %s AND verified_at IS NULL
               FOR UPDATE""",
            (digest(handle), purpose, now),
        ).fetchone()
        if row is None:
            raise ProofRefused("wrong_code", 401)
        phone = provider.cipher.open(row[0])
        identity = identities.by_phone(connection, provider.cipher, phone)
        subject = lockout.subject(identity, provider.cipher, phone)
        take_attempt(provider, connection, subject, lockout.CODE, identity)
        if not hmac.compare_digest(row[1], _code_digest(provider, handle, code.strip())):
            audit.record(connection, now, "code_wrong", identity_id=_id(identity))
            connection.commit()  # the counted attempt stays counted
            raise ProofRefused("wrong_code", 401)
        lockout.forgive(connection, subject, lockout.CODE)
        connection.execute(
            """UPDATE sso.phone_challenge SET verified_at = %s, expires_at = %s,
                   consumed_at = CASE WHEN purpose <> 'register' THEN %s::timestamptz END
               WHERE handle_digest = %s""",
            (now, now + provider.options.interaction_lifetime, now, digest(handle)),
        )
    return ProvenPhone(phone, identity, row[2])


def proven_phone(connection: Connection, provider: Provider, handle: str) -> str:
    """The number behind a challenge that was verified for a registration and not used yet; locks it.

    Raises ProofRefused `error_stale`.
    """
    row = connection.execute(
        """SELECT phone_sealed FROM sso.phone_challenge WHERE handle_digest = %s AND purpose = 'register'
           AND verified_at IS NOT NULL AND consumed_at IS NULL AND expires_at > %s FOR UPDATE""",
        (digest(handle), provider.clock()),
    ).fetchone()
    if row is None:
        raise ProofRefused("error_stale", 410)
    return provider.cipher.open(row[0])


def register(provider: Provider, handle: str, name: str, login_name: str, password: str, locale: str) -> Identity:
    """Make a passenger's identity for a proven phone number.

    Raises ProofRefused: `bad_name`, `bad_login_name`, `bad_password`, `login_name_taken`, `phone_taken`,
    `phone_asleep`, `error_stale`. The proven number stays usable after any of them but the last two.
    """
    name, now = name.strip(), provider.clock()
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise ProofRefused("bad_name")
    compact_name = identities.compact_login_name(login_name)
    if login_name.strip() and compact_name is None:
        raise ProofRefused("bad_login_name")
    # Without a password the phone is the way in: nothing to remember, nothing to guess.
    password_hash = new_password_hash(provider, password) if password else None
    with provider.pool.connection() as connection:
        phone = proven_phone(connection, provider, handle)
        if identities.by_phone(connection, provider.cipher, phone):
            raise ProofRefused("phone_taken", 409)
        if identities.sleeps(connection, provider.cipher, phone):
            raise ProofRefused("phone_asleep", 409)
        identity = Identity(
            provider.mint.identifier(), "passenger", compact_name, name, password_hash, None, [], locale, now
        )
        try:
            identities.add(connection, provider.cipher, identity, phone, now)
        except identities.IdentityTaken as taken:
            raise ProofRefused("login_name_taken", 409) from taken
        connection.execute(
            "UPDATE sso.phone_challenge SET consumed_at = %s WHERE handle_digest = %s", (now, digest(handle))
        )
        audit.record(connection, now, "registered", identity_id=identity.identity_id)
    return identity


def new_password_hash(provider: Provider, password: str) -> str:
    """The hash of a password that somebody chooses. Raises ProofRefused `bad_password`. Slow: no transaction open."""
    if not provider.options.password_length_min <= len(password) <= 200:
        raise ProofRefused("bad_password", length=provider.options.password_length_min)
    return provider.passwords.hash(password)


def open_session(
    provider: Provider,
    identity: Identity,
    amr: tuple[str, ...],
    cookie: str | None,
    user_agent: str,
    handle: str | None,
) -> str:
    """Log the person in in this browser; answers the new cookie's secret.

    The same person again keeps the session (and its `sid`) with a new cookie; somebody else's session in this
    browser is ended first, and its clients are told. `handle`: the interaction this login was made for.
    """
    now, options, mint = provider.clock(), provider.options, provider.mint
    with provider.pool.connection() as connection:
        interactions.note_login(connection, handle)
        before = sessions.by_cookie(connection, cookie, now, options)
        if before and before.identity_id == identity.identity_id:
            session_id = before.session_id
            secret = sessions.prove_again(connection, session_id, amr, now, mint)
        else:
            if before:
                logout.end_session(connection, before.session_id, "another_person_logged_in", now, mint)
            session_id, secret = sessions.start(connection, identity.identity_id, amr, user_agent, now, options, mint)
        audit.record(
            connection, now, "logged_in", identity_id=identity.identity_id, session_id=session_id, amr=" ".join(amr)
        )
    return secret


def _code_digest(provider: Provider, handle: str, code: str) -> str:
    # Six digits could be guessed from a plain hash: the keyed digest cannot be, without the key.
    return provider.cipher.blind(f"code:{handle}:{code}")


def _id(identity: Identity | None) -> UUID | None:
    return identity.identity_id if identity else None


def _minutes(span: timedelta) -> int:
    return max(1, math.ceil(span.total_seconds() / 60))
