"""windows: the passenger approves on their own phone what the window shows them (RFC 8628).

POST /windows/{office}/{window}/login   asks the provider for a code
GET  /windows/logins/{key}              how it stands; .../orders: the passenger's orders
GET  /windows/logins/{key}/screen       what the passenger sees: a QR code, and eight letters to type

The window says where it stands, signed by the channel's key; the passenger reads the place before they approve.
"""

import html
import io

import segno
from aiohttp import web

from simulators.login.approvals import Approvals
from simulators.login.desk import HTTP, SCOPE, Desk, page, refused
from simulators.login.provider import LoginRefused

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"


class WindowLogin:
    """The windows of all stations."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._approvals = desk, Approvals(desk, "device")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/windows/{office}/{window}/login", self.ask),
            web.get("/windows/logins/{key}", self.look),
            web.get("/windows/logins/{key}/orders", self._approvals.orders),
            web.get("/windows/logins/{key}/screen", self.screen),
        ]

    async def ask(self, request: web.Request) -> web.Response:
        http = request.config_dict[HTTP]
        place = {"office": request.match_info["office"], "window": request.match_info["window"]}
        form = self._desk.provider.signed({"scope": SCOPE, "resource": self._desk.audience, **place})
        try:
            answer = await self._desk.provider.post(http, "device_authorization_endpoint", form)
        except LoginRefused as error:
            return refused(error)
        shown = {
            "user_code": answer["user_code"],
            "address": answer["verification_uri"],
            "complete": answer["verification_uri_complete"],
        }
        asked = self._approvals.begin({"grant_type": GRANT_TYPE, "device_code": answer["device_code"]}, answer, shown)
        return web.json_response({"key": asked.key, **shown, "expires_in": answer["expires_in"]})

    async def look(self, request: web.Request) -> web.Response:
        return web.json_response(await self._approvals.look(request.config_dict[HTTP], self._approvals.known(request)))

    async def screen(self, request: web.Request) -> web.Response:
        shown = self._approvals.known(request).shown
        return page(
            "车站窗口 / station window",
            "请用手机扫码，或打开下面的网址输入代码 / Scan with your phone, or open the address and type the code",
            qr_code(str(shown["complete"])),
            f"<code>{html.escape(str(shown['address']))}</code>",
            f"<b>{html.escape(str(shown['user_code']))}</b>",
        )


def qr_code(text: str) -> str:
    """``text`` as an SVG element, readable from a phone's distance."""
    drawn = io.BytesIO()
    segno.make(text, error="m").save(drawn, kind="svg", scale=5, xmldecl=False, svgclass=None, lineclass=None)
    return drawn.getvalue().decode("utf-8")
