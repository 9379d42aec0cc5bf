"""`/me` by document: a ticket bought with an old number is the passenger's, once a window has seen the document."""

from __future__ import annotations

from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from interlock.wiring import Hub, sign_on
from sso.people import identities, real_names
from sso.people.identities import Identity
from tests.api.people import password_hash
from tests.console.harness import RESIDENT_ID, SALE, Browser

NEW_NUMBER = "+8619900000088"


@pytest.fixture
def passenger(site: TestClient, hub: Hub) -> Identity:
    """Somebody who travels on an order of the small day, and whose number is on none."""
    provider = sign_on(hub)
    person = Identity(
        provider.mint.identifier(), "passenger", "zhaoyi", "赵一", password_hash(), None, [], "en", provider.clock()
    )
    with hub.pool.connection() as connection:
        identities.add(connection, provider.cipher, person, NEW_NUMBER, provider.clock())
    return person


def seen(hub: Hub, identity_id: UUID, number: str) -> None:
    """A clerk has seen a document with this number."""
    provider = sign_on(hub)
    with hub.pool.connection() as connection:
        clerk = connection.execute("SELECT identity_id FROM sso.identity WHERE kind = 'staff' LIMIT 1").fetchone()
        assert clerk
        real_names.confirm_at_window(
            connection, provider, identity_id, clerk[0], name="赵一", document_type="resident_id", number=number
        )


def test_orders_by_the_confirmed_document_and_only_then(site: TestClient, hub: Hub, passenger: Identity) -> None:
    browser = Browser(site)
    assert SALE not in browser.log_in("zhaoyi", page="/me").text
    provider = sign_on(hub)
    real_names.declare(provider, passenger.identity_id, "赵一", "resident_id", RESIDENT_ID)  # no register is connected
    assert SALE not in browser.get("/me").text
    seen(hub, passenger.identity_id, RESIDENT_ID)
    page = browser.get("/me")
    assert SALE in page.text
    assert RESIDENT_ID not in page.text


def test_another_document_shows_nothing(site: TestClient, hub: Hub, passenger: Identity) -> None:
    seen(hub, passenger.identity_id, "990101198001010014")
    assert SALE not in Browser(site).log_in("zhaoyi", page="/me").text
