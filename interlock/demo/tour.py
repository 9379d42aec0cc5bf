"""The login tour: one passenger, five channels, one tree of sessions, one logout that ends all of them.

web      a password typed once                         app      nothing typed; tokens bound to the phone's key
windows  a code at the window, approved on the phone   phone    the clerk asks, the caller approves what is read aloud
agents   a clerk acts for the passenger, who agreed    form     a frequent passenger, kept once, fills in web and app
then     one logout; the phone channel is down and catches up

The passenger's browser and the clerks' hands are played here; the channels are clients of the provider by themselves
(`simulators.login`). Sources: OpenID Connect Core and Back-Channel Logout 1.0, RFC 7636, 8628, 8693, 9449, CIBA.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from interlock.demo.browser import Browser, TourFailed, told
from interlock.demo.stage import AGENT_LOGIN, PASSENGER_LOGIN, PASSENGER_PASSWORD, STAFF_PASSWORD
from interlock.demo.tree import Branch
from simulators.configuration import Simulation
from simulators.journeys import ACCOUNT_PHONE

APPROVED_SECONDS, LOGOUT_SECONDS = 30.0, 60.0
LOOK_SECONDS = 0.2
OFFICE, WINDOW = "BJP", "07"
SELLERS = ("web", "windows")
"""Who sold the passenger's orders (`simulators.journeys.account_orders`)."""
COMPANION = {
    "name": "李样例",
    "document_type": "resident_id",
    "number": "990101199003070015",
    "ticket_type": "adult",
}
"""A frequent passenger, invented: nobody lives in region 99."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done and what came of it."""

    what: str
    outcome: str


