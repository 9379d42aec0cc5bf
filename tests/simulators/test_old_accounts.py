"""The simulated channels' accounts of before, asked by the provider over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import anyio
import pytest
from aiohttp import web

from interlock.clock import system_clock
from interlock.demo.stage import account_services, free_ports
from interlock.settings import AccountService as Configured
from simulators.configuration import ChannelAccess, Simulation
from simulators.old_accounts import PASSWORD, OldAccounts, account_name
from sso.people.account_service import AccountService
from sso.people.companions import clean
from sso.people.documents import DOCUMENT_RULES
from sso.ports import SystemMinter
from sso.signed_post import ServiceFailed, ServiceOptions, SignedPost
from tests.console.harness import SECRET
from tests.simulators.test_login import DAY

T = TypeVar("T")


class Asked:
    """One channel's old accounts behind a real server, and the provider's own questions."""

    def __init__(self, channel: str, port: int) -> None:
        self.accounts, self._port = OldAccounts(channel, SECRET), port
        self.service = self.signed_with(SECRET)

    def signed_with(self, secret: str) -> AccountService:
        options = ServiceOptions(f"http://127.0.0.1:{self._port}/accounts", secret)
        return AccountService(SignedPost(options, system_clock, SystemMinter()))

    async def __call__(self, question: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(question)


@pytest.fixture(params=["web", "phone"])
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[Asked]:
    [port] = free_ports(1)
    asked = Asked(request.param, port)
    app = web.Application()
    app.add_routes(asked.accounts.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield asked
    await runner.cleanup()


async def test_an_account_is_found_proven_absorbed_and_released(asked: Asked) -> None:
    channel, service = asked.accounts.channel, asked.service
    name = account_name(channel)
    found = await asked(lambda: service.find(name))
    assert found
    assert found.account_id == f"{channel}-1"
    assert all(clean(DOCUMENT_RULES, fellow) == fellow for fellow in found.travellers)
    assert await asked(lambda: service.find("nobody")) is None
    if channel == "web":
        assert await asked(lambda: service.by_password(name, PASSWORD)) == found
        assert await asked(lambda: service.by_password(name, "a-guess")) is None
    else:
        with pytest.raises(ServiceFailed):
            await asked(lambda: service.by_password(name, PASSWORD))
    await asked(lambda: service.absorb(found.account_id, "a-subject"))
    assert asked.accounts.holders == {found.account_id: "a-subject"}
    await asked(lambda: service.release(found.account_id))
    assert asked.accounts.holders == {}


async def test_a_strangers_question_is_not_answered(asked: Asked) -> None:
    forger = asked.signed_with("d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc=")
    with pytest.raises(ServiceFailed):
        await asked(lambda: forger.find(account_name(asked.accounts.channel)))


def test_the_demo_says_where_they_answer_in_the_words_of_the_setting() -> None:
    access = {"web": ChannelAccess(4711, "s", SECRET), "phone": ChannelAccess(4712, "s", SECRET)}
    told = account_services(Simulation(1, 1, DAY, "http://127.0.0.1:1", Path(), access, 1))
    configured = {name: Configured.model_validate(each) for name, each in told.items()}
    assert configured["web"].url == "http://127.0.0.1:4711/accounts"
    assert list(configured["web"].proofs) == ["password"]
    assert not configured["phone"].proofs
