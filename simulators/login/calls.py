"""phone: the clerk starts the login, the caller approves it on their own phone (CIBA Core 1.0, poll and ping).

POST /calls         {"phone": number}: asks the provider; answers what the clerk reads aloud. With {"by_code": true}
                    the caller has no page at hand: a code goes to their phone, which they read to the clerk
POST /calls/{key}/code  {"code": digits}: what the caller read
GET  /calls/{key}   how it stands; .../orders: the caller's orders
POST /ping          the provider says that a call was decided (section 10.2)

The clerk never hears a password. The words that the clerk reads aloud stand on the caller's phone too: who is asked
to approve without hearing them is not the caller.
"""

import hmac
import secrets

from aiohttp import web

from simulators.login.approvals import Approvals, Asked
from simulators.login.desk import HTTP, SCOPE, Desk, refused
from simulators.login.provider import LoginRefused

GRANT_TYPE = "urn:openid:params:grant-type:ciba"
PHONE_AT_CALL = "urn:interlock:acr:phone-at-call"
WORDS = ("松树", "江河", "白鹭", "青山", "麦田", "灯塔", "云海", "石桥")


class CallLogin:
    """The clerks' desk of the telephone channel."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._approvals = desk, Approvals(desk, "ciba")
        self._by_request: dict[str, tuple[str, Asked]] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/calls", self.ask),
            web.get("/calls/{key}", self.look),
            web.post("/calls/{key}/code", self.read_back),
            web.get("/calls/{key}/orders", self._approvals.orders),
            web.post("/ping", self.ping),
        ]

    async def ask(self, request: web.Request) -> web.Response:
        http, told = request.config_dict[HTTP], await request.json()
        say = f"{secrets.choice(WORDS)} {secrets.randbelow(90) + 10}"
        notification_token = secrets.token_urlsafe(32)
        form = {
            "scope": SCOPE,
            "resource": self._desk.audience,
            "login_hint": str(told["phone"]),
            "binding_message": say,
            "client_notification_token": notification_token,
            **({"acr_values": PHONE_AT_CALL} if told.get("by_code") else {}),
        }
        try:
            answer = await self._desk.provider.post(http, "backchannel_authentication_endpoint", form)
        except LoginRefused as error:
            return refused(error)
        request_id = str(answer["auth_req_id"])
        asked = self._approvals.begin({"grant_type": GRANT_TYPE, "auth_req_id": request_id}, answer, {"say": say})
        self._by_request[request_id] = (notification_token, asked)
        return web.json_response({"key": asked.key, "say": say, "expires_in": answer["expires_in"]})

    async def look(self, request: web.Request) -> web.Response:
        asked = self._approvals.known(request)
        return web.json_response(await self._approvals.look(request.config_dict[HTTP], asked))

    async def read_back(self, request: web.Request) -> web.Response:
        http, told = request.config_dict[HTTP], await request.json()
        asked, provider = self._approvals.known(request), self._desk.provider
        url = str((await provider.metadata(http))["backchannel_authentication_endpoint"]) + "/read-back"
        form = {"auth_req_id": asked.grant["auth_req_id"], "code": str(told["code"])}
        try:
            await provider.post_to(http, url, form)
        except LoginRefused as error:
            return refused(error)
        return web.json_response(await self._approvals.look(http, asked, pinged=True))

    async def ping(self, request: web.Request) -> web.Response:
        told = await request.json()
        token, asked = self._by_request.get(str(told.get("auth_req_id", "")), ("", None))
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if asked is None or not hmac.compare_digest(token.encode(), sent.encode()):
            return web.Response(status=401)
        await self._approvals.look(request.config_dict[HTTP], asked, pinged=True)
        return web.Response(status=204)
