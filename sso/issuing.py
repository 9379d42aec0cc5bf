"""Tokens as we make them.

Access tokens are JWTs after RFC 9068 (`typ` at+jwt, ES256). ID tokens after OpenID Connect Core 1.0, logout tokens
after OpenID Connect Back-Channel Logout 1.0. Authlib's own generator is not used: it gives no `kid`, puts the client
into `aud` and the bare client_id into `sub`.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from joserfc.jws import JWSRegistry

from sso.clients import Client
from sso.families import Grant
from sso.keys import ALGORITHMS, KeyRing
from sso.options import SsoOptions
from sso.ports import Clock, FieldCipher, Minter
from sso.tokens import ACCESS_TOKEN_TYPE, client_subject

LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class TokenIssuer:
    """Signs every kind of token. Times are the passed clock's, in whole seconds (RFC 7519 NumericDate)."""

    def __init__(self, options: SsoOptions, keys: KeyRing, clock: Clock, mint: Minter, cipher: FieldCipher) -> None:
        self._options, self._keys, self._clock, self._mint, self._cipher = options, keys, clock, mint, cipher

    def prepare(self) -> None:
        """Have the signing keys at hand. Call it outside any transaction, before the methods below."""
        self._keys.refresh()

    def next_secret(self, refresh_token: str) -> str:
        """The refresh token that follows this one: the same for the same, so that a repeated use within the grace
        gets the same child; nobody without our key can foretell it."""
        return self._cipher.blind("refresh token after:" + refresh_token)

    def user_access_token(
        self,
        grant: Grant,
        scope: Iterable[str],
        roles: Iterable[str],
        *,
        may_act: str | None = None,
        lifetime: timedelta | None = None,
    ) -> str:
        """An access token that speaks for a person, through a client.

        may_act: the subject that may exchange it for one in which it acts (RFC 8693 4.4). lifetime: shorter than
        `access_token_lifetime`.
        """
        scope = list(scope)
        audience = [grant.audience or self._options.hub_audience]
        if "openid" in scope:
            audience.append(self._options.issuer)  # userinfo is a resource of ours
        claims = {
            "aud": audience,
            "sub": str(grant.identity_id),
            "client_id": grant.client_id,
            "scope": " ".join(scope),
            "jti": str(self._mint.identifier()),
            "sid": str(grant.session_id),
            "gid": str(grant.grant_id),
            "auth_time": int(grant.auth_time.timestamp()),
            "acr": grant.acr,
            "amr": grant.amr,
        }
        if grant.jkt:
            claims["cnf"] = {"jkt": grant.jkt}
        if grant.actor:
            claims["act"] = grant.actor
        if may_act:
            claims["may_act"] = {"sub": may_act}
        if granted := [role for role in roles if role in scope]:
            claims["roles"] = granted
        lifetime = min(lifetime or self._options.access_token_lifetime, self._options.access_token_lifetime)
        return self._sign(claims, ACCESS_TOKEN_TYPE, "ES256", lifetime)

    def client_access_token(
        self, client: Client, scope: Iterable[str], audience: str | None = None, jkt: str | None = None
    ) -> str:
        """An access token that speaks for a channel's system itself (client credentials)."""
        claims: dict[str, Any] = {
            "aud": [audience or self._options.hub_audience],
            "sub": client_subject(client.client_id),
            "client_id": client.client_id,
            "scope": " ".join(scope),
            "jti": str(self._mint.identifier()),
        }
        if client.channel:
            claims["channel"] = client.channel
        if jkt:
            claims["cnf"] = {"jkt": jkt}
        return self._sign(claims, ACCESS_TOKEN_TYPE, "ES256", self._options.access_token_lifetime)

    def id_token(
        self, grant: Grant, client: Client, access_token: str, nonce: str | None, person: dict[str, Any]
    ) -> str:
        """An ID token; `auth_time`, `acr`, `amr` and `sid` are the grant's, at the first issue and at every refresh."""
        claims = {
            **person,
            "aud": client.client_id,
            "sub": str(grant.identity_id),
            "sid": str(grant.session_id),
            "auth_time": int(grant.auth_time.timestamp()),
            "acr": grant.acr,
            "amr": grant.amr,
            "at_hash": _half_hash(access_token),
        }
        if nonce is not None:
            claims["nonce"] = nonce
        return self._sign(claims, "JWT", client.id_token_algorithm, self._options.id_token_lifetime)

    def logout_token(self, client: Client, identity_id: UUID, session_id: UUID, delivery_id: UUID) -> str:
        """A logout token; its `jti` is the delivery's id, so that a repeated delivery can be told from a new one."""
        claims = {
            "aud": client.client_id,
            "sub": str(identity_id),
            "sid": str(session_id),
            "jti": str(delivery_id),
            "events": {LOGOUT_EVENT: {}},
        }
        return self._sign(claims, "logout+jwt", client.id_token_algorithm, self._options.logout_token_lifetime)

    def _sign(self, claims: dict[str, Any], kind: str, algorithm: str, lifetime: timedelta) -> str:
        now = self._clock()
        key = self._keys.signing(algorithm)
        issued = {
            "iss": self._options.issuer,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            **claims,
        }
        # The compact form (RFC 7515 3.1) by hand and the signature by the library: its encoder looks at every header
        # and key anew, which costs more than the signature does.
        signed = _protected(algorithm, key.kid, kind) + b"." + _base64url(_compact(issued))
        return (signed + b"." + _base64url(_SIGNING.get_alg(algorithm).sign(signed, key.private))).decode("ascii")


_SIGNING = JWSRegistry(algorithms=list(ALGORITHMS))


@functools.lru_cache(maxsize=64)
def _protected(algorithm: str, kid: str, kind: str) -> bytes:
    """The header, encoded: the same for every token of a kind and a key."""
    return _base64url(_compact({"alg": algorithm, "kid": kid, "typ": kind}))


def _compact(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _base64url(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def _half_hash(token: str) -> str:
    """`at_hash` (OpenID Connect Core 3.1.3.6) for ES256 and RS256."""
    left = hashlib.sha256(token.encode("ascii")).digest()[:16]
    return _base64url(left).decode("ascii")
