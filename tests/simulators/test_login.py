"""The five channels log a passenger in: their own clients against the whole application, each behind a real server."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from interlock.database import Pool
from interlock.demo.browser import Browser, told
from interlock.demo.clients import new_login_key, register_logins
from interlock.demo.stage import (
    AGENT_LOGIN,
    AGENT_NAME,
    PASSENGER_LOGIN,
    PASSENGER_PASSWORD,
    STAFF_PASSWORD,
    free_ports,
)
from interlock.demo.tour import COMPANION, Tour
from interlock.demo.tree import grown
from interlock.wiring import Hub, sign_on
from schemas.personal import masked_number
from simulators.channel import ChannelServer
from simulators.configuration import ChannelAccess, Simulation
from simulators.journeys import ACCOUNT_NAME, ACCOUNT_PHONE
from simulators.plan import CHANNELS
from sso import Provider, clerks, logout
from sso.admin import Demo, DemoPerson, seed_demo
from sso.pings import deliver_pings, http_send_ping
from tests.api.serving import served
from tests.console.harness import SECRET

DAY = date(2026, 1, 11)


class Channels:
    """Five channel systems on one event loop in a thread of its own."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.servers: dict[str, ChannelServer] = {}
        self._loop = asyncio.new_event_loop()
        self._runners: list[web.AppRunner] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(60)

    async def _open(self) -> None:
        for channel, access in self.simulation.channels.items():
            self.servers[channel] = ChannelServer(channel, self.simulation)
            runner = web.AppRunner(self.servers[channel].application(), shutdown_timeout=0.2)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", access.port).start()
            self._runners.append(runner)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _shut(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    def home(self, channel: str) -> str:
        return f"http://127.0.0.1:{self.simulation.channels[channel].port}"

    def state(self, channel: str) -> dict[str, Any]:
        return dict(httpx.get(f"{self.home(channel)}/state", trust_env=False).json())


class Teller:
    """What beat and a worker do in an installation: logout tokens and pings go out, again and again."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Teller:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        provider = self._provider
        impatient = replace(provider.options, logout_backoff=timedelta(seconds=0.3))
        while not self._end.wait(0.2):
            logout.deliver_logout_tokens(
                provider.pool, provider.clock, logout.http_send, tokens=provider.tokens, options=impatient
            )
            deliver_pings(
                provider.pool,
                provider.clock,
                http_send_ping,
                cipher=provider.cipher,
                options=provider.options.approvals,
            )


@pytest.fixture
def hub(pool: Pool, database_url: str, valkey_url: str, tmp_path: Path) -> Iterator[Hub]:
    """The whole application behind a real server, after a small day."""
    with served(tmp_path, database_url, valkey_url) as opened:
        yield opened


@pytest.fixture
def provider(hub: Hub) -> Provider:
    return sign_on(hub)


@pytest.fixture
def channels(hub: Hub, provider: Provider, tmp_path: Path) -> Iterator[Channels]:
    access = {
        name: ChannelAccess(port, f"{name}-secret-of-the-test-0123456789abcdef", SECRET, new_login_key(name))
        for name, port in zip(CHANNELS, free_ports(len(CHANNELS)), strict=True)
    }
    simulation = Simulation(1, 100, DAY, hub.settings.public_url, tmp_path, access, 1)
    people = (
        DemoPerson(PASSENGER_LOGIN, ACCOUNT_NAME, PASSENGER_PASSWORD, phone=ACCOUNT_PHONE),
        DemoPerson(AGENT_LOGIN, AGENT_NAME, STAFF_PASSWORD),
    )
    seed_demo(provider, Demo({}, {}, people))
    register_logins(provider, simulation)
    clerks.employ(provider, "agents", AGENT_LOGIN)
    running = Channels(simulation)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def tour_of(channels: Channels, provider: Provider) -> Tour:
    sold_on_the_small_day = ["web", "web"]
    return Tour(channels.simulation, lambda: grown(provider, PASSENGER_LOGIN), channels.state, sold_on_the_small_day)


def test_one_tree_over_five_channels_and_one_logout(channels: Channels, provider: Provider) -> None:
    with Teller(provider):
        tour = Tour(
            channels.simulation, lambda: grown(provider, PASSENGER_LOGIN), channels.state, ["web", "web"]
        ).take()
    assert [step.what.split()[0] for step in tour][:6] == ["web", "app", "windows", "phone", "agents", "form"]
    assert tour[-1].what == "phone is up again"
    assert grown(provider, PASSENGER_LOGIN) == []


@pytest.fixture
def passenger(channels: Channels) -> Iterator[Browser]:
    """Logged in at the website."""
    with Browser() as browser:
        page = browser.visit(f"{channels.home('web')}/login")
        told(browser.submit(page, "/login", login=PASSENGER_LOGIN, password=PASSENGER_PASSWORD), "web")
        yield browser


def test_a_ping_brings_the_tokens_of_a_call_and_only_the_providers_ping_does(
    channels: Channels, provider: Provider, passenger: Browser
) -> None:
    with httpx.Client(trust_env=False) as clerk:
        asked = told(clerk.post(f"{channels.home('phone')}/calls", json={"phone": ACCOUNT_PHONE}), "the clerk")
        guessed = clerk.post(f"{channels.home('phone')}/ping", json={"auth_req_id": "guess"})
        page = passenger.visit(f"{provider.options.issuer}/account/approvals")
        assert asked["say"] in page.text
        passenger.submit(page, "/account/approvals", decision="approve")
        assert guessed.status_code == 401
        assert channels.state("phone")["guests"] == []
        with Teller(provider):  # nobody polls: it is the ping that ends the wait
            deadline = time.monotonic() + 20
            while not channels.state("phone")["guests"]:
                assert time.monotonic() < deadline, "the ping did not come"
                time.sleep(0.1)
    (guest,) = channels.state("phone")["guests"]
    assert (guest["how"], guest["actor"]) == ("ciba", None)


def test_a_caller_without_a_page_reads_a_code_to_the_clerk(channels: Channels, provider: Provider, hub: Hub) -> None:
    phone = channels.home("phone")
    with httpx.Client(trust_env=False) as clerk:
        asked = told(clerk.post(f"{phone}/calls", json={"phone": ACCOUNT_PHONE, "by_code": True}), "the clerk")
        outbox = (hub.data_dir / "outbox" / "codes.jsonl").read_text(encoding="utf-8").splitlines()
        code = json.loads(outbox[-1])["code"]
        wrong = clerk.post(f"{phone}/calls/{asked['key']}/code", json={"code": "000000" if code != "000000" else "1"})
        right = told(clerk.post(f"{phone}/calls/{asked['key']}/code", json={"code": code}), "the code")
        seen = told(clerk.get(f"{phone}/calls/{asked['key']}/orders"), "the clerk's look")
    assert (wrong.status_code, wrong.json()["error"]) == (400, "wrong_code")
    assert (right["state"], right["name"]) == ("approved", ACCOUNT_NAME)
    assert seen["hub"] == 200
    (tree,) = grown(provider, PASSENGER_LOGIN)
    assert (tree.kind, tree.clients) == ("call", ["phone"])  # nobody's child: it was approved in no session


def test_who_refuses_at_the_window_is_not_logged_in_there(channels: Channels, passenger: Browser) -> None:
    with httpx.Client(trust_env=False) as clerk:
        asked = told(clerk.post(f"{channels.home('windows')}/windows/SHH/03/login"), "the window")
        screen = clerk.get(f"{channels.home('windows')}/windows/logins/{asked['key']}/screen")
        assert "<svg" in screen.text
        assert asked["user_code"] in screen.text
        page = passenger.visit(asked["complete"])
        assert "SHH" in page.text
        passenger.submit(page, "/device/decide", decision="refuse")
        stands = told(clerk.get(f"{channels.home('windows')}/windows/logins/{asked['key']}"), "the look")
    assert stands["state"] == "refused"
    assert channels.state("windows")["guests"] == []


def test_the_passengers_own_token_for_the_agents_opens_nothing_at_the_hub(
    channels: Channels, passenger: Browser
) -> None:
    page = passenger.visit(f"{channels.home('agents')}/login")
    seen = told(passenger.submit(page, "/consent", answer="agree", term="day"), "agents")
    assert (seen["hub"], seen["orders"]) == (401, [])
    (guest,) = channels.state("agents")["guests"]
    alone = {"passenger": guest["key"], "clerk": guest["key"]}
    answer = httpx.post(f"{channels.home('agents')}/acts", json=alone, trust_env=False)
    assert answer.status_code == 403  # a customer is no clerk


def test_a_form_offers_frequent_passengers_while_its_channel_is_allowed_to_read_them(
    channels: Channels, provider: Provider, passenger: Browser
) -> None:
    told(passenger.visit(f"{channels.home('app')}/login"), "app")
    at, number = f"{provider.options.issuer}/account/passengers", COMPANION["number"]
    page = passenger.submit(passenger.visit(at), "/account/passengers", **COMPANION)

    def offered(channel: str) -> tuple[int, list[tuple[str, str]]]:
        answer = passenger.visit(f"{channels.home(channel)}/passengers")
        assert number not in answer.text
        form = told(answer, channel)
        return form["provider"], [(each["name"], each["number"]) for each in form["companions"]]

    assert (offered("web"), offered("app")) == ((403, []), (403, []))
    page = passenger.submit(page, "/account/passengers/sharing", client_id="app", allow="yes")
    assert (offered("web"), offered("app")) == ((403, []), (200, [(COMPANION["name"], masked_number(number))]))
    passenger.submit(page, "/account/passengers/sharing", client_id="app", allow="no")
    assert offered("app") == (403, [])  # at once, with the token that was good before


def test_a_form_fills_itself_in_with_the_passenger_who_is_chosen(
    channels: Channels, provider: Provider, passenger: Browser
) -> None:
    form = f"{channels.home('web')}/passengers"
    cookies, html = {"web_session": next(iter(channels.servers["web"].login.sessions.open))}, {"accept": "text/html"}
    page = passenger.submit(
        passenger.visit(f"{provider.options.issuer}/account/passengers"), "/account/passengers", **COMPANION
    )
    with httpx.Client(trust_env=False, cookies=cookies, headers=html) as browser:
        assert "/account/passengers" in browser.get(form).text  # where to allow it
        passenger.submit(page, "/account/passengers/sharing", client_id="web", allow="yes")
        choice = re.search(r'<option value="([^"]+)">' + COMPANION["name"], browser.get(form).text)
        assert choice
        filled = browser.get(form, params={"companion": choice[1]}).text
        empty = browser.get(form, params={"companion": "somebody"}).text
    assert f'value="{COMPANION["name"]}"' in filled
    assert f'value="{masked_number(COMPANION["number"])}"' in filled
    assert COMPANION["number"] not in filled
    assert f'value="{COMPANION["name"]}"' not in empty
    with httpx.Client(trust_env=False) as nobody:
        assert nobody.get(form).headers["location"] == "/login"


def test_a_login_that_another_browser_began_is_not_finished(channels: Channels, passenger: Browser) -> None:
    with Browser() as other:
        foreign = other.visit(f"{channels.home('web')}/callback?code=c&state=s&iss={channels.simulation.hub_url}/sso")
    assert (foreign.status_code, foreign.json()["error"]) == (400, "state_unknown")


def test_a_bound_token_is_refused_without_its_key_and_with_a_used_proof(channels: Channels, passenger: Browser) -> None:
    told(passenger.visit(f"{channels.home('app')}/login"), "app")
    desk = channels.servers["app"].login
    (guest,) = desk.sessions.open.values()
    url = f"{desk.resource}/me/orders"
    good = desk.provider.authorization("GET", url, guest.access_token)
    elsewhere = desk.provider.authorization("GET", f"{desk.resource}/orders", guest.access_token)
    forged = {"authorization": f"DPoP {guest.access_token}", "interlock-proven-key": "whoever"}
    with httpx.Client(trust_env=False) as http:
        assert http.get(url, headers=good).status_code == 200
        for headers in (
            good,  # the same proof again
            elsewhere,  # made for another address
            {"authorization": f"DPoP {guest.access_token}"},
            {"authorization": f"Bearer {guest.access_token}"},
            forged,
            forged | {"dpop": good["DPoP"]},
        ):
            answer = http.get(url, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), headers


def test_a_logout_token_that_is_not_the_providers_or_not_for_us_ends_nothing(
    channels: Channels, provider: Provider, passenger: Browser
) -> None:
    (guest,) = channels.state("web")["guests"]
    web = channels.servers["web"].login
    (kept,) = web.sessions.open.values()
    for token in ("", "eyJhbGciOiJub25lIn0.e30.", kept.access_token, kept.id_token):
        answer = httpx.post(
            f"{channels.home('web')}/backchannel-logout", data={"logout_token": token or ""}, trust_env=False
        )
        assert answer.status_code == 400
    assert channels.state("web")["guests"] == [guest]