class Tour:
    """``trees``: the passenger's sessions as the provider keeps them. ``state(channel)``: what a channel says of it.

    ``sellers``: which channels sold the passenger's orders.
    """

    def __init__(
        self,
        simulation: Simulation,
        trees: Callable[[], list[Branch]],
        state: Callable[[str], dict[str, Any]],
        sellers: Sequence[str] = SELLERS,
    ) -> None:
        self._trees, self._state, self._sellers = trees, state, sorted(sellers)
        self._sso = f"{simulation.hub_url}/sso"
        self._homes = {name: f"http://127.0.0.1:{access.port}" for name, access in simulation.channels.items()}
        self._clerk = httpx.Client(trust_env=False, timeout=30.0)

    def take(self) -> list[Step]:
        """The whole tour. Raises TourFailed."""
        with self._clerk, Browser() as passenger, Browser() as agent:
            steps = [self._web(passenger), self._app(passenger), self._window(passenger)]
            call, key = self._call(passenger)
            steps += [call, self._agents(passenger, agent), self._companions(passenger)]
            tree = self._tree()
            return [*steps, *_drawn(tree), *self._logout(passenger, str(tree.identity_id), key)]

    # --- five channels ------------------------------------------------------------------------------------------

    def _web(self, passenger: Browser) -> Step:
        page = passenger.visit(f"{self._homes['web']}/login")
        page = passenger.submit(page, "/login", login=PASSENGER_LOGIN, password=PASSENGER_PASSWORD)
        return Step("web 网站: password typed", self._seen(told(page, "web")))

    def _app(self, passenger: Browser) -> Step:
        page = passenger.visit(f"{self._homes['app']}/login")
        seen = self._seen(told(page, "app was asked to log in again"))
        renewed = told(passenger.post(f"{self._homes['app']}/renew"), "the app's refresh")
        if renewed["token_type"] != "DPoP":
            raise TourFailed(f"the app's tokens are {renewed['token_type']}, not bound to its key")
        return Step("app 手机: nothing typed", f"{seen}; refreshed, bound to the phone's key")

    def _window(self, passenger: Browser) -> Step:
        windows = self._homes["windows"]
        asked = told(self._clerk.post(f"{windows}/windows/{OFFICE}/{WINDOW}/login"), "the window")
        page = passenger.visit(asked["complete"])
        if OFFICE not in page.text or WINDOW not in page.text:
            raise TourFailed("the page does not say at which window")
        passenger.submit(page, "/device/decide", decision="approve")
        self._approved(f"{windows}/windows/logins/{asked['key']}")
        seen = self._seen(told(self._clerk.get(f"{windows}/windows/logins/{asked['key']}/orders"), "the window's look"))
        return Step(f"windows 窗口 {OFFICE}/{WINDOW}: {asked['user_code']} approved on the phone", seen)

    def _call(self, passenger: Browser) -> tuple[Step, str]:
        phone = self._homes["phone"]
        asked = told(self._clerk.post(f"{phone}/calls", json={"phone": ACCOUNT_PHONE}), "the clerk's request")
        page = passenger.visit(f"{self._sso}/account/approvals")
        if asked["say"] not in page.text:
            raise TourFailed("the page does not show what the clerk reads aloud")
        passenger.submit(page, "/account/approvals", decision="approve")
        self._approved(f"{phone}/calls/{asked['key']}")
        seen = self._seen(self._orders_of_call(asked["key"]))
        return Step(f"phone 电话: caller approves {asked['say']!r}", seen), asked["key"]

    def _agents(self, passenger: Browser, agent: Browser) -> Step:
        agents = self._homes["agents"]
        page = passenger.visit(f"{agents}/login")
        told(passenger.submit(page, "/consent", answer="agree", term="day"), "the passenger at the agents'")
        page = agent.visit(f"{agents}/login")
        page = agent.submit(page, "/login", login=AGENT_LOGIN, password=STAFF_PASSWORD)
        if page.url.path.endswith("/consent"):
            page = agent.submit(page, "/consent", answer="agree", term="day")
        told(page, "the clerk at the agents'")
        first, second = self._state("agents")["guests"][-2:]
        acted = told(
            self._clerk.post(f"{agents}/acts", json={"passenger": first["key"], "clerk": second["key"]}), "the exchange"
        )
        if acted["refresh"]:
            raise TourFailed("the agents were given a refresh token")
        return Step(f"agents 代售: {acted['by']} acts for {acted['for']}, who agreed", self._seen(acted))

    def _companions(self, passenger: Browser) -> Step:
        """Kept once at the provider; each channel's form offers them when the passenger has allowed that channel."""
        at = f"{self._sso}/account/passengers"
        page = passenger.submit(passenger.visit(at), "/account/passengers", **COMPANION)
        for channel in ("web", "app"):
            if (before := self._offered(passenger, channel))["provider"] != 403 or before["companions"]:
                raise TourFailed(f"{channel} was not allowed to read frequent passengers and is told {before}")
            page = passenger.submit(page, "/account/passengers/sharing", client_id=channel, allow="yes")
            offered = self._offered(passenger, channel)["companions"]
            if [each["name"] for each in offered] != [COMPANION["name"]] or offered[0]["number"] == COMPANION["number"]:
                raise TourFailed(f"{channel} should offer one frequent passenger, number masked; it offers {offered}")
        shown = f"{offered[0]['name']} {offered[0]['number']}"
        return Step("form 常用乘车人: kept once, web and app allowed", f"each offers {shown}; before that, nothing")

    def _offered(self, passenger: Browser, channel: str) -> dict[str, Any]:
        return told(passenger.visit(f"{self._homes[channel]}/passengers"), f"the booking form at {channel}")

    def _approved(self, url: str) -> None:
        """Until the channel has heard of the approval."""
        deadline = time.monotonic() + APPROVED_SECONDS
        while (stands := told(self._clerk.get(url), "the look"))["state"] != "approved":
            if stands["state"] != "waiting" or time.monotonic() > deadline:
                raise TourFailed(f"{url} stands at {stands}")
            time.sleep(LOOK_SECONDS)

    def _orders_of_call(self, key: str) -> dict[str, Any]:
        return told(self._clerk.get(f"{self._homes['phone']}/calls/{key}/orders"), "the clerk's look")

    def _seen(self, answer: dict[str, Any]) -> str:
        """The passenger's orders, whichever channel sold them."""
        sellers = sorted(order["channel"] for order in answer["orders"])
        if answer["hub"] != 200 or sellers != self._sellers:
            raise TourFailed(f"orders of {' and '.join(self._sellers)} should be seen, the hub answers {answer}")
        return f"sees own orders of {' and '.join(sellers)}"

    # --- one tree, one logout -----------------------------------------------------------------------------------

    def _tree(self) -> Branch:
        trees = self._trees()
        if len(trees) != 1:
            raise TourFailed(f"one tree of sessions should stand, there are {len(trees)}")
        if (used := {name for branch in trees[0].walked() for name in branch.clients}) != self._homes.keys():
            raise TourFailed(f"the tree should reach five channels, it reaches {sorted(used)}")
        return trees[0]

    def _logout(self, passenger: Browser, subject: str, call: str) -> Iterator[Step]:
        self._door("phone", is_open=False)
        page = passenger.visit(f"{self._homes['web']}/leave")
        if not str(page.url).startswith(f"{self._homes['web']}/goodbye"):
            raise TourFailed(f"the logout ended at {page.url} with {page.status_code}")
        rest = sorted(self._homes.keys() - {"phone"})
        self._await(lambda: not any(self._here(channel, subject) for channel in rest), f"{rest} to hear of the logout")
        yield Step("one logout at web", f"ended at {' '.join(rest)} (back-channel)")
        self._await(lambda: self._door("phone", is_open=False)["turned_away"] > 0, "the phone channel to be tried")
        answer = self._orders_of_call(call)
        if answer["hub"] != 401 or not self._here("phone", subject):
            raise TourFailed(f"before it is told, the phone channel should meet 401, it meets {answer}")
        yield Step("phone is down", "has not heard; its token is refused by the hub all the same (401)")
        self._door("phone", is_open=True)
        self._await(lambda: not self._here("phone", subject), "the phone channel to be told")
        yield Step("phone is up again", "told by the next attempt: no channel has a session of the passenger")

    def _here(self, channel: str, subject: str) -> bool:
        """Whether the channel still has a session of this person; a clerk's own are not his."""
        return any(guest["sub"] == subject for guest in self._state(channel)["guests"])

    def _door(self, channel: str, *, is_open: bool) -> dict[str, Any]:
        return told(self._clerk.post(f"{self._homes[channel]}/door", json={"open": is_open}), f"the door of {channel}")

    def _await(self, done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + LOGOUT_SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise TourFailed(f"waited {LOGOUT_SECONDS:.0f} s for {what}")
            time.sleep(LOOK_SECONDS)


def _drawn(branch: Branch, indent: str = "") -> Iterator[Step]:
    """The tree, a line for each session: its kind, the end of its sid, the channels that take part."""
    yield Step(f"{indent}{branch.kind} …{str(branch.session_id)[-4:]}", " ".join(sorted(branch.clients)) or "-")
    for below in branch.below:
        yield from _drawn(below, f"{indent}└ ")
