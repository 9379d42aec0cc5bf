"""One more proof in a session that is open: what a client gets that asks for `acr_values` of two factors (RFC 9470).

The person is known by the session, so no user name is typed and no other account can be tried.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from psycopg import Connection

from sso import audit, sessions
from sso.options import SsoOptions
from sso.people import assurance, lockout, passkeys, recovery_codes, totp
from sso.people.identities import Identity
from sso.people.proofs import ProofRefused, take_attempt
from sso.ports import FieldCipher
from sso.provider import Provider
from sso.sessions import Session

PASSKEY, TOTP, CODE, PASSWORD, RECOVERY_CODE = "passkey", "totp", "code", "password", "recovery_code"


def ways(connection: Connection, identity: Identity, session: Session, now: datetime, options: SsoOptions) -> list[str]:
    """What this person could add to this session to make it multi-factor, best first; empty: nothing they have.

    Raises ProofRefused `first_proof_old` when the session's own proof is too old to be built on.
    """
    if now - session.auth_time > options.first_proof_lifetime:
        raise ProofRefused("first_proof_old", 401)
    known = "pwd" in session.amr
    has = {
        PASSKEY: bool(passkeys.of_identity(connection, identity.identity_id)),
        TOTP: known and totp.enrolled(connection, identity.identity_id),
        CODE: known and identity.phone_sealed is not None,
        PASSWORD: not known and identity.password_hash is not None,
        RECOVERY_CODE: known and recovery_codes.left(connection, identity.identity_id) > 0,
    }
    return [way for way, there in has.items() if there]


def by_password(provider: Provider, identity: Identity, password: str) -> tuple[str, ...]:
    """The person's own password; answers the `amr`. Raises ProofRefused: `wrong_password`, `locked`."""
    _count(provider, identity, lockout.PASSWORD)
    good = provider.passwords.matches(identity.password_hash, password[:1000])  # slow: outside any transaction
    with provider.pool.connection() as connection:
        _settle(connection, provider, identity, lockout.PASSWORD, good=good)
    return assurance.PASSWORD


def by_totp(provider: Provider, identity: Identity, code: str) -> tuple[str, ...]:
    """A code of their authenticator app, once. Raises ProofRefused: `wrong_totp`, `locked`."""
    _by_code(provider, identity, lockout.TOTP, totp.accept, code)
    return assurance.TOTP


def by_recovery_code(provider: Provider, identity: Identity, code: str) -> tuple[str, ...]:
    """One of their codes on paper, once. Raises ProofRefused: `wrong_recovery_code`, `locked`."""
    _by_code(provider, identity, lockout.RECOVERY_CODE, recovery_codes.accept, code)
    return assurance.RECOVERY_CODE


Accept = Callable[[Connection, FieldCipher, UUID, str, datetime], bool]
"""Uses a code up if it is good."""


def _by_code(provider: Provider, identity: Identity, method: str, accept: Accept, code: str) -> None:
    _count(provider, identity, method)
    with provider.pool.connection() as connection:
        good = accept(connection, provider.cipher, identity.identity_id, code, provider.clock())
        _settle(connection, provider, identity, method, good=good)


def _count(provider: Provider, identity: Identity, method: str) -> None:
    with provider.pool.connection() as connection:
        take_attempt(provider, connection, lockout.subject_of(identity.identity_id), method, identity)


def _settle(connection: Connection, provider: Provider, identity: Identity, method: str, *, good: bool) -> None:
    if good:
        lockout.forgive(connection, lockout.subject_of(identity.identity_id), method)
        return
    audit.record(connection, provider.clock(), f"{method}_wrong", identity_id=identity.identity_id)
    connection.commit()  # the refusal below must not undo the record
    raise ProofRefused(f"wrong_{method}", 401)


def raise_session(provider: Provider, session: Session, amr: tuple[str, ...]) -> str:
    """Add a proof to a session; answers the new cookie's secret. The session id stays, `auth_time` is now."""
    now = provider.clock()
    methods = assurance.together(session.amr, amr)
    with provider.pool.connection() as connection:
        secret = sessions.prove_again(connection, session.session_id, methods, now, provider.mint)
        audit.record(
            connection,
            now,
            "stepped_up",
            identity_id=session.identity_id,
            session_id=session.session_id,
            amr=" ".join(methods),
        )
    return secret
