"""Which client makes a request: exactly one way of proving it (RFC 6749 section 2.3, RFC 7523 section 2.2).

| an assertion (`private_key_jwt`) must | source |
|---|---|
| be signed with a key that the client registered, named by `kid` when there are several | RFC 7523 3 (9) |
| have `iss` and `sub` equal to the client's id, and no other client_id beside it | RFC 7523 3 (1, 2), RFC 7521 4.2 |
| be made for us: `aud` is the issuer, the token endpoint or this endpoint, and nobody else | RFC 7523 3 (3) |
| end soon: `exp` at most `assertion_lifetime_max` ahead | RFC 7523 3 (4) |
| be used once: its `jti` is remembered until `exp` | RFC 7523 3 (7) |
"""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from psycopg import Connection

from sso import clients, spent
from sso.clients import Client
from sso.incoming import Incoming
from sso.provider import Provider
from sso.signed import SignatureRefused, public_key, unverified, verified

AUTH_METHODS = ("client_secret_basic", "client_secret_post", "private_key_jwt", "none")
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CREDENTIALS = ("client_secret", "client_assertion", "client_assertion_type")
"""The parameters that prove a client."""
JTI_LENGTH_MAX = 256


def authenticate(
    provider: Provider, connection: Connection, incoming: Incoming, endpoint: str, now: datetime
) -> Client:
    """The client that makes this request, in the way it registered.

    The same answer for an unknown client, a wrong secret and a bad assertion. A client that registered `none` only
    names itself. Raises InvalidClientError (401), or InvalidRequestError for two ways at once.
    """
    method, client_id, secret = presented_credentials(incoming)
    client = clients.load(connection, client_id) if client_id else None
    if client is None or method not in client.auth_methods or not _proves(provider, client, method, secret):
        raise refusal()
    if method == "private_key_jwt":
        _check_assertion(provider, connection, client, secret, endpoint, now)
    return client


def learn_client_keys(provider: Provider, incoming: Incoming) -> None:
    """Have the keys of a client at hand that publishes them and sent an assertion. Call it outside any transaction:
    nobody waits for a stranger's server with a connection in hand."""
    assertion = incoming.form.get("client_assertion")
    if assertion is None:
        return
    try:
        header, claims = unverified(assertion)
    except SignatureRefused:
        return  # `authenticate` will say what is wrong with it
    name, kid = claims.get("iss"), header.get("kid")
    if not isinstance(name, str) or "\x00" in name:
        return
    with provider.pool.connection() as connection:
        client = clients.load(connection, name)
    if client is not None and client.jwks_uri is not None:
        provider.client_keys.learn(client.jwks_uri, kid if isinstance(kid, str) else None)


def refusal(why: str = "The client did not authenticate.") -> InvalidClientError:
    """401 `invalid_client`."""
    return InvalidClientError(why, status_code=401)


def _proves(provider: Provider, client: Client, method: str, secret: str) -> bool:
    return method in ("none", "private_key_jwt") or client.check_client_secret(secret)


def presented_credentials(incoming: Incoming) -> tuple[str, str, str]:
    """(method, client_id, secret or assertion) as presented. Two ways at once are refused (RFC 6749 section 2.3)."""
    header, form = incoming.headers.get("authorization"), incoming.form
    posted_id, posted_secret, assertion = (
        form.text("client_id"),
        form.get("client_secret"),
        form.get("client_assertion"),
    )
    if sum(each is not None for each in (header, posted_secret, assertion)) > 1:
        raise InvalidRequestError("Authenticate the client in one way, not two.")
    if assertion is not None:
        return "private_key_jwt", _asserted_client(form.get("client_assertion_type"), posted_id, assertion), assertion
    if header is None:
        return ("client_secret_post" if posted_secret else "none"), posted_id, posted_secret or ""
    name, secret = _basic(header)
    if posted_id not in ("", name):
        raise refusal("The Authorization header and client_id disagree.")
    return "client_secret_basic", name, secret


def _basic(header: str) -> tuple[str, str]:
    kind, _, encoded = header.partition(" ")
    try:
        if kind.lower() != "basic":
            raise ValueError("not Basic")
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except ValueError as error:  # also binascii.Error and UnicodeDecodeError
        raise refusal("The Authorization header is malformed.") from error
    name, secret = unquote_plus(name), unquote_plus(secret)  # RFC 6749 section 2.3.1: both were form-encoded
    if not colon or "\x00" in name + secret:
        raise refusal("The Authorization header is malformed.")
    return name, secret


