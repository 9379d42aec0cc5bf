"""What clients sign: assertions that prove them, and proofs that they hold a key."""

from __future__ import annotations

import secrets
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry

from sso.dpop import token_hash
from tests.sso.harness import Site

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def assertion(
    site: Site, client_id: str, key: Key, header: dict[str, Any] | None = None, **changes: Any
) -> dict[str, str]:
    """The two parameters of `private_key_jwt`; a change of None leaves the claim out."""
    now = int(site.clock().timestamp())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": site.issuer,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + 60,
        **changes,
    }
    token = encode({"alg": "ES256", **(header or {})}, claims, key)
    return {"client_assertion_type": JWT_BEARER, "client_assertion": token}


def encode(header: dict[str, Any], claims: dict[str, Any], key: Key) -> str:
    """A signed token as a stranger may make it: any header, any algorithm; claims of None are left out."""
    kept = {name: value for name, value in claims.items() if value is not None}
    registry = JWSRegistry(algorithms=["ES256", "RS256", "PS256", "HS256"], strict_check_header=False)
    return jwt.encode(header, kept, key, registry=registry)


def proof(
    site: Site,
    key: ECKey,
    path: str = "/token",
    *,
    method: str = "POST",
    token: str | None = None,
    header: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, str]:
    """The header `DPoP` (RFC 9449 4.2) for one request."""
    claims = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": site.issuer + path,
        "iat": int(site.clock().timestamp()),
        "ath": token_hash(token) if token else None,
        **changes,
    }
    full = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False), **(header or {})}
    return {"DPoP": encode(full, claims, key)}


def public(*keys: Key) -> dict[str, Any]:
    """The JWK Set of these keys, as a client registers it."""
    return {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint()} for key in keys]}
