"""One-time passwords by time (RFC 6238: SHA-1, six digits, steps of 30 s), from an authenticator app.

A second step, never a way in of its own. MUST (RFC 6238 5.2): a code is accepted once; here, no code of a step at or
before the newest accepted one is. A clock that is off by one step either way is forgiven.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from uuid import UUID

import pyotp
from psycopg import Connection

from sso.ports import FieldCipher, Minter

STEP_S = 30
DRIFT_STEPS = 1
SECRET_BYTES = 20  # RFC 4226 section 4: 160 bits are recommended


def begin(connection: Connection, cipher: FieldCipher, mint: Minter, identity_id: UUID, now: datetime) -> str | None:
    """A new secret in base32 that counts for nothing until `confirm`; None when the person has a confirmed one."""
    secret = base64.b32encode(hashlib.sha256(mint.secret().encode()).digest()[:SECRET_BYTES]).decode("ascii")
    row = connection.execute(
        """INSERT INTO sso.totp (identity_id, secret_sealed, created_at) VALUES (%(id)s, %(secret)s, %(now)s)
           ON CONFLICT (identity_id) DO UPDATE
               SET secret_sealed = excluded.secret_sealed, created_at = excluded.created_at, last_step = 0
               WHERE totp.confirmed_at IS NULL
           RETURNING identity_id""",
        {"id": identity_id, "secret": cipher.seal(secret), "now": now},
    ).fetchone()
    return secret if row else None


def waiting_secret(connection: Connection, cipher: FieldCipher, identity_id: UUID) -> str | None:
    """The secret that waits to be confirmed, to be shown again after a wrong code."""
    row = connection.execute(
        "SELECT secret_sealed FROM sso.totp WHERE identity_id = %s AND confirmed_at IS NULL", (identity_id,)
    ).fetchone()
    return cipher.open(row[0]) if row else None


def confirm(connection: Connection, cipher: FieldCipher, identity_id: UUID, code: str, now: datetime) -> bool:
    """Whether the app shows the right code; from now on it counts, and this code is used up."""
    if not _use(connection, cipher, identity_id, code, now, confirmed=False):
        return False
    connection.execute("UPDATE sso.totp SET confirmed_at = %s WHERE identity_id = %s", (now, identity_id))
    return True


def accept(connection: Connection, cipher: FieldCipher, identity_id: UUID, code: str, now: datetime) -> bool:
    """Whether `code` is right and was not used before; it is used up then, for parallel requests too."""
    return _use(connection, cipher, identity_id, code, now, confirmed=True)


def enrolled(connection: Connection, identity_id: UUID) -> bool:
    """Whether the person has a confirmed app."""
    query = "SELECT 1 FROM sso.totp WHERE identity_id = %s AND confirmed_at IS NOT NULL"
    return connection.execute(query, (identity_id,)).fetchone() is not None


def remove(connection: Connection, identity_id: UUID) -> bool:
    """Forget the app; False when there was none."""
    return connection.execute("DELETE FROM sso.totp WHERE identity_id = %s", (identity_id,)).rowcount == 1


def address(secret: str, account: str, issuer: str) -> str:
    """The `otpauth://` address that the app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def _use(
    connection: Connection, cipher: FieldCipher, identity_id: UUID, code: str, now: datetime, *, confirmed: bool
) -> bool:
    row = connection.execute(
        "SELECT secret_sealed FROM sso.totp WHERE identity_id = %s AND (confirmed_at IS NOT NULL) = %s",
        (identity_id, confirmed),
    ).fetchone()
    step = _step(cipher.open(row[0]), code, now) if row else None
    if step is None:
        return False
    used = connection.execute(
        "UPDATE sso.totp SET last_step = %(step)s WHERE identity_id = %(id)s AND last_step < %(step)s",
        {"step": step, "id": identity_id},
    )
    return used.rowcount == 1


def _step(secret: str, code: str, now: datetime) -> int | None:
    """The step whose code this is. Every candidate is compared, whatever the first one gave."""
    present, typed = int(now.timestamp()) // STEP_S, "".join(code.split()).encode()
    shown = pyotp.HOTP(secret)
    near = range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1)
    found = [step for step in near if hmac.compare_digest(shown.at(step).encode(), typed)]
    return found[-1] if found else None
