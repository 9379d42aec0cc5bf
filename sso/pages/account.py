"""The frame of a signed-in person's pages: who is there, how fresh the login is, the way between the pages.

A page of `/account/...` lives in a module of its own and asks `Account` for the person; see `AccountPages` below for
the smallest one. A new page is a row in `SECTIONS` and two words (`account_nav_NAME`, `account_line_NAME`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import Response
from psycopg import Connection

from sso import interactions, sessions
from sso.incoming import Incoming, Row
from sso.pages.page import SESSION, Pages, with_handle
from sso.people import identities
from sso.people.identities import Identity
from sso.people.proofs import ProofRefused
from sso.provider import Provider
from sso.sessions import Session

FRESH = timedelta(minutes=5)
"""How recent a login must be before something is changed that an unlocked phone on a table should not allow."""

SECTIONS: tuple[tuple[str, str], ...] = (
    ("home", "/account"),
    ("security", "/account/security"),
    ("sessions", "/account/sessions"),
    ("links", "/account/links"),
    ("passengers", "/account/passengers"),
    ("agents", "/account/agents"),
    ("approvals", "/account/approvals"),
)
"""The pages of the navigation in order: the name that its words carry, and its path."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in in this browser, and by which session."""

    identity: Identity
    session: Session


class Account:
    """What a signed-in person's page needs. Knows no page."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._pages = provider, pages

    def signed_in(self, incoming: Incoming, path: str, fresh: timedelta | None = None) -> Person | Response:
        """The person, or the answer that sends them to log in and then to `path`.

        fresh: how long ago they may have proven who they are at most (None: as long as the session lives). For work
        that must not hold a transaction (a password's hash, a message to a phone); otherwise use `visit` or `act`.
        """
        with self._provider.pool.connection() as connection:
            return self._person(connection, incoming, path, fresh)

    def visit(
        self,
        incoming: Incoming,
        path: str,
        show: Callable[[Connection, Person], Response],
        fresh: timedelta | None = None,
    ) -> Response:
        """Answer with `show`, in one transaction with the look at the session; see `signed_in`."""
        with self._provider.pool.connection() as connection:
            person = self._person(connection, incoming, path, fresh)
            return person if isinstance(person, Response) else show(connection, person)

    def act(
        self,
        incoming: Incoming,
        path: str,
        do: Callable[[Connection, Person], Response],
        fresh: timedelta | None = None,
    ) -> Response:
        """The same for a form of ours that changes something; a form from elsewhere does nothing.

        After a login that was too old the person comes to `path` and sends the form again: nothing is done on a GET.
        """
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        return self.visit(incoming, path, do, fresh)

    def slowly(
        self,
        incoming: Incoming,
        path: str,
        do: Callable[[Person], Response],
        again: Callable[[Person, ProofRefused], Response],
        fresh: timedelta | None = FRESH,
    ) -> Response:
        """The same for a form that hashes, sends or asks somebody else: no transaction is open around `do`.

        `again` answers what `do` refuses.
        """
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        person = self.signed_in(incoming, path, fresh)
        if isinstance(person, Response):
            return person
        try:
            return do(person)
        except ProofRefused as refused:
            return again(person, refused)

    def render(
        self,
        name: str,
        incoming: Incoming,
        person: Person,
        path: str,
        refused: ProofRefused | None = None,
        **values: Any,
    ) -> Response:
        """The page `name` (its template extends `account_frame.html`), with the navigation and `path` marked in it.

        refused: what the page says was wrong, with its status.
        """
        if refused is not None:
            values |= {"status": refused.status, "problem": (refused.sentence, refused.values)}
        return self._pages.render(
            name,
            incoming,
            switch=path if incoming.method == "GET" else None,
            sections=SECTIONS,
            here=path,
            person=person.identity.display_name,
            **values,
        )

    def _person(
        self, connection: Connection, incoming: Incoming, path: str, fresh: timedelta | None
    ) -> Person | Response:
        provider, now = self._provider, self._provider.clock()
        session = sessions.by_cookie(connection, self._pages.cookie(incoming, SESSION), now, provider.options)
        identity = identities.load(connection, session.identity_id) if session else None
        if session is not None and identity is not None and (fresh is None or now - session.auth_time <= fresh):
            sessions.touch(connection, session.session_id, now)
            return Person(identity, session)
        parameters = interactions.for_page(path)
        handle = interactions.save(
            connection, parameters, session is not None, now, provider.options, provider.mint, provider.cipher
        )
        return self._pages.go(with_handle("/login", handle))


class PersonalPages:
    """Handlers of pages for somebody who is signed in: what each group of them is made with."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._pages = provider, pages
        self._account = Account(provider, pages)


class AccountPages:
    """`/account`: greets, and leads to the other pages."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._account, self._pages, self._away = Account(provider, pages), pages, pages.away

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        return [Row("GET", "/", self.front, self._away), Row("GET", "/account", self.home, self._away)]

    def front(self, incoming: Incoming) -> Response:
        """GET /: the account, or the way to it."""
        return self._pages.go("/account")

    def home(self, incoming: Incoming) -> Response:
        """GET /account."""

        def show(connection: Connection, person: Person) -> Response:
            return self._account.render("account", incoming, person, "/account")

        return self._account.visit(incoming, "/account", show)
