"""The consent page: what a client asks for, in words; whether it may act for the person, and until when.

Shown between the login and the answer to the client (OpenID Connect Core 3.1.2.4), only where something is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import Response
from psycopg import Connection

from sso import audit, clients, consents, interactions, sessions
from sso.clients import Client
from sso.consents import TERMS
from sso.endpoints import authorize
from sso.incoming import Incoming, Parameters, Row
from sso.pages.page import SESSION, Pages, with_handle
from sso.pages.words import WORDS
from sso.people import identities
from sso.people.identities import Identity
from sso.provider import Provider
from sso.server import granted_scope
from sso.sessions import Session


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed to, as `consent_terms.html` shows it. `scopes`: the name of its word, and the scope itself."""

    client_name: str
    scopes: list[tuple[str, str]]
    acts: bool
    terms: tuple[str, ...] = tuple(TERMS)


def terms_of(client_name: str, scope: Sequence[str], *, acts: bool) -> Terms:
    """The terms for the page."""
    return Terms(client_name, [(_word(each), each) for each in scope], acts)


def _word(scope: str) -> str:
    key = "scope_" + scope.replace(":", "_")
    return key if key in WORDS else "scope_other"


@dataclass(frozen=True, slots=True)
class _Question:
    """A request that waits for the person's answer."""

    handle: str
    parameters: Parameters
    client: Client
    identity: Identity
    session: Session
    scope: list[str]


class ConsentPages:
    """`/consent`."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._pages = provider, pages

    def routes(self) -> list[Row]:
        """The addresses of this page."""
        return [
            Row("GET", "/consent", self.show, self._pages.away),
            Row("POST", "/consent", self.answer, self._pages.away),
        ]

    def show(self, incoming: Incoming) -> Response:
        """GET /consent: the question of the waiting request `i`."""
        locale = self._pages.locale(incoming)

        def ask(connection: Connection, question: _Question) -> Response:
            terms = terms_of(question.client.name(locale), question.scope, acts=question.client.may_act)
            return self._pages.render(
                "consent",
                incoming,
                switch=with_handle("/consent", question.handle),
                form_targets=[question.parameters.text("redirect_uri")],
                handle=question.handle,
                person=question.identity.display_name,
                terms=terms,
            )

        return self._with_question(incoming, ask)

    def answer(self, incoming: Incoming) -> Response:
        """POST /consent: agreed, or not."""
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        agreed = incoming.form.get("answer") == "agree"

        def decide(connection: Connection, question: _Question) -> Response:
            if not agreed:
                return self._refused(incoming, connection, question)
            provider, now = self._provider, self._provider.clock()
            consents.give(
                connection,
                question.client,
                question.identity.identity_id,
                question.scope,
                incoming.form.get("term"),
                question.session.session_id,
                now,
                provider.mint,
            )
            # `prompt=consent` is answered now; asked again it would never end.
            answered = _without_prompt(question.parameters, "consent")
            interactions.rewrite(connection, question.handle, answered, provider.cipher)
            return self._pages.go(with_handle("/authorize/resume", question.handle))

        return self._with_question(incoming, decide)

    def _refused(self, incoming: Incoming, connection: Connection, question: _Question) -> Response:
        if not interactions.finish(connection, question.handle):
            return self._pages.error(incoming, "page_expired", "error_stale", 410)
        audit.record(
            connection,
            self._provider.clock(),
            "consent_refused",
            identity_id=question.identity.identity_id,
            client_id=question.client.client_id,
            session_id=question.session.session_id,
        )
        denied = authorize.error_answer(
            self._provider, question.parameters, "access_denied", "The person did not agree."
        )
        return self._pages.answer(incoming, denied)

    def _with_question(self, incoming: Incoming, then: Callable[[Connection, _Question], Response]) -> Response:
        """`then` with the waiting request and the person who is asked, in one transaction; or the way to them."""
        provider, handle, now = self._provider, incoming.parameters.get("i"), self._provider.clock()
        with provider.pool.connection() as connection:
            waiting = interactions.load(connection, handle, now, provider.cipher)
            client = clients.load(connection, waiting.parameters.text("client_id")) if waiting else None
            if waiting is None or client is None or handle is None:
                return self._pages.error(incoming, "page_expired", "error_stale", 410)
            cookie = self._pages.cookie(incoming, SESSION)
            session = sessions.by_cookie(connection, cookie, now, provider.options)
            identity = identities.load(connection, session.identity_id) if session else None
            if session is None or identity is None or waiting.login_again:
                return self._pages.go(with_handle("/login", handle))
            scope = granted_scope(client, identity, waiting.parameters.get("scope"))
            return then(connection, _Question(handle, waiting.parameters, client, identity, session, scope))


def _without_prompt(parameters: Parameters, prompt: str) -> Parameters:
    kept = " ".join(each for each in parameters.text("prompt").split() if each != prompt)
    others = tuple(pair for pair in parameters.pairs if pair[0] != "prompt")
    return Parameters((*others, ("prompt", kept)) if kept else others)
