"""Clients that register themselves: what they may say of themselves, and with whose leave (RFC 7591, OpenID Connect
Dynamic Client Registration 1.0).

The operator gives an initial access token for a number of registrations and names the scopes they may hold. What a
stranger registers is never the operator's own: people are asked for consent, PKCE is required, its addresses are
only spoken to where they are public.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from sso import audit
from sso.client_authentication import AUTH_METHODS
from sso.clients import Client, check_client_uri
from sso.keys import ALGORITHMS
from sso.options import SsoOptions, is_loopback
from sso.ports import Minter, digest
from sso.signed import ALGORITHMS as SIGNED_BY_OTHERS
from sso.signed import SignatureRefused, public_key

GRANT_TYPES = ("authorization_code", "refresh_token")
"""What a stranger's application may use. The others need an agreement, and a person who knows whom they talk to."""
URIS_MAX = 10
KEYS_MAX = 10
NAME_LENGTH_MAX = 80
NOT_OFFERED = (
    "sector_identifier_uri",
    "frontchannel_logout_uri",
    "id_token_encrypted_response_alg",
    "userinfo_signed_response_alg",
    "userinfo_encrypted_response_alg",
    "request_object_signing_alg",
    "request_object_encryption_alg",
    "tls_client_certificate_bound_access_tokens",
)
"""Said no to, because a client that asks for one of these relies on it. Any other metadata that we do not know is left
out of the answer, as RFC 7591 section 2 allows (`logo_uri`, `contacts`, `tos_uri`...)."""


class MetadataRefused(Exception):
    """The registration breaks a rule; `error` is a code of RFC 7591 section 3.2.2."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error, self.description = error, description


# --- leave to register ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leave:
    """An initial access token as it is kept: how often, until when and for which scopes."""

    token_digest: bytes
    label: str
    scopes: list[str]
    uses_left: int
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


_LEAVE = "token_digest, label, scopes, uses_left, created_at, expires_at, revoked_at"


def give_leave(
    connection: Connection, label: str, scopes: list[str], uses: int, lifetime: timedelta, now: datetime, mint: Minter
) -> str:
    """Make an initial access token; answered once and kept as a digest. label: for whom, for the operator's eyes."""
    token = mint.secret()
    connection.execute(
        """INSERT INTO sso.initial_access_token (token_digest, label, scopes, uses_left, created_at, expires_at)
           VALUES (%s, %s, %s, %s, %s, %s)""",
        (digest(token), label, scopes, uses, now, now + lifetime),
    )
    audit.record(connection, now, "registration_allowed", label=label, uses=uses, scopes=" ".join(scopes))
    return token


def take_leave(connection: Connection, token: str, now: datetime) -> Leave | None:
    """Use an initial access token once; None when it is unknown, spent, expired or revoked.

    A refused registration must roll this back: a typing mistake costs no use.
    """
    row = connection.execute(
        f"""UPDATE sso.initial_access_token SET uses_left = uses_left - 1
            WHERE token_digest = %s AND uses_left > 0 AND expires_at > %s AND revoked_at IS NULL
            RETURNING {_LEAVE}""".encode(),
        (digest(token), now),
    ).fetchone()
    return Leave(*row) if row else None


def leaves(connection: Connection) -> list[Leave]:
    """Every initial access token there was, newest first."""
    rows = connection.execute(f"SELECT {_LEAVE} FROM sso.initial_access_token ORDER BY created_at DESC, label".encode())
    return [Leave(*row) for row in rows]


def revoke_leave(connection: Connection, label: str, now: datetime) -> int:
    """Let nobody register any more with the tokens of this label; answers how many. Registered clients stay."""
    return connection.execute(
        "UPDATE sso.initial_access_token SET revoked_at = %s WHERE label = %s AND revoked_at IS NULL", (now, label)
    ).rowcount


