"""Where a person is signed in, and signing out: here, at one other place, or everywhere; and who was told of it."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from fastapi import Response
from psycopg import Connection

from sso import clients, logout, sessions, telling
from sso.incoming import Incoming, Row
from sso.pages.account import Person, PersonalPages
from sso.pages.devices import device_name
from sso.pages.page import SESSION
from sso.pages.times import written
from sso.pages.words import WORDS
from sso.people import identities
from sso.provider import Provider
from sso.sessions import Session
from sso.telling import Logout, Telling

PATH = "/account/sessions"
SHOWN_FOR = timedelta(days=7)
SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class ShownSession:
    """One session as the page shows it; `proofs` are keys of words."""

    session_id: UUID
    here: bool
    kind: str
    place: str | None
    since: str
    seen: str
    until: str
    proofs: list[str]
    used_in: list[str]
    below: "list[ShownSession]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ShownTelling:
    """One client that is told of a logout."""

    name: str
    kind: str
    state: str
    at: str | None
    next_at: str
    attempts: int


@dataclass(frozen=True, slots=True)
class ShownLogout:
    """One logout; `reason` is a key of words."""

    at: str
    reason: str
    open: bool
    tellings: list[ShownTelling]


class SessionListPages(PersonalPages):
    """Handlers for `/account/sessions`, `/signed-in` and `/signed-out`."""

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        away = self._pages.away
        return [
            Row("GET", PATH, self.show, away),
            Row("POST", f"{PATH}/end", self.end, away),
            Row("GET", "/signed-in", self.signed_in, away),
            Row("GET", "/signed-out", self.signed_out, away),
        ]

    def show(self, incoming: Incoming) -> Response:
        """GET /account/sessions: every live session as a tree, and the last logouts."""
        return self._account.visit(incoming, PATH, lambda connection, person: self._list(incoming, connection, person))

    def end(self, incoming: Incoming) -> Response:
        """POST /account/sessions/end: one session of the person's own. No fresh login: stopping must be easy."""

        def stop(connection: Connection, person: Person) -> Response:
            now, mint = self._provider.clock(), self._provider.mint
            chosen = _own(connection, incoming.form.text("session"), person, self._provider)
            if chosen is None:
                return self._list(incoming, connection, person)
            receipt = mint.secret()
            logout.end_session(connection, chosen.session_id, "ended_by_person", now, mint, receipt)
            if sessions.live(connection, person.session.session_id, now, self._provider.options) is None:
                response = self._pages.go(f"/signed-out?receipt={receipt}")
                self._pages.drop_session(response)
                return response
            return self._list(incoming, connection, person, ended=True)

        return self._account.act(incoming, PATH, stop)

    def signed_in(self, incoming: Incoming) -> Response:
        """GET /signed-in: who is logged in, where it is used, two buttons to leave."""
        locale, now, options = self._pages.locale(incoming), self._provider.clock(), self._provider.options
        with self._provider.pool.connection() as connection:
            session = sessions.by_cookie(connection, self._pages.cookie(incoming, SESSION), now, options)
            identity = identities.load(connection, session.identity_id) if session else None
            if session is None or identity is None:
                return self._pages.go("/login")
            used_in = _used_in(connection, session.session_id, locale)
        return self._pages.render(
            "signed_in", incoming, switch="/signed-in", person=identity.display_name, used_in=used_in
        )

    def signed_out(self, incoming: Incoming) -> Response:
        """GET /signed-out: where a logout without a registered URI ends. The receipt shows what became of it."""
        receipt, left = incoming.query.get("receipt"), None
        if receipt:
            with self._provider.pool.connection() as connection:
                found = telling.by_receipt(connection, receipt, self._provider.clock(), self._provider.options)
            left = _shown_logout(found, self._pages.locale(incoming)) if found else None
        path = "/signed-out" + (f"?receipt={receipt}" if left else "")
        hours = int(self._provider.options.logout_receipt_lifetime.total_seconds() // 3600)
        return self._pages.render("signed_out", incoming, switch=path, left=left, again=path, hours=hours)

    def _list(self, incoming: Incoming, connection: Connection, person: Person, ended: bool = False) -> Response:
        identity_id, now, locale = person.identity.identity_id, self._provider.clock(), self._pages.locale(incoming)
        live = sessions.of_identity(connection, identity_id, now, self._provider.options)
        left = telling.recent(connection, identity_id, now - SHOWN_FOR, SHOWN_MAX)
        return self._account.render(
            "sessions",
            incoming,
            person,
            PATH,
            tree=_tree(connection, live, person.session, locale),
            left=[_shown_logout(each, locale) for each in left],
            ended=ended,
        )


def _own(connection: Connection, session_id: str, person: Person, provider: Provider) -> Session | None:
    """The session that the form names, if it is live and the person's own."""
    live = sessions.of_identity(connection, person.identity.identity_id, provider.clock(), provider.options)
    return next((each for each in live if str(each.session_id) == session_id), None)


def _tree(connection: Connection, live: list[Session], here: Session, locale: str) -> list[ShownSession]:
    """Roots with what is below them, oldest first; this browser's on top. A child whose parent is over is a root."""
    shown = {each.session_id: _shown_session(connection, each, here, locale) for each in reversed(live)}
    roots: list[ShownSession] = []
    for session in reversed(live):
        parent = shown.get(session.parent_id) if session.parent_id else None
        (parent.below if parent else roots).append(shown[session.session_id])
    return sorted(roots, key=lambda each: not each.here)


def _shown_session(connection: Connection, session: Session, here: Session, locale: str) -> ShownSession:
    browser = session.kind in ("browser", "app")
    return ShownSession(
        session.session_id,
        session.session_id == here.session_id,
        session.kind,
        device_name(session.user_agent, locale) if browser else session.user_agent or None,
        written(session.created_at),
        written(session.last_seen_at),
        written(session.expires_at),
        [key for method in session.amr if (key := f"proof_{method}") in WORDS],
        _used_in(connection, session.session_id, locale),
    )


def _used_in(connection: Connection, session_id: UUID, locale: str) -> list[str]:
    loaded = [clients.load(connection, each) for each in sessions.client_ids(connection, session_id)]
    return [client.name(locale) for client in loaded if client]


def _shown_logout(left: Logout, locale: str) -> ShownLogout:
    key = f"left_{left.reason}"
    return ShownLogout(
        written(left.at),
        key if key in WORDS else "left_other",
        left.open,
        [_shown_telling(each, locale) for each in left.tellings],
    )


def _shown_telling(told: Telling, locale: str) -> ShownTelling:
    state = "retrying" if told.state == "waiting" and told.attempts else told.state
    at = written(told.last_attempt_at) if told.last_attempt_at else None
    return ShownTelling(told.name(locale), told.kind, state, at, written(told.next_attempt_at), told.attempts)
