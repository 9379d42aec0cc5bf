"""Proof of possession: tokens that only the holder of one key can use (RFC 9449).

| a proof must | section |
|---|---|
| come alone: one header, one compact JWT with exactly `typ`, `alg`, `jwk` | 4.3 (1, 2) |
| be `dpop+jwt`, signed with a key pair, the key public and in the header | 4.3 (4 to 7) |
| name this method and this address without query and fragment | 4.3 (8, 9) |
| be made just now: a minute at most, a few seconds ahead for a fast clock | 4.3 (11), 11.1 |
| be used once: its `jti` is remembered as long as it could be accepted | 11.1 |
| with a token: carry the token's hash in `ath`, and be made with the token's key | 4.3 (12) |

Our nonces (section 8) are not used: the clock and the single use bound a stolen proof already.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from authlib.oauth2 import OAuth2Error
from psycopg import Connection

from sso import spent
from sso.signed import SignatureRefused, public_key, unverified, verified

PROOF_AGE_MAX = timedelta(seconds=60)
CLOCK_AHEAD_MAX = timedelta(seconds=5)
JTI_LENGTH_MAX = 256


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that was checked: the caller holds the key with this thumbprint (RFC 7638)."""

    jkt: str


class ProofRefused(OAuth2Error):  # type: ignore[misc]
    """`invalid_dpop_proof` (RFC 9449 section 5)."""

    error = "invalid_dpop_proof"


def prove(
    connection: Connection,
    headers: Mapping[str, str],
    method: str,
    url: str,
    now: datetime,
    access_token: str | None = None,
) -> Proof | None:
    """The proof of a request, used up; None when it brings none. Raises ProofRefused.

    method, url: what the request really was, with the address as the world knows it (never the Host header's).
    access_token: the token that came with it, at a resource.
    """
    proofs = [value for name, value in headers.items() if name.lower() == "dpop"]
    if not proofs:
        return None
    if len(proofs) > 1:
        raise ProofRefused("Send one DPoP proof.")
    try:
        jkt, jti, made_at = _checked(proofs[0], method, url, now, access_token)
    except SignatureRefused as refused:
        raise ProofRefused(f"The DPoP proof is refused: {refused}.") from refused
    if not spent.spend(connection, spent.DPOP_PROOF, jkt, jti, made_at + PROOF_AGE_MAX):
        raise ProofRefused("The DPoP proof was used before.")
    return Proof(jkt)


def _checked(proof: str, method: str, url: str, now: datetime, access_token: str | None) -> tuple[str, str, datetime]:
    """Thumbprint, jti and time of a good proof."""
    header, _ = unverified(proof)
    if set(header) != {"typ", "alg", "jwk"} or header["typ"] != "dpop+jwt" or not isinstance(header["alg"], str):
        raise SignatureRefused("the header must hold typ dpop+jwt, alg and jwk and nothing else")
    key = public_key(header["jwk"], header["alg"])
    claims = verified(proof, key, header["alg"])
    jti, issued_at, htu = claims.get("jti"), claims.get("iat"), claims.get("htu")
    if not isinstance(jti, str) or not 0 < len(jti) <= JTI_LENGTH_MAX or "\x00" in jti:
        raise SignatureRefused("jti must be a text of 1 to 256 characters")
    if claims.get("htm") != method or not isinstance(htu, str) or _bare(htu) != url:
        raise SignatureRefused("htm and htu must name this request")
    # bool is an int to Python; a time far out of range would overflow a datetime.
    if isinstance(issued_at, bool) or not isinstance(issued_at, int | float):
        raise SignatureRefused("iat must be a number of seconds")
    age = now.timestamp() - issued_at
    if not -CLOCK_AHEAD_MAX.total_seconds() <= age <= PROOF_AGE_MAX.total_seconds():
        raise SignatureRefused("iat is too far from now")
    if access_token is not None and not _hash_matches(claims.get("ath"), access_token):
        raise SignatureRefused("ath is not the hash of this access token")
    return key.thumbprint(), jti, now - timedelta(seconds=age)


def _bare(url: str) -> str:
    """The address without query and fragment, scheme and host in lower case."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SignatureRefused("htu is no address") from error
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path, "", ""))


def token_hash(access_token: str) -> str:
    """`ath`: base64url of the SHA-256 of the token (RFC 9449 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(access_token.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def _hash_matches(claimed: object, access_token: str) -> bool:
    return isinstance(claimed, str) and hmac.compare_digest(claimed.encode(), token_hash(access_token).encode())