# --- what a client says of itself ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Draft:
    """A registration while its rules are asked, top to bottom; `found` are fields of `Client`."""

    metadata: dict[str, Any]
    scopes: list[str]
    options: SsoOptions
    found: dict[str, Any]

    def text(self, name: str, default: str | None = None) -> str | None:
        """A text of at most 2000 characters. Raises MetadataRefused."""
        value = self.metadata.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or not 0 < len(value) <= 2000:
            raise MetadataRefused("invalid_client_metadata", f"{name} must be a text.")
        return value

    def texts(self, name: str) -> list[str]:
        """A list of different texts. Raises MetadataRefused."""
        value = self.metadata.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise MetadataRefused("invalid_client_metadata", f"{name} must be a list of texts.")
        if len(value) > URIS_MAX:
            raise MetadataRefused("invalid_client_metadata", f"{name} may have at most {URIS_MAX} entries.")
        return list(dict.fromkeys(value))

    def flag(self, name: str) -> bool:
        """True or false. Raises MetadataRefused."""
        value = self.metadata.get(name)
        if value not in (None, True, False):
            raise MetadataRefused("invalid_client_metadata", f"{name} must be true or false.")
        return bool(value)


def nothing_that_is_not_offered(draft: Draft) -> None:
    """RFC 7591 2.3: a software statement would have to be believed, and there is nobody whose word we take.

    Subjects are public: the same person is the same `sub` to every client, so there are no sectors.
    """
    if draft.metadata.get("software_statement") is not None:
        raise MetadataRefused("unapproved_software_statement", "No issuer of software statements is trusted here.")
    if draft.metadata.get("subject_type", "public") != "public":
        raise MetadataRefused("invalid_client_metadata", "subject_type must be public; pairwise is not offered.")
    asked = [name for name in NOT_OFFERED if draft.metadata.get(name) not in (None, False, "none")]
    if asked:
        raise MetadataRefused("invalid_client_metadata", f"Not offered here: {', '.join(asked)}.")


def names(draft: Draft) -> None:
    """RFC 7591 2.2: the name in either language (`client_name#zh-CN`, `client_name#en`), else the bare one."""
    bare = draft.text("client_name")
    chinese, english = draft.text("client_name#zh-CN", bare), draft.text("client_name#en", bare)
    for name in (chinese, english):
        if name is None or len(name) > NAME_LENGTH_MAX or not name.isprintable():
            raise MetadataRefused("invalid_client_metadata", "client_name is needed: people are asked by this name.")
    draft.found |= {"name_zh": chinese, "name_en": english}


def grants(draft: Draft) -> None:
    """RFC 7591 2.1: grant types and response types belong together."""
    asked = draft.texts("grant_types") or ["authorization_code"]
    if unknown := set(asked) - set(GRANT_TYPES):
        raise MetadataRefused("invalid_client_metadata", f"Not for strangers: {', '.join(sorted(unknown))}.")
    if "authorization_code" not in asked or draft.texts("response_types") not in ([], ["code"]):
        raise MetadataRefused("invalid_client_metadata", "Use authorization_code with response_types [code].")
    draft.found["grant_types"] = [each for each in GRANT_TYPES if each in asked]


def addresses(draft: Draft) -> None:
    """OpenID Connect Registration 2: web applications live under https, native ones on the device itself."""
    native = draft.text("application_type", "web") == "native"
    if not native and draft.text("application_type", "web") != "web":
        raise MetadataRefused("invalid_client_metadata", "application_type must be web or native.")
    redirect_uris = draft.texts("redirect_uris")
    if not redirect_uris:
        raise MetadataRefused("invalid_redirect_uri", "redirect_uris is needed.")
    for uri in redirect_uris:
        _check_uri(draft, uri, "invalid_redirect_uri", native=native)
    goodbyes = draft.texts("post_logout_redirect_uris")
    for uri in goodbyes:
        _check_uri(draft, uri, "invalid_client_metadata", native=native)
    draft.flag("backchannel_logout_session_required")  # always so: every logout token has a sid
    if logout_uri := draft.text("backchannel_logout_uri"):
        _check_uri(draft, logout_uri, "invalid_client_metadata", native=False)
    draft.found |= {
        "redirect_uris": redirect_uris,
        "post_logout_redirect_uris": goodbyes,
        "backchannel_logout_uri": logout_uri,
    }


def _check_uri(draft: Draft, uri: str, error: str, *, native: bool) -> None:
    try:
        check_client_uri(uri, draft.options, custom_scheme=native)
    except ValueError as broken:
        raise MetadataRefused(error, str(broken)) from broken
    host = uri.partition("://")[2].partition("/")[0].rpartition("@")[2]
    bare = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if not native and is_loopback(bare.strip("[]")) and bare not in draft.options.plain_http_hosts:
        raise MetadataRefused(error, f"{uri!r}: only a native application can be on the device itself")


