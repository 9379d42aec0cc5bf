"""The authorization endpoint (OpenID Connect Core 3.1.2, RFC 6749 4.1, RFC 7636, RFC 9207, RFC 9700).

Nothing is redirected before the client and its redirect URI are valid. After that every answer, good or bad, goes to
the client with `iss` and `state`, as a 303 or a posted form.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from psycopg import Connection

from sso import audit, families, sessions
from sso.clients import Client
from sso.families import Code, Grant
from sso.grants import CodeGrant
from sso.incoming import Parameters
from sso.people import identities
from sso.provider import SCOPE_CLAIMS, Provider
from sso.server import (
    CODE_CHALLENGE,
    InvalidRequestError,
    OAuth2Error,
    ProviderRequest,
    ProviderServer,
    granted_scope,
    refuse_repeated,
)
from sso.sessions import Session
from sso.tokens import TokenRefused, decode_own

RESPONSE_MODES = ("query", "form_post")
PROMPTS = ("none", "login", "consent", "select_account")
PARAMETER_LENGTH_MAX = 2_048


class AuthorizationError(Exception):
    """The request is refused. With `answer` the client is told, without it only the person is."""

    def __init__(self, error: str, description: str, answer: "Answer | None" = None) -> None:
        super().__init__(description)
        self.error, self.description, self.answer = error, description, answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client: parameters for its redirect URI."""

    redirect_uri: str
    response_mode: str
    parameters: dict[str, str]

    @property
    def location(self) -> str:
        """The redirect URI with the parameters in its query; its own query is kept."""
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        return self.redirect_uri + joint + urlencode(self.parameters)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The parameters of OpenID Connect and PKCE, each checked by one rule below."""

    response_mode: str = "query"
    code_challenge: str = ""
    prompts: frozenset[str] = frozenset()
    max_age: timedelta | None = None
    hinted_subject: str | None = None
    claims: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A request that may be answered."""

    client: Client
    redirect_uri: str
    parameters: Parameters
    wishes: Wishes


Rule = Callable[[Parameters, Client, Provider], dict[str, Any]]


