"""A bad network: every request between hub and channels passes here, is noted, and meets what the weather has for it.

One port for the hub, as the channels see it; one port per channel, as the hub sees it. Faults of the network fall on
about a third of the requests while they last, from a seed; nothing else is random.
"""

import asyncio
import hashlib
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import aiohttp
from aiohttp import web

from simulators.hub_client import sign

SHARE = 0.35
HANG_SECONDS = 10.5
"""A little longer than the hub waits for an answer."""
LATE_SECONDS_MAX = 1.5
ECHO_SECONDS = (0.5, 3.0)
SKEW_SECONDS, SKEW_FAR_SECONDS = 240.0, 420.0
"""Inside and outside of the five minutes that Standard Webhooks allow."""
_HOP_BY_HOP = {"host", "content-length", "transfer-encoding", "connection", "keep-alive"}


@dataclass
class Notes:
    """What passed, as seen from between the two sides.

    ``sent``: (channel, message id) -> SHA-256 of its bytes, everything a channel ever put on the line.
    ``answers``: (channel, message id, status, outcome or code) of everything the hub answered.
    ``accepted``: channel -> ids of deliveries that its system took (2xx), in order, repetitions included.
    ``unsettled``: the ids among them whose 2xx the hub was not allowed to see.
    ``hit``: how many requests met which fault. ``repeated``: ids that the network, not their channel, sent again.
    """

    sent: dict[tuple[str, str], str] = field(default_factory=dict)
    answers: list[tuple[str, str, int, str]] = field(default_factory=list)
    accepted: dict[str, list[str]] = field(default_factory=dict)
    unsettled: set[tuple[str, str]] = field(default_factory=set)
    hit: Counter[str] = field(default_factory=Counter)
    repeated: set[str] = field(default_factory=set)
    too_skewed: set[tuple[str, str]] = field(default_factory=set)


class Cut(Exception):
    """The connection ends without an answer."""