def _asserted_client(kind: str | None, posted_id: str, assertion: str) -> str:
    """Who an assertion says it is from; nothing of it is believed yet."""
    if kind != ASSERTION_TYPE:
        raise refusal("The client_assertion_type is not supported.")
    try:
        _, claims = unverified(assertion)
    except SignatureRefused as refused:
        raise refusal() from refused
    name = claims.get("iss")
    if not isinstance(name, str) or claims.get("sub") != name or posted_id not in ("", name) or "\x00" in name:
        raise refusal()
    return name


def _check_assertion(
    provider: Provider, connection: Connection, client: Client, assertion: str, endpoint: str, now: datetime
) -> None:
    try:
        jwks = client.jwks or provider.client_keys.known(client.jwks_uri)
        claims = verified_assertion(jwks, assertion, "client-authentication+jwt")
        expires_at, jti = checked_claims(provider, claims, endpoint, now)
    except SignatureRefused as refused:
        raise refusal(f"The client assertion is refused: {refused}.") from refused
    if not spent.spend(connection, spent.ASSERTION, client.client_id, jti, expires_at):
        raise refusal("The client assertion was used before.")


def verified_assertion(jwks: dict[str, Any], token: str, kind: str) -> dict[str, Any]:
    """The claims of a JWT that one of these keys signed; none is checked. Raises SignatureRefused.

    kind: the `typ` it may say besides JWT. What was signed for another purpose with the same key, a DPoP proof say, is
    not taken for it (RFC 8725 section 3.11).
    """
    header, _ = unverified(token)
    algorithm, kid = header.get("alg"), header.get("kid")
    if str(header.get("typ", kind)).lower() not in ("jwt", kind):
        raise SignatureRefused(f"typ must be JWT or {kind}")
    # A key, or where to get one, never comes with the token; an extension that must be understood is not.
    if {"jwk", "jku", "x5u", "x5c", "crit", "b64"} & set(header) or not isinstance(algorithm, str):
        raise SignatureRefused("the header may hold alg, kid and typ")
    held = [key for key in jwks.get("keys", []) if key.get("use", "sig") == "sig"]
    named = [key for key in held if kid is not None and key.get("kid") == kid] or (held if kid is None else [])
    for jwk in named:
        try:
            key = public_key(jwk, algorithm)
        except SignatureRefused:
            continue  # a key of another kind: the set may hold several, and the last word is said below
        return verified(token, key, algorithm)
    raise SignatureRefused("no registered key fits its kid and alg")


def checked_claims(provider: Provider, claims: dict[str, Any], endpoint: str, now: datetime) -> tuple[datetime, str]:
    """Until when the assertion (or a signed request, RFC 9101) is good, and its jti. Raises SignatureRefused."""
    options = provider.options
    audience, expires, jti = claims.get("aud"), claims.get("exp"), claims.get("jti")
    named = audience if isinstance(audience, list) else [audience]
    if len(named) != 1 or named[0] not in (options.issuer, options.url("/token"), options.url(f"/{endpoint}")):
        raise SignatureRefused("aud must be the issuer, and nobody else")
    if not isinstance(jti, str) or not 0 < len(jti) <= JTI_LENGTH_MAX or "\x00" in jti:
        raise SignatureRefused("jti must be a text of 1 to 256 characters")
    times = [claims.get(name, 0) for name in ("exp", "nbf", "iat")]
    if expires is None or not all(isinstance(each, int | float) and 0 <= each < 2**33 for each in times):
        raise SignatureRefused("exp is needed, and times are numbers of seconds")
    expires_at = datetime.fromtimestamp(expires, UTC)
    leeway = timedelta(seconds=5)
    if not now < expires_at <= now + options.assertion_lifetime_max + leeway:
        raise SignatureRefused(f"exp must be at most {options.assertion_lifetime_max.total_seconds():.0f} s ahead")
    if max(times[1:]) > (now + leeway).timestamp():
        raise SignatureRefused("it is made for later")
    return expires_at, jti
