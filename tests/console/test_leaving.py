"""Logouts that did not arrive: what an operator sees of them, and telling an application again."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from interlock.wiring import Hub
from sso.ports import digest
from tests.console.harness import Browser

AT = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
PLACE = "somebody's own browser"


def undelivered(hub: Hub, state: str) -> UUID:
    """A delivery to an application that answered 503 until somebody gave up, or still does."""
    session_id, delivery_id, client_id = uuid4(), uuid4(), f"kiosk-{state.replace('_', '-')}"
    with hub.pool.connection() as connection:
        connection.execute(
            """INSERT INTO sso.client (client_id, name_zh, name_en, auth_methods, grant_types, scopes, created_at)
               VALUES (%s, '自助机', '<b>Kiosk</b>', '{none}', '{}', '{}', %s) ON CONFLICT DO NOTHING""",
            (client_id, AT),
        )
        identity_id = connection.execute("SELECT identity_id FROM sso.identity LIMIT 1").fetchone()
        assert identity_id
        connection.execute(
            """INSERT INTO sso.session (session_id, cookie_digest, identity_id, auth_time, acr, amr, user_agent,
                   created_at, last_seen_at, expires_at, ended_at, end_reason)
               VALUES (%s, %s, %s, %s, 'x', '{pwd}', %s, %s, %s, %s, %s, 'logged_out')""",
            (session_id, digest(str(session_id)), identity_id[0], AT, PLACE, AT, AT, AT, AT),
        )
        connection.execute(
            """INSERT INTO sso.logout_delivery (delivery_id, session_id, identity_id, client_id, uri, state, attempts,
                   next_attempt_at, last_attempt_at, last_status, created_at)
               VALUES (%s, %s, %s, %s, 'https://kiosk.test/logout', %s, 12, %s, %s, 503, %s)""",
            (delivery_id, session_id, identity_id[0], client_id, state, AT, AT, AT),
        )
    return delivery_id


def state_of(hub: Hub, delivery_id: UUID) -> tuple[str, int]:
    with hub.pool.connection() as connection:
        row = connection.execute(
            "SELECT state, attempts FROM sso.logout_delivery WHERE delivery_id = %s", (delivery_id,)
        ).fetchone()
    assert row
    return str(row[0]), int(row[1])


@pytest.fixture
def given_up(site: TestClient, hub: Hub) -> UUID:
    """A delivery that was given up; another one waits."""
    undelivered(hub, "waiting")
    return undelivered(hub, "given_up")


def test_an_operator_sees_what_did_not_arrive_and_tells_again(given_up: UUID, site: TestClient, hub: Hub) -> None:
    operator = Browser(site)
    operator.log_in("operator")
    page = operator.get("/console/logouts")
    assert "&lt;b&gt;Kiosk" in page.text
    assert "kiosk-given-up" in page.text
    assert PLACE not in page.text
    seen = operator.json("/console/logouts").json()
    assert (seen["given_up"], seen["clients"], len(seen["deliveries"])) == (1, ["kiosk-given-up"], 2)
    answer = operator.submit("/console/logouts/retry", "/console/logouts", client="kiosk-given-up")
    assert "told again" in answer.text
    assert state_of(hub, given_up) == ("waiting", 0)
    with hub.pool.connection() as connection:
        assert hub.audit.verify(connection)[1] is None
        acts = connection.execute("SELECT action, subject FROM hub.audit ORDER BY position").fetchall()
    assert acts == [("logout.retry", "kiosk-given-up")]


def test_only_operators_tell_again(given_up: UUID, site: TestClient, hub: Hub) -> None:
    finance = Browser(site)
    finance.log_in("finance")
    page = finance.get("/console/logouts")
    assert page.status_code == 200
    assert "/console/logouts/retry" not in page.text
    finance.submit("/console/logouts/retry", "/console", client="kiosk-given-up")
    assert state_of(hub, given_up) == ("given_up", 12)