class Gateway:
    """Runs in a thread of its own between ``start`` and ``stop``. ``hub`` and ``systems``: where it passes things on.

    ``secrets``: what channels sign with; the gateway plays a channel whose clock is wrong and needs it for that.
    """

    def __init__(self, hub: str, systems: Mapping[str, str], secrets: Mapping[str, str], seed: int) -> None:
        self._hub, self._systems, self._secrets = hub, systems, secrets
        self._rng = random.Random(f"gateway {seed}")
        self._weather: dict[tuple[str, str], float] = {}
        self._echoes: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway", daemon=True)
        self._runners: list[web.AppRunner] = []
        self.notes = Notes(accepted={name: [] for name in systems})
        self.hub_url = ""
        self.channel_urls: dict[str, str] = {}

    # --- from other threads ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen. Afterwards ``hub_url`` and ``channel_urls`` are known."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(30)

    def stop(self) -> None:
        """Stop listening."""
        closing: Future[None] = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
        closing.result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def begin(self, kind: str, target: str, seconds: float = math.inf) -> None:
        """Let it rain on ``target`` (a channel, or empty for all) for so long."""
        self._weather[kind, target] = time.monotonic() + seconds

    def end(self, kind: str, target: str) -> None:
        """It has stopped raining there."""
        self._weather.pop((kind, target), None)

    def clear(self) -> None:
        """Fine weather everywhere."""
        self._weather.clear()

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=60), auto_decompress=False
        )
        hub = web.Application(client_max_size=512 * 1024 * 1024)
        hub.router.add_post("/v1/channels/{channel}/messages", self._message)
        hub.router.add_route("*", "/{path:.*}", partial(self._forward, self._hub))
        self.hub_url = await self._listen(hub)
        for name in self._systems:
            app = web.Application(client_max_size=512 * 1024 * 1024)
            app.router.add_post("/inbox", partial(self._inbox, name))
            app.router.add_route("*", "/{path:.*}", partial(self._forward, self._systems[name]))
            self.channel_urls[name] = await self._listen(app)

    async def _listen(self, app: web.Application) -> str:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _close(self) -> None:
        for task in list(self._echoes):
            task.cancel()
        await asyncio.gather(*self._echoes, return_exceptions=True)
        await self._http.close()
        for runner in self._runners:
            await runner.cleanup()

    def _is(self, kind: str, target: str = "", share: float = SHARE) -> bool:
        """Whether this request meets that fault."""
        if time.monotonic() >= self._weather.get((kind, target), 0.0) or self._rng.random() >= share:
            return False
        self.notes.hit[kind] += 1
        return True

    # --- channel -> hub --------------------------------------------------------------------------------------------

    async def _message(self, request: web.Request) -> web.StreamResponse:
        channel, message_id = request.match_info["channel"], request.headers.get("webhook-id", "")
        body = await request.read()
        self.notes.sent.setdefault((channel, message_id), hashlib.sha256(body).hexdigest())
        try:
            return await self._through_weather(request, channel, message_id, body)
        except Cut:
            _hang_up(request)
            return web.Response(status=502)

    async def _through_weather(
        self, request: web.Request, channel: str, message_id: str, body: bytes
    ) -> web.StreamResponse:
        headers = _passed_on(request.headers)
        if self._is("requests late"):
            await asyncio.sleep(self._rng.uniform(0.1, LATE_SECONDS_MAX))
        if self._is("requests lost"):
            raise Cut
        if "webhook-signature" in request.headers:
            await self._by_a_wrong_clock(channel, message_id, headers, body, request.path_qs)
        if self._is("requests echoed"):
            self.notes.repeated.add(message_id)
            self._echo(channel, message_id, headers, body, request.path_qs)
        copies = 2 if self._is("requests doubled") else 1
        if copies == 2:
            self.notes.repeated.add(message_id)
        posts = (self._post(channel, message_id, headers, body, request.path_qs) for _ in range(copies))
        answers = await asyncio.gather(*posts, return_exceptions=True)
        if self._is("answers lost"):
            raise Cut
        for answer in answers:
            if isinstance(answer, web.Response):
                return answer
        raise Cut

    async def _post(
        self, channel: str, message_id: str, headers: Mapping[str, str], body: bytes, path: str
    ) -> web.Response:
        async with self._http.post(f"{self._hub}{path}", data=body, headers=headers) as answer:
            content = await answer.read()
            self.notes.answers.append((channel, message_id, answer.status, _word(content)))
            return web.Response(body=content, status=answer.status, headers=_passed_on(answer.headers))

    def _echo(self, channel: str, message_id: str, headers: Mapping[str, str], body: bytes, path: str) -> None:
        """The same request once more, seconds later: behind whatever its order did next."""

        async def later() -> None:
            await asyncio.sleep(self._rng.uniform(*ECHO_SECONDS))
            try:
                await self._post(channel, message_id, headers, body, path)
            except (aiohttp.ClientError, TimeoutError):
                self.notes.hit["echo that met nobody"] += 1

        task = asyncio.ensure_future(later())
        self._echoes.add(task)
        task.add_done_callback(self._echoes.discard)

    async def _by_a_wrong_clock(
        self, channel: str, message_id: str, headers: dict[str, str], body: bytes, path: str
    ) -> None:
        """Sign as a channel would whose clock is minutes off; when it is refused for that, its clock is set right."""
        off = self._rng.choice((-1, 1))
        if self._is("clock far off", share=1.0):
            self._sign(channel, message_id, headers, body, off * SKEW_FAR_SECONDS)
            try:
                refused = await self._post(channel, message_id, headers, body, path)
            except (aiohttp.ClientError, TimeoutError) as gone:
                raise Cut from gone  # killed while it answered: to the channel the line is dead
            if refused.status == 401:
                self.notes.too_skewed.add((channel, message_id))
            self._sign(channel, message_id, headers, body, 0.0)
        elif self._is("clock off", share=1.0):
            self._sign(channel, message_id, headers, body, off * SKEW_SECONDS)

    def _sign(self, channel: str, message_id: str, headers: dict[str, str], body: bytes, off: float) -> None:
        timestamp = str(int(time.time() + off))
        for name in [name for name in headers if name.lower() in ("webhook-timestamp", "webhook-signature")]:
            del headers[name]
        headers["webhook-timestamp"] = timestamp
        headers["webhook-signature"] = sign(self._secrets[channel], message_id, timestamp, body)

    # --- hub -> channel --------------------------------------------------------------------------------------------

    async def _inbox(self, channel: str, request: web.Request) -> web.StreamResponse:
        event_id = request.headers.get("webhook-id", "")
        if self._is("endpoint 500", channel, share=1.0):
            return web.Response(status=500, text="out of order")
        if self._is("endpoint 429", channel):
            return web.Response(status=429, headers={"retry-after": "1"})
        if self._is("endpoint slow", channel, share=1.0):
            await asyncio.sleep(self._rng.uniform(0.05, 0.5))
        answer = await self._forward(self._systems[channel], request)
        taken = 200 <= answer.status < 300
        if taken:
            self.notes.accepted[channel].append(event_id)
        if self._is("endpoint hangs", channel, share=0.5):
            self._unsettled(channel, event_id, taken)
            await asyncio.sleep(HANG_SECONDS)
        elif self._is("endpoint answer lost", channel):
            self._unsettled(channel, event_id, taken)
            _hang_up(request)
        return answer

    def _unsettled(self, channel: str, event_id: str, taken: bool) -> None:
        if taken:
            self.notes.unsettled.add((channel, event_id))

    async def _forward(self, to: str, request: web.Request) -> web.StreamResponse:
        """Pass a request on as it is; nobody there is 502, as a proxy says it."""
        body = await request.read()
        url = f"{to}{request.path_qs}"
        try:
            async with self._http.request(
                request.method, url, data=body, headers=_passed_on(request.headers), allow_redirects=False
            ) as answer:
                content = await answer.read()
                return web.Response(body=content, status=answer.status, headers=_passed_on(answer.headers))
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=502)


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_BY_HOP}


def _hang_up(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _word(content: bytes) -> str:
    """The outcome or code in an answer, without reading all of it as JSON: for people."""
    for name in (b'"outcome": "', b'"code": "'):
        if name in content:
            return content.partition(name)[2].partition(b'"')[0].decode("ascii", "replace")
    return "?"
