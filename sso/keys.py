"""Signing keys: made on first use, kept in the database with the private part sealed, published before they sign.

A key's life follows from three moments in its row and needs no clockwork:

    created_at .. signs_from    next: published, so that every client has it before the first signature
    signs_from .. retired_at    signing: the one key of its algorithm that signs
    retired_at + key_overlap    retired: published, until the last token it signed has long expired
    afterwards                  past: recognised only as a hint of who was logged in (an old ID token)
    withdrawn_at                withdrawn: it leaked; nothing it signed is believed, however it is dated
"""

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
    """A key that signs from a moment on."""

    kid: str
    algorithm: str
    private: ECKey | RSAKey
    signs_from: datetime


@dataclass(frozen=True, slots=True)
class KeyLife:
    """One key as the operator sees it; `state` is one of the words at the top of this file."""

    kid: str
    algorithm: str
    state: str
    created_at: datetime
    signs_from: datetime
    retired_at: datetime | None
    withdrawn_at: datetime | None


def create(
    connection: Connection, algorithm: str, cipher: FieldCipher, now: datetime, signs_from: datetime | None = None
) -> str:
    """Make a key of `algorithm` (ES256: P-256; RS256: 2048 bits); answers its kid (RFC 7638).

    signs_from: when it takes over from the key before it, whose row says the same (None: now).
    """
    key: ECKey | RSAKey = ECKey.generate_key("P-256") if algorithm == "ES256" else RSAKey.generate_key(2048)
    return keep(connection, algorithm, key, cipher, now, signs_from or now)


