"""Two pages of a station window: confirming a passenger's real name; vouching for an old account, parting joined ones.

The passenger is there and stays in charge: a name is confirmed for whoever shows a code of their own login, and an
account is linked by the passenger, who types the clerk's code. Accounts are parted for whoever holds the document.
"""

from collections.abc import Callable
from typing import Any

from fastapi import Response
from psycopg import Connection

from sso.incoming import Incoming, Row
from sso.pages.account import Person, PersonalPages
from sso.pages.clerk_desk import ClerkDesk
from sso.pages.page import Pages
from sso.people import account_proofs, parting, real_names
from sso.people.proofs import ProofRefused
from sso.provider import Provider

NAME_PATH, VOUCH_PATH = "/window/real-name", "/window/accounts"
DOCUMENT = ("name", "document_type", "number")
FIELDS = ("code", *DOCUMENT, "channel", "account", "login")


class WindowPages(PersonalPages):
    """Handlers of `/window/real-name` and `/window/accounts`."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        super().__init__(provider, pages)
        self._desk = ClerkDesk(provider, pages, self._account)

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", NAME_PATH, self.name_form, away),
            Row("POST", NAME_PATH, self.confirm_name, away),
            Row("GET", VOUCH_PATH, self.account_form, away),
            Row("POST", VOUCH_PATH, self.vouch, away),
            Row("POST", f"{VOUCH_PATH}/part", self.part, away),
        ]

    def name_form(self, incoming: Incoming) -> Response:
        """GET /window/real-name."""
        return self._form(incoming, NAME_PATH, self._name_page)

    def confirm_name(self, incoming: Incoming) -> Response:
        """POST /window/real-name: the passenger's code, and what the document says. A used code stays used."""

        def confirm(connection: Connection, person: Person) -> Response:
            if turned_away := self._desk.turned_away(connection, incoming, person, NAME_PATH):
                return turned_away
            form, clerk_id = incoming.form, person.identity.identity_id
            try:
                if form.get("compared") != "yes":
                    raise ProofRefused("identify_not_compared")
                passenger_id = real_names.shown_at_window(connection, self._provider, clerk_id, form.text("code"))
                stated = {name: form.text(name) for name in DOCUMENT}
                with connection.transaction():
                    real_names.confirm_at_window(connection, self._provider, passenger_id, clerk_id, **stated)
            except ProofRefused as refused:
                return self._name_page(incoming, person, refused)
            return self._name_page(incoming, person, done=True)

        return self._account.act(incoming, NAME_PATH, confirm)

    def account_form(self, incoming: Incoming) -> Response:
        """GET /window/accounts."""
        return self._form(incoming, VOUCH_PATH, self._vouch_page)

    def vouch(self, incoming: Incoming) -> Response:
        """POST /window/accounts: the channel is asked, so no transaction is open meanwhile."""
        form = incoming.form

        def vouch(person: Person) -> Response:
            with self._provider.pool.connection() as connection:
                if turned_away := self._desk.turned_away(connection, incoming, person, VOUCH_PATH):
                    return turned_away
            found, code = account_proofs.vouch(
                self._provider, person.identity.identity_id, form.text("channel"), form.text("account")[:200]
            )
            return self._vouch_page(incoming, person, vouched=(found.label, code))

        def again(person: Person, refused: ProofRefused) -> Response:
            return self._vouch_page(incoming, person, refused)

        return self._account.slowly(incoming, VOUCH_PATH, vouch, again, fresh=None)

    def part(self, incoming: Incoming) -> Response:
        """POST /window/accounts/part: two accounts that were joined are parted; a try counts whatever comes of it."""

        def part(connection: Connection, person: Person) -> Response:
            if turned_away := self._desk.turned_away(connection, incoming, person, VOUCH_PATH):
                return turned_away
            form, clerk_id = incoming.form, person.identity.identity_id
            try:
                if form.get("compared") != "yes":
                    raise ProofRefused("identify_not_compared")
                stated = {name: form.text(name) for name in ("login", *DOCUMENT)}
                parting.part_at_window(connection, self._provider, clerk_id, **stated)
            except ProofRefused as refused:
                return self._vouch_page(incoming, person, refused)
            return self._vouch_page(incoming, person, done=True)

        return self._account.act(incoming, VOUCH_PATH, part)

    def _form(self, incoming: Incoming, path: str, page: Callable[[Incoming, Person], Response]) -> Response:
        def show(connection: Connection, person: Person) -> Response:
            return self._desk.turned_away(connection, incoming, person, path) or page(incoming, person)

        return self._account.visit(incoming, path, show)

    def _name_page(
        self, incoming: Incoming, person: Person, refused: ProofRefused | None = None, *, done: bool = False
    ) -> Response:
        document_types = list(self._provider.registers.documents)
        values = {"document_types": document_types, "done": done}
        return self._page("window_name", incoming, person, NAME_PATH, refused, **values)

    def _vouch_page(
        self,
        incoming: Incoming,
        person: Person,
        refused: ProofRefused | None = None,
        *,
        vouched: tuple[str, str] | None = None,
        done: bool = False,
    ) -> Response:
        locale = self._pages.locale(incoming)
        channels = {name: channel.name(locale) for name, channel in self._provider.registers.channels.items()}
        document_types = list(self._provider.registers.documents)
        values = {"channels": channels, "document_types": document_types, "vouched": vouched, "done": done}
        return self._page("vouch", incoming, person, VOUCH_PATH, refused, **values)

    def _page(
        self,
        name: str,
        incoming: Incoming,
        person: Person,
        path: str,
        refused: ProofRefused | None,
        **values: Any,
    ) -> Response:
        typed = {field: "" if values.get("done") else incoming.form.text(field) for field in FIELDS}
        return self._account.render(name, incoming, person, path, refused, typed=typed, **values)
