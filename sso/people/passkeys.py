"""Passkeys (Web Authentication Level 3): a key pair in the person's device or password manager, for this site only.

| MUST (section) | where |
|---|---|
| a challenge is random, ours and answered once (13.4.3) | `_consume` |
| origin and RP ID are ours, never read from the request (7.1 steps 9, 13; 7.2) | `py_webauthn`, given the issuer's |
| the user was present; whether they were verified decides the `amr` (7.2 step 17) | `login` |
| a credential id belongs to one account (7.1 step 26) | primary key |
| the user handle is that of the credential's owner (7.2 step 6) | `login` |
| a signature counter that went back is refused (7.2 step 22) | `py_webauthn`, given the stored one |

Attestation is not asked for: which make of device somebody has is none of our business.
"""

import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from sso import audit
from sso.people import assurance, identities
from sso.people.identities import Identity
from sso.people.proofs import ProofRefused
from sso.ports import digest
from sso.provider import Provider

PASSKEYS_MAX = 10
LABEL_LENGTH_MAX = 40


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey as its owner sees it."""

    credential_id: bytes
    label: str
    backed_up: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Question:
    """What a device is asked: `options` is the JSON for `navigator.credentials`, `handle` goes with the form."""

    handle: str
    options: str


def of_identity(connection: Connection, identity_id: UUID) -> list[Passkey]:
    """A person's passkeys, oldest first."""
    with connection.cursor(row_factory=class_row(Passkey)) as cursor:
        cursor.execute(
            """SELECT credential_id, label, backed_up, created_at, last_used_at FROM sso.passkey
               WHERE identity_id = %s ORDER BY created_at, credential_id""",
            (identity_id,),
        )
        return cursor.fetchall()


def remove(connection: Connection, identity_id: UUID, credential_id: bytes) -> bool:
    """Forget one passkey; False when the person has no such one."""
    removed = connection.execute(
        "DELETE FROM sso.passkey WHERE identity_id = %s AND credential_id = %s", (identity_id, credential_id)
    )
    return removed.rowcount == 1


def ask_to_make(connection: Connection, provider: Provider, identity: Identity) -> Question:
    """What the person's device is asked to make a new passkey for. It can be found without a user name later."""
    handle, challenge = _challenge(connection, provider, identity.identity_id)
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(provider),
        rp_name=provider.options.passkey_site_name,
        user_id=identity.identity_id.bytes,
        user_name=identity.login_name or identity.display_name,
        user_display_name=identity.display_name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=passkey.credential_id)
            for passkey in of_identity(connection, identity.identity_id)
        ],
    )
    return Question(handle, options_to_json(options))


def ask_to_sign(connection: Connection, provider: Provider) -> Question:
    """What any device is asked for a login: no account is named, so none is betrayed."""
    handle, challenge = _challenge(connection, provider, None)
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(provider), challenge=challenge, user_verification=UserVerificationRequirement.PREFERRED
    )
    return Question(handle, options_to_json(options))


def keep(
    connection: Connection, provider: Provider, identity: Identity, handle: str, credential: str, label: str
) -> None:
    """Keep the passkey that the device has made. The caller has shown that the person is logged in freshly.

    Raises ProofRefused: `passkey_refused`, `passkey_too_many`.
    """
    challenge = _consume(connection, provider, handle, identity.identity_id)
    if len(of_identity(connection, identity.identity_id)) >= PASSKEYS_MAX:
        raise ProofRefused("passkey_too_many", 409)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_rp_id(provider),
            expected_origin=provider.options.origin,
        )
        with connection.transaction():
            connection.execute(
                """INSERT INTO sso.passkey
                       (credential_id, identity_id, public_key, sign_count, backed_up, label, created_at)
                   VALUES (%s, %s, %s, %s, %s, %s, %s)""",
                (
                    made.credential_id,
                    identity.identity_id,
                    made.credential_public_key,
                    made.sign_count,
                    made.credential_backed_up,
                    _label(label),
                    provider.clock(),
                ),
            )
    except (WebAuthnException, UniqueViolation) as error:
        raise ProofRefused("passkey_refused", 400) from error


