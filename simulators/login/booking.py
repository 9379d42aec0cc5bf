"""web and app: the booking form that fills itself in with the passenger's frequent passengers.

GET /passengers    the form; ``?companion=ID`` fills it in with that one. Who asks for JSON gets what may be offered

The provider keeps them once for all channels and gives them to a channel that the passenger has allowed on the
provider's page. Nothing of them is kept here: they are asked for each time, so a permission that was withdrawn ends
with the next page. The document's number stays on the server; a page shows its ends.
"""

import html
from typing import Any

import aiohttp
from aiohttp import web

from schemas.personal import masked_number
from simulators.login.browser import BrowserLogin
from simulators.login.desk import HTTP, SCOPE, Desk, page
from simulators.login.sessions import Guest

FIELDS = (("name", "姓名 / name"), ("document_type", "证件 / document"), ("number", "证件号码 / number"))


class BookingLogin(BrowserLogin):
    """The login of a channel in which passengers book for themselves."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk, "code", f"{SCOPE} companions")

    def routes(self) -> list[web.RouteDef]:
        return [*super().routes(), web.get("/passengers", self.passengers)]

    async def passengers(self, request: web.Request) -> web.Response:
        guest = self.guest(request)
        if guest is None:
            return web.Response(status=303, headers={"location": "/login"})
        status, offered = await self._offered(request.config_dict[HTTP], guest)
        allow_at = f"{self._desk.provider.issuer}/account/passengers"
        if "text/html" not in request.headers.get("accept", ""):
            told = {"provider": status, "companions": offered, "allow_at": allow_at}
            return web.json_response(told, headers={"cache-control": "no-store"})
        if status != 200:
            return page("购票 / booking", f'<a href="{allow_at}">允许使用常用乘车人 / allow frequent passengers</a>')
        return page("购票 / booking", _chooser(offered), _filled(offered, request.query.get("companion", "")))

    async def _offered(self, http: aiohttp.ClientSession, guest: Guest) -> tuple[int, list[dict[str, Any]]]:
        """The provider's status, and those of its answer that a page may show; none without the passenger's consent."""
        url = f"{self._desk.provider.issuer}/companions"
        headers = self._desk.provider.authorization("GET", url, guest.access_token)
        async with http.get(url, headers=headers) as response:
            told = await response.json(content_type=None)
        if response.status != 200:
            return response.status, []
        return 200, [
            {
                "companion_id": each["companion_id"],
                "name": each["name"],
                "document_type": each["document"]["type"],
                "number": masked_number(each["document"]["number"]),
            }
            for each in told["companions"]
        ]


def _chooser(offered: list[dict[str, Any]]) -> str:
    """Whom to fill in."""
    options = "".join(
        f'<option value="{html.escape(each["companion_id"])}">{html.escape(each["name"])}</option>' for each in offered
    )
    return (
        f'<form action="/passengers"><select name="companion" aria-label="常用乘车人 / frequent passenger">{options}'
        "</select><button>填入 / fill in</button></form>"
    )


def _filled(offered: list[dict[str, Any]], companion_id: str) -> str:
    """The fields of the booking: of the chosen passenger, else empty."""
    chosen: dict[str, Any] = next((each for each in offered if each["companion_id"] == companion_id), {})
    return "<br>".join(
        f'<label>{label} <input name="{name}" value="{html.escape(chosen.get(name, ""))}"></label>'
        for name, label in FIELDS
    )