def keep(
    connection: Connection,
    algorithm: str,
    key: ECKey | RSAKey,
    cipher: FieldCipher,
    now: datetime,
    signs_from: datetime,
) -> str:
    """Keep a key that was made, its private part sealed; answers its kid."""
    kid = key.thumbprint()
    public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": algorithm}
    private = {**key.as_dict(private=True), "kid": kid, "alg": algorithm}
    connection.execute(
        """INSERT INTO sso.signing_key (kid, algorithm, public_jwk, private_sealed, created_at, signs_from)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        (kid, algorithm, Jsonb(public), cipher.seal(json.dumps(private)), now, signs_from),
    )
    audit.record(connection, now, "signing_key_created", kid=kid, algorithm=algorithm)
    return kid


def rotate(
    connection: Connection,
    algorithm: str,
    cipher: FieldCipher,
    now: datetime,
    options: SsoOptions,
    *,
    at_once: bool = False,
) -> str:
    """Publish a new key that signs after `key_publish_ahead`; answers its kid. The old one retires at that moment.

    A key that waits for its turn already is answered instead of making another. at_once: sign with the new key now,
    for an emergency; clients that keep the key set may refuse its tokens until they read it again.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
    waiting = connection.execute(
        "SELECT kid FROM sso.signing_key WHERE algorithm = %s AND retired_at IS NULL AND signs_from > %s",
        (algorithm, now),
    ).fetchone()
    if waiting and not at_once:
        return str(waiting[0])
    signs_from = now if at_once else now + options.key_publish_ahead
    # A key that has not signed yet never will: it retires at the moment it would have begun.
    connection.execute(
        """UPDATE sso.signing_key SET retired_at = %(from)s, signs_from = least(signs_from, %(from)s)
           WHERE algorithm = %(algorithm)s AND (retired_at IS NULL OR retired_at > %(from)s)""",
        {"from": signs_from, "algorithm": algorithm},
    )
    return create(connection, algorithm, cipher, now, signs_from)


def withdraw(connection: Connection, kid: str, cipher: FieldCipher, now: datetime) -> bool:
    """Stop believing a key that leaked: it is published no more, and every token it signed is refused.

    If it signs (or waits to), a new one signs at once. Running processes follow within `keys_reread_after`. False when
    there is no such key or it was withdrawn before.
    """
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
    row = connection.execute(
        """UPDATE sso.signing_key SET withdrawn_at = %(now)s, retired_at = least(retired_at, %(now)s)
           WHERE kid = %(kid)s AND withdrawn_at IS NULL RETURNING algorithm""",
        {"now": now, "kid": kid},
    ).fetchone()
    if row is None:
        return False
    audit.record(connection, now, "signing_key_withdrawn", kid=kid)
    # Without its successor, the key that signs now goes on.
    connection.execute(
        """UPDATE sso.signing_key SET retired_at = NULL
           WHERE algorithm = %(algorithm)s AND withdrawn_at IS NULL AND retired_at > %(now)s AND NOT EXISTS (
               SELECT 1 FROM sso.signing_key AS follows
               WHERE follows.algorithm = %(algorithm)s AND follows.retired_at IS NULL)""",
        {"algorithm": row[0], "now": now},
    )
    _ensure_one_signs(connection, str(row[0]), cipher, now)
    return True


def ensure(connection: Connection, cipher: FieldCipher, now: datetime) -> None:
    """Make the first key of each algorithm, if there is none; safe in many processes at once."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
    for algorithm in ALGORITHMS:
        _ensure_one_signs(connection, algorithm, cipher, now)


def _ensure_one_signs(connection: Connection, algorithm: str, cipher: FieldCipher, now: datetime) -> None:
    signing = connection.execute(
        """SELECT 1 FROM sso.signing_key WHERE algorithm = %(algorithm)s AND withdrawn_at IS NULL
           AND signs_from <= %(now)s AND (retired_at IS NULL OR retired_at > %(now)s)""",
        {"algorithm": algorithm, "now": now},
    ).fetchone()
    if signing is None:
        # One that waits for its turn takes over early rather than leaving a gap.
        early = connection.execute(
            """UPDATE sso.signing_key SET signs_from = %s
               WHERE algorithm = %s AND retired_at IS NULL AND withdrawn_at IS NULL""",
            (now, algorithm),
        )
        if not early.rowcount:
            create(connection, algorithm, cipher, now)


def every(connection: Connection, now: datetime, options: SsoOptions) -> list[KeyLife]:
    """All keys there ever were, newest first, with what each is now."""
    rows = connection.execute(
        """SELECT kid, algorithm, created_at, signs_from, retired_at, withdrawn_at FROM sso.signing_key
           ORDER BY created_at DESC, algorithm, kid"""
    ).fetchall()
    return [KeyLife(row[0], row[1], _state(now, options, *row[3:]), *row[2:]) for row in rows]


def _state(
    now: datetime, options: SsoOptions, signs_from: datetime, retired_at: datetime | None, withdrawn: datetime | None
) -> str:
    if withdrawn is not None:
        return "withdrawn"
    if retired_at is not None and retired_at <= now:
        return "retired" if now < retired_at + options.key_overlap else "past"
    return "next" if signs_from > now else "signing"


class KeyRing:
    """The keys as one process sees them: read from the database, kept for a minute, read again for an unknown kid.

    A key is published long before it signs, so every process has read it by then; each changes over by its own clock.
    """

    def __init__(self, pool: ConnectionPool, options: SsoOptions, cipher: FieldCipher, clock: Clock) -> None:
        self._pool, self._options, self._cipher, self._clock = pool, options, cipher, clock
        self._lock = threading.Lock()
        self._read_at: datetime | None = None
        self._signing: dict[str, SigningKey] = {}
        self._published: dict[str, dict[str, Any]] = {}
        self._verifying: dict[str, KeySet] = {}
        self._past: dict[str, KeySet] = {}

    def refresh(self, kid: str | None = None) -> None:
        """Read the keys again when they are old, or when `kid` is one we do not know.

        Takes a connection from the pool, so call it *before* opening a transaction: requests that hold one connection
        and wait for a second can starve each other. The methods below only look at what was read.
        """
        with self._lock:
            now = self._clock()
            # An unknown kid is often an attacker's: one extra read per second is all it can cause.
            unknown = kid is not None and kid not in self._verifying and kid not in self._past
            patience = 1.0 if unknown else self._options.keys_reread_after.total_seconds()
            if self._read_at is None or abs((now - self._read_at).total_seconds()) >= patience:
                self._read(now)
                self._read_at = now

    def signing(self, algorithm: str) -> SigningKey:
        """The key of `algorithm` that signs at this moment. LookupError when `refresh` was never called."""
        now = self._clock()
        usable = [key for key in self._signing.values() if key.algorithm == algorithm and key.signs_from <= now]
        if not usable:
            raise LookupError(f"no {algorithm} key was read that signs now")
        return max(usable, key=lambda key: key.signs_from)

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The JWK Set to publish (RFC 7517): keys that sign next, now, or did less than the overlap ago."""
        return {"keys": list(self._published.values())}

    def verifying(self, kid: str) -> KeySet | None:
        """A set with the one public key named `kid`, or None. Only our own keys: never one that a token brings."""
        return self._verifying.get(kid)

    @property
    def for_hints(self) -> "HintKeys":
        """The same, and keys that retired long ago: for ID tokens that only say who was logged in (`id_token_hint`)."""
        return HintKeys(self._verifying, self._past)

    def _read(self, now: datetime) -> None:
        with self._pool.connection() as connection:
            if self._read_at is None:
                ensure(connection, self._cipher, now)
            rows = connection.execute(
                """SELECT kid, algorithm, public_jwk, private_sealed, signs_from, retired_at FROM sso.signing_key
                   WHERE withdrawn_at IS NULL AND (retired_at IS NULL OR retired_at > %s)
                   ORDER BY created_at DESC, kid""",
                (now - self._options.key_overlap - self._options.session_lifetime,),
            ).fetchall()
        limit = now - self._options.key_overlap
        published = {kid: jwk for kid, _, jwk, _, _, retired_at in rows if retired_at is None or retired_at > limit}
        self._published = published
        self._verifying = {kid: self._key_set(kid, jwk) for kid, jwk in published.items()}
        self._past = {kid: self._key_set(kid, jwk) for kid, _, jwk, *_ in rows if kid not in published}
        self._signing = {
            kid: self._signing_key(kid, algorithm, sealed, signs_from)
            for kid, algorithm, _, sealed, signs_from, retired_at in rows
            if retired_at is None or retired_at > now
        }

    def _key_set(self, kid: str, jwk: dict[str, Any]) -> KeySet:
        return self._verifying.get(kid) or self._past.get(kid) or KeySet.import_key_set({"keys": [jwk]})

    def _signing_key(self, kid: str, algorithm: str, sealed: str, signs_from: datetime) -> SigningKey:
        read = self._signing.get(kid)
        private = read.private if read else _private(algorithm, self._cipher.open(sealed))
        return SigningKey(kid, algorithm, private, signs_from)


@dataclass(frozen=True, slots=True)
class HintKeys:
    """Every key that ever signed for us and was not withdrawn."""

    _published: dict[str, KeySet]
    _past: dict[str, KeySet]

    def verifying(self, kid: str) -> KeySet | None:
        """See `KeyRing.verifying`."""
        return self._published.get(kid) or self._past.get(kid)


def _private(algorithm: str, jwk: str) -> ECKey | RSAKey:
    return ECKey.import_key(json.loads(jwk)) if algorithm == "ES256" else RSAKey.import_key(json.loads(jwk))
