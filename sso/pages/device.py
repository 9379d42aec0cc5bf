"""`/device`: the person types the code that a window shows, or scans its QR code, and decides (RFC 8628 section 3.3).

The person is logged in before anything is looked up, so guesses are counted against somebody (section 5.1). Coming by
the QR code saves the typing, not the look at what is asked and from where (section 5.4).
"""

from collections.abc import Callable
from urllib.parse import quote

from fastapi import Response
from psycopg import Connection

from sso import approvals, audit, user_codes
from sso.approvals import Approval
from sso.incoming import Incoming, Row
from sso.pages.account import Person, PersonalPages
from sso.pages.approving import Approving, Problem, whole_minutes
from sso.pages.page import Pages
from sso.provider import Provider

PATH = "/device"


class DevicePages(PersonalPages):
    """Handlers for `/device...`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        super().__init__(provider, pages)
        self._approving = Approving(provider, pages, self._account)

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", PATH, self.enter, away),
            Row("POST", PATH, self.typed, away),
            Row("POST", f"{PATH}/decide", self.decide, away),
        ]

    def enter(self, incoming: Incoming) -> Response:
        """GET /device: the form for the code; with `user_code` (from the QR code) what that code asks for."""
        code = incoming.query.text("user_code")[:40]
        path = f"{PATH}?user_code={quote(code, safe='')}" if code else PATH

        def show(connection: Connection, person: Person) -> Response:
            if not code:
                return self._ask(incoming, person)
            return self._found(connection, incoming, person, code, self._confirm)

        return self._account.visit(incoming, path, show)

    def typed(self, incoming: Incoming) -> Response:
        """POST /device: what the typed code asks for."""

        def show(connection: Connection, person: Person) -> Response:
            return self._found(connection, incoming, person, incoming.form.text("user_code"), self._confirm)

        return self._account.act(incoming, PATH, show)

    def decide(self, incoming: Incoming) -> Response:
        """POST /device/decide: yes or no."""

        def do(connection: Connection, person: Person) -> Response:
            return self._found(connection, incoming, person, incoming.form.text("user_code"), self._decide)

        return self._account.act(incoming, PATH, do)

    def _found(
        self,
        connection: Connection,
        incoming: Incoming,
        person: Person,
        typed: str,
        then: Callable[[Connection, Incoming, Person, Approval, str], Response],
    ) -> Response:
        """`then` for the open request with this code. What is typed wrongly is counted, per person and per address."""
        now, limits = self._provider.clock(), self._provider.options.approvals
        subjects = [
            (f"identity:{person.identity.identity_id}", limits.guesses_per_person),
            (f"address:{incoming.peer}", limits.guesses_per_address),
        ]
        if not user_codes.may_guess(connection, subjects, now, limits.counted_within):
            audit.record(connection, now, "user_code_guessing_stopped", identity_id=person.identity.identity_id)
            minutes = whole_minutes(limits.counted_within)
            return self._ask(incoming, person, 429, ("device_too_many", {"minutes": minutes}))
        code = user_codes.compact(typed)
        found = self._by_code(connection, code) if code else None
        if found is None or code is None:
            user_codes.note_wrong_guess(connection, subjects, now)
            return self._ask(incoming, person, 404, ("device_wrong_code", {}))
        return then(connection, incoming, person, found, code)

    def _by_code(self, connection: Connection, code: str) -> Approval | None:
        blind = user_codes.blind(self._provider.cipher, code)
        return approvals.by_user_code(connection, blind, self._provider.clock())

    def _ask(
        self,
        incoming: Incoming,
        person: Person,
        status: int = 200,
        problem: Problem | None = None,
    ) -> Response:
        return self._account.render("device", incoming, person, PATH, status=status, problem=problem)

    def _confirm(
        self, connection: Connection, incoming: Incoming, person: Person, approval: Approval, code: str
    ) -> Response:
        path = f"{PATH}?user_code={code}"
        if further := self._approving.second_step(connection, person, approval, path):
            return further
        shown = self._approving.shown(connection, incoming, approval)
        return self._account.render("device_confirm", incoming, person, path, shown=shown, code=user_codes.shown(code))

    def _decide(
        self, connection: Connection, incoming: Incoming, person: Person, approval: Approval, code: str
    ) -> Response:
        return self._approving.decide(connection, incoming, person, approval, f"{PATH}?user_code={code}")