def login(provider: Provider, handle: str, credential: str) -> tuple[Identity, tuple[str, ...]]:
    """The person whose passkey signed our challenge, and the `amr`: with `mfa` when the device checked who holds it.

    Nothing is counted: a signature cannot be guessed, so nobody can be locked out by trying. Raises ProofRefused
    `passkey_refused` for everything else, and tells no more.
    """
    with provider.pool.connection() as connection:
        challenge = _consume(connection, provider, handle, None)
    with provider.pool.connection() as connection:
        return _verified(connection, provider, challenge, credential)


def _verified(
    connection: Connection, provider: Provider, challenge: bytes, credential: str
) -> tuple[Identity, tuple[str, ...]]:
    credential_id, user_handle = _named(credential)
    row = connection.execute(
        "SELECT identity_id, public_key, sign_count FROM sso.passkey WHERE credential_id = %s FOR UPDATE",
        (credential_id,),
    ).fetchone()
    identity = identities.load(connection, row[0]) if row else None
    if row is None or identity is None or user_handle not in (None, identity.identity_id.bytes):
        raise ProofRefused("passkey_refused", 401)
    try:
        signed = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_rp_id(provider),
            expected_origin=provider.options.origin,
            credential_public_key=row[1],
            credential_current_sign_count=row[2],
        )
    except WebAuthnException as error:
        audit.record(connection, provider.clock(), "passkey_refused", identity_id=identity.identity_id)
        connection.commit()  # the refusal below must not undo the record
        raise ProofRefused("passkey_refused", 401) from error
    connection.execute(
        "UPDATE sso.passkey SET sign_count = %s, backed_up = %s, last_used_at = %s WHERE credential_id = %s",
        (signed.new_sign_count, signed.credential_backed_up, provider.clock(), credential_id),
    )
    return identity, assurance.PASSKEY_VERIFIED if signed.user_verified else assurance.PASSKEY_TOUCHED


def _challenge(connection: Connection, provider: Provider, identity_id: UUID | None) -> tuple[str, bytes]:
    handle, challenge, now = provider.mint.secret(), digest(provider.mint.secret()), provider.clock()
    connection.execute(
        """INSERT INTO sso.passkey_challenge (handle_digest, identity_id, challenge, created_at, expires_at)
           VALUES (%s, %s, %s, %s, %s)""",
        (digest(handle), identity_id, challenge, now, now + provider.options.passkey_challenge_lifetime),
    )
    return handle, challenge


def _consume(connection: Connection, provider: Provider, handle: str, identity_id: UUID | None) -> bytes:
    """The challenge behind a handle, once. Raises ProofRefused `error_stale`."""
    now = provider.clock()
    row = connection.execute(
        """UPDATE sso.passkey_challenge SET consumed_at = %(now)s
           WHERE handle_digest = %(handle)s AND identity_id IS NOT DISTINCT FROM %(id)s
             AND consumed_at IS NULL AND expires_at > %(now)s RETURNING challenge""",
        {"now": now, "handle": digest(handle), "id": identity_id},
    ).fetchone()
    connection.commit()  # used up, whatever comes of it
    if row is None:
        raise ProofRefused("passkey_stale", 410)
    return bytes(row[0])


def _named(credential: str) -> tuple[bytes, bytes | None]:
    """The credential id and the user handle that the device names. Raises ProofRefused when there are none."""
    try:
        said = json.loads(credential)
        handle = said["response"].get("userHandle")
        return base64url_to_bytes(said["id"]), base64url_to_bytes(handle) if handle else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProofRefused("passkey_refused", 400) from error


def _label(text: str) -> str:
    return "".join(character for character in text.strip() if character.isprintable())[:LABEL_LENGTH_MAX] or "-"


def possible(provider: Provider) -> bool:
    """Whether browsers make passkeys for this issuer: they belong to a name, never to an address (5.1.3, step 8)."""
    try:
        ipaddress.ip_address(_rp_id(provider))
    except ValueError:
        return True
    return False


def _rp_id(provider: Provider) -> str:
    return urlsplit(provider.options.issuer).hostname or ""
