"""Frequent passengers: who is kept, and which channels may use them. See `sso.people.companions`."""

from uuid import UUID

from fastapi import Response
from psycopg import Connection

from sso import clients
from sso.endpoints.companions import SCOPE
from sso.incoming import Incoming, Row
from sso.pages.account import FRESH, Person, PersonalPages
from sso.people import companions, documents
from sso.people.companions import COMPANIONS_MAX, TICKET_TYPES
from sso.people.proofs import ProofRefused
from sso.people.registers import Traveller

PATH = "/account/passengers"
FIELDS = ("name", "document_type", "number", "ticket_type", "phone")


class CompanionPages(PersonalPages):
    """Handlers of `/account/passengers`."""

    def routes(self) -> list[Row]:
        """The addresses of this page."""
        away = self._pages.away
        return [
            Row("GET", PATH, self.show, away),
            Row("POST", PATH, self.add, away),
            Row("POST", f"{PATH}/remove", self.remove, away),
            Row("POST", f"{PATH}/sharing", self.share, away),
        ]

    def show(self, incoming: Incoming) -> Response:
        """GET /account/passengers."""
        return self._account.visit(incoming, PATH, lambda connection, person: self._page(incoming, connection, person))

    def add(self, incoming: Incoming) -> Response:
        """POST /account/passengers: keep one more."""

        def keep(connection: Connection, person: Person) -> Response:
            provider, form = self._provider, incoming.form
            typed = Traveller(
                *(form.text(name) for name in ("name", "document_type", "number", "ticket_type", "phone"))
            )
            try:
                clean = companions.clean(provider.registers.documents, typed)
                identity_id = person.identity.identity_id
                companions.add(connection, provider.cipher, provider.mint, identity_id, clean, provider.clock())
            except ProofRefused as refused:
                return self._page(incoming, connection, person, refused)
            return self._pages.go(PATH)

        return self._account.act(incoming, PATH, keep)

    def remove(self, incoming: Incoming) -> Response:
        """POST /account/passengers/remove: keep them no longer."""

        def drop(connection: Connection, person: Person) -> Response:
            try:
                companion_id = UUID(incoming.form.text("companion_id"))
            except ValueError:
                return self._pages.go(PATH)
            companions.remove(connection, person.identity.identity_id, companion_id, self._provider.clock())
            return self._pages.go(PATH)

        return self._account.act(incoming, PATH, drop)

    def share(self, incoming: Incoming) -> Response:
        """POST /account/passengers/sharing: a channel may use them, or no longer. Stopping needs no fresh login."""
        allow = incoming.form.text("allow") == "yes"

        def decide(connection: Connection, person: Person) -> Response:
            client = clients.load(connection, incoming.form.text("client_id"))
            now, identity_id = self._provider.clock(), person.identity.identity_id
            if client and allow and SCOPE in client.scopes:
                companions.allow(connection, identity_id, client.client_id, now)
            elif client and not allow:
                companions.forbid(connection, identity_id, client.client_id, now)
            return self._pages.go(PATH)

        return self._account.act(incoming, PATH, decide, FRESH if allow else None)

    def _page(
        self, incoming: Incoming, connection: Connection, person: Person, refused: ProofRefused | None = None
    ) -> Response:
        locale, identity_id = self._pages.locale(incoming), person.identity.identity_id
        allowed = companions.allowed(connection, identity_id)
        kept = [
            {
                "id": each.companion_id,
                "name": each.traveller.name,
                "document_type": each.traveller.document_type,
                "number": documents.masked(each.traveller.number),
                "ticket_type": each.traveller.ticket_type,
            }
            for each in companions.of_identity(connection, self._provider.cipher, identity_id)
        ]
        sharing = [
            {"client_id": client.client_id, "name": client.name(locale), "allowed": client.client_id in allowed}
            for client in clients.with_scope(connection, SCOPE)
        ]
        return self._account.render(
            "companions",
            incoming,
            person,
            PATH,
            refused,
            typed={name: incoming.form.text(name) for name in FIELDS},
            kept=kept,
            sharing=sharing,
            count_max=COMPANIONS_MAX,
            document_types=list(self._provider.registers.documents),
            ticket_types=TICKET_TYPES,
        )
