"""`/account/approvals`: what clerks on the phone ask of this person right now (CIBA), and the person's answer."""

from uuid import UUID

from fastapi import Response
from psycopg import Connection

from sso import approvals
from sso.incoming import Incoming, Row
from sso.pages.account import Account, Person
from sso.pages.approving import Approving, Problem
from sso.pages.page import Pages
from sso.provider import Provider

PATH = "/account/approvals"


class ApprovalPages:
    """Handlers for `/account/approvals`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._away = provider, pages.away
        self._account = Account(provider, pages)
        self._approving = Approving(provider, pages, self._account)

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        return [Row("GET", PATH, self.waiting, self._away), Row("POST", PATH, self.decide, self._away)]

    def waiting(self, incoming: Incoming) -> Response:
        """GET /account/approvals: every open request for this person."""

        def show(connection: Connection, person: Person) -> Response:
            return self._list(connection, incoming, person)

        return self._account.visit(incoming, PATH, show)

    def decide(self, incoming: Incoming) -> Response:
        """POST /account/approvals: yes or no to the request named by `request`; another person's is not found."""

        def do(connection: Connection, person: Person) -> Response:
            wanted = _identifier(incoming.form.text("request"))
            now = self._provider.clock()
            found = approvals.by_id(connection, wanted, now) if wanted else None
            if found is None or found.kind != "ciba" or found.identity_id != person.identity.identity_id:
                return self._list(connection, incoming, person, 410, ("approval_over", {}))
            return self._approving.decide(connection, incoming, person, found, PATH)

        return self._account.act(incoming, PATH, do)

    def _list(
        self,
        connection: Connection,
        incoming: Incoming,
        person: Person,
        status: int = 200,
        problem: Problem | None = None,
    ) -> Response:
        open_now = approvals.waiting_for(connection, person.identity.identity_id, self._provider.clock())
        shown = [self._approving.shown(connection, incoming, each) for each in open_now]
        return self._account.render("approvals", incoming, person, PATH, status=status, problem=problem, waiting=shown)


def _identifier(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
