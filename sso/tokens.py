"""Tokens of ours, checked: what is signed, what each claim must say, and whether the login behind it still stands.

How they are made is in `sso.issuing`.
"""

import base64
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from psycopg import Connection
from psycopg_pool import ConnectionPool

from sso import clients, families
from sso.keys import KeyRing
from sso.options import SsoOptions
from sso.ports import Clock
from sso.signatures import Signatures

ACCESS_TOKEN_TYPE = "at+jwt"
TOKEN_LENGTH_MAX = 8_192
_ACCESS_TYPES, _ACCESS_ALGORITHMS = frozenset({ACCESS_TOKEN_TYPE}), frozenset({"ES256"})


def client_subject(client_id: str) -> str:
    """The `sub` of a token that a client holds for itself; never the form of a person's."""
    return f"client:{client_id}"


class TokenRefused(Exception):
    """The token is not good for this call. `code` is stable, the sentence for a developer; neither holds the token."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def learn_key(token: str | None, keys: KeyRing) -> None:
    """Make sure that the key which a token names has been read, if it is ours. Call it outside any transaction."""
    try:
        kid = _read_header(token or "").get("kid")
    except TokenRefused:
        kid = None  # `decode_own` will say what is wrong with it
    keys.refresh(kid if isinstance(kid, str) else None)


class VerifyingKeys(Protocol):
    """Our own public keys by name."""

    def verifying(self, kid: str) -> KeySet | None:
        """A set with the one key named `kid`, or None."""


def decode_own(
    token: str,
    keys: VerifyingKeys,
    types: frozenset[str],
    algorithms: frozenset[str],
    signatures: Signatures | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that one of *our* keys signed; no claim is checked here.

    The key must have been read (`learn_key`). signatures: those found good before, which are not computed again.

    Refused (TokenRefused): anything that is not a compact JWS, a header other than exactly `alg`, `kid`, `typ` (so
    no `crit`, `jwk`, `jku`, `x5u`), another `typ`, an algorithm outside the list, an unknown kid, a bad signature.
    """
    header = _read_header(token)
    if set(header) != {"alg", "kid", "typ"} or not all(isinstance(value, str) for value in header.values()):
        raise TokenRefused("token_header_unexpected", "the header must hold alg, kid and typ and nothing else")
    if header["typ"].lower() not in types:
        raise TokenRefused("token_type_wrong", f"typ must be {' or '.join(sorted(types))}")
    if header["alg"] not in algorithms:
        raise TokenRefused("token_algorithm_refused", f"alg must be {' or '.join(sorted(algorithms))}")
    key = keys.verifying(header["kid"])
    if key is None:
        raise TokenRefused("token_key_unknown", "no key of this issuer has that kid")
    if signatures is not None and signatures.known(token, key):
        return header, _object(token.split(".")[1])
    try:
        decoded = jwt.decode(token, key, algorithms=[header["alg"]])
    except (JoseError, ValueError) as error:
        raise TokenRefused("token_signature_bad", "the signature does not match") from error
    if signatures is not None:
        signatures.note(token, key)
    return dict(decoded.header), dict(decoded.claims)


def _read_header(token: str) -> dict[str, Any]:
    if len(token) > TOKEN_LENGTH_MAX or token.count(".") != 2 or not token.isascii():
        raise TokenRefused("token_malformed", "this is not a signed token in compact form")
    return _object(token.partition(".")[0])


