"""The authorization endpoint (OpenID Connect Core 3.1.2, RFC 6749 4.1, RFC 7636, RFC 9207, RFC 9700).

Nothing is redirected before the client and its redirect URI are valid. After that every answer, good or bad, goes to
the client with `iss` and `state`, as a 303 or a posted form.
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from psycopg import Connection

from sso import audit, consents, families, sessions
from sso.endpoints import steps
from sso.endpoints.asked import Asked
from sso.endpoints.rules.authorization import RESPONSE_MODES, is_web
from sso.families import Code, Grant
from sso.incoming import Incoming, Parameters
from sso.people import assurance, identities
from sso.provider import Provider
from sso.server import held
from sso.sessions import Session


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


def validate(
    provider: Provider, connection: Connection, incoming: Incoming, waiting: Parameters | None = None
) -> Asked:
    """The request, checked by the column `authorize`. Raises AuthorizationError.

    waiting: the parameters of a request that was checked before and waited for the person; they count instead of
    the browser's, and whether they were pushed was looked at then. What a rule has used up must be committed also
    when this raises.
    """
    asked = Asked.from_incoming(provider, connection, incoming, "authorize")
    if waiting is not None:
        asked.parameters, asked.pushed = waiting, True
    try:
        steps.run(asked)
    except OAuth2Error as error:
        description = error.get_error_description()
        # Until the rule `answerable` has found the redirect URI to be good, only the person is told.
        told = error_answer(provider, asked.parameters, error.error, description) if asked.wishes.redirect_uri else None
        raise AuthorizationError(error.error, description, told) from error
    return asked


def error_answer(provider: Provider, parameters: Parameters, error: str, description: str) -> Answer:
    """An error for a client whose redirect URI is known to be valid."""
    redirect_uri = parameters.text("redirect_uri")
    mode = parameters.text("response_mode")
    return Answer(
        redirect_uri,
        mode if mode in RESPONSE_MODES and is_web(redirect_uri) else "query",
        {"error": error, "error_description": description} | _always(provider, parameters),
    )


def _always(provider: Provider, parameters: Parameters) -> dict[str, str]:
    state = parameters.get("state")
    return {"iss": provider.options.issuer} | ({"state": state} if state is not None else {})


def must_log_in(asked: Asked, session: Session | None) -> bool:
    """Whether the person has to prove who they are before this request can be answered."""
    if session is None or asked.wishes.prompts & {"login", "select_account"}:
        return True
    if asked.wishes.max_age is not None and asked.now - session.auth_time > asked.wishes.max_age:
        return True
    return asked.wishes.hinted_subject not in (None, str(session.identity_id))


STEP_UP, CONSENT = "second", "consent"


def missing(asked: Asked, session: Session) -> str | None:
    """What the person of `session` has yet to do: prove more (STEP_UP), agree (CONSENT), or nothing (None)."""
    if not assurance.satisfies(session.acr, asked.wishes.acr_values):
        return STEP_UP
    wishes = asked.wishes
    identity = identities.load(asked.connection, session.identity_id)
    scope = held(identity, wishes.scope) if identity else []
    if scope and consents.missing(
        asked.connection, asked.client, session.identity_id, scope, wishes.prompts, asked.now
    ):
        return CONSENT
    return None


def refusal(asked: Asked, error: str, description: str) -> AuthorizationError:
    """An error that the client is told."""
    return AuthorizationError(error, description, error_answer(asked.provider, asked.parameters, error, description))


def issue_code(asked: Asked, session: Session) -> Answer:
    """A code for the person of `session`; the client joins the session and will hear of its end.

    Raises AuthorizationError: `login_required` when the request names somebody else, `access_denied` when the
    person is no longer there, `invalid_scope` when nothing that was asked may be given.
    """
    provider, connection, wishes, now = asked.provider, asked.connection, asked.wishes, asked.now
    identity = identities.load(connection, session.identity_id)
    if identity is None:
        raise refusal(asked, "access_denied", "The identity is closed.")
    if wishes.hinted_subject not in (None, identity.subject):
        raise refusal(asked, "login_required", "Another person is logged in.")
    scope = held(identity, wishes.scope)
    if not scope:
        raise refusal(asked, "invalid_scope", "Nothing of the requested scope may be given.")
    grant = Grant(
        grant_id=provider.mint.identifier(),
        client_id=asked.client.client_id,
        session_id=session.session_id,
        identity_id=identity.identity_id,
        scope=scope,
        claims=wishes.claims,
        auth_time=session.auth_time,
        acr=session.acr,
        amr=session.amr,
        audience=wishes.audience,
        jkt=wishes.jkt,
    )
    secret = provider.mint.secret()
    expires_at = now + provider.options.code_lifetime
    code = Code(grant, wishes.redirect_uri, asked.parameters.get("nonce"), wishes.code_challenge, expires_at)
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
    return Answer(wishes.redirect_uri, wishes.response_mode, {"code": secret} | _always(provider, asked.parameters))
