"""The key that signs tokens is rotated under load: two API processes sign and verify, and no verification fails.

One rotation in every run; `pytest tests/processes/test_signing_keys.py --key-rotations 50` plays more.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import aiohttp
import pytest
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from interlock.wiring import open_hub, sign_on
from sso import admin
from sso.provider import Provider
from tests.processes.house import CLIENT_SECRET, House

AHEAD = timedelta(seconds=3)
KEEPS_S = 0.5
"""What is ten minutes and five minutes (`key_publish_ahead`, how long `/jwks` may be kept) in real life."""
LANES = 4


@pytest.fixture
def operator(two_doors: House) -> Iterator[Provider]:
    """The provider as the operator's command assembles it, with a key published seconds ahead instead of minutes."""
    hub = open_hub(two_doors.settings, "rotating")
    provider = sign_on(hub)
    yield replace(provider, options=replace(provider.options, key_publish_ahead=AHEAD))
    hub.close()


@dataclass
class Party:
    """A relying party that keeps the key set as long as it may and never asks before; what it found."""

    keys: KeySet = field(default_factory=lambda: KeySet([]))
    read_at: float = -1e9
    verified: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Load:
    """Everybody who asks, while a key takes over from another."""

    house: House
    http: aiohttp.ClientSession
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    kids: set[tuple[int, str]] = field(default_factory=set)
    tokens: list[str] = field(default_factory=list)

    async def token(self, door: int) -> str:
        form = {"grant_type": "client_credentials", "scope": "hub:orders"}
        who = {"client_id": "channel-web", "client_secret": CLIENT_SECRET}
        async with self.http.post(f"{self.house.url(door)}/sso/token", data=form | who) as answer:
            token = str((await answer.json())["access_token"])
        self.kids.add((door, str(jws.extract_compact(token.encode()).headers()["kid"])))
        return token

    async def published(self, door: int) -> dict[str, list[dict[str, str]]]:
        async with self.http.get(f"{self.house.url(door)}/sso/jwks") as answer:
            found: dict[str, list[dict[str, str]]] = await answer.json()
            return found

    async def hub_takes(self, door: int, token: str) -> bool:
        """The hub's own API behind this door: it knows no such order, but it knows who asks."""
        address = f"{self.house.url(door)}/v1/orders/{uuid.uuid4()}"
        async with self.http.get(address, headers={"Authorization": f"Bearer {token}"}) as answer:
            return answer.status == 404

    async def lane(self, number: int) -> Party:
        """Tokens of one door, verified at the other one and with the keys that the other one publishes."""
        party, signer, other = Party(), number % 2, (number + 1) % 2
        while not self.stop.is_set():
            token = await self.token(signer)
            if len(self.tokens) < 20:
                self.tokens.append(token)
            if time.monotonic() - party.read_at > KEEPS_S:
                party.keys = KeySet.import_key_set(await self.published(other))  # type: ignore[arg-type]
                party.read_at = time.monotonic()
            try:
                jwt.decode(token, party.keys, algorithms=["ES256"])
            except (JoseError, ValueError) as error:
                party.wrong.append(f"keys of door {other}: {error!r}")
            if not await self.hub_takes(other, token):
                party.wrong.append(f"refused at door {other}")
            party.verified += 2
        return party

    async def everybody_looks(self, kid: str) -> None:
        """Both processes look for keys once a minute, or when somebody shows them a kid that they do not know."""
        for door in range(2):
            while kid not in {key["kid"] for key in (await self.published(door))["keys"]}:
                header = {"alg": "ES256", "kid": uuid.uuid4().hex, "typ": "at+jwt"}
                unknown = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
                assert not await self.hub_takes(door, f"{unknown}.e30.AA")
                await asyncio.sleep(0.1)

    async def rotated(self, operator: Provider) -> str:
        """A new key is published, and signs at both doors when its time has come; its kid."""
        kid = await asyncio.to_thread(admin.rotate_key, operator, "ES256")
        async with asyncio.timeout(60):
            await self.everybody_looks(kid)
            while not {(0, kid), (1, kid)} <= self.kids:
                await asyncio.sleep(0.05)
        return kid


async def test_no_verification_fails_while_keys_rotate(
    two_doors: House, operator: Provider, request: pytest.FixtureRequest
) -> None:
    rotations: int = request.config.getoption("--key-rotations")
    connector = aiohttp.TCPConnector(limit=LANES + 2)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as http:
        load = Load(two_doors, http)
        async with asyncio.TaskGroup() as group:
            lanes = [group.create_task(load.lane(number)) for number in range(LANES)]
            made = [await load.rotated(operator) for _ in range(rotations)]
            await asyncio.sleep(KEEPS_S)
            load.stop.set()
        parties = [lane.result() for lane in lanes]
        verified = sum(party.verified for party in parties)
        print(f"\n{rotations} rotations, {verified} verifications, {sum(len(each.wrong) for each in parties)} failed")
        assert [line for party in parties for line in party.wrong] == []
        assert verified > 20 * rotations
        assert len(set(made)) == rotations
        # What the first key signed is believed until it expires.
        assert [await load.hub_takes(number % 2, token) for number, token in enumerate(load.tokens)] == [True] * 20