def no_repeats(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """RFC 6749 3.1: no parameter more than once; a very long one is nobody's honest request."""
    refuse_repeated(parameters)
    if any(len(value) > PARAMETER_LENGTH_MAX for _, value in parameters.pairs):
        raise InvalidRequestError("A parameter is too long.")
    return {}


def no_request_objects(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """OpenID Connect Core 6: an unsupported request object must be refused, never ignored."""
    for name in ("request", "request_uri", "registration"):
        if parameters.get(name) is not None:
            raise OAuth2Error(f"The parameter {name} is not supported.", error=f"{name}_not_supported")
    return {}


def response_mode(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """OAuth 2.0 Multiple Response Types 2.1 and Form Post Response Mode; a form cannot post to an app's own scheme."""
    mode = parameters.get("response_mode") or "query"
    web = urlsplit(parameters.text("redirect_uri")).scheme in ("http", "https")
    if mode not in RESPONSE_MODES or (mode == "form_post" and not web):
        raise InvalidRequestError("The response_mode is not supported.")
    return {"response_mode": mode}


def pkce(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """RFC 7636 and RFC 9700 2.1.1: every client, S256 said in so many words; a missing method would mean `plain`."""
    challenge = parameters.get("code_challenge")
    if challenge is None:
        raise InvalidRequestError("PKCE is required: send code_challenge.")
    if parameters.get("code_challenge_method") != "S256":
        raise InvalidRequestError("Send code_challenge_method=S256; no other method is accepted.")
    if not CODE_CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("The code_challenge is not the base64url of a SHA-256.")
    return {"code_challenge": challenge}


def prompt(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """OpenID Connect Core 3.1.2.1: `none` stands alone. `consent` asks nothing: every client is the operator's own."""
    prompts = frozenset(parameters.text("prompt").split())
    if not prompts <= set(PROMPTS) or ("none" in prompts and len(prompts) > 1):
        raise InvalidRequestError("The prompt is not supported, or none is combined with another value.")
    return {"prompts": prompts}


def max_age(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """OpenID Connect Core 3.1.2.1: seconds since the person last proved who they are."""
    text = parameters.get("max_age")
    if text is None:
        return {}
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidRequestError("max_age must be a number of seconds.")
    return {"max_age": timedelta(seconds=int(text))}


def id_token_hint(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """OpenID Connect Core 3.1.2.1: our own ID token, perhaps expired, for this client; names who must be logged in."""
    hint = parameters.get("id_token_hint")
    if hint is None:
        return {}
    try:
        _, claims = decode_own(hint, provider.keys, frozenset({"jwt"}), frozenset({"ES256", "RS256"}))
    except TokenRefused as refused:
        raise InvalidRequestError(f"The id_token_hint is not ours: {refused}") from refused
    if claims.get("iss") != provider.options.issuer or claims.get("aud") != client.client_id:
        raise InvalidRequestError("The id_token_hint was made for another client.")
    return {"hinted_subject": claims.get("sub")}


def resource(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """RFC 8707: the hub API is the only resource there is."""
    named = parameters.get("resource")
    if named is not None and named != provider.options.hub_audience:
        raise OAuth2Error("No such resource.", error="invalid_target")
    return {}


def claims(parameters: Parameters, client: Client, provider: Provider) -> dict[str, Any]:
    """OpenID Connect Core 5.5: claims asked for by name, given only where the client's scopes open them."""
    text = parameters.get("claims")
    if text is None:
        return {}
    try:
        wanted = json.loads(text)
    except ValueError as error:
        raise InvalidRequestError("The claims parameter is not JSON.") from error
    if not isinstance(wanted, dict) or not all(isinstance(part, dict) for part in wanted.values()):
        raise InvalidRequestError("The claims parameter must be an object of objects.")
    open_to_client = {claim for scope in client.scopes for claim in SCOPE_CLAIMS.get(scope, ())}
    found: dict[str, Any] = {
        "claims": {place: sorted(set(wanted.get(place, {})) & open_to_client) for place in ("id_token", "userinfo")}
    }
    subject = wanted.get("id_token", {}).get("sub")
    if isinstance(subject, dict) and isinstance(subject.get("value"), str):
        found["hinted_subject"] = subject["value"]
    return found


RULES: tuple[Rule, ...] = (
    no_repeats,
    no_request_objects,
    response_mode,
    pkce,
    prompt,
    max_age,
    id_token_hint,
    resource,
    claims,
)
"""Every rule a valid client's request must pass, in this order. Not looked at, on purpose: `display`, `acr_values`
(voluntary, there is one class), `claims_locales`, and any parameter we do not know."""


def validate(
    provider: Provider, connection: Connection, parameters: Parameters, request: ProviderRequest
) -> Authorization:
    """The request, checked. Raises AuthorizationError."""
    server = ProviderServer(provider, connection, [CodeGrant])
    early = {"client_id", "redirect_uri"} & set(parameters.repeated())
    if early:
        raise AuthorizationError("invalid_request", f"Given more than once: {', '.join(sorted(early))}.")
    client = server.query_client(parameters.text("client_id"))
    if client is None or not client.check_redirect_uri(parameters.text("redirect_uri")):
        raise AuthorizationError("invalid_request", "The client or its redirect_uri is not registered.")
    try:
        if parameters.get("response_type") is None:
            raise InvalidRequestError("Missing 'response_type' in request.")
        grant = server.get_authorization_grant(request)
        redirect_uri: str = grant.validate_authorization_request()
        found: dict[str, Any] = {}
        for rule in RULES:
            found.update(rule(parameters, client, provider))
    except OAuth2Error as error:
        description = error.get_error_description() if error.error != "unsupported_response_type" else "Use code."
        raise AuthorizationError(
            error.error, description, error_answer(provider, parameters, error.error, description)
        ) from error
    return Authorization(client, redirect_uri, parameters, Wishes(**found))


def error_answer(provider: Provider, parameters: Parameters, error: str, description: str) -> Answer:
    """An error for a client whose redirect URI is known to be valid."""
    redirect_uri = parameters.text("redirect_uri")
    mode = parameters.text("response_mode")
    web = urlsplit(redirect_uri).scheme in ("http", "https")
    return Answer(
        redirect_uri,
        mode if mode in RESPONSE_MODES and web else "query",
        {"error": error, "error_description": description} | _always(provider, parameters),
    )


def _always(provider: Provider, parameters: Parameters) -> dict[str, str]:
    state = parameters.get("state")
    return {"iss": provider.options.issuer} | ({"state": state} if state is not None else {})


def must_log_in(provider: Provider, asked: Authorization, session: Session | None) -> bool:
    """Whether the person has to prove who they are before this request can be answered."""
    if session is None or asked.wishes.prompts & {"login", "select_account"}:
        return True
    age = provider.clock() - session.auth_time
    if asked.wishes.max_age is not None and age > asked.wishes.max_age:
        return True
    return asked.wishes.hinted_subject not in (None, str(session.identity_id))


def issue_code(provider: Provider, connection: Connection, asked: Authorization, session: Session) -> Answer:
    """A code for the person of `session`; the client joins the session and will hear of its end.

    Raises AuthorizationError: `login_required` when the request names somebody else, `access_denied` when the
    person is no longer there, `invalid_scope` when nothing that was asked may be given.
    """
    now = provider.clock()
    identity = identities.load(connection, session.identity_id)
    parameters = asked.parameters

    def refused(error: str, description: str) -> AuthorizationError:
        return AuthorizationError(error, description, error_answer(provider, parameters, error, description))

    if identity is None:
        raise refused("access_denied", "The identity is closed.")
    if asked.wishes.hinted_subject not in (None, identity.subject):
        raise refused("login_required", "Another person is logged in.")
    scope = granted_scope(asked.client, identity, parameters.get("scope"))
    if not scope:
        raise refused("invalid_scope", "Nothing of the requested scope may be given.")
    grant = Grant(
        provider.mint.identifier(),
        asked.client.client_id,
        session.session_id,
        identity.identity_id,
        scope,
        asked.wishes.claims,
        session.auth_time,
        session.acr,
        session.amr,
    )
    secret = provider.mint.secret()
    expires_at = now + provider.options.code_lifetime
    code = Code(grant, asked.redirect_uri, parameters.get("nonce"), asked.wishes.code_challenge, expires_at)
    families.save_code(connection, secret, code, now)
    sessions.join(connection, session.session_id, asked.client.client_id, now)
    sessions.touch(connection, session.session_id, now)
    audit.record(
        connection,
        now,
        "code_issued",
        identity_id=identity.identity_id,
        client_id=asked.client.client_id,
        session_id=session.session_id,
    )
    return Answer(asked.redirect_uri, asked.wishes.response_mode, {"code": secret} | _always(provider, parameters))
