"""Joining another account of mine to this one; and taking an account back that somebody has joined to theirs."""

from typing import Any

from fastapi import Response

from sso.incoming import Incoming, Row
from sso.pages.account import FRESH, Person, PersonalPages
from sso.pages.link_forms import JOIN, holder_of, one_of, to_preview
from sso.people import identities, joining, proofs
from sso.people.joining import PART_PATH
from sso.people.proofs import ProofRefused

JOIN_WAYS = ("password", "code")


class JoiningPages(PersonalPages):
    """Handlers of `/account/links/join` and `/links/undo`."""

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", JOIN, self.join, away),
            Row("POST", JOIN, self.prove_other, away),
            Row("POST", f"{JOIN}/code", self.prove_other_by_code, away),
            Row("GET", PART_PATH, self.part, away),
            Row("POST", PART_PATH, self.part_send, away),
            Row("POST", f"{PART_PATH}/code", self.part_check, away),
        ]

    # --- the other side: another account of ours ----------------------------------------------------------------

    def join(self, incoming: Incoming) -> Response:
        """GET /account/links/join: the other account, by password or by a code to its number."""
        way = one_of(JOIN_WAYS, incoming.query.text("way"))
        person = self._account.signed_in(incoming, JOIN, FRESH)
        return person if isinstance(person, Response) else self._join_form(incoming, person, way)

    def prove_other(self, incoming: Incoming) -> Response:
        """POST /account/links/join: login and password, or request for a code."""
        way, form = one_of(JOIN_WAYS, incoming.form.text("way")), incoming.form

        def prove(person: Person) -> Response:
            if way == "code":
                phone = identities.compact_phone(form.text("login"))
                if phone is None:
                    raise ProofRefused("bad_phone")
                sent = proofs.send_code(self._provider, "login", phone, self._pages.locale(incoming))
                return self._join_code_form(incoming, person, sent=sent, phone=phone)
            login, password = form.text("login"), form.text("password")
            return to_preview(self._pages, joining.by_password(self._provider, holder_of(person), login, password))

        def again(person: Person, refused: ProofRefused) -> Response:
            return self._join_form(incoming, person, way, refused)

        return self._account.slowly(incoming, JOIN, prove, again)

    def prove_other_by_code(self, incoming: Incoming) -> Response:
        """POST /account/links/join/code: the code that was sent to the other account's number."""
        sent, phone = incoming.form.text("sent"), incoming.form.text("phone")

        def prove(person: Person) -> Response:
            code = incoming.form.text("code")
            return to_preview(self._pages, joining.by_code(self._provider, holder_of(person), sent, code))

        def again(person: Person, refused: ProofRefused) -> Response:
            return self._join_code_form(incoming, person, refused, sent=sent, phone=phone)

        return self._account.slowly(incoming, JOIN, prove, again)

    def _join_form(self, incoming: Incoming, person: Person, way: str, refused: ProofRefused | None = None) -> Response:
        login = incoming.form.text("login")
        return self._account.render("join", incoming, person, JOIN, refused, ways=JOIN_WAYS, way=way, login=login)

    def _join_code_form(
        self, incoming: Incoming, person: Person, refused: ProofRefused | None = None, **values: str
    ) -> Response:
        minutes = int(self._provider.options.phone_code_lifetime.total_seconds() // 60)
        fields = {"action": f"{JOIN}/code", "heading": "join_title", "line": "code_sent", "hidden": values}
        return self._account.render(
            "link_code",
            incoming,
            person,
            JOIN,
            refused,
            **fields,
            filled={"phone": values["phone"], "minutes": minutes},
        )

    # --- taken back, without any login --------------------------------------------------------------------------

    def part(self, incoming: Incoming) -> Response:
        """GET /links/undo: ask for the number of the account that was joined."""
        return self._pages.render("part", incoming, switch=PART_PATH, step="phone")

    def part_send(self, incoming: Incoming) -> Response:
        """POST /links/undo: send a code to it, if it is one."""
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        try:
            phone = identities.compact_phone(incoming.form.text("phone"))
            if phone is None:
                raise ProofRefused("bad_phone")
            sent = joining.send_part_code(self._provider, phone, self._pages.locale(incoming))
        except ProofRefused as refused:
            return self._part_again(incoming, refused, step="phone")
        return self._part_code(incoming, sent, phone)

    def part_check(self, incoming: Incoming) -> Response:
        """POST /links/undo/code: the code; then the account is its own again."""
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        sent, phone = incoming.form.text("sent"), incoming.form.text("phone")
        try:
            joining.part_by_code(self._provider, sent, incoming.form.text("code"))
        except ProofRefused as refused:
            return self._part_code(incoming, sent, phone, refused)
        return self._pages.render("part", incoming, switch=None, step="done")

    def _part_code(self, incoming: Incoming, sent: str, phone: str, refused: ProofRefused | None = None) -> Response:
        minutes = int(self._provider.options.phone_code_lifetime.total_seconds() // 60)
        return self._part_again(incoming, refused, step="code", sent=sent, phone=phone, minutes=minutes)

    def _part_again(self, incoming: Incoming, refused: ProofRefused | None, **values: Any) -> Response:
        problem = (refused.sentence, refused.values) if refused else None
        status = refused.status if refused else 200
        return self._pages.render("part", incoming, switch=None, status=status, problem=problem, **values)
