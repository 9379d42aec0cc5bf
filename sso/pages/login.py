"""The login and registration pages: forms in, redirects out. What is true is decided in `sso.people.proofs`."""

from collections.abc import Callable
from typing import Any

from fastapi import Response

from sso import interactions
from sso.clients import load as load_client
from sso.incoming import Incoming, Row
from sso.pages.page import SESSION, Pages, with_handle
from sso.people import assurance, identities, passkeys, proofs
from sso.people.identities import Identity
from sso.people.proofs import ProofRefused
from sso.provider import Provider

METHODS = ("password", "code", "passkey")


class LoginPages:
    """Handlers for `/login...` and `/register...`. Each is synchronous and runs in the thread pool."""

    def __init__(self, provider: Provider, pages: Pages) -> None:
        self._provider, self._pages = provider, pages

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", "/login", self.login, away),
            Row("POST", "/login", self.login_password, away),
            Row("POST", "/login/passkey", self.login_passkey, away),
            Row("POST", "/login/code", self.send_code, away),
            Row("POST", "/login/code/check", self.login_code, away),
            Row("GET", "/register", self.register, away),
            Row("POST", "/register", self.register_send, away),
            Row("POST", "/register/check", self.register_check, away),
            Row("POST", "/register/finish", self.register_finish, away),
        ]

    # --- login --------------------------------------------------------------------------------------------------

    def login(self, incoming: Incoming) -> Response:
        """GET /login: the form for the chosen way to log in (`method` = password, code or passkey)."""
        method = incoming.query.text("method")
        return self._show("login", incoming, method=method if method in METHODS else METHODS[0], typed=None)

    def login_password(self, incoming: Incoming) -> Response:
        """POST /login: login and password."""
        typed = incoming.form.text("login")

        def prove() -> Response:
            identity = proofs.by_password(self._provider, typed, incoming.form.text("password"))
            return self._logged_in(incoming, identity, assurance.PASSWORD)

        return self._guarded(incoming, "login", prove, method="password", typed=typed)

    def login_passkey(self, incoming: Incoming) -> Response:
        """POST /login/passkey: what the device has signed."""
        form = incoming.form

        def prove() -> Response:
            identity, amr = passkeys.login(self._provider, form.text("challenge"), form.text("credential"))
            return self._logged_in(incoming, identity, amr)

        return self._guarded(incoming, "login", prove, method="passkey", typed="")

    def send_code(self, incoming: Incoming) -> Response:
        """POST /login/code: send a code to the phone number."""
        return self._send(incoming, "login")

    def login_code(self, incoming: Incoming) -> Response:
        """POST /login/code/check: the code that was read from the phone."""
        challenge = incoming.form.text("challenge")

        def prove() -> Response:
            proven = proofs.by_code(self._provider, "login", challenge, incoming.form.text("code"))
            if proven.identity is None:
                raise ProofRefused("wrong_code", 401)
            return self._logged_in(incoming, proven.identity, assurance.PHONE_CODE)

        return self._guarded(
            incoming, "code", prove, purpose="login", challenge=challenge, phone=incoming.form.text("phone")
        )

    # --- registration -------------------------------------------------------------------------------------------

    def register(self, incoming: Incoming) -> Response:
        """GET /register: ask for the phone number."""
        return self._show("register", incoming, typed=None)

    def register_send(self, incoming: Incoming) -> Response:
        """POST /register: send a code to the phone number."""
        return self._send(incoming, "register")

    def register_check(self, incoming: Incoming) -> Response:
        """POST /register/check: the code; then the form for name and password."""
        challenge, shown = incoming.form.text("challenge"), incoming.form.text("phone")

        def prove() -> Response:
            proven = proofs.by_code(self._provider, "register", challenge, incoming.form.text("code"))
            if proven.identity is not None:
                return self._show("login", incoming, 409, method="code", typed=shown, problem=("phone_taken", {}))
            return self._show(
                "details", incoming, challenge=challenge, phone=shown, typed={"name": "", "login_name": ""}
            )

        return self._guarded(incoming, "code", prove, purpose="register", challenge=challenge, phone=shown)

    def register_finish(self, incoming: Incoming) -> Response:
        """POST /register/finish: name, login name, password; then logged in."""
        form = incoming.form
        challenge = form.text("challenge")
        typed = {"name": form.text("name"), "login_name": form.text("login_name")}

        def prove() -> Response:
            locale = self._pages.locale(incoming)
            identity = proofs.register(
                self._provider, challenge, typed["name"], typed["login_name"], form.text("password"), locale
            )
            return self._logged_in(incoming, identity, assurance.PHONE_CODE)

        return self._guarded(incoming, "details", prove, challenge=challenge, phone=form.text("phone"), typed=typed)

    # --- shared by the above ------------------------------------------------------------------------------------

    def _send(self, incoming: Incoming, purpose: str) -> Response:
        typed = incoming.form.text("phone")
        page, values = ("login", {"method": "code"}) if purpose == "login" else ("register", {})

        def prove() -> Response:
            phone = identities.compact_phone(typed)
            if phone is None:
                raise ProofRefused("bad_phone")
            challenge = proofs.send_code(self._provider, purpose, phone, self._pages.locale(incoming))
            return self._show("code", incoming, purpose=purpose, challenge=challenge, phone=phone)

        return self._guarded(incoming, page, prove, typed=typed, **values)

    def _guarded(self, incoming: Incoming, page: str, prove: Callable[[], Response], **values: Any) -> Response:
        if not self._pages.form_is_ours(incoming):
            return self._pages.error(incoming, "form_not_ours", "error_form", 403)
        try:
            return prove()
        except ProofRefused as refused:
            if refused.sentence == "error_stale":
                return self._pages.error(incoming, "page_expired", "error_stale", refused.status)
            return self._show(page, incoming, refused.status, problem=(refused.sentence, refused.values), **values)

    def _logged_in(self, incoming: Incoming, identity: Identity, amr: tuple[str, ...]) -> Response:
        handle = self._handle(incoming)
        secret = proofs.open_session(
            self._provider,
            identity,
            amr,
            self._pages.cookie(incoming, SESSION),
            incoming.headers.get("user-agent", ""),
            handle,
        )
        response = self._pages.go(with_handle("/authorize/resume", handle) if handle else "/signed-in")
        self._pages.set_cookie(response, SESSION, secret)
        return response

    def _show(
        self,
        page: str,
        incoming: Incoming,
        status: int = 200,
        problem: tuple[str, dict[str, object]] | None = None,
        **values: Any,
    ) -> Response:
        handle = self._handle(incoming)
        client_name, targets, hint = None, [], None
        if handle:
            with self._provider.pool.connection() as connection:
                waiting = interactions.load(connection, handle, self._provider.clock(), self._provider.cipher)
                client = load_client(connection, waiting.parameters.text("client_id")) if waiting else None
            if waiting is None or (client is None and waiting.page is None):
                return self._pages.error(incoming, "page_expired", "error_stale", 410)
            if client is not None:
                client_name = client.name(self._pages.locale(incoming))
                targets, hint = [waiting.parameters.text("redirect_uri")], waiting.parameters.get("login_hint")
        if values.get("typed", "") is None:
            values["typed"] = hint or ""
        if values.get("method") == "passkey":
            with self._provider.pool.connection() as connection:
                values |= {"question": passkeys.ask_to_sign(connection, self._provider), "script": True}
        switch = None
        if incoming.method == "GET":  # a page that came out of a form has no address to come back to
            switch = with_handle(
                f"/{page}", handle, **({"method": method} if (method := values.get("method")) in METHODS[1:] else {})
            )
        return self._pages.render(
            page,
            incoming,
            status=status,
            form_targets=targets,
            switch=switch,
            handle=handle,
            client_name=client_name,
            problem=problem,
            link=lambda path, **more: self._provider.options.url(with_handle(path, handle, **more)),
            minutes=int(self._provider.options.phone_code_lifetime.total_seconds() // 60),
            password_length=self._provider.options.password_length_min,
            passkeys_possible=passkeys.possible(self._provider),
            **values,
        )

    @staticmethod
    def _handle(incoming: Incoming) -> str | None:
        return incoming.parameters.get("i")
