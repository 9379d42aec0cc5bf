"""What a device and a call have in common: the client polls until the person has decided, and redeems the yes, once.

The tokens belong to a session of their own, below the one in which the person approved: it is short, and ends with it.
"""

from typing import Any, ClassVar

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError

from sso import approvals, audit, sessions
from sso.approvals import Approval, Kind, PollRefused
from sso.clients import Client
from sso.families import Grant
from sso.grants.grant import TokenGrant
from sso.incoming import Parameters
from sso.people import identities, lockout
from sso.server import held


class ApprovedGrant(TokenGrant):
    """One poll. KIND: which requests; PARAMETER: the name under which their secret is sent."""

    KIND: ClassVar[Kind]
    PARAMETER: ClassVar[str]

    def redeem(self, client: Client, form: Parameters) -> dict[str, Any]:
        """See `TokenGrant.redeem`. Refuses as `approvals.redeem` does, with the same names."""
        server, secret = self.server, form.get(self.PARAMETER)
        if secret is None:
            raise InvalidRequestError(f"Missing '{self.PARAMETER}' in request.")
        jkt = server.proven_key(client)
        try:
            approved = approvals.redeem(server.connection, self.KIND, secret, client.client_id, server.now)
        except PollRefused as refused:
            raise OAuth2Error(refused.description, error=refused.error) from refused
        server.check_resource(form, approved.audience)
        return server.open_family(client, self._grant(client, approved, jkt))

    def _grant(self, client: Client, approved: Approval, jkt: str | None) -> Grant:
        connection, now, provider = self.server.connection, self.server.now, self.server.provider
        identity = identities.load(connection, approved.identity_id) if approved.identity_id else None
        if identity is None or approved.auth_time is None or approved.acr is None or approved.amr is None:
            raise OAuth2Error("The identity is closed.", error="access_denied")
        if lockout.locked(connection, identity.identity_id, now):
            audit.record(
                connection, now, "approval_while_locked", identity_id=identity.identity_id, client_id=client.client_id
            )
            raise OAuth2Error("Nobody is let in as this person for now.", error="access_denied")
        try:
            session_id = sessions.open_child(
                connection,
                approved.session_id,
                identity.identity_id,
                approvals.SESSION_KINDS[self.KIND],
                approved.acr,
                approved.amr,
                approved.auth_time,
                " ".join(approved.place.values()),
                now,
                provider.options,
                provider.mint,
            )
        except sessions.ParentEnded as ended:
            raise OAuth2Error("The login that approved this has ended.", error="access_denied") from ended
        sessions.join(connection, session_id, client.client_id, now)
        return Grant(
            approved.grant_id,
            client.client_id,
            session_id,
            identity.identity_id,
            held(identity, approved.scope),
            {},
            approved.auth_time,
            approved.acr,
            approved.amr,
            audience=approved.audience,
            jkt=jkt,
            origin=self.KIND,
        )
