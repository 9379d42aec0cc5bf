"""The console as a client of our own provider, and what a member of staff may do in it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hub.api import Principal
from hub.store.seal import Seal
from interlock.signing_in import Application, SignIn
from sso import Provider

CLIENT_ID = "console"
SCOPES = ("openid", "profile", "operator", "finance", "auditor", "admin")
READ = frozenset({"hub:operate", "hub:finance", "hub:audit"})
"""Who may look: any one of these. Whoever has none is no staff."""
OPERATE = frozenset({"hub:operate"})
PERSONAL = frozenset({"hub:personal"})
"""Who may have names and numbers of people shown, one act at a time, each of them written down."""
FINANCE = frozenset({"hub:finance"})
AUDIT = frozenset({"hub:finance", "hub:audit"})
"""Who may have the books' reports: finance, and who audits it."""


@dataclass(frozen=True, slots=True)
class Staff:
    """Who looks at a page: verified for this request. ``form_token`` must come back with every form."""

    subject: str
    name: str
    scopes: frozenset[str]
    form_token: str
    id_token: str
    principal: Principal

    def may(self, any_of: frozenset[str]) -> bool:
        """Whether one of these scopes is held."""
        return bool(self.scopes & any_of)


class Login(SignIn):
    """Makes and reads the console's cookies. ``verify`` is the hub API's own check of access tokens."""

    def __init__(
        self,
        provider: Provider,
        seal: Seal,
        verify: Callable[[str], Principal],
        public_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        application = Application(CLIENT_ID, "联锁运营台", "Interlock console", SCOPES, "/console")
        super().__init__(application, provider, seal, verify, public_url, clock)

    def staff(self, session_cookie: str | None) -> Staff | None:
        """Who this is, verified now; None when the browser has to go to the provider (again)."""
        found = self.signed_in(session_cookie)
        if found is None:
            return None
        principal = found.principal
        return Staff(principal.subject, found.name, principal.scopes, found.form_token, found.id_token, principal)
