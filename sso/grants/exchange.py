"""Token exchange (RFC 8693): an agents' company acts for a passenger, and everybody can see that it does.

| an exchange must | section |
|---|---|
| come from a company that is registered to act, with a resource of its own | 2.1 |
| bring the passenger's access token, made for that company and its resource, whose login still stands | 2.1 |
| bring an actor's access token: the company's own, or a clerk's who works there; nobody acts unnamed | 2.1, 4.1 |
| find the company in `may_act` of the passenger's token, and the passenger's consent standing | 4.4 |
| ask for less or the same: never a role, an ID token, or a channel system's scope | 2.1 |
| ask for one resource that the company may use (RFC 8707) | 2.1 |
| find neither the passenger nor the clerk locked out | |

What comes out lives ten minutes at most, no longer than the consent, and not longer than a delegated token that it was
made from; it has no refresh token. It ends at once with the passenger's grant, either one's session or account, the
consent or the clerk's employment. Refusals are `invalid_request` (section 2.2.2), and are written down.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnauthorizedClientError

from sso import agents, audit, clerks, consents, families, sessions
from sso.clients import Client
from sso.consents import Consent
from sso.families import Grant
from sso.grants.grant import TokenGrant
from sso.incoming import Parameters
from sso.people import identities, lockout
from sso.people.identities import STAFF_ROLES
from sso.provider import CHANNEL_SCOPES, SCOPE_CLAIMS
from sso.sessions import Session
from sso.tokens import TokenRefused, VerifiedToken, client_subject

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
NEVER_DELEGATED = frozenset({"openid", *SCOPE_CLAIMS, *CHANNEL_SCOPES, *STAFF_ROLES})
"""Who acts for a person does not become them: no ID token, no userinfo, no role, nothing of a channel's system."""