def _object(segment: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except ValueError as error:
        raise TokenRefused("token_malformed", "the token cannot be read") from error
    if not isinstance(value, dict):
        raise TokenRefused("token_malformed", "the token is not made of objects")
    return value


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """An access token whose every required claim was checked. Only `TokenVerifier` makes one."""

    subject: str
    client_id: str
    scopes: frozenset[str]
    roles: frozenset[str]
    channel: str | None
    session_id: str | None
    grant_id: str | None
    auth_time: int | None
    acr: str | None
    expires_at: int
    jkt: str | None = None
    """The key (RFC 7638 thumbprint) that the caller has proven to hold; None: a bearer token."""
    actors: tuple[str, ...] = ()
    """Who acts for the subject, the one who acts now first (RFC 8693 section 4.1); empty: the subject itself."""
    audience: tuple[str, ...] = ()
    may_act: str | None = None
    """The subject that may exchange this token for one in which it acts (RFC 8693 section 4.4)."""

    def allows(self, scope: str) -> bool:
        """Whether the token carries this scope."""
        return scope in self.scopes


class TokenVerifier:
    """Checks access tokens for one resource server (RFC 9068 section 4).

    What is checked is declared as sets, so that what is *not* checked can be read here:
    """

    REQUIRED = frozenset({"iss", "exp", "aud", "sub", "client_id", "iat", "scope"})
    OPTIONAL = frozenset({"sid", "gid", "auth_time", "acr", "roles", "channel", "cnf", "act", "may_act"})
    KNOWINGLY_UNCHECKED = frozenset(
        {
            "jti",  # access tokens may be used many times until they expire
            "amr",  # acr decides; amr is kept for the audit
        }
    )

    def __init__(
        self,
        options: SsoOptions,
        keys: KeyRing,
        clock: Clock,
        *,
        audience: str,
        leeway: timedelta = timedelta(0),
        is_live: Callable[[VerifiedToken], bool] | None = None,
        signatures: Signatures | None = None,
    ) -> None:
        """`is_live`, when given, is asked last and refuses tokens whose session or grant has ended; without it a
        token is good until it expires, which is at most `access_token_lifetime` after a logout."""
        self._options, self._keys, self._clock = options, keys, clock
        self._audience, self._leeway, self._is_live, self._signatures = audience, leeway, is_live, signatures

    def verify(self, token: str, *, scopes: frozenset[str] = frozenset(), jkt: str | None = None) -> VerifiedToken:
        """The verified token, if it is ours, for this audience, in time and carries all of `scopes`.

        jkt: the key that the caller has proven to hold with this request (`sso.dpop.prove`). A bound token without
        that proof is refused, so is a bearer token presented as a bound one (RFC 9449 section 7).

        Raises TokenRefused with the code `token_malformed`, `token_header_unexpected`, `token_type_wrong`,
        `token_algorithm_refused`, `token_key_unknown`, `token_signature_bad`, `token_claim_missing`,
        `token_claim_unknown`, `token_claim_malformed`, `token_issuer_wrong`, `token_audience_wrong`,
        `token_expired`, `token_not_yet_valid`, `token_key_not_proven`, `token_revoked` or `scope_insufficient`.
        """
        learn_key(token, self._keys)
        verified = self.check(token)
        if verified.jkt != jkt:
            raise TokenRefused("token_key_not_proven", "the token and the DPoP proof do not belong together")
        if not scopes <= verified.scopes:
            raise TokenRefused("scope_insufficient", f"this call needs {' '.join(sorted(scopes))}")
        if self._is_live is not None and not self._is_live(verified):
            raise TokenRefused("token_revoked", "the login behind this token has ended")
        return verified

    def check(self, token: str) -> VerifiedToken:
        """The token by itself: ours, for this audience, in time. Neither scope nor liveness nor possession of its key
        is looked at: the caller does. Touches no pool; the key must have been read (`learn_key`)."""
        return self.read(token)[0]

    def read(self, token: str) -> tuple[VerifiedToken, dict[str, Any]]:
        """The same as `check`, and the claims as they are written."""
        _, claims = decode_own(token, self._keys, _ACCESS_TYPES, _ACCESS_ALGORITHMS, self._signatures)
        self._check_names(claims)
        self._check_values(claims)
        return _verified(claims), claims

    def _check_names(self, claims: dict[str, Any]) -> None:
        if missing := self.REQUIRED - set(claims):
            raise TokenRefused("token_claim_missing", f"missing: {', '.join(sorted(missing))}")
        if unknown := set(claims) - self.REQUIRED - self.OPTIONAL - self.KNOWINGLY_UNCHECKED:
            raise TokenRefused("token_claim_unknown", f"not understood: {', '.join(sorted(unknown))}")

    def _check_values(self, claims: dict[str, Any]) -> None:
        if claims["iss"] != self._options.issuer:
            raise TokenRefused("token_issuer_wrong", "another issuer made this token")
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if self._audience not in audience:
            raise TokenRefused("token_audience_wrong", "the token is for another audience")
        if not isinstance(claims["exp"], int) or not isinstance(claims["iat"], int):
            raise TokenRefused("token_claim_malformed", "exp and iat must be whole seconds")
        now = self._clock()
        if (now - self._leeway).timestamp() >= claims["exp"]:
            raise TokenRefused("token_expired", "the token has expired; ask for a new one")
        if claims["iat"] > (now + self._leeway).timestamp() + 1:
            raise TokenRefused("token_not_yet_valid", "the token was issued in the future")


def _verified(claims: dict[str, Any]) -> VerifiedToken:
    texts = ("sub", "client_id", "scope", "sid", "gid", "acr", "channel")
    roles, bound, may_act = claims.get("roles", []), claims.get("cnf", {"jkt": None}), claims.get("may_act", {})
    if (
        not all(isinstance(claims.get(name, ""), str) for name in texts)
        or not isinstance(roles, list)
        or not isinstance(bound, dict)
        or set(bound) != {"jkt"}
        or not isinstance(may_act, dict)
    ):
        raise TokenRefused("token_claim_malformed", "a claim has the wrong type")
    return VerifiedToken(
        subject=claims["sub"],
        client_id=claims["client_id"],
        scopes=frozenset(claims["scope"].split()),
        roles=frozenset(roles),
        channel=claims.get("channel"),
        session_id=claims.get("sid"),
        grant_id=claims.get("gid"),
        auth_time=claims.get("auth_time"),
        acr=claims.get("acr"),
        expires_at=claims["exp"],
        jkt=bound["jkt"],
        actors=tuple(_actors(claims.get("act"))),
        audience=tuple(claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]),
        may_act=may_act.get("sub"),
    )


def _actors(act: Any) -> Iterable[str]:
    """The subjects of an `act` claim from the outside in."""
    while act is not None:
        if not isinstance(act, dict) or not isinstance(act.get("sub"), str):
            raise TokenRefused("token_claim_malformed", "act must name a sub")
        yield act["sub"]
        act = act.get("act")


def liveness(pool: ConnectionPool, clock: Clock, options: SsoOptions) -> Callable[[VerifiedToken], bool]:
    """A check for `TokenVerifier(is_live=...)`: the person's grant and session, or the client, must still stand."""

    def is_live(token: VerifiedToken) -> bool:
        now: datetime = clock()
        with pool.connection() as connection:
            return stands(connection, token, now, options)

    return is_live


def stands(connection: Connection, token: VerifiedToken, now: datetime, options: SsoOptions) -> bool:
    """Whether what the token grew from still stands: the person's grant and session, or the client for itself."""
    if token.grant_id is None or token.session_id is None:
        own = token.subject == client_subject(token.client_id)
        return own and clients.load(connection, token.client_id) is not None
    try:
        grant_id = UUID(token.grant_id)
    except ValueError:
        return False
    return families.stands(connection, grant_id, now, options)
