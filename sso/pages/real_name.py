"""My real name: a name and a document, confirmed by the register or at a station window."""

from fastapi import Response
from psycopg import Connection

from sso.incoming import Incoming, Row
from sso.pages.account import FRESH, Person, PersonalPages
from sso.people import documents, real_names
from sso.people.proofs import ProofRefused

PATH = "/account/real-name"
FIELDS = ("name", "document_type", "number")


class RealNamePages(PersonalPages):
    """Handlers of `/account/real-name`."""

    def routes(self) -> list[Row]:
        """The addresses of this page."""
        away = self._pages.away
        return [
            Row("GET", PATH, self.show, away),
            Row("POST", PATH, self.declare, away),
            Row("POST", f"{PATH}/window", self.window, away),
        ]

    def show(self, incoming: Incoming) -> Response:
        """GET /account/real-name."""
        return self._account.visit(incoming, PATH, lambda connection, person: self._page(incoming, connection, person))

    def declare(self, incoming: Incoming) -> Response:
        """POST /account/real-name. The register may be asked: no transaction is open meanwhile."""
        name, document_type, number = (incoming.form.text(field) for field in FIELDS)

        def declare(person: Person) -> Response:
            real_names.declare(self._provider, person.identity.identity_id, name, document_type, number)
            return self._pages.go(PATH)

        def again(person: Person, refused: ProofRefused) -> Response:
            with self._provider.pool.connection() as connection:
                return self._page(incoming, connection, person, refused)

        return self._account.slowly(incoming, PATH, declare, again)

    def window(self, incoming: Incoming) -> Response:
        """POST /account/real-name/window: a code to show at a station window."""

        def make(connection: Connection, person: Person) -> Response:
            code = real_names.window_code(connection, self._provider, person.identity.identity_id)
            return self._page(incoming, connection, person, window_code=code)

        return self._account.act(incoming, PATH, make, FRESH)

    def _page(
        self,
        incoming: Incoming,
        connection: Connection,
        person: Person,
        refused: ProofRefused | None = None,
        window_code: str | None = None,
    ) -> Response:
        standing = real_names.of(connection, self._provider.cipher, person.identity.identity_id)
        known = standing and {
            "name": documents.masked_name(standing.name),
            "document_type": standing.document_type,
            "number": documents.masked(standing.number),
            "state": standing.state,
            "confirmed": standing.confirmed,
        }
        return self._account.render(
            "real_name",
            incoming,
            person,
            PATH,
            refused,
            typed={field: incoming.form.text(field) for field in FIELDS},
            known=known,
            window_code=window_code,
            document_types=list(self._provider.registers.documents),
        )