def proof(draft: Draft) -> None:
    """RFC 7591 2: one way to authenticate; a key of its own only where it is the way, and a good one."""
    method = draft.text("token_endpoint_auth_method", "client_secret_basic")
    jwks, jwks_uri = draft.metadata.get("jwks"), draft.text("jwks_uri")
    if method not in AUTH_METHODS:
        known = ", ".join(AUTH_METHODS)
        raise MetadataRefused("invalid_client_metadata", f"token_endpoint_auth_method: one of {known}.")
    if (jwks is not None) + (jwks_uri is not None) > 1:
        raise MetadataRefused("invalid_client_metadata", "Send jwks or jwks_uri, not both.")
    if method == "private_key_jwt" and jwks is None and jwks_uri is None:
        raise MetadataRefused("invalid_client_metadata", "private_key_jwt needs jwks or jwks_uri.")
    if jwks is not None:
        _check_keys(jwks)
    if jwks_uri is not None:
        _check_uri(draft, jwks_uri, "invalid_client_metadata", native=False)
    draft.found |= {"auth_methods": [method], "jwks": jwks, "jwks_uri": jwks_uri}


def _check_keys(jwks: Any) -> None:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_MAX:
        raise MetadataRefused("invalid_client_metadata", f"jwks must be a JWK Set with 1 to {KEYS_MAX} keys.")
    for key in keys:
        if not any(_fits(key, algorithm) for algorithm in SIGNED_BY_OTHERS):
            raise MetadataRefused(
                "invalid_client_metadata", f"Each key must be a public one for {', '.join(SIGNED_BY_OTHERS)}."
            )


def _fits(key: Any, algorithm: str) -> bool:
    try:
        public_key(key, algorithm)
    except SignatureRefused:
        return False  # the caller says which metadata is refused
    return True


def scope(draft: Draft) -> None:
    """RFC 7591 2: what the initial access token allows; without a wish, all of it."""
    asked = (draft.text("scope") or " ".join(draft.scopes)).split()
    if not_allowed := set(asked) - set(draft.scopes):
        raise MetadataRefused("invalid_client_metadata", f"Not allowed: {' '.join(sorted(not_allowed))}.")
    draft.found["scopes"] = list(dict.fromkeys(asked))


def signing(draft: Draft) -> None:
    """OpenID Connect Registration 2, RFC 9126 6, RFC 9449 5.2."""
    algorithm = draft.text("id_token_signed_response_alg", "RS256")
    if algorithm not in ALGORITHMS:
        raise MetadataRefused("invalid_client_metadata", f"id_token_signed_response_alg: {' or '.join(ALGORITHMS)}.")
    draft.found |= {
        "id_token_algorithm": algorithm,
        "require_par": draft.flag("require_pushed_authorization_requests"),
        "require_dpop": draft.flag("dpop_bound_access_tokens"),
    }


RULES = (nothing_that_is_not_offered, names, grants, addresses, proof, scope, signing)
"""Asked in this order; the first that is broken is the answer."""


def read(metadata: Any, scopes: list[str], options: SsoOptions) -> dict[str, Any]:
    """The fields of `Client` that this metadata means. Raises MetadataRefused."""
    if not isinstance(metadata, dict):
        raise MetadataRefused("invalid_client_metadata", "The registration must be a JSON object.")
    draft = Draft(metadata, scopes, options, {})
    for rule in RULES:
        rule(draft)
    return draft.found | {"channel": None, "consent": "explicit"}


def described(client: Client) -> dict[str, Any]:
    """The registered metadata, as RFC 7591 section 3.2.1 answers it; secrets are not among it."""
    described: dict[str, Any] = {
        "client_id": client.client_id,
        "client_name": client.name_en,
        "client_name#zh-CN": client.name_zh,
        "client_name#en": client.name_en,
        "redirect_uris": client.redirect_uris,
        "post_logout_redirect_uris": client.post_logout_redirect_uris,
        "backchannel_logout_uri": client.backchannel_logout_uri,
        "backchannel_logout_session_required": True,
        "grant_types": client.grant_types,
        "response_types": ["code"],
        "token_endpoint_auth_method": client.auth_methods[0],
        "jwks": client.jwks,
        "jwks_uri": client.jwks_uri,
        "scope": " ".join(client.scopes),
        "subject_type": "public",
        "id_token_signed_response_alg": client.id_token_algorithm,
        "require_pushed_authorization_requests": client.require_par,
        "dpop_bound_access_tokens": client.require_dpop,
    }
    return {name: value for name, value in described.items() if value is not None}
