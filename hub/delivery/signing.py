"""Standard Webhooks signatures, both ways and of both kinds. Source: standardwebhooks specification 1.0.

Header ``webhook-signature``: space-separated signatures over ``id.timestamp.body``, one for each secret that is good.

    whsec_   a shared secret, 24 to 64 bytes       v1,<base64 HMAC-SHA256>      signs and verifies
    whsk_    our private key, Ed25519 (RFC 8032)   v1a,<base64 signature>       signs
    whpk_    the channel's public key              v1a                          verifies
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

TOLERANCE_SECONDS = 300
SHARED, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
_KEY_BYTES_MIN, _KEY_BYTES_MAX = 24, 64
_ED25519_BYTES = 32


@lru_cache(maxsize=64)
def key_of(secret: str) -> bytes:
    """The key of a ``whsec_`` text. Raises ``ValueError`` for another form."""
    return _decoded(secret.removeprefix(SHARED), "a webhook secret is whsec_ and base64")


def check(secret: str) -> str:
    """The secret as it came, if it can be used. Raises ``ValueError`` that says what is wrong with it."""
    if secret.startswith(PRIVATE):
        _private(secret)
    elif secret.startswith(PUBLIC):
        _public(secret)
    elif not _KEY_BYTES_MIN <= len(key_of(secret)) <= _KEY_BYTES_MAX:
        raise ValueError("a shared secret has 24 to 64 bytes (Standard Webhooks)")
    return secret


def shared_secret(random: bytes) -> str:
    """A ``whsec_`` text of these random bytes."""
    return SHARED + base64.b64encode(random).decode()


def private_key(seed: bytes) -> str:
    """A ``whsk_`` text of a random seed of 32 bytes."""
    return PRIVATE + base64.b64encode(seed).decode()


def public_key(secret: str) -> str:
    """The ``whpk_`` text that verifies what this ``whsk_`` signs: what the channel is given."""
    return PUBLIC + base64.b64encode(_private(secret).public_key().public_bytes_raw()).decode()


def sign(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers; one signature per secret that signs, so that a rotation has no gap."""
    timestamp = str(int(at.timestamp()))
    signed = _signed(message_id, timestamp, body)
    signatures = " ".join(
        _ed25519(secret, signed) if secret.startswith(PRIVATE) else _hmac(secret, signed)
        for secret in secrets
        if not secret.startswith(PUBLIC)
    )
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def verify(
    secrets: Sequence[str], message_id: str, timestamp: str, signatures: str, body: bytes, now: datetime
) -> bool:
    """Whether one of the signatures is of one of the secrets and the timestamp within five minutes of ``now``."""
    if not (timestamp.isascii() and timestamp.isdigit()) or abs(int(timestamp) - now.timestamp()) > TOLERANCE_SECONDS:
        return False
    signed = _signed(message_id, timestamp, body)
    given = signatures.split(" ")
    shared = [s for s in secrets if not s.startswith((PRIVATE, PUBLIC))]
    public = [s for s in secrets if s.startswith(PUBLIC)]
    return _fits_hmac(shared, given, signed) or _fits_ed25519(public, given, signed)


def _signed(message_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _hmac(secret: str, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()


def _ed25519(secret: str, signed: bytes) -> str:
    return "v1a," + base64.b64encode(_private(secret).sign(signed)).decode()


def _fits_hmac(secrets: Iterable[str], given: Iterable[str], signed: bytes) -> bool:
    expected = [_hmac(secret, signed).encode() for secret in secrets]
    offered = [part.encode() for part in given if part.startswith("v1,")]
    return any(hmac.compare_digest(one, other) for one in offered for other in expected)


def _fits_ed25519(secrets: Iterable[str], given: Sequence[str], signed: bytes) -> bool:
    for secret in secrets:
        for part in given:
            if not part.startswith("v1a,"):
                continue
            try:
                _public(secret).verify(base64.b64decode(part.removeprefix("v1a,"), validate=True), signed)
            except (InvalidSignature, ValueError):
                continue
            return True
    return False


@lru_cache(maxsize=64)
def _private(secret: str) -> Ed25519PrivateKey:
    """Some tools write the seed alone, some the seed and the public key after it."""
    key = _decoded(secret.removeprefix(PRIVATE), "a private key is whsk_ and base64")
    if len(key) not in (_ED25519_BYTES, 2 * _ED25519_BYTES):
        raise ValueError("an Ed25519 private key has 32 bytes, or 64 with its public key")
    return Ed25519PrivateKey.from_private_bytes(key[:_ED25519_BYTES])


@lru_cache(maxsize=64)
def _public(secret: str) -> Ed25519PublicKey:
    key = _decoded(secret.removeprefix(PUBLIC), "a public key is whpk_ and base64")
    if len(key) != _ED25519_BYTES:
        raise ValueError("an Ed25519 public key has 32 bytes")
    return Ed25519PublicKey.from_public_bytes(key)


def _decoded(text: str, form: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(form) from error
