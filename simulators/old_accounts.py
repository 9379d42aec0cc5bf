"""A channel's own accounts of the time before the one login: what it answers when somebody wants to link one.

POST /accounts  one signed question of the provider's (docs/how-to/link-old-accounts.md). Each channel has one account,
of the passenger who can log in; at web and app it has a password, elsewhere a window vouches for it.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from simulators.hub_client import is_signed
from simulators.people import Person

PASSWORD = "before-the-one-login"
WITH_PASSWORD = frozenset({"web", "app"})


def account_name(channel: str) -> str:
    """What the passenger is called at this channel."""
    return f"liwei.{channel}"


FELLOWS: dict[str, tuple[Person, ...]] = {
    "web": (Person("赵测试", "passport", "X00000901", "+8619900000901", "adult"),),
    "app": (
        Person("赵测试", "passport", "X00000901", "+8619900000901", "adult"),
        Person("李样例", "resident_id", "990101201501010015", "+8619900000902", "child"),
    ),
}
"""Passengers saved at an old account. Region 99 and these telephones belong to nobody."""


@dataclass
class OldAccounts:
    """The accounts of one channel. ``holders``: account id -> the subject who holds it now."""

    channel: str
    secret: str
    holders: dict[str, str] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        """Where the provider asks."""
        return [web.post("/accounts", self.answer)]

    async def answer(self, request: web.Request) -> web.Response:
        """One question."""
        body = await request.read()
        if not is_signed(self.secret, request.headers, body):
            return web.json_response({"code": "signature_invalid"}, status=401)
        asked: dict[str, Any] = json.loads(body)
        kind = asked.get("kind")
        if kind == "find":
            return web.json_response({"account": self._account(asked["account"])})
        if kind == "prove_password" and self.channel in WITH_PASSWORD:
            right = asked["password"] == PASSWORD
            return web.json_response({"account": self._account(asked["account"]) if right else None})
        if kind == "absorb":
            self.holders[asked["account_id"]] = asked["subject"]
            return web.json_response({})
        if kind == "release":
            self.holders.pop(asked["account_id"], None)
            return web.json_response({})
        return web.json_response({"code": "kind_unknown"}, status=400)

    def _account(self, name: str) -> dict[str, Any] | None:
        if name != account_name(self.channel):
            return None
        return {
            "account_id": f"{self.channel}-1",
            "label": f"{name[:2]}***",
            "opened_on": "2014-05-01",
            "travellers": [
                {
                    "name": fellow.name,
                    "document_type": fellow.document_type,
                    "number": fellow.document_no,
                    "ticket_type": fellow.ticket_type,
                    "phone": fellow.phone,
                }
                for fellow in FELLOWS.get(self.channel, ())
            ],
        }
