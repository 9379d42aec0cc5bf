"""Standard Webhooks signatures, both ways. Source: standardwebhooks specification 1.0.

Header ``webhook-signature``: space-separated ``v1,<base64 HMAC-SHA256(secret, id.timestamp.body)>``.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

TOLERANCE_SECONDS = 300


def key_of(secret: str) -> bytes:
    """The key of a ``whsec_`` text. Raises ``ValueError`` for another form."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("a webhook secret is whsec_ and base64") from error


def sign(secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers; one signature per secret, so that a rotation has no gap."""
    timestamp = str(int(at.timestamp()))
    signatures = " ".join(f"v1,{_signature(secret, message_id, timestamp, body)}" for secret in secrets)
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signatures}


def verify(
    secrets: Sequence[str], message_id: str, timestamp: str, signatures: str, body: bytes, now: datetime
) -> bool:
    """Whether one of the signatures is of one of the secrets and the timestamp within five minutes of ``now``."""
    if not timestamp.isdigit() or abs(int(timestamp) - now.timestamp()) > TOLERANCE_SECONDS:
        return False
    given = [part.removeprefix("v1,").encode() for part in signatures.split(" ") if part.startswith("v1,")]
    expected = [_signature(secret, message_id, timestamp, body).encode() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in given for other in expected)


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()
