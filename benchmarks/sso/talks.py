"""What is asked of a provider, over and over: one function for each row of the table."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from benchmarks.sso.load import Call, Talker, same
from benchmarks.sso.stage import SERVER, SWIFT, Side, sleeper
from tests.conformance.browser import first_form
from tests.conformance.parties import PARTIES, PASSENGER, REFRESH, RESOURCE, Party
from tests.conformance.subject import good


@dataclass(frozen=True, slots=True)
class Talk:
    """A row. `make`: the talker of the connection with this number.

    bar: requests for each CPU-second of our server's process, from SSO.md. bar_ms: milliseconds of p95.
    """

    title: str
    make: Callable[[Side, int], Talker]
    wanted: int = 200
    bar: int | None = None
    bar_ms: int | None = None
    control: bool = True


def basic(party: Party) -> dict[str, str]:
    pair = f"{party.client_id}:{party.secret}".encode()
    return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


def path(side: Side, endpoint: str) -> str:
    return urlsplit(str(side.subject.metadata[endpoint])).path


def client_credentials(side: Side, number: int) -> Talker:
    body = urlencode({"grant_type": "client_credentials", "scope": "hub:messages"}).encode()
    return same(Call("POST", path(side, "token_endpoint"), basic(PARTIES["system"]), body))


def tokens(side: Side) -> dict[str, str]:
    """A family with an access token for the hub; each call logs somebody in anew."""
    asked = {"scope": SWIFT.scope}
    if side.subject.name == "control":
        asked |= {"resource": RESOURCE}
    browser = side.subject.browser()
    code = browser.log_in(SWIFT, PASSENGER, **asked).code
    more = {"resource": RESOURCE} if side.subject.name == "control" else {}
    found = good(side.subject.redeem(SWIFT, code, **more))
    side.subject.close_browsers()
    return found


def refresh(side: Side, number: int) -> Talker:
    """Rotation: every answer's refresh token is the next request's."""
    first, address, headers = tokens(side)["refresh_token"], path(side, "token_endpoint"), basic(SWIFT)

    def following(last: bytes | None) -> Call:
        token = first if last is None else json.loads(last)["refresh_token"]
        return Call("POST", address, headers, urlencode({"grant_type": REFRESH, "refresh_token": token}).encode())

    return following


def introspection(side: Side, number: int) -> Talker:
    """Ours looks a JWT's session and grant up; the control can introspect its opaque tokens only."""
    ours = side.subject.name == "ours"
    token = tokens(side)["access_token"] if ours else side.subject.tokens()["access_token"]
    side.subject.close_browsers()
    return same(Call("POST", path(side, "introspection_endpoint"), basic(SERVER), urlencode({"token": token}).encode()))


def password_login(side: Side, number: int) -> Talker:
    browser = side.subject.browser()
    page = browser.open(f"{side.subject.issuer}/login").response
    form = first_form(page)
    assert form is not None
    assert form.password is not None
    typed = {**dict.fromkeys(form.typed, sleeper(number)), form.password: PASSENGER.password}
    cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    side.subject.close_browsers()
    return same(
        Call("POST", urlsplit(form.action).path, {"cookie": cookie}, urlencode({**form.fields, **typed}).encode())
    )


def authorize(side: Side, number: int) -> Talker:
    browser = side.subject.browser()
    browser.log_in(PARTIES["first"])
    query = urlencode(browser.parameters(PARTIES["first"]))
    cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
    side.subject.close_browsers()
    return same(Call("GET", f"{path(side, 'authorization_endpoint')}?{query}", {"cookie": cookie}))


TALKS = (
    Talk("client_credentials, JWT ES256", client_credentials, bar=1_000),
    Talk("refresh: rotation, ID token, JWT ES256", refresh, bar=400),
    Talk("introspection", introspection, bar=1_500),
    Talk("authorize with a live session", authorize, wanted=303, bar_ms=50),
    Talk("password login", password_login, wanted=303, bar=30, control=False),
)
