"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0); whoever took part is told by `sso.logout`.

    asked with                                      answered with
    our ID token of the session at hand             the session ends at once
    our ID token, no session at hand                the token's session ends at once
    our ID token of another session, or none        the person is asked; only the session of this browser can end
    a post-logout URI that is not registered        an error page, and nothing has ended
    a broken or altered ID token                    an error page, and nothing has ended

`logout_hint` is not looked at: the person is asked wherever a hint would have to be believed.
"""

from urllib.parse import urlencode
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from fastapi import Response
from psycopg import Connection

from sso import logout, sessions
from sso.endpoints import steps
from sso.endpoints.asked import Asked
from sso.incoming import Incoming, RequestRefused, Row
from sso.pages.page import SESSION, Pages
from sso.provider import Provider
from sso.sessions import Session
from sso.tokens import learn_key

QUERY_LENGTH_MAX = 8_000
CARRIED = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")


class LogoutEndpoint:
    """Handlers for `/logout`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._pages = provider, pages

    def routes(self) -> list[Row]:
        """The addresses of this endpoint."""
        away = self._pages.away
        return [
            Row("GET POST", "/logout", self.logout, away),
            Row("POST", "/logout/confirmed", self.confirmed, away),
        ]

    def logout(self, incoming: Incoming) -> Response:
        """GET or POST /logout."""
        if incoming.method == "POST" and self._pages.cookie(incoming, SESSION) is None:
            # A post from another site brings no SameSite=Lax cookie; the redirect that it becomes does.
            query = urlencode(incoming.form.pairs)
            if len(query) <= QUERY_LENGTH_MAX:
                return self._pages.go("/logout" + (f"?{query}" if query else ""))
            detail, remedy = f"over {QUERY_LENGTH_MAX} characters", "send fewer parameters"
            return RequestRefused(413, "request_too_long", detail, remedy).response()
        learn_key(incoming.parameters.get("id_token_hint"), self._provider.keys)
        with self._provider.pool.connection() as connection:
            try:
                asked = self._checked(connection, incoming)
            except OAuth2Error as refused:
                return self._pages.error(incoming, refused.error, "error_remedy")
            session, hinted = self._session(connection, incoming), asked.wishes.leaving
            if hinted and (session is None or session.session_id == hinted):
                return self._left(asked, self._end(asked, hinted, "logged_out_by_client"))
            if session is None:
                return self._left(asked, None)
            live = sessions.of_identity(connection, session.identity_id, asked.now, self._provider.options)
            others = any(each.parent_id is None and each.session_id != session.session_id for each in live)
        return self._pages.render(
            "logout",
            incoming,
            form_targets=[asked.wishes.goodbye] if asked.wishes.goodbye else [],
            fields={name: value for name in CARRIED if (value := incoming.parameters.get(name))},
            others=others,
        )

    def confirmed(self, incoming: Incoming) -> Response:
        """POST /logout/confirmed: the person said yes; `everywhere` ends all their sessions."""
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        learn_key(incoming.form.get("id_token_hint"), self._provider.keys)
        with self._provider.pool.connection() as connection:
            try:
                asked = self._checked(connection, incoming)
            except OAuth2Error as refused:
                return self._pages.error(incoming, refused.error, "error_remedy")
            session, receipt = self._session(connection, incoming), None
            if session is not None and incoming.form.get("everywhere"):
                receipt = self._end_all(asked, session.identity_id)
            elif session is not None:
                receipt = self._end(asked, session.session_id, "logged_out")
        return self._left(asked, receipt)

    def _checked(self, connection: Connection, incoming: Incoming) -> Asked:
        """The request, checked by the rules of this endpoint's column. Raises OAuth2Error."""
        asked = Asked.from_incoming(self._provider, connection, incoming, "logout")
        steps.run(asked)
        return asked

    def _session(self, connection: Connection, incoming: Incoming) -> Session | None:
        cookie = self._pages.cookie(incoming, SESSION)
        return sessions.by_cookie(connection, cookie, self._provider.clock(), self._provider.options)

    def _end(self, asked: Asked, session_id: UUID, reason: str) -> str | None:
        mint = self._provider.mint
        receipt = mint.secret()
        ended = logout.end_session(asked.connection, session_id, reason, asked.now, mint, receipt)
        return receipt if ended else None

    def _end_all(self, asked: Asked, identity_id: UUID) -> str:
        provider = self._provider
        receipt = provider.mint.secret()
        reason = "logged_out_everywhere"
        logout.end_all_sessions(
            asked.connection, identity_id, reason, asked.now, provider.options, provider.mint, receipt
        )
        return receipt

    def _left(self, asked: Asked, receipt: str | None) -> Response:
        if asked.wishes.goodbye:
            response = self._pages.redirect(asked.wishes.goodbye)
        else:
            response = self._pages.go("/signed-out" + (f"?receipt={receipt}" if receipt else ""))
        self._pages.drop_session(response)
        return response
