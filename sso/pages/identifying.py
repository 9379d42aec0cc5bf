"""`/window/identify`: a clerk who has a passenger and their ID document before him signs them in at his window.

For passengers without a phone at hand. The class is its own (`document-at-window`), because nobody but the clerk
vouches for it: two factors of the clerk, name and number as the document has them, a confirmed holder, a window that
said where it stands, both people in the audit, and a message to the passenger.
"""

from dataclasses import dataclass

from fastapi import Response
from psycopg import Connection

from sso import approvals, audit, clients, consents, user_codes
from sso.approvals import Approval, Proof
from sso.incoming import Incoming, Parameters, Row
from sso.pages.account import Person, PersonalPages
from sso.pages.approving import Problem, whole_minutes
from sso.pages.clerk_desk import ClerkDesk
from sso.pages.page import Pages
from sso.people import assurance, documents, identities, lockout, notices, real_names
from sso.people.identities import Identity
from sso.provider import Provider

PATH = "/window/identify"


class IdentifyRefused(Exception):
    """Not signed in. `sentence` names an entry of the words; `guess`: it counts as a try."""

    def __init__(self, sentence: str, status: int = 400, *, guess: bool = False, minutes: int = 0) -> None:
        super().__init__(sentence)
        self.problem: Problem = (sentence, {"minutes": minutes} if minutes else {})
        self.status, self.guess = status, guess


@dataclass(frozen=True, slots=True)
class Stated:
    """What the clerk typed."""

    user_code: str
    name: str
    document_type: str
    number: str

    @classmethod
    def from_form(cls, form: Parameters) -> "Stated":
        """As it came."""
        return cls(form.text("user_code"), form.text("name").strip(), form.text("document_type"), form.text("number"))


class IdentifyingPages(PersonalPages):
    """Handlers for `/window/identify`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        super().__init__(provider, pages)
        self._desk = ClerkDesk(provider, pages, self._account)

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        return [Row("GET", PATH, self.form, self._pages.away), Row("POST", PATH, self.identify, self._pages.away)]

    def form(self, incoming: Incoming) -> Response:
        """GET /window/identify: the form, for clerks who have given two factors."""

        def show(connection: Connection, person: Person) -> Response:
            return self._desk.turned_away(connection, incoming, person, PATH) or self._show(
                incoming, person, Stated("", "", "", "")
            )

        return self._account.visit(incoming, PATH, show)

    def identify(self, incoming: Incoming) -> Response:
        """POST /window/identify: the window's code, and what the document says."""

        def do(connection: Connection, person: Person) -> Response:
            if turned_away := self._desk.turned_away(connection, incoming, person, PATH):
                return turned_away
            stated = Stated.from_form(incoming.form)
            try:
                passenger = self._identify(connection, person, stated, compared=incoming.form.get("compared") == "yes")
            except IdentifyRefused as refused:
                if refused.guess:
                    user_codes.note_wrong_guess(connection, self._subjects(person), self._provider.clock())
                return self._show(incoming, person, stated, refused.status, refused.problem)
            return self._account.render(
                "identify_done",
                incoming,
                person,
                PATH,
                passenger=documents.masked_name(passenger.display_name),
                minutes=whole_minutes(self._provider.options.session_span("window").idle),
            )

        return self._account.act(incoming, PATH, do)

    def _identify(self, connection: Connection, clerk: Person, stated: Stated, *, compared: bool) -> Identity:
        now, limits = self._provider.clock(), self._provider.options.approvals
        if not compared:
            raise IdentifyRefused("identify_not_compared")
        if not user_codes.may_guess(connection, self._subjects(clerk), now, limits.counted_within):
            raise IdentifyRefused("device_too_many", 429, minutes=whole_minutes(limits.counted_within))
        approval = self._request(connection, stated.user_code)
        passenger = self._holder(connection, clerk, stated)
        client = clients.load(connection, approval.client_id)
        if client is None or consents.missing(connection, client, passenger.identity_id, approval.scope, (), now):
            raise IdentifyRefused("identify_consent", 409)
        if until := lockout.locked(connection, passenger.identity_id, now):
            raise IdentifyRefused("identify_locked", 429, minutes=whole_minutes(until - now))
        proof = Proof(passenger.identity_id, None, now, assurance.DOCUMENT_AT_WINDOW, [])
        if not approvals.approve(connection, approval.approval_id, proof, now):
            raise IdentifyRefused("device_wrong_code", 410)
        place = " ".join(approval.place.values())
        audit.record(
            connection,
            now,
            "identified_at_window",
            identity_id=passenger.identity_id,
            client_id=approval.client_id,
            clerk=str(clerk.identity.identity_id),
            document=stated.document_type,
            place=place,
        )
        notices.notify(connection, self._provider.mint, passenger.identity_id, "identified_at_window", now, place=place)
        return passenger

    def _request(self, connection: Connection, typed: str) -> Approval:
        code = user_codes.compact(typed)
        blind = user_codes.blind(self._provider.cipher, code) if code else ""
        found = approvals.by_user_code(connection, blind, self._provider.clock())
        if found is None:
            raise IdentifyRefused("device_wrong_code", 404, guess=True)
        if not found.place:
            raise IdentifyRefused("identify_no_place", 409)
        return found

    def _holder(self, connection: Connection, clerk: Person, stated: Stated) -> Identity:
        """The passenger whose confirmed name and document these are; all of it must be right."""
        cipher = self._provider.cipher
        try:
            number = documents.compact(self._provider.registers.documents, stated.document_type, stated.number)
        except documents.DocumentRefused as refused:
            raise IdentifyRefused("bad_document") from refused
        holder = real_names.holder(connection, cipher, stated.document_type, number)
        known = real_names.of(connection, cipher, holder) if holder else None
        identity = identities.load(connection, holder) if holder else None
        if identity is None or known is None or known.name != stated.name:
            raise IdentifyRefused("identify_unknown", 404, guess=True)
        if identity.identity_id == clerk.identity.identity_id or identity.kind != "passenger":
            raise IdentifyRefused("own_document", 403)
        return identity

    def _subjects(self, clerk: Person) -> list[tuple[str, int]]:
        limit = self._provider.options.approvals.guesses_per_person
        return [(f"clerk:{clerk.identity.identity_id}", limit)]

    def _show(
        self, incoming: Incoming, person: Person, stated: Stated, status: int = 200, problem: Problem | None = None
    ) -> Response:
        return self._account.render(
            "identify",
            incoming,
            person,
            PATH,
            status=status,
            problem=problem,
            typed=stated,
            document_types=list(self._provider.registers.documents),
        )
