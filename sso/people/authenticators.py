"""A person's own ways to be recognised, and how they change them.

| rule | why |
|---|---|
| every change needs a login of the last minutes | an unlocked phone on a table |
| the last way in stays | a person must not lock themselves out |
| every change is told to the person, at the number they had before it | they hear of what they did not do |
| a new password or number ends every other session and everything that waits for a code | an intruder goes with them |
| a number counts when its holder has read us the code | nobody confirms their own number (pre-hijacking) |

Each function runs in the caller's transaction and locks the person's row first: two changes at once see each other.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation

from sso import audit, logout, sessions
from sso.people import identities, notices, passkeys, recovery_codes, totp
from sso.people.identities import Identity
from sso.people.passkeys import Passkey
from sso.people.proofs import ProofRefused
from sso.provider import Provider


@dataclass(frozen=True, slots=True)
class Authenticators:
    """What a person has. Password, phone and passkeys are ways in; app and recovery codes are second steps only."""

    password: bool
    phone: bool
    passkeys: list[Passkey]
    totp: bool
    recovery_codes_left: int

    @property
    def ways_in(self) -> int:
        """How many ways in there are."""
        return self.password + self.phone + len(self.passkeys)


def of(connection: Connection, identity: Identity) -> Authenticators:
    """What this person has now."""
    return Authenticators(
        password=identity.password_hash is not None,
        phone=identity.phone_sealed is not None,
        passkeys=passkeys.of_identity(connection, identity.identity_id),
        totp=totp.enrolled(connection, identity.identity_id),
        recovery_codes_left=recovery_codes.left(connection, identity.identity_id),
    )


def set_password(
    connection: Connection, provider: Provider, identity_id: UUID, password_hash: str, keep: UUID | None
) -> None:
    """A new password; every session but `keep` and those above or below it ends."""
    now = provider.clock()
    _lock(connection, identity_id)
    identities.set_password_hash(connection, identity_id, password_hash, now)
    _changed(connection, provider, identity_id, "password_changed", now)
    end_others(connection, provider, identity_id, keep, "password_changed")


def set_phone(connection: Connection, provider: Provider, identity_id: UUID, phone: str, keep: UUID | None) -> None:
    """A new number (E.164), whose holder has just read us the code; the old number is told.

    Raises ProofRefused `phone_taken` when it is somebody else's.
    """
    now = provider.clock()
    _lock(connection, identity_id)
    _changed(connection, provider, identity_id, "phone_changed", now)
    put_phone(connection, provider, identity_id, phone, now)
    end_others(connection, provider, identity_id, keep, "phone_changed")


def put_phone(connection: Connection, provider: Provider, identity_id: UUID, phone: str, now: datetime) -> None:
    """Write a proven number. Raises ProofRefused `phone_taken`."""
    cipher = provider.cipher
    try:
        with connection.transaction():
            connection.execute(
                """UPDATE sso.identity SET phone_sealed = %s, phone_blind = %s, updated_at = %s
                   WHERE identity_id = %s""",
                (cipher.seal(phone), cipher.blind(f"phone:{phone}"), now, identity_id),
            )
    except UniqueViolation as taken:
        raise ProofRefused("phone_taken", 409) from taken


def remove_password(connection: Connection, provider: Provider, identity_id: UUID) -> None:
    """No password any more. Raises ProofRefused `last_way_in`."""
    identity = _lock(connection, identity_id)
    _guard(of(connection, identity))
    connection.execute(
        "UPDATE sso.identity SET password_hash = NULL, updated_at = %s WHERE identity_id = %s",
        (provider.clock(), identity_id),
    )
    _changed(connection, provider, identity_id, "password_removed", provider.clock())


def remove_passkey(connection: Connection, provider: Provider, identity_id: UUID, credential_id: bytes) -> None:
    """One passkey less; one that is gone already is no mistake. Raises ProofRefused `last_way_in`."""
    identity = _lock(connection, identity_id)
    held = of(connection, identity)
    named = next((each for each in held.passkeys if each.credential_id == credential_id), None)
    if named is None:
        return
    _guard(held)
    passkeys.remove(connection, identity_id, credential_id)
    _changed(connection, provider, identity_id, "passkey_removed", provider.clock(), label=named.label)


def keep_passkey(
    connection: Connection, provider: Provider, identity: Identity, handle: str, credential: str, label: str
) -> None:
    """One passkey more; see `passkeys.keep` for what is refused."""
    passkeys.keep(connection, provider, identity, handle, credential, label)
    _changed(connection, provider, identity.identity_id, "passkey_added", provider.clock())


def confirm_totp(connection: Connection, provider: Provider, identity_id: UUID, code: str) -> None:
    """The app counts from now on. Raises ProofRefused `wrong_totp`."""
    now = provider.clock()
    if not totp.confirm(connection, provider.cipher, identity_id, code, now):
        raise ProofRefused("wrong_totp", 401)
    _changed(connection, provider, identity_id, "totp_added", now)


def remove_totp(connection: Connection, provider: Provider, identity_id: UUID) -> None:
    """The app counts no more."""
    if totp.remove(connection, identity_id):
        _changed(connection, provider, identity_id, "totp_removed", provider.clock())


def new_recovery_codes(connection: Connection, provider: Provider, identity_id: UUID) -> list[str]:
    """Ten new codes, shown this once."""
    now = provider.clock()
    _lock(connection, identity_id)
    codes = recovery_codes.make(connection, provider.cipher, provider.mint, identity_id, now)
    _changed(connection, provider, identity_id, "recovery_codes_made", now)
    return codes


def forget_all(connection: Connection, identity_id: UUID) -> None:
    """Everything that could prove the person, or was about to: what an intruder may have added goes with it."""
    for table in ("passkey", "passkey_challenge", "totp", "recovery_code"):
        connection.execute(f"DELETE FROM sso.{table} WHERE identity_id = %s".encode(), (identity_id,))
    connection.execute("DELETE FROM sso.link_proof WHERE identity_id = %s", (identity_id,))
    connection.execute("UPDATE sso.identity SET password_hash = NULL WHERE identity_id = %s", (identity_id,))
    forget_pending(connection, identity_id)


def forget_pending(connection: Connection, identity_id: UUID) -> None:
    """Changes that wait for a code are worth nothing from now on (the unexpired change of a pre-hijacked account)."""
    connection.execute("DELETE FROM sso.phone_challenge WHERE identity_id = %s", (identity_id,))
    connection.execute(
        "DELETE FROM sso.passkey_challenge WHERE identity_id = %s AND consumed_at IS NULL", (identity_id,)
    )
    connection.execute("DELETE FROM sso.totp WHERE identity_id = %s AND confirmed_at IS NULL", (identity_id,))


def end_others(connection: Connection, provider: Provider, identity_id: UUID, keep: UUID | None, reason: str) -> None:
    """End every session of a person but `keep`, what it grew from and what grew from it; forget what waits."""
    now = provider.clock()
    live = sessions.of_identity(connection, identity_id, now, provider.options)
    above = {session.session_id: session.parent_id for session in live}
    spared = _line(above, keep)
    for session in live:
        if session.session_id not in spared and keep not in _line(above, session.session_id):
            logout.end_session(connection, session.session_id, reason, now, provider.mint)
    forget_pending(connection, identity_id)


def _line(above: dict[UUID, UUID | None], session_id: UUID | None) -> set[UUID]:
    """A session and those above it."""
    line: set[UUID] = set()
    while session_id is not None and session_id not in line:
        line.add(session_id)
        session_id = above.get(session_id)
    return line


def _guard(held: Authenticators) -> None:
    if held.ways_in <= 1:
        raise ProofRefused("last_way_in", 409)


def _lock(connection: Connection, identity_id: UUID) -> Identity:
    connection.execute("SELECT 1 FROM sso.identity WHERE identity_id = %s FOR UPDATE", (identity_id,))
    identity = identities.load(connection, identity_id)
    if identity is None:
        raise ProofRefused("error_stale", 410)
    return identity


def _changed(
    connection: Connection, provider: Provider, identity_id: UUID, kind: str, now: datetime, **detail: str
) -> None:
    audit.record(connection, now, kind, identity_id=identity_id)
    notices.notify(connection, provider.mint, identity_id, kind, now, **detail)
