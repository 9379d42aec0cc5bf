"""My agents: who may act for me or read what is mine, what they did, and taking it back at once."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import Response
from psycopg import Connection

from sso import agents, clients, consents
from sso.consents import Consent
from sso.incoming import Incoming, Row
from sso.pages.account import Person, PersonalPages
from sso.pages.consent import Terms, terms_of
from sso.pages.words import WORDS

PATH = "/account/agents"
DEEDS_MAX = 20
BEIJING = ZoneInfo("Asia/Shanghai")  # the railway's time, whatever the server's
TIME_FORMAT = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True)
class ShownDeed:
    """A deed as the page shows it: `key` names its word."""

    at: str
    key: str
    what: str
    about: str | None
    url: str | None
    clerk: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """What one client holds of the person, as the page shows it."""

    client_id: str
    terms: Terms
    since: str
    until: str
    ended: str | None
    deeds: list[ShownDeed]


class AgentPages(PersonalPages):
    """`/account/agents`."""

    def routes(self) -> list[Row]:
        """The addresses of these pages."""
        return [
            Row("GET", PATH, self.show, self._pages.away),
            Row("POST", f"{PATH}/revoke", self.revoke, self._pages.away),
        ]

    def show(self, incoming: Incoming) -> Response:
        """GET /account/agents."""
        return self._account.visit(incoming, PATH, lambda connection, person: self._list(incoming, connection, person))

    def revoke(self, incoming: Incoming) -> Response:
        """POST /account/agents/revoke: the client loses everything at once. No fresh login: stopping must be easy."""

        def take_back(connection: Connection, person: Person) -> Response:
            client_id = incoming.form.text("client_id")
            revoked = consents.revoke(
                connection, person.identity.identity_id, client_id, "revoked_by_person", self._provider.clock()
            )
            client = clients.load(connection, client_id) if revoked else None
            name = client.name(self._pages.locale(incoming)) if client else client_id if revoked else None
            return self._list(incoming, connection, person, name)

        return self._account.act(incoming, PATH, take_back)

    def _list(
        self, incoming: Incoming, connection: Connection, person: Person, taken_back: str | None = None
    ) -> Response:
        identity_id, locale = person.identity.identity_id, self._pages.locale(incoming)
        now = self._provider.clock()
        standing = [self._held(connection, each, locale) for each in consents.of_identity(connection, identity_id, now)]
        earlier = [
            self._held(connection, each.consent, locale, each.ended_at)
            for each in consents.ended(connection, identity_id, now)
        ]
        return self._account.render(
            "agents", incoming, person, PATH, held=standing, earlier=earlier, taken_back=taken_back, count=DEEDS_MAX
        )

    def _held(self, connection: Connection, consent: Consent, locale: str, ended_at: datetime | None = None) -> Held:
        client = clients.load(connection, consent.client_id)
        name = client.name(locale) if client else consent.client_id  # disabled: it keeps its line, to be taken back
        deeds = agents.deeds(connection, consent.identity_id, consent.client_id, DEEDS_MAX) if consent.acts else []
        return Held(
            consent.client_id,
            terms_of(name, consent.scope, acts=consent.acts),
            _moment(consent.given_at),
            _moment(consent.expires_at),
            _moment(ended_at) if ended_at else None,
            [self._shown(deed) for deed in deeds],
        )

    def _shown(self, deed: agents.Deed) -> ShownDeed:
        key, order_url = f"deed_{deed.what}", self._provider.options.order_url
        url = order_url.replace("{order_id}", deed.about) if order_url and deed.about else None
        return ShownDeed(
            _moment(deed.at), key if key in WORDS else "deed_other", deed.what, deed.about, url, deed.clerk
        )


def _moment(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime(TIME_FORMAT)
