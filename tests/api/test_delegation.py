"""An agent at the hub's door: reads what the passenger let it read, and every reading is written down for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from interlock.wiring import Hub, sign_on
from sso import agents, clerks, consents, families, sessions
from sso.admin import Registration, register_client
from sso.families import Grant
from sso.people import identities
from sso.people.identities import Identity
from tests.api.people import bearer
from tests.api.test_scopes import FILLED, QUERIES, READERS, TABLE
from tests.console.harness import MOBILE, play_day

RESOURCE = "https://agency.interlock.test/api"
SECRET = "agency-secret-of-the-tests-0123456789abcdef"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class Counter:
    """The agents' company at a hub with a small day: a passenger who agreed, and a clerk, both logged in there."""

    def __init__(self, hub: Hub, client: TestClient) -> None:
        self.hub, self.client, self.provider = hub, client, sign_on(hub)
        play_day(hub)
        company = register_client(
            self.provider,
            Registration(
                "agency",
                "联程代售点",
                "Liancheng Travel",
                ["openid", "hub:orders"],
                SECRET,
                further_grants=[EXCHANGE],
                audiences=[RESOURCE],
                resource=RESOURCE,
                may_act=True,
            ),
        )
        self.provider.tokens.prepare()
        passenger, clerk = self._person("zhaoyi", f"+86{MOBILE}"), self._person("wangfang", None)
        self.passenger = passenger.identity_id
        assert clerks.employ(self.provider, "agency", "wangfang")
        with hub.pool.connection() as connection:
            session_id = self._session(passenger.identity_id)
            consents.give(
                connection,
                company,
                passenger.identity_id,
                ["openid", "hub:orders"],
                "day",
                session_id,
                self.provider.clock(),
                self.provider.mint,
            )
        self.subject = self._token(passenger, session_id, "client:agency")
        self.actor = self._token(clerk, self._session(clerk.identity_id), None)

    def _person(self, login: str, phone: str | None) -> Identity:
        now = self.provider.clock()
        kind = "passenger" if phone else "staff"
        person = Identity(self.provider.mint.identifier(), kind, login, login.title(), None, None, [], "en", now)
        with self.hub.pool.connection() as connection:
            identities.add(connection, self.provider.cipher, person, phone, now)
        return person

    def _session(self, identity_id: UUID) -> UUID:
        provider = self.provider
        with self.hub.pool.connection() as connection:
            return sessions.start(
                connection, identity_id, ("pwd",), "a browser", provider.clock(), provider.options, provider.mint
            )[0]

    def _token(self, person: Identity, session_id: UUID, may_act: str | None) -> str:
        now = self.provider.clock()
        scope = ["openid", "hub:orders"]
        grant = Grant(
            self.provider.mint.identifier(),
            "agency",
            session_id,
            person.identity_id,
            scope,
            {},
            now,
            "urn:interlock:acr:single-factor",
            ["pwd"],
            audience=RESOURCE,
        )
        with self.hub.pool.connection() as connection:
            families.open_grant(connection, grant, now)
        return self.provider.tokens.user_access_token(grant, scope, [], may_act=may_act)

    def delegated(self) -> str:
        data = {
            "grant_type": EXCHANGE,
            "subject_token": self.subject,
            "subject_token_type": ACCESS_TOKEN,
            "actor_token": self.actor,
            "actor_token_type": ACCESS_TOKEN,
        }
        answer = self.client.post("/sso/token", data=data, auth=("agency", SECRET))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def deeds(self) -> list[tuple[str, str | None, str | None]]:
        with self.hub.pool.connection() as connection:
            return [
                (deed.what, deed.about, deed.clerk)
                for deed in agents.deeds(connection, self.passenger, "agency")
                if deed.what != agents.TOKEN
            ]


@pytest.fixture
def counter(hub: Hub, client: TestClient) -> Counter:
    return Counter(hub, client)


def test_an_agent_reads_the_passengers_orders_and_the_passenger_reads_that(counter: Counter) -> None:
    headers = bearer(counter.delegated())
    listed: list[dict[str, Any]] = counter.client.get("/v1/me/orders", headers=headers).json()
    assert listed
    assert counter.deeds() == [("orders_listed", None, "Wangfang")]
    order_id = listed[0]["order_id"]
    assert counter.client.get(f"/v1/orders/{order_id}", headers=headers).status_code == 200
    assert counter.deeds()[0] == ("order_read", order_id, "Wangfang")
    assert counter.client.get(f"/v1/orders/{FILLED['order_id']}", headers=headers).status_code == 404
    assert len(counter.deeds()) == 2


def test_whatever_an_agent_is_shown_of_a_person_is_written_down(counter: Counter) -> None:
    """Every address that a reader may ask: an answer with an order in it leaves a deed, whoever wrote the address."""
    headers = bearer(counter.delegated())
    order = counter.client.get("/v1/me/orders", headers=headers).json()[0]
    shown: set[str] = set()
    for (method, path), allowed in TABLE.items():
        if method != "GET" or not allowed >= READERS or "schemas" in path or "problems" in path:
            continue
        before = len(counter.deeds())
        query = QUERIES.get(path) and {"system": "rail", "value": order["references"][0]["value"]}
        answer = counter.client.get(
            path.format(**FILLED | {"order_id": order["order_id"]}), params=query, headers=headers
        )
        if order["order_id"] in answer.text:
            assert len(counter.deeds()) > before, path
            shown.add(path)
    assert shown == {
        "/v1/orders",
        "/v1/me/orders",
        "/v1/orders/{order_id}",
        "/v1/orders/{order_id}/timeline",
        "/v1/events",
    }


def test_a_token_for_the_companys_own_resource_is_refused_by_the_hub(counter: Counter) -> None:
    refused = counter.client.get("/v1/me/orders", headers=bearer(counter.subject))
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert "token_audience_wrong" in refused.json()["detail"]


def test_what_cannot_be_written_down_is_not_shown(counter: Counter) -> None:
    headers = bearer(counter.delegated())
    with counter.hub.pool.connection() as connection:
        connection.execute("ALTER TABLE sso.audit RENAME TO audit_away")
    try:
        assert counter.client.get("/v1/me/orders", headers=headers).status_code >= 500
    finally:
        with counter.hub.pool.connection() as connection:
            connection.execute("ALTER TABLE sso.audit_away RENAME TO audit")
