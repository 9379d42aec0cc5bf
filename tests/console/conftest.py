"""The whole application over real engines, with staff to log in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hub.intake import Receipt
from interlock.database import Pool
from interlock.web import build_app
from interlock.wiring import Hub, sign_on
from schemas.problems import problem
from sso.people import identities
from sso.people.identities import Identity
from tests.api.people import password_hash
from tests.console.harness import PUBLIC_URL, Browser, open_test_hub, play_day
from tests.sso.authenticator import SoftAuthenticator


@pytest.fixture
def hub(pool: Pool, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Hub]:
    """A wired hub; its rows go when the test ends (``pool``)."""
    opened = open_test_hub(tmp_path, database_url, valkey_url)
    yield opened
    opened.close()


@pytest.fixture
def site(hub: Hub) -> Iterator[TestClient]:
    """The application after a small day, with one member of staff per role and a passenger."""
    play_day(hub)
    forged = Receipt("web", "web-forged", b'{"passenger_id_no": "990101199003070015"}', "http", hub.clock())
    hub.intake.reject(forged, problem("signature_invalid"))
    hire(hub)
    with TestClient(build_app(hub), base_url=PUBLIC_URL) as client:
        yield client


PASSKEYS = {name: SoftAuthenticator(PUBLIC_URL) for name in ("operator", "finance", "auditor")}
"""Each member of staff's device; its counter goes on from test to test, as a real one's would."""


def hire(hub: Hub) -> None:
    """One member of staff per role and a passenger, all with the same password, which is hashed once for all tests."""
    provider = sign_on(hub)
    password, now = password_hash(), provider.clock()
    people = {"operator": ["operator"], "finance": ["finance"], "auditor": ["auditor"], "liwei": []}
    with hub.pool.connection() as connection:
        for name, roles in people.items():
            kind = "staff" if roles else "passenger"
            person = Identity(provider.mint.identifier(), kind, name, name.title(), password, None, roles, "en", now)
            identities.add(connection, provider.cipher, person, None, now)
            if roles:
                PASSKEYS[name].belong_to(connection, person.identity_id, now)


@pytest.fixture
def operator(site: TestClient) -> Browser:
    """An operator who is logged in and reads English."""
    browser = Browser(site)
    assert browser.log_in("operator").status_code == 200
    return browser
