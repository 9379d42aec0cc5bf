"""One simulated channel system as a process: ``python -m simulators.channel NAME --config FILE``.

POST /run                do everything up to {"until": time}; answers when the hub has answered all of it
POST /inbox              what the hub delivers, signed (Standard Webhooks)
GET  /extracts/{date}    the day as this channel believes it
GET  /changes?since=     agents: what changed without a push
POST /backchannel-logout OpenID Connect back-channel logout 1.0
POST /door               the director shuts or opens the channel's ears for logouts: {"open": false}
POST /accounts           the provider asks about accounts of before: simulators.old_accounts
GET  /state              for the director and for people
GET  /login ...          how this channel logs its passengers in: simulators.login
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import aiohttp
from aiohttp import web

from simulators import configuration, truth
from simulators.book import SimOrder, Wire
from simulators.channels import codec_for
from simulators.configuration import Simulation
from simulators.day import build_plan
from simulators.hub_client import HubClient, is_signed
from simulators.journal import Journal
from simulators.login.desk import HTTP
from simulators.login.opening import LOGINS, open_desk
from simulators.logout import LogoutReceiver
from simulators.old_accounts import OldAccounts
from simulators.plan import CHANNELS, Step
from simulators.shifts import ShiftDesk
from simulators.system import ChannelSystem, Due

BEARERS = frozenset({"web", "app", "agents"})
AT_ONCE = 24


@runtime_checkable
class Paging(Protocol):
    """A codec of a channel that may be asked what changed."""

    def page(self, watermark: str, orders: list[SimOrder]) -> Wire: ...


class ChannelServer:
    """The network side of a channel system."""

    def __init__(self, channel: str, simulation: Simulation) -> None:
        self.channel = channel
        self.simulation = simulation
        self.access = simulation.channels[channel]
        journal = Journal(simulation.data_dir / "simulation" / f"{channel}.journal.jsonl")
        plan = build_plan(simulation.plan_options, channel)
        self.system = ChannelSystem(channel, plan, codec_for(channel), journal)
        self.login = open_desk(channel, self.access, simulation.hub_url)
        self.logouts = LogoutReceiver(self.login.provider, self.login.sessions)
        self.old_accounts = OldAccounts(channel, self.access.secret)
        self.errors: list[str] = []
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._desk = self._shift_desk() if channel == "windows" else None

    def _shift_desk(self) -> ShiftDesk:
        # Only this codec can write files of many messages; the import stays with the channel that needs it.
        from simulators.channels.windows import shift_file

        folder = self.simulation.data_dir / "drop" / self.channel
        return ShiftDesk(self.system, folder, self.simulation.date, shift_file)

    async def client(self, app: web.Application) -> AsyncIterator[None]:
        """The connection to the hub, for as long as the server runs."""
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=AT_ONCE)) as http:
            app[HTTP] = http
            access = self.access
            bearer = self.channel in BEARERS
            self._hub = HubClient(
                http,
                self.simulation.hub_url,
                self.channel,
                access.client_secret,
                access.secret,
                bearer,
                on_resend=partial(truth.note_resent, self.simulation.data_dir, self.channel),
            )
            yield
        self.system.journal.close()

    # --- the director ----------------------------------------------------------------------------------------------

    async def run(self, request: web.Request) -> web.Response:
        until = datetime.fromisoformat((await request.json())["until"])
        due = self.system.due(until)
        if self._desk is None:
            await asyncio.gather(*(self._in_order(things) for things in due.values()))
        else:
            await self._at_windows(self._desk, due)
        self.system.lapse(until)
        return web.json_response({"done": sum(map(len, due.values())), "waiting": self.system.waiting})

    async def _in_order(self, things: list[Due]) -> None:
        async with self._slots:
            for thing in things:
                if thing.kind == "act":
                    self.system.act(thing.step)
                else:
                    await self._send(thing.step)

    async def _send(self, step: Step) -> None:
        if step.message_id in self.system.uncertain:
            truth.note_resent(self.simulation.data_dir, self.channel, step.message_id)
        wire = self.system.wire(step, step.message_id)
        answer = await self._hub.send(step.message_id, wire.body, wire.content_type)
        self.system.answered(step, answer)
        if step.travel == "twice":
            self.system.answered(step, await self._hub.send(step.message_id, wire.body, wire.content_type))
        if answer.code == "seat_already_sold" and step.alternative:
            message_id = self.system.take_other_seat(step)
            wire = self.system.wire(step, message_id)
            self.system.answered(step, await self._hub.send(message_id, wire.body, wire.content_type))

    async def _at_windows(self, desk: ShiftDesk, due: dict[str, list[Due]]) -> None:
        things = [thing for its in due.values() for thing in its]
        for thing in things:
            if thing.kind == "act":
                self.system.act(thing.step)
        await desk.send([thing.step for thing in things if thing.kind == "send"])

    # --- the hub ---------------------------------------------------------------------------------------------------

    async def inbox(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not is_signed(self.access.secret, request.headers, body):
            return web.json_response({"code": "signature_invalid"}, status=401)
        try:
            self.system.hear(request.headers["webhook-id"], body)
        except Exception as error:
            # A stranger's system answers 500 and goes on; the hub tries again, and /state shows the reason.
            self.errors.append(f"{request.headers.get('webhook-id')}: {type(error).__name__}: {error}")
            return web.json_response({"code": "internal"}, status=500)
        return web.Response(status=204)

    async def extract(self, request: web.Request) -> web.Response:
        return _answer(self.system.extract(date.fromisoformat(request.match_info["date"])))

    async def changes(self, request: web.Request) -> web.Response:
        watermark, orders = self.system.changed_since(request.query.get("since", ""))
        codec = self.system.codec
        if not isinstance(codec, Paging):
            raise web.HTTPNotFound
        return _answer(codec.page(watermark, orders))

    async def backchannel_logout(self, request: web.Request) -> web.Response:
        if not self.logouts.is_open:
            self.logouts.turned_away += 1
            raise web.HTTPServiceUnavailable
        form = await request.post()
        refusal = await self.logouts.receive(str(form.get("logout_token", "")), self._hub.http)
        if refusal is not None:
            return web.json_response({"error": "invalid_request", "error_description": refusal}, status=400)
        return web.Response(status=200, headers={"cache-control": "no-store"})

    async def door(self, request: web.Request) -> web.Response:
        self.logouts.is_open = bool((await request.json())["open"])
        return web.json_response({"open": self.logouts.is_open, "turned_away": self.logouts.turned_away})

    # --- people ----------------------------------------------------------------------------------------------------

    async def state(self, _request: web.Request) -> web.Response:
        state: dict[str, Any] = {
            "channel": self.channel,
            "orders": len(self.system.book.orders),
            "waiting": self.system.waiting,
            "unpolled": self.system.unpolled,
            "outcomes": dict(self.system.outcomes),
            "logouts": self.logouts.received,
            "guests": [guest.shown() for guest in self.login.sessions.open.values()],
            "errors": self.errors[-20:],
        }
        return web.json_response(state, dumps=lambda data: json.dumps(data, ensure_ascii=False))

    def application(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.cleanup_ctx.append(self.client)
        app.add_routes(
            [
                web.post("/run", self.run),
                web.post("/inbox", self.inbox),
                web.get("/extracts/{date}", self.extract),
                web.post("/backchannel-logout", self.backchannel_logout),
                web.get("/changes", self.changes),
                web.post("/door", self.door),
                web.get("/state", self.state),
                *LOGINS[self.channel](self.login).routes(),
                *self.old_accounts.routes(),
            ]
        )
        return app


def _answer(wire: Wire) -> web.Response:
    return web.Response(body=wire.body, headers={"content-type": wire.content_type})


def main() -> None:
    """Run on 127.0.0.1 until stopped. The plan is built first: a process that answers is ready."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("channel", choices=CHANNELS)
    parser.add_argument("--config", type=Path, required=True, help="the file that describes the simulation")
    arguments = parser.parse_args()
    simulation = configuration.read(arguments.config)
    server = ChannelServer(arguments.channel, simulation)
    port = simulation.channels[arguments.channel].port
    web.run_app(server.application(), host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main()
