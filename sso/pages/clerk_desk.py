"""Who may use the pages of a station window: staff with the role `window`, in a login of two factors."""

from fastapi import Response
from psycopg import Connection

from sso.incoming import Incoming
from sso.pages.account import Account, Person
from sso.pages.approving import Approving
from sso.pages.page import Pages
from sso.people import assurance
from sso.provider import Provider

ROLE = "window"


class ClerkDesk:
    """What the pages of a window share."""

    def __init__(self, provider: Provider, pages: Pages, account: Account) -> None:
        self._pages = pages
        self._approving = Approving(provider, pages, account)

    def turned_away(self, connection: Connection, incoming: Incoming, person: Person, path: str) -> Response | None:
        """None for a clerk; for a clerk with one factor the way to the second and back to `path`; else an error."""
        if ROLE not in person.identity.roles:
            return self._pages.error(incoming, "role_missing", "identify_not_a_clerk", 403)
        return self._approving.step_up(connection, person, [assurance.MULTI_FACTOR], path)
