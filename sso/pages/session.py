"""Authorize: the redirects around a request that may have to wait for a login, a further proof or a consent."""

from urllib.parse import urlencode

from fastapi import Response
from psycopg import Connection

from sso import interactions, sessions
from sso.endpoints import authorize
from sso.endpoints.asked import Asked
from sso.endpoints.authorize import AuthorizationError
from sso.incoming import Incoming, RequestRefused, Row
from sso.pages.page import SESSION, Pages, with_handle
from sso.provider import Provider
from sso.sessions import Session
from sso.tokens import learn_key

QUERY_LENGTH_MAX = 8_000
PAGE_FOR = {authorize.STEP_UP: "/login/second", authorize.CONSENT: "/consent"}
_SILENTLY = {authorize.STEP_UP: "login_required", authorize.CONSENT: "consent_required"}
_UNMET = "unmet_authentication_requirements"  # OpenID Connect Core Unmet Authentication Requirements 1.0


class SessionPages:
    """Handlers for `/authorize`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._pages = provider, pages

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET POST", "/authorize", self.authorize, away),
            Row("GET", "/authorize/resume", self.resume, away),
        ]

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
        with self._provider.pool.connection() as connection:
            # Caught inside: what a rule has used up (a pushed request) stays used up when the answer is no.
            try:
                return self._decide(incoming, connection)
            except AuthorizationError as refused:
                return self._refuse(incoming, refused)

    def _decide(self, incoming: Incoming, connection: Connection) -> Response:
        asked = authorize.validate(self._provider, connection, incoming)
        session = self._session(connection, incoming)
        if session is None or authorize.must_log_in(asked, session):
            if "none" in asked.wishes.prompts:
                raise authorize.refusal(asked, "login_required", "Nobody is logged in as asked.")
            return self._ask(asked, "/login", login_again=session is not None)
        missing = authorize.missing(asked, session)
        if missing is None:
            return self._pages.answer(incoming, authorize.issue_code(asked, session))
        if "none" in asked.wishes.prompts:
            error = _SILENTLY[missing] if missing != authorize.STEP_UP or not asked.wishes.acr_essential else _UNMET
            raise authorize.refusal(asked, error, "The person would have to be asked, and prompt=none forbids it.")
        return self._ask(asked, PAGE_FOR[missing])

    def _ask(self, asked: Asked, page: str, *, login_again: bool = False) -> Response:
        """The request waits while the person answers on `page`."""
        provider = self._provider
        handle = interactions.save(
            asked.connection,
            asked.parameters,
            login_again,
            asked.now,
            provider.options,
            provider.mint,
            provider.cipher,
        )
        locales = asked.parameters.get("ui_locales")
        return self._pages.go(with_handle(page, handle, **({"ui_locales": locales} if locales else {})))

    def resume(self, incoming: Incoming) -> Response:
        """GET /authorize/resume: after a login, a further proof or a consent, answer the request that waited."""
        self._provider.keys.refresh()  # the waiting request may carry a hint; its key was read when it came
        with self._provider.pool.connection() as connection:
            try:
                return self._resume(incoming, connection, incoming.query.text("i"))
            except AuthorizationError as refused:
                return self._refuse(incoming, refused)

    def _resume(self, incoming: Incoming, connection: Connection, handle: str) -> Response:
        waiting = interactions.load(connection, handle, self._provider.clock(), self._provider.cipher)
        session = self._session(connection, incoming)
        if waiting and (session is None or waiting.login_again):
            return self._pages.go(with_handle("/login", handle))
        if waiting is None or session is None:
            return self._pages.error(incoming, "page_expired", "error_stale", 410)
        asked = (
            authorize.validate(self._provider, connection, incoming, waiting.parameters) if not waiting.page else None
        )
        if asked is not None and (missing := authorize.missing(asked, session)):
            return self._pages.go(with_handle(PAGE_FOR[missing], handle))
        if not interactions.finish(connection, handle):
            return self._pages.error(incoming, "page_expired", "error_stale", 410)
        if asked is None:
            return self._pages.go(waiting.page or "/account")
        return self._pages.answer(incoming, authorize.issue_code(asked, session))

    def _refuse(self, incoming: Incoming, refused: AuthorizationError) -> Response:
        if refused.answer is not None:
            return self._pages.answer(incoming, refused.answer)
        return self._pages.error(incoming, refused.error, "error_remedy")

    def _session(self, connection: Connection, incoming: Incoming) -> Session | None:
        cookie = self._pages.cookie(incoming, SESSION)
        return sessions.by_cookie(connection, cookie, self._provider.clock(), self._provider.options)
