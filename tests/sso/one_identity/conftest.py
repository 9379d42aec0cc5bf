"""The provider with a channel of old accounts and a register of names, and a second account of the same person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from interlock.clock import SetClock
from interlock.database import Pool
from sso import admin
from sso.options import Argon2Options
from tests.sso.harness import PASSWORD, PHONE, Browser, Listener, Receiver, Site, running
from tests.sso.one_identity.channels import Ministry, OldChannel, registers

OTHER_PHONE = "+8619900000055"
OTHER_PASSWORD = "another-train-to-kashgar"


@pytest.fixture
def channel() -> OldChannel:
    """The old accounts of the channel `web`."""
    return OldChannel()


@pytest.fixture
def ministry() -> Ministry:
    """The register of names."""
    return Ministry()


@pytest.fixture
def site(
    listener: Listener,
    pool: Pool,
    clock: SetClock,
    receivers: dict[str, Receiver],
    argon2_options: Argon2Options,
    channel: OldChannel,
    ministry: Ministry,
) -> Iterator[Site]:
    """The provider with both of them."""
    outside = registers(channel, ministry)
    with running(listener, pool, clock, receivers, argon2_options, registers=outside) as started:
        yield started


@dataclass
class People:
    """liwei, who is signed in, and an account with another number that is theirs, too."""

    site: Site
    me: Browser
    my_id: UUID
    other_id: UUID

    def other(self) -> Browser:
        """Somebody signed in to the other account, in another browser."""
        return signed_in(self.site, OTHER_PHONE, OTHER_PASSWORD)

    def join(self, **chosen: str) -> httpx.Response:
        """Join the other account to mine by its password."""
        return confirmed(self.me, self.proven_other(), **chosen)

    def proven_other(self) -> httpx.Response:
        """The page that shows what joining will do."""
        form = self.me.get("/account/links/join")
        return self.me.follow(self.me.submit(form, login=OTHER_PHONE, password=OTHER_PASSWORD))

    def proven_other_by_code(self) -> httpx.Response:
        """The same, by a code to the other number."""
        asked = self.me.submit(self.me.get("/account/links/join", way="code"), login=OTHER_PHONE)
        return self.me.follow(self.me.submit(asked, code=self.site.gateway.last_code))

    def proven_account(self, account: str = "li", password: str = "old-password") -> httpx.Response:
        """The page that shows what linking an old account of `web` will do."""
        form = self.me.get("/account/links/new")
        return self.me.follow(self.me.submit(form, channel="web", account=account, password=password))

    def kinds(self, identity_id: UUID) -> list[str]:
        """What a person was told, oldest first."""
        with self.site.provider.pool.connection() as connection:
            rows = connection.execute(
                "SELECT kind FROM sso.notice WHERE identity_id = %s ORDER BY created_at, notice_id", (identity_id,)
            ).fetchall()
        return [row[0] for row in rows]


def signed_in(site: Site, login: str, password: str) -> Browser:
    """A browser in which somebody has just logged in."""
    browser = site.browser()
    browser.submit(browser.get("/login"), login=login, password=password)
    return browser


def confirmed(browser: Browser, preview: httpx.Response, **chosen: str) -> httpx.Response:
    """Press the button of the page that shows what will happen."""
    assert preview.status_code == 200, preview.text
    assert "Please confirm" in preview.text
    return browser.follow(browser.submit(preview, **chosen))


@pytest.fixture
def people(site: Site) -> People:
    """Both accounts; mine is signed in."""
    other = admin.create_passenger(site.provider, None, "李未（旧）", OTHER_PASSWORD, OTHER_PHONE)
    my_id = site.one("SELECT identity_id FROM sso.identity WHERE login_name = 'liwei'")
    assert PHONE != OTHER_PHONE
    return People(site, signed_in(site, "liwei", PASSWORD), my_id, other.identity_id)
