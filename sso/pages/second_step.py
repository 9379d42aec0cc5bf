"""The second step: one more proof, where a client asks for a login of two factors (RFC 9470, `acr_values`)."""

from collections.abc import Callable
from typing import Any

from fastapi import Response
from psycopg import Connection

from sso import audit, interactions, sessions
from sso.endpoints import authorize
from sso.incoming import Incoming, Row
from sso.pages.account import Person
from sso.pages.page import SESSION, Pages, with_handle
from sso.people import assurance, identities, passkeys, proofs, second_step
from sso.people.proofs import ProofRefused
from sso.provider import Provider

Proof = Callable[[Provider, identities.Identity, str], tuple[str, ...]]

TYPED: dict[str, Proof] = {
    second_step.TOTP: second_step.by_totp,
    second_step.PASSWORD: second_step.by_password,
    second_step.RECOVERY_CODE: second_step.by_recovery_code,
}
"""Ways whose proof is one text that the person types."""


class SecondStepPages:
    """`/login/second...`. Only for who is signed in; with nothing but what this person has."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._pages = provider, pages

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", "/login/second", self.show, away),
            Row("POST", "/login/second", self.prove, away),
            Row("POST", "/login/second/code", self.send_code, away),
            Row("POST", "/login/second/decline", self.decline, away),
        ]

    def show(self, incoming: Incoming) -> Response:
        """GET /login/second: the best way this person has, or the one they chose (`way`)."""
        person = self._person(incoming)
        return person if isinstance(person, Response) else self._show(incoming, person)

    def prove(self, incoming: Incoming) -> Response:
        """POST /login/second: the proof, in the way the form says."""
        form, way = incoming.form, incoming.form.text("way")

        def check(person: Person) -> Response:
            if way not in self._ways(person):
                return self._show(incoming, person)
            if way == second_step.PASSKEY:
                identity, amr = passkeys.login(self._provider, form.text("challenge"), form.text("credential"))
                if identity.identity_id != person.identity.identity_id:
                    raise ProofRefused("passkey_refused", 401)
            elif way == second_step.CODE:
                proven = proofs.by_code(self._provider, "step_up", form.text("challenge"), form.text("code"))
                if proven.identity is None or proven.identity.identity_id != person.identity.identity_id:
                    raise ProofRefused("wrong_code", 401)
                amr = assurance.PHONE_CODE
            else:
                amr = TYPED[way](self._provider, person.identity, form.text("proof"))
            response = self._pages.go(_onwards(self._handle(incoming)))
            self._pages.set_cookie(response, SESSION, second_step.raise_session(self._provider, person.session, amr))
            return response

        return self._guarded(incoming, check, challenge=form.text("challenge") if way == second_step.CODE else None)

    def send_code(self, incoming: Incoming) -> Response:
        """POST /login/second/code: send a code to the person's own number."""

        def send(person: Person) -> Response:
            phone = self._phone(person)
            if phone is None:
                return self._show(incoming, person)
            locale = self._pages.locale(incoming)
            challenge = proofs.send_code(self._provider, "step_up", phone, locale)
            return self._show(incoming, person, way=second_step.CODE, challenge=challenge)

        return self._guarded(incoming, send)

    def decline(self, incoming: Incoming) -> Response:
        """POST /login/second/decline: the client hears `unmet_authentication_requirements` (RFC 9470 section 5)."""
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        provider, handle = self._provider, self._handle(incoming)
        with provider.pool.connection() as connection:
            waiting = interactions.load(connection, handle, provider.clock(), provider.cipher)
            if waiting is None or handle is None or not interactions.finish(connection, handle):
                return self._pages.error(incoming, "page_expired", "error_stale", 410)
            audit.record(connection, provider.clock(), "step_up_declined")
        if waiting.page is not None:
            return self._pages.go("/account")
        error = "unmet_authentication_requirements"
        answer = authorize.error_answer(provider, waiting.parameters, error, "The person gave no second proof.")
        return self._pages.answer(incoming, answer)

    # --- shared by the above ------------------------------------------------------------------------------------

    def _ways(self, person: Person) -> list[str]:
        """What may be added to this very session. Raises ProofRefused when its own proof is too old."""
        provider = self._provider
        with provider.pool.connection() as connection:
            return second_step.ways(connection, person.identity, person.session, provider.clock(), provider.options)

    def _person(self, incoming: Incoming) -> Person | Response:
        provider, cookie = self._provider, self._pages.cookie(incoming, SESSION)
        with provider.pool.connection() as connection:
            session = sessions.by_cookie(connection, cookie, provider.clock(), provider.options)
            identity = identities.load(connection, session.identity_id) if session else None
        if session is None or identity is None:
            return self._pages.go(with_handle("/login", self._handle(incoming)))
        return Person(identity, session)

    def _guarded(self, incoming: Incoming, do: Callable[[Person], Response], **values: Any) -> Response:
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        person = self._person(incoming)
        if isinstance(person, Response):
            return person
        try:
            return do(person)
        except ProofRefused as refused:
            problem = (refused.sentence, refused.values)
            return self._show(incoming, person, refused.status, way=incoming.form.get("way"), problem=problem, **values)

    def _show(
        self,
        incoming: Incoming,
        person: Person,
        status: int = 200,
        way: str | None = None,
        problem: tuple[str, dict[str, object]] | None = None,
        challenge: str | None = None,
    ) -> Response:
        provider, handle = self._provider, self._handle(incoming)
        with provider.pool.connection() as connection:
            try:
                ways = second_step.ways(connection, person.identity, person.session, provider.clock(), provider.options)
            except ProofRefused:
                return self._pages.go(with_handle("/login", handle))
            targets = self._targets(connection, handle)
            chosen = way or incoming.query.get("way")
            if chosen not in ways:
                chosen = ways[0] if ways else None
            asks = passkeys.ask_to_sign(connection, provider) if chosen == second_step.PASSKEY else None
        phone = self._phone(person)
        return self._pages.render(
            "second_step",
            incoming,
            status=status,
            form_targets=targets,
            script=asks is not None,
            switch=with_handle("/login/second", handle) if incoming.method == "GET" else None,
            handle=handle,
            problem=problem,
            person=person.identity.display_name,
            ways=ways,
            way=chosen,
            question=asks,
            challenge=challenge,
            phone=masked(phone) if phone else "",
            minutes=int(provider.options.phone_code_lifetime.total_seconds() // 60),
            link=lambda path, **more: provider.options.url(with_handle(path, handle, **more)),
        )

    def _targets(self, connection: Connection, handle: str | None) -> list[str]:
        waiting = interactions.load(connection, handle, self._provider.clock(), self._provider.cipher)
        target = waiting.parameters.get("redirect_uri") if waiting else None
        return [target] if target else []

    def _phone(self, person: Person) -> str | None:
        sealed = person.identity.phone_sealed
        return self._provider.cipher.open(sealed) if sealed else None

    @staticmethod
    def _handle(incoming: Incoming) -> str | None:
        return incoming.parameters.get("i")


def _onwards(handle: str | None) -> str:
    return with_handle("/authorize/resume", handle) if handle else "/account"


def masked(phone: str) -> str:
    """A phone number as its owner knows it again and nobody else learns it.

    >>> masked("+8619900000001")
    '+86 ••• 0001'
    """
    return f"{phone[:3]} ••• {phone[-4:]}"
