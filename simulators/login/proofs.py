"""What a client proves itself with. Pure: keys, clocks and random ids are passed in.

PKCE (RFC 7636), client assertions (RFC 7523 section 2.2 and 3), DPoP proofs (RFC 9449 section 4.2).
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass

from joserfc import jwt
from joserfc.jwk import ECKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 50


@dataclass(frozen=True, slots=True)
class Pkce:
    """A verifier that stays here, and its challenge (S256)."""

    verifier: str

    @classmethod
    def fresh(cls) -> "Pkce":
        return cls(secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        return _base64url(hashlib.sha256(self.verifier.encode()).digest())


def new_key() -> ECKey:
    """A P-256 key of our own."""
    return ECKey.generate_key("P-256")


def read_key(text: str) -> ECKey:
    """The private key in a JWK (RFC 7517). Raises ValueError when it is none."""
    return ECKey.import_key(json.loads(text))


def public_jwk(key: ECKey) -> dict[str, str]:
    """The public part, named by its thumbprint (RFC 7638)."""
    public = {
        name: str(value) for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x", "y")
    }
    return {**public, "kid": key.thumbprint(), "use": "sig", "alg": "ES256"}


def client_assertion(key: ECKey, client_id: str, audience: str, now: float, jti: str) -> str:
    """The JWT by which a client says who it is; good once and for less than a minute. ``now``: Unix seconds."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": int(now),
        "exp": int(now) + ASSERTION_SECONDS,
        "jti": jti,
    }
    return jwt.encode({"alg": "ES256", "kid": key.thumbprint(), "typ": "JWT"}, claims, key, algorithms=["ES256"])


def signed_request(key: ECKey, client_id: str, audience: str, now: float, jti: str, parameters: dict[str, str]) -> str:
    """A request as a JWT (RFC 9101): nobody on the way can change what stands in it, such as a place."""
    claims = {**parameters, "iss": client_id, "aud": audience, "iat": int(now), "exp": int(now) + ASSERTION_SECONDS}
    header = {"alg": "ES256", "kid": key.thumbprint(), "typ": "oauth-authz-req+jwt"}
    return jwt.encode(header, {**claims, "jti": jti}, key, algorithms=["ES256"])


def dpop_proof(key: ECKey, method: str, url: str, now: float, jti: str, access_token: str | None = None) -> str:
    """The proof that this very request comes from who holds ``key``. ``url`` without query and fragment."""
    claims: dict[str, str | int] = {"jti": jti, "htm": method, "htu": url, "iat": int(now)}
    if access_token is not None:
        claims["ath"] = _base64url(hashlib.sha256(access_token.encode("ascii")).digest())
    jwk = {name: value for name, value in public_jwk(key).items() if name in ("kty", "crv", "x", "y")}
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
