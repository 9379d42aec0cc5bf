"""`/account/security`: how this person is recognised; what they add, change and remove, each after a fresh login."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import segno
from fastapi import Response
from psycopg import Connection

from sso.incoming import Incoming, Row
from sso.pages.account import FRESH, Person, PersonalPages
from sso.pages.second_step import masked
from sso.pages.times import written
from sso.pages.words import say
from sso.people import authenticators, identities, notices, passkeys, proofs, totp
from sso.people.passkeys import Passkey
from sso.people.proofs import ProofRefused

HERE = "/account/security"


class SecurityPages(PersonalPages):
    """Handlers for `/account/security...`. A page that changes something is a form; a GET shows."""

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", HERE, self.show, away),
            Row("POST", f"{HERE}/password", self.set_password, away),
            Row("POST", f"{HERE}/password/remove", self.remove_password, away),
            Row("GET", f"{HERE}/phone", self.ask_phone, away),
            Row("POST", f"{HERE}/phone", self.send_code, away),
            Row("POST", f"{HERE}/phone/check", self.set_phone, away),
            Row("GET", f"{HERE}/passkey", self.ask_passkey, away),
            Row("POST", f"{HERE}/passkey", self.keep_passkey, away),
            Row("POST", f"{HERE}/passkey/remove", self.remove_passkey, away),
            Row("POST", f"{HERE}/app", self.begin_app, away),
            Row("POST", f"{HERE}/app/confirm", self.confirm_app, away),
            Row("POST", f"{HERE}/app/remove", self.remove_app, away),
            Row("POST", f"{HERE}/recovery-codes", self.make_recovery_codes, away),
        ]

    # --- what there is ------------------------------------------------------------------------------------------

    def show(self, incoming: Incoming) -> Response:
        """GET /account/security."""
        return self._account.visit(incoming, HERE, lambda connection, person: self._show(connection, incoming, person))

    def _show(
        self,
        connection: Connection,
        incoming: Incoming,
        person: Person,
        problem: tuple[str, dict[str, object]] | None = None,
        status: int = 200,
    ) -> Response:
        identity = identities.load(connection, person.identity.identity_id) or person.identity
        locale = self._pages.locale(incoming)
        held = authenticators.of(connection, identity)
        told = notices.latest(connection, identity.identity_id)
        return self._account.render(
            "security",
            incoming,
            person,
            HERE,
            status=status,
            problem=problem,
            held=held,
            phone=masked(self._provider.cipher.open(identity.phone_sealed)) if identity.phone_sealed else None,
            keys=[_shown(each) for each in held.passkeys],
            told=[(written(each.created_at), say(f"notice_{each.kind}", locale, **each.detail)) for each in told],
            passkeys_possible=passkeys.possible(self._provider),
            password_length=self._provider.options.password_length_min,
        )

    # --- password -----------------------------------------------------------------------------------------------

    def set_password(self, incoming: Incoming) -> Response:
        """POST /account/security/password: a new password; the other sessions end."""
        password = incoming.form.text("password")

        def change(person: Person) -> Response:
            password_hash = proofs.new_password_hash(self._provider, password)
            with self._provider.pool.connection() as connection:
                authenticators.set_password(
                    connection, self._provider, person.identity.identity_id, password_hash, person.session.session_id
                )
            return self._pages.go(HERE)

        return self._slowly(incoming, HERE, change)

    def remove_password(self, incoming: Incoming) -> Response:
        """POST /account/security/password/remove."""

        def change(connection: Connection, person: Person) -> None:
            authenticators.remove_password(connection, self._provider, person.identity.identity_id)

        return self._change(incoming, change)

    # --- phone --------------------------------------------------------------------------------------------------

    def ask_phone(self, incoming: Incoming) -> Response:
        """GET /account/security/phone: the form for a new number."""
        path = f"{HERE}/phone"

        def show(connection: Connection, person: Person) -> Response:
            return self._account.render("security_phone", incoming, person, path, phone="", challenge=None)

        return self._account.visit(incoming, path, show, FRESH)

    def send_code(self, incoming: Incoming) -> Response:
        """POST /account/security/phone: a code goes to the new number."""
        path, typed = f"{HERE}/phone", incoming.form.text("phone")

        def send(person: Person) -> Response:
            phone = identities.compact_phone(typed)
            if phone is None:
                raise ProofRefused("bad_phone")
            locale, owner = self._pages.locale(incoming), person.identity.identity_id
            challenge = proofs.send_code(self._provider, "change", phone, locale, owner)
            return self._account.render("security_phone", incoming, person, path, phone=phone, challenge=challenge)

        return self._slowly(incoming, path, send, page="security_phone", phone=typed, challenge=None)

    def set_phone(self, incoming: Incoming) -> Response:
        """POST /account/security/phone/check: the code; the number is theirs from now on."""
        path, challenge = f"{HERE}/phone", incoming.form.text("challenge")

        def change(person: Person) -> Response:
            proven = proofs.by_code(self._provider, "change", challenge, incoming.form.text("code"))
            if proven.for_identity != person.identity.identity_id:
                raise ProofRefused("wrong_code", 401)
            with self._provider.pool.connection() as connection:
                authenticators.set_phone(
                    connection, self._provider, proven.for_identity, proven.phone, person.session.session_id
                )
            return self._pages.go(HERE)

        shown = {"phone": incoming.form.text("phone"), "challenge": challenge}
        return self._slowly(incoming, path, change, page="security_phone", **shown)

    # --- passkeys -----------------------------------------------------------------------------------------------

    def ask_passkey(self, incoming: Incoming) -> Response:
        """GET /account/security/passkey: what the device is asked to make."""
        path = f"{HERE}/passkey"

        def show(connection: Connection, person: Person) -> Response:
            question = passkeys.ask_to_make(connection, self._provider, person.identity)
            return self._account.render(
                "security_passkey", incoming, person, path, script=True, question=question, problem=None
            )

        return self._account.visit(incoming, path, show, FRESH)

    def keep_passkey(self, incoming: Incoming) -> Response:
        """POST /account/security/passkey: what the device has made."""
        form = incoming.form

        def change(connection: Connection, person: Person) -> None:
            handle, credential, label = form.text("challenge"), form.text("credential"), form.text("label")
            authenticators.keep_passkey(connection, self._provider, person.identity, handle, credential, label)

        return self._change(incoming, change, f"{HERE}/passkey")

    def remove_passkey(self, incoming: Incoming) -> Response:
        """POST /account/security/passkey/remove."""
        credential_id = _bytes(incoming.form.text("passkey"))

        def change(connection: Connection, person: Person) -> None:
            authenticators.remove_passkey(connection, self._provider, person.identity.identity_id, credential_id)

        return self._change(incoming, change)

    # --- second steps -------------------------------------------------------------------------------------------

    def begin_app(self, incoming: Incoming) -> Response:
        """POST /account/security/app: a new secret as a QR code, good for nothing until a code is typed."""

        def begin(connection: Connection, person: Person) -> Response:
            provider, owner = self._provider, person.identity.identity_id
            secret = totp.begin(connection, provider.cipher, provider.mint, owner, provider.clock())
            if secret is None:
                return self._show(connection, incoming, person)
            return self._show_app(incoming, person, secret)

        return self._account.act(incoming, HERE, begin, FRESH)

    def confirm_app(self, incoming: Incoming) -> Response:
        """POST /account/security/app/confirm: the first code of the app."""

        def confirm(connection: Connection, person: Person) -> Response:
            provider, owner = self._provider, person.identity.identity_id
            try:
                authenticators.confirm_totp(connection, provider, owner, incoming.form.text("code"))
            except ProofRefused as refused:
                secret = totp.waiting_secret(connection, provider.cipher, owner)
                if secret is None:
                    return self._pages.go(HERE)
                problem = (refused.sentence, refused.values)
                return self._show_app(incoming, person, secret, refused.status, problem)
            return self._pages.go(HERE)

        return self._account.act(incoming, HERE, confirm, FRESH)

    def _show_app(
        self,
        incoming: Incoming,
        person: Person,
        secret: str,
        status: int = 200,
        problem: tuple[str, dict[str, object]] | None = None,
    ) -> Response:
        name = person.identity.login_name or person.identity.display_name
        address = totp.address(secret, name, self._provider.options.passkey_site_name)
        return self._account.render(
            "security_app",
            incoming,
            person,
            f"{HERE}/app",
            status=status,
            problem=problem,
            secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
            picture=segno.make(address, error="m").svg_inline(scale=4, border=3, dark="#000", light="#fff"),
        )

    def remove_app(self, incoming: Incoming) -> Response:
        """POST /account/security/app/remove."""

        def change(connection: Connection, person: Person) -> None:
            authenticators.remove_totp(connection, self._provider, person.identity.identity_id)

        return self._change(incoming, change)

    def make_recovery_codes(self, incoming: Incoming) -> Response:
        """POST /account/security/recovery-codes: ten codes, shown this once."""

        def make(connection: Connection, person: Person) -> Response:
            codes = authenticators.new_recovery_codes(connection, self._provider, person.identity.identity_id)
            path = f"{HERE}/recovery-codes"
            return self._account.render("security_codes", incoming, person, path, codes=codes)

        return self._account.act(incoming, HERE, make, FRESH)

    # --- shared by the above ------------------------------------------------------------------------------------

    def _change(self, incoming: Incoming, change: Callable[[Connection, Person], None], path: str = HERE) -> Response:
        """A change in one transaction, then back to the page; refused, the page says why and nothing has changed."""

        def act(connection: Connection, person: Person) -> Response:
            try:
                change(connection, person)
            except ProofRefused as refused:
                connection.rollback()
                return self._show(connection, incoming, person, (refused.sentence, refused.values), refused.status)
            return self._pages.go(HERE)

        return self._account.act(incoming, path, act, FRESH)

    def _slowly(
        self,
        incoming: Incoming,
        path: str,
        change: Callable[[Person], Response],
        page: str | None = None,
        **values: Any,
    ) -> Response:
        """A change that hashes or sends, so that no transaction may be open around it."""

        def again(person: Person, refused: ProofRefused) -> Response:
            if page is not None:
                return self._account.render(page, incoming, person, path, refused, **values)
            with self._provider.pool.connection() as connection:
                problem = (refused.sentence, refused.values)
                return self._show(connection, incoming, person, problem, refused.status)

        return self._account.slowly(incoming, path, change, again)


@dataclass(frozen=True, slots=True)
class _Key:
    """A passkey as the page shows it; days in Beijing."""

    id: str
    label: str
    made: str
    used: str | None
    synced: bool


def _shown(passkey: Passkey) -> _Key:
    used = written(passkey.last_used_at)[:10] if passkey.last_used_at else None
    made = written(passkey.created_at)[:10]
    return _Key(_text(passkey.credential_id), passkey.label, made, used, passkey.backed_up)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
