"""A JWT that somebody else signed: read without trust first, then verified with one key, by name."""

import base64
import binascii
import json
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

ALGORITHMS = ("ES256", "PS256", "RS256")
"""What we accept from others: signatures with a key pair, never a shared secret, never `none`."""
LENGTH_MAX = 8_192
RSA_BITS = range(2_048, 4_097)  # weaker is breakable, stronger costs us more than it costs a stranger
_PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class SignatureRefused(Exception):
    """The token, or the key for it, is not acceptable; the sentence is for the developer who sent it."""


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims as they are written, to learn whose key is needed. Nothing of it is true yet."""
    if len(token) > LENGTH_MAX or token.count(".") != 2 or not token.isascii():
        raise SignatureRefused("not a signed token in compact form")
    header, claims = (_segment(part) for part in token.split(".")[:2])
    return header, claims


def _segment(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(text))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise SignatureRefused("the token cannot be read") from error
    if not isinstance(value, dict):
        raise SignatureRefused("the token is not made of objects")
    return value


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def public_key(jwk: Any, algorithm: str) -> ECKey | RSAKey:
    """The key of a JWK (RFC 7517) that fits `algorithm`; refused when it holds a private part or is too weak."""
    if not isinstance(jwk, dict) or _PRIVATE_PARTS & set(jwk):
        raise SignatureRefused("the key must be a public JWK")
    if algorithm not in ALGORITHMS:
        raise SignatureRefused(f"alg must be one of {', '.join(ALGORITHMS)}")
    wanted = {"kty": "EC", "crv": "P-256"} if algorithm == "ES256" else {"kty": "RSA"}
    if any(jwk.get(name) != value for name, value in wanted.items()) or jwk.get("alg", algorithm) != algorithm:
        raise SignatureRefused("the key does not fit the algorithm")
    bare = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if isinstance(jwk.get(name), str)}
    try:
        if algorithm == "ES256":
            return ECKey.import_key(bare)
        # Before anything is computed with it.
        if int.from_bytes(_bytes(bare["n"])).bit_length() not in RSA_BITS:
            raise SignatureRefused("an RSA key must have 2048 to 4096 bits")
        return RSAKey.import_key(bare)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SignatureRefused("the key cannot be read") from error


def verified(token: str, key: ECKey | RSAKey, algorithm: str) -> dict[str, Any]:
    """The claims, after the signature was found good. No claim is checked here."""
    try:
        return dict(jwt.decode(token, key, algorithms=[algorithm]).claims)
    except (JoseError, ValueError) as error:
        raise SignatureRefused("the signature does not match") from error