class ExchangeGrant(TokenGrant):
    """The passenger's token and the actor's for one in which the actor acts for the passenger."""

    GRANT_TYPE: ClassVar = EXCHANGE

    def redeem(self, client: Client, form: Parameters) -> dict[str, Any]:
        """See `TokenGrant.redeem`."""
        if not client.may_act or client.resource is None:
            raise UnauthorizedClientError("The client is not registered to act for people.")
        _check_types(form)
        subject = self._checked(client, form, "subject_token")
        if subject.grant_id is None or subject.session_id is None:
            raise InvalidRequestError("The subject_token speaks for no person.")
        try:
            return self._exchange(client, form, subject, self._checked(client, form, "actor_token"))
        except OAuth2Error as refused:
            audit.record(
                self.server.connection,
                self.server.now,
                agents.REFUSED,
                identity_id=UUID(subject.subject),
                client_id=client.client_id,
                reason=refused.get_error_description(),
            )
            raise

    def _exchange(
        self, client: Client, form: Parameters, subject: VerifiedToken, actor: VerifiedToken
    ) -> dict[str, Any]:
        server, provider, connection, now = self.server, self.server.provider, self.server.connection, self.server.now
        # Held in the order in which they are ended (session, consent, clerk, grant), so that nobody waits in a circle.
        held = {UUID(token.session_id) for token in (subject, actor) if token.session_id}
        for session_id in sorted(held):
            sessions.hold(connection, session_id, now)
        session = self._passenger_session(subject)
        consent = self._consent(client, subject)
        chain = self._actors(client, subject, actor)
        parent = families.held_grant(connection, UUID(subject.grant_id))
        if parent is None or not families.stands(connection, parent.grant_id, now, provider.options):
            raise InvalidRequestError("The subject_token was revoked.")
        scope = _scope(form, client, subject, consent)
        audience, jkt = server.audience(client, form), server.proven_key(client, subject.jkt)
        lifetime = min(provider.options.agent_token_lifetime, provider.options.access_token_lifetime)
        expires_at = min(now + lifetime, consent.expires_at)
        if subject.actors:  # exchanging again and again must not do what a refresh token does
            expires_at = min(expires_at, datetime.fromtimestamp(subject.expires_at, now.tzinfo))
        grant = replace(
            parent,
            grant_id=provider.mint.identifier(),
            session_id=self._agent_session(client, session),
            scope=scope,
            claims={},
            audience=audience,
            jkt=jkt,
            actor=agents.act_claim(chain),
            origin="exchange",
        )
        families.open_grant(
            connection, grant, now, parent.grant_id, UUID(actor.session_id) if actor.session_id else None
        )
        self._record(grant, chain)
        access_token = provider.tokens.user_access_token(grant, scope, [], lifetime=expires_at - now)
        return server.token_body(access_token, scope, jkt) | {
            "issued_token_type": ACCESS_TOKEN,
            "expires_in": int((expires_at - now).total_seconds()),
        }

    def _record(self, grant: Grant, chain: Sequence[str]) -> None:
        agents.record(
            self.server.connection,
            self.server.now,
            identity_id=grant.identity_id,
            client_id=grant.client_id,
            actors=chain,
            what=agents.TOKEN,
            session_id=grant.session_id,
            scope=" ".join(grant.scope),
        )

    def _checked(self, client: Client, form: Parameters, name: str) -> VerifiedToken:
        """The token in the parameter `name`: ours, in time, made for this client and for its own resource."""
        try:
            verifier = self.server.provider.verifier(client.resource or "", check_liveness=False)
            token = verifier.check(form.text(name))
        except TokenRefused as refused:
            raise InvalidRequestError(f"The {name} is refused: {refused}.") from refused
        if token.client_id != client.client_id:
            raise InvalidRequestError(f"The {name} was made for another client.")
        return token

    def _passenger_session(self, subject: VerifiedToken) -> Session:
        """The session of the passenger's token, if they are still logged in."""
        connection, now, options = self.server.connection, self.server.now, self.server.provider.options
        session = sessions.live(connection, UUID(subject.session_id), now, options)
        if session is None or identities.load(connection, session.identity_id) is None:
            raise InvalidRequestError("The passenger has signed out.")
        if lockout.locked(connection, session.identity_id, now):
            raise InvalidRequestError("The passenger is locked out for the moment.")
        return session

    def _consent(self, client: Client, subject: VerifiedToken) -> Consent:
        """What the passenger agreed to, kept from being revoked until this transaction ends."""
        consent = consents.held(self.server.connection, UUID(subject.subject), client.client_id, self.server.now)
        # A token that was exchanged before names who acts already; `may_act` stood in the one it came from.
        named = subject.may_act == client_subject(client.client_id) or bool(subject.actors)
        if not named or consent is None or not consent.acts:
            raise InvalidRequestError("The passenger has not agreed that this client acts for them.")
        return consent

    def _actors(self, client: Client, subject: VerifiedToken, actor: VerifiedToken) -> list[str]:
        """Who acts, and who stands behind them: the clerk, then the company, or whoever acted before."""
        company = client_subject(client.client_id)
        if actor.actors:
            raise InvalidRequestError("The actor_token must speak for its own subject.")
        if actor.jkt is not None:
            self.server.proven_key(client, actor.jkt)
        if actor.subject != company:
            self._clerk(client, actor, subject)
        behind = subject.actors or (company,)
        chain = list(behind) if behind[0] == actor.subject else [actor.subject, *behind]
        if len(chain) > agents.CHAIN_MAX:
            raise InvalidRequestError("Too many actors in a row.")
        return chain

    def _clerk(self, client: Client, actor: VerifiedToken, subject: VerifiedToken) -> None:
        """A clerk of the company, logged in as themselves, who is not locked out and not the passenger."""
        server = self.server
        connection, now, clerk_id = server.connection, server.now, UUID(actor.subject)
        if actor.subject == subject.subject:
            raise InvalidRequestError("Nobody acts for themselves.")
        if clerks.held(connection, client.client_id, clerk_id) is None:
            raise InvalidRequestError("The actor_token is of nobody who works for this client.")
        grant = families.live_grant(connection, UUID(actor.grant_id)) if actor.grant_id else None
        if grant is None or sessions.live(connection, grant.session_id, now, server.provider.options) is None:
            raise InvalidRequestError("The clerk has signed out.")
        if lockout.locked(connection, clerk_id, now):
            raise InvalidRequestError("The clerk is locked out for the moment.")

    def _agent_session(self, client: Client, session: Session) -> UUID:
        """The session of the agents' work: a branch of the passenger's, one per company. Work in it keeps it awake."""
        provider, connection, now = self.server.provider, self.server.connection, self.server.now
        if session.kind == "agent":
            return session.session_id
        branch = sessions.branch_of(connection, session.session_id, client.client_id, "agent", now, provider.options)
        if branch is not None:
            sessions.touch(connection, branch.session_id, now)
            return branch.session_id
        session_id = sessions.open_child(
            connection,
            session.session_id,
            session.identity_id,
            "agent",
            session.acr,
            session.amr,
            session.auth_time,
            client.name(provider.options.default_locale),
            now,
            provider.options,
            provider.mint,
        )
        sessions.join(connection, session_id, client.client_id, now)
        return session_id


def _check_types(form: Parameters) -> None:
    """RFC 8693 section 2.1: both tokens, each with its type; access tokens in, an access token out."""
    for name in ("subject_token", "actor_token"):
        if form.get(name) is None:
            raise InvalidRequestError(f"Missing '{name}' in request.")
        if form.get(f"{name}_type") != ACCESS_TOKEN:
            raise InvalidRequestError(f"The {name}_type must be {ACCESS_TOKEN}.")
    if form.get("requested_token_type") not in (None, ACCESS_TOKEN):
        raise InvalidRequestError(f"The requested_token_type must be {ACCESS_TOKEN}.")
    if form.get("audience") is not None:
        raise OAuth2Error("Name the target as 'resource'.", error="invalid_target")


def _scope(form: Parameters, client: Client, subject: VerifiedToken, consent: Consent) -> list[str]:
    """What is asked for, or all that may be handed on: in the token, in the consent, and registered for the client."""
    may = [each for each in consent.scope if each in subject.scopes and each in client.scopes]
    may = [each for each in may if each not in NEVER_DELEGATED]
    asked = list(dict.fromkeys(form.text("scope").split()))
    if not set(asked) <= set(may) or not may:
        raise InvalidScopeError("More than the passenger's token and consent allow to hand on.")
    return asked or may
