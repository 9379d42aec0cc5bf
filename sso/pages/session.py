"""Authorize, signed in, sign out: the pages and redirects around a session."""

from urllib.parse import urlencode
from uuid import UUID

from fastapi import Response
from psycopg import Connection

from sso import clients, interactions, logout, sessions
from sso.endpoints import authorize
from sso.endpoints.authorize import Authorization, AuthorizationError
from sso.incoming import Incoming, Parameters, RequestRefused, Row
from sso.pages.page import SESSION, Pages, with_handle
from sso.people import identities
from sso.provider import Provider
from sso.server import ProviderRequest
from sso.sessions import Session
from sso.tokens import TokenRefused, decode_own, learn_key

QUERY_LENGTH_MAX = 8_000


class SessionPages:
    """Handlers for `/authorize`, `/signed-in` and `/logout`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._pages = provider, pages

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET POST", "/authorize", self.authorize, away),
            Row("GET", "/authorize/resume", self.resume, away),
            Row("GET POST", "/logout", self.logout, away),
            Row("POST", "/logout/confirmed", self.logout_confirmed, away),
            Row("GET", "/signed-in", self.signed_in, away),
            Row("GET", "/signed-out", self.signed_out, away),
        ]

    # --- authorize ----------------------------------------------------------------------------------------------

    def authorize(self, incoming: Incoming) -> Response:
        """GET or POST /authorize (OpenID Connect Core 3.1.2.1)."""
        if incoming.method == "POST":
            # A post from another site brings no SameSite=Lax cookie; the redirect that it becomes does.
            query = urlencode(incoming.form.pairs)
            if len(query) > QUERY_LENGTH_MAX:
                return RequestRefused(
                    413, "request_too_long", f"over {QUERY_LENGTH_MAX} characters", "send fewer parameters"
                ).response()
            return self._pages.go("/authorize?" + query)
        learn_key(incoming.query.get("id_token_hint"), self._provider.keys)
        try:
            with self._provider.pool.connection() as connection:
                return self._decide(incoming, connection)
        except AuthorizationError as refused:
            return self._refuse(incoming, refused)

    def _decide(self, incoming: Incoming, connection: Connection) -> Response:
        asked = self._validate(connection, incoming, incoming.query)
        session = self._session(connection, incoming)
        if session is not None and not authorize.must_log_in(self._provider, asked, session):
            return self._pages.answer(incoming, authorize.issue_code(self._provider, connection, asked, session))
        if "none" in asked.wishes.prompts:
            return self._refuse(
                incoming,
                AuthorizationError(
                    "login_required",
                    "Nobody is logged in as asked, and prompt=none forbids to ask.",
                    authorize.error_answer(
                        self._provider, incoming.query, "login_required", "Nobody is logged in as asked."
                    ),
                ),
            )
        handle = interactions.save(
            connection,
            incoming.query,
            session is not None,
            self._provider.clock(),
            self._provider.options,
            self._provider.mint,
            self._provider.cipher,
        )
        locales = incoming.query.get("ui_locales")
        return self._pages.go(with_handle("/login", handle, **({"ui_locales": locales} if locales else {})))

    def resume(self, incoming: Incoming) -> Response:
        """GET /authorize/resume: after the login, answer the request that waited."""
        handle = incoming.query.text("i")
        self._provider.keys.refresh()  # the waiting request may carry a hint; its key was read when it came
        try:
            with self._provider.pool.connection() as connection:
                waiting = interactions.load(connection, handle, self._provider.clock(), self._provider.cipher)
                session = self._session(connection, incoming)
                if waiting and (session is None or waiting.login_again):
                    return self._pages.go(with_handle("/login", handle))
                if waiting is None or session is None or not interactions.finish(connection, handle):
                    return self._pages.error(incoming, "page_expired", "error_stale", 410)
                asked = self._validate(connection, incoming, waiting.parameters)
                answer = authorize.issue_code(self._provider, connection, asked, session)
                return self._pages.answer(incoming, answer)
        except AuthorizationError as refused:
            return self._refuse(incoming, refused)

    def _validate(self, connection: Connection, incoming: Incoming, parameters: Parameters) -> Authorization:
        asked = Incoming("GET", parameters, Parameters(()), incoming.headers, incoming.cookies)
        request = ProviderRequest(asked, self._provider.options.url("/authorize"))
        return authorize.validate(self._provider, connection, parameters, request)

    def _refuse(self, incoming: Incoming, refused: AuthorizationError) -> Response:
        if refused.answer is not None:
            return self._pages.answer(incoming, refused.answer)
        return self._pages.error(incoming, refused.error, "error_remedy")

    def _session(self, connection: Connection, incoming: Incoming) -> Session | None:
        cookie = self._pages.cookie(incoming, SESSION)
        return sessions.by_cookie(connection, cookie, self._provider.clock(), self._provider.options)

    # --- signed in ----------------------------------------------------------------------------------------------

    def signed_in(self, incoming: Incoming) -> Response:
        """GET /signed-in: who is logged in, where it is used, two buttons to leave."""
        locale = self._pages.locale(incoming)
        with self._provider.pool.connection() as connection:
            session = self._session(connection, incoming)
            identity = identities.load(connection, session.identity_id) if session else None
            if session is None or identity is None:
                return self._pages.go("/login")
            loaded = [clients.load(connection, each) for each in sessions.client_ids(connection, session.session_id)]
        used_in = [client.name(locale) for client in loaded if client]
        return self._pages.render(
            "signed_in", incoming, switch="/signed-in", person=identity.display_name, used_in=used_in
        )

    # --- logout -------------------------------------------------------------------------------------------------

    def logout(self, incoming: Incoming) -> Response:
        """GET or POST /logout: OpenID Connect RP-Initiated Logout 1.0.

        With our own ID token for the session at hand, the session ends at once. Otherwise the person is asked, and
        only the session of this very browser can end. A post-logout URI that is not registered stops everything.
        """
        parameters = incoming.parameters
        if parameters.repeated():
            return self._pages.error(incoming, "invalid_request", "error_remedy")
        learn_key(parameters.get("id_token_hint"), self._provider.keys)
        with self._provider.pool.connection() as connection:
            try:
                target, hinted = self._logout_request(connection, parameters)
            except TokenRefused as refused:
                return self._pages.error(incoming, refused.code, "error_remedy")
            session = self._session(connection, incoming)
            if hinted and (session is None or session.session_id == hinted):
                self._end(connection, hinted, "logged_out_by_client")
                return self._signed_out(incoming, target)
            if session is None:
                return self._signed_out(incoming, target)
        return self._pages.render(
            "logout",
            incoming,
            form_targets=[target] if target else [],
            fields={
                name: value
                for name in ("id_token_hint", "client_id", "post_logout_redirect_uri", "state")
                if (value := parameters.get(name))
            },
        )

    def logout_confirmed(self, incoming: Incoming) -> Response:
        """POST /logout/confirmed: the person said yes; `everywhere` ends all their sessions."""
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        learn_key(incoming.form.get("id_token_hint"), self._provider.keys)
        with self._provider.pool.connection() as connection:
            try:
                target, _ = self._logout_request(connection, incoming.form)
            except TokenRefused as refused:
                return self._pages.error(incoming, refused.code, "error_remedy")
            session = self._session(connection, incoming)
            if session is not None and incoming.form.get("everywhere"):
                logout.end_all_sessions(
                    connection,
                    session.identity_id,
                    "logged_out_everywhere",
                    self._provider.clock(),
                    self._provider.options,
                    self._provider.mint,
                )
            elif session is not None:
                self._end(connection, session.session_id, "logged_out")
        return self._signed_out(incoming, target)

    def _logout_request(self, connection: Connection, parameters: Parameters) -> tuple[str | None, UUID | None]:
        """Where to go afterwards, and which session the ID token names. Raises TokenRefused with a stable code."""
        client_id, hinted = parameters.get("client_id"), None
        if hint := parameters.get("id_token_hint"):
            _, claims = decode_own(hint, self._provider.keys, frozenset({"jwt"}), frozenset({"ES256", "RS256"}))
            if claims.get("iss") != self._provider.options.issuer or client_id not in (None, claims.get("aud")):
                raise TokenRefused("id_token_hint_of_another_client", "the hint and client_id disagree")
            client_id, hinted = str(claims.get("aud")), UUID(str(claims.get("sid")))
        target = parameters.get("post_logout_redirect_uri")
        if target is None:
            return None, hinted
        client = clients.load(connection, client_id or "")
        if client is None or target not in client.post_logout_redirect_uris:
            raise TokenRefused("post_logout_redirect_uri_not_registered", "the URI is not registered for the client")
        if state := parameters.get("state"):
            target += ("&" if "?" in target else "?") + urlencode({"state": state})
        return target, hinted

    def _end(self, connection: Connection, session_id: UUID, reason: str) -> None:
        logout.end_session(connection, session_id, reason, self._provider.clock(), self._provider.mint)

    def _signed_out(self, incoming: Incoming, target: str | None) -> Response:
        response = self._pages.redirect(target) if target else self._pages.go("/signed-out")
        self._pages.drop_session(response)
        return response

    def signed_out(self, incoming: Incoming) -> Response:
        """GET /signed-out: where a logout without a registered URI ends."""
        return self._pages.render("signed_out", incoming, switch="/signed-out")
