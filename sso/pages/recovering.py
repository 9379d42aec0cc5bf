"""Recovery at a window: `/window/recovery` for two clerks, `/recover` for the person with the ticket in hand."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import Response
from psycopg import Connection

from sso.incoming import Incoming, Row
from sso.pages.account import Person, PersonalPages
from sso.pages.clerk_desk import ClerkDesk
from sso.pages.page import Pages
from sso.pages.times import written
from sso.people import documents, identities, recovery
from sso.people.proofs import ProofRefused
from sso.provider import Provider

DESK, HERE = "/window/recovery", "/recover"
CLERK_FIELDS = ("office", "name", "document_type", "number")
PERSON_FIELDS = ("document_type", "number", "ticket", "phone")


class RecoveryPages(PersonalPages):
    """Handlers for `/window/recovery...` and `/recover...`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        super().__init__(provider, pages)
        self._desk = ClerkDesk(provider, pages, self._account)

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", DESK, self.desk, away),
            Row("POST", DESK, self.ask, away),
            Row("POST", f"{DESK}/confirm", self.confirm, away),
            Row("GET", HERE, self.form, away),
            Row("POST", HERE, self.begin, away),
            Row("POST", f"{HERE}/finish", self.finish, away),
        ]

    # --- the clerks ---------------------------------------------------------------------------------------------

    def desk(self, incoming: Incoming) -> Response:
        """GET /window/recovery: the form of the first clerk, and what waits for a second one."""

        def show(connection: Connection, person: Person) -> Response:
            turned_away = self._desk.turned_away(connection, incoming, person, DESK)
            return turned_away or self._show_desk(connection, incoming, person)

        return self._account.visit(incoming, DESK, show)

    def ask(self, incoming: Incoming) -> Response:
        """POST /window/recovery: the first clerk."""
        form = incoming.form

        def do(connection: Connection, person: Person) -> None:
            if form.get("compared") != "yes":
                raise ProofRefused("identify_not_compared")
            stated = {name: form.text(name) for name in CLERK_FIELDS}
            recovery.ask(connection, self._provider, person.identity.identity_id, **stated)

        return self._at_desk(incoming, do)

    def confirm(self, incoming: Incoming) -> Response:
        """POST /window/recovery/confirm: the second clerk; the ticket is shown this once."""
        form = incoming.form

        def do(connection: Connection, person: Person) -> str:
            if form.get("compared") != "yes":
                raise ProofRefused("identify_not_compared")
            clerk, which = person.identity.identity_id, _uuid(form.text("recovery"))
            return recovery.confirm(
                connection, self._provider, clerk, which, form.text("document_type"), form.text("number")
            )

        return self._at_desk(incoming, do)

    def _at_desk(self, incoming: Incoming, do: Callable[[Connection, Person], str | None]) -> Response:
        def act(connection: Connection, person: Person) -> Response:
            if turned_away := self._desk.turned_away(connection, incoming, person, DESK):
                return turned_away
            try:
                ticket = do(connection, person)
            except ProofRefused as refused:
                connection.rollback()
                problem = (refused.sentence, refused.values)
                return self._show_desk(connection, incoming, person, refused.status, problem)
            return self._show_desk(connection, incoming, person, ticket=ticket)

        return self._account.act(incoming, DESK, act)

    def _show_desk(
        self,
        connection: Connection,
        incoming: Incoming,
        person: Person,
        status: int = 200,
        problem: tuple[str, dict[str, object]] | None = None,
        ticket: str | None = None,
    ) -> Response:
        known = []
        for each in recovery.waiting(connection, self._provider.clock()):
            passenger = identities.load(connection, each.identity_id)
            name = documents.masked_name(passenger.display_name) if passenger else "-"
            mine = each.asked_by == person.identity.identity_id
            known.append((str(each.recovery_id), name, each.office, written(each.asked_at), mine))
        kept = problem is not None
        return self._account.render(
            "recovery_desk",
            incoming,
            person,
            DESK,
            status=status,
            problem=problem,
            ticket=ticket,
            waiting=known,
            minutes=int(self._provider.options.recovery_lifetime.total_seconds() // 60),
            typed={name: incoming.form.text(name) if kept else "" for name in CLERK_FIELDS},
            document_types=list(self._provider.registers.documents),
        )

    # --- the person ---------------------------------------------------------------------------------------------

    def form(self, incoming: Incoming) -> Response:
        """GET /recover: ticket, document and the phone in hand."""
        return self._show(incoming)

    def begin(self, incoming: Incoming) -> Response:
        """POST /recover: a code goes to that phone."""
        form = incoming.form

        def do() -> Response:
            phone = identities.compact_phone(form.text("phone"))
            if phone is None:
                raise ProofRefused("bad_phone")
            locale, ticket = self._pages.locale(incoming), form.text("ticket")
            document = form.text("document_type"), form.text("number")
            challenge = recovery.begin(self._provider, *document, ticket, phone, locale)
            return self._show(incoming, challenge=challenge)

        return self._guarded(incoming, do)

    def finish(self, incoming: Incoming) -> Response:
        """POST /recover/finish: the code and a new password; then the person logs in."""
        form = incoming.form
        challenge = form.text("challenge")

        def do() -> Response:
            recovery.finish(self._provider, challenge, form.text("code"), form.text("ticket"), form.text("password"))
            response = self._pages.render("recovery_done", incoming)
            self._pages.drop_session(response)
            return response

        return self._guarded(incoming, do, challenge=challenge)

    def _guarded(self, incoming: Incoming, do: Callable[[], Response], **values: Any) -> Response:
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        try:
            return do()
        except ProofRefused as refused:
            return self._show(incoming, refused.status, (refused.sentence, refused.values), **values)

    def _show(
        self,
        incoming: Incoming,
        status: int = 200,
        problem: tuple[str, dict[str, object]] | None = None,
        challenge: str | None = None,
    ) -> Response:
        return self._pages.render(
            "recover",
            incoming,
            status=status,
            problem=problem,
            switch=HERE if incoming.method == "GET" else None,
            challenge=challenge,
            typed={name: incoming.form.text(name) for name in PERSON_FIELDS},
            document_types=list(self._provider.registers.documents),
            password_length=self._provider.options.password_length_min,
        )


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise ProofRefused("recovery_gone", 410) from error
