"""Signing keys: made on first use, kept in the database with the private part sealed, rotated with an overlap."""

import json
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc.jwk import ECKey, KeySet, RSAKey
from psycopg import Connection
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from sso import audit
from sso.options import SsoOptions
from sso.ports import Clock, FieldCipher

ALGORITHMS = ("ES256", "RS256")
_ADVISORY_LOCK = 0x55_0C_EE_02  # any number, the same in every process: only one of them makes the first keys


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs now."""

    kid: str
    algorithm: str
    private: ECKey | RSAKey


def create(connection: Connection, algorithm: str, cipher: FieldCipher, now: datetime) -> str:
    """Make a key of `algorithm` (ES256: P-256; RS256: 2048 bits) the active one; answers its kid (RFC 7638)."""
    key: ECKey | RSAKey = ECKey.generate_key("P-256") if algorithm == "ES256" else RSAKey.generate_key(2048)
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": algorithm}
    private = {**key.as_dict(private=True), "kid": kid, "alg": algorithm}
    connection.execute(
        """INSERT INTO sso.signing_key (kid, algorithm, public_jwk, private_sealed, created_at)
           VALUES (%s, %s, %s, %s, %s)""",
        (kid, algorithm, Jsonb(public), cipher.seal(json.dumps(private)), now),
    )
    audit.record(connection, now, "signing_key_created", kid=kid, algorithm=algorithm)
    return kid


def rotate(connection: Connection, algorithm: str, cipher: FieldCipher, now: datetime) -> str:
    """Retire the active key and make a new one; the old one verifies for `key_overlap` more."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
    connection.execute(
        "UPDATE sso.signing_key SET retired_at = %s WHERE algorithm = %s AND retired_at IS NULL", (now, algorithm)
    )
    return create(connection, algorithm, cipher, now)


def ensure(connection: Connection, cipher: FieldCipher, now: datetime) -> None:
    """Make the first key of each algorithm, if there is none; safe in many processes at once."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
    rows = connection.execute("SELECT algorithm FROM sso.signing_key WHERE retired_at IS NULL")
    existing = {row[0] for row in rows}
    for algorithm in ALGORITHMS:
        if algorithm not in existing:
            create(connection, algorithm, cipher, now)


class KeyRing:
    """The keys as one process sees them: read from the database, kept for a minute, read again for an unknown kid.

    A process may sign with a key for up to `keys_reread_after` after another process retired it, which the overlap
    covers many times over.
    """

    def __init__(self, pool: ConnectionPool, options: SsoOptions, cipher: FieldCipher, clock: Clock) -> None:
        self._pool, self._options, self._cipher, self._clock = pool, options, cipher, clock
        self._lock = threading.Lock()
        self._read_at: datetime | None = None
        self._signing: dict[str, SigningKey] = {}
        self._public: dict[str, dict[str, Any]] = {}

    def refresh(self, kid: str | None = None) -> None:
        """Read the keys again when they are old, or when `kid` is one we do not know.

        Takes a connection from the pool, so call it *before* opening a transaction: requests that hold one connection
        and wait for a second can starve each other. The methods below only look at what was read.
        """
        with self._lock:
            now = self._clock()
            # An unknown kid is often an attacker's: one extra read per second is all it can cause.
            unknown = kid is not None and kid not in self._public
            patience = 1.0 if unknown else self._options.keys_reread_after.total_seconds()
            if self._read_at is None or abs((now - self._read_at).total_seconds()) >= patience:
                self._read(now)
                self._read_at = now

    def signing(self, algorithm: str) -> SigningKey:
        """The active key of `algorithm`. KeyError when `refresh` was never called."""
        return self._signing[algorithm]

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The JWK Set to publish (RFC 7517): active keys and those retired less than the overlap ago."""
        return {"keys": list(self._public.values())}

    def verifying(self, kid: str) -> KeySet | None:
        """A set with the one public key named `kid`, or None. Only our own keys: never one that a token brings."""
        jwk = self._public.get(kid)
        return KeySet.import_key_set({"keys": [jwk]}) if jwk else None

    def _read(self, now: datetime) -> None:
        with self._pool.connection() as connection:
            if self._read_at is None:
                ensure(connection, self._cipher, now)
            rows = connection.execute(
                """SELECT kid, algorithm, public_jwk, private_sealed, retired_at FROM sso.signing_key
                   WHERE retired_at IS NULL OR retired_at > %s ORDER BY created_at DESC""",
                (now - self._options.key_overlap,),
            ).fetchall()
        self._public = {kid: jwk for kid, _, jwk, _, _ in rows}
        self._signing = {
            algorithm: self._signing[algorithm]
            if algorithm in self._signing and self._signing[algorithm].kid == kid
            else SigningKey(kid, algorithm, _private(algorithm, self._cipher.open(sealed)))
            for kid, algorithm, _, sealed, retired_at in rows
            if retired_at is None
        }


def _private(algorithm: str, jwk: str) -> ECKey | RSAKey:
    return ECKey.import_key(json.loads(jwk)) if algorithm == "ES256" else RSAKey.import_key(json.loads(jwk))
