"""Every one-time artefact of the provider: how a stranger gets a fresh one, and what redeeming it looks like.

All of it over HTTP. An artefact is a function from the stage to a `Shot`; the shot is fired many times at once.
"""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from sso.provider import Provider
from tests.conformance.browser import VERIFIER, Browser, first_form
from tests.conformance.ours import decide_all
from tests.conformance.parties import CIBA, CODE, CREDENTIALS, DEVICE, PARTIES, PASSENGER, REFRESH, Party, Person
from tests.conformance.subject import ASSERTION, Prover, Subject, good
from tests.processes.house import House

FIRST, BOUND, CALLER, KIOSK, PUSHING = (PARTIES[name] for name in ("first", "bound", "caller", "kiosk", "pushing"))
RACERS_PASSWORD = "a-password-that-is-long"
CALLS_EACH = 15
SIGNING = Party("signing", (CREDENTIALS,), auth="private_key_jwt", scope="hub:messages")


@dataclass(frozen=True, slots=True)
class Shot:
    """One redemption, ready to be sent again and again. `gained`: what an answer is worth; None for a refusal.

    Two answers with the same worth are one gain: a refresh token's grace hands out the same child again.
    """

    method: str
    path: str
    form: Mapping[str, str]
    headers: Mapping[str, str]
    gained: Callable[[int, Mapping[str, str], str], str | None]


@dataclass
class Stage:
    """Two doors and everybody on stage; `browser` is signed in as the passenger at the first door.

    phones: of the passengers `racer0`, `racer1`, ...
    """

    house: House
    provider: Provider
    subject: Subject
    phones: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.browser = self.subject.browser()
        self.browser.log_in(FIRST)
        self.prover = Prover(self.subject)
        self.access: str | None = None
        self.calls = 0
        self.called = PASSENGER, self.browser

    def somebody_to_call(self) -> tuple[Person, Browser]:
        """A passenger with their phone in hand; another one after some calls, because nobody is called too often."""
        if self.calls % CALLS_EACH == 0:
            racer = Person(f"racer{self.calls // CALLS_EACH}", RACERS_PASSWORD, "赛跑者", "")
            browser = self.subject.browser()
            browser.log_in(FIRST, racer)
            self.called = racer, browser
        self.calls += 1
        return self.called

    @property
    def cookies(self) -> dict[str, str]:
        return {"cookie": "; ".join(f"{name}={value}" for name, value in self.browser.http.cookies.items())}

    def basic(self, party: Party) -> dict[str, str]:
        pair = f"{party.client_id}:{party.secret}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}


def token(stage: Stage, party: Party, form: Mapping[str, str], worth: str = "access_token", **headers: str) -> Shot:
    """A token request; it gains the token named `worth`."""

    def gained(status: int, _: Mapping[str, str], text: str) -> str | None:
        return str(json.loads(text)[worth]) if status == 200 else None

    own = stage.basic(party) if party.auth == "client_secret_basic" else {}
    return Shot("POST", "/sso/token", form, {**own, **headers}, gained)


def code(stage: Stage) -> Shot:
    found = stage.browser.ask(FIRST).code
    form = {"grant_type": CODE, "code": found, "redirect_uri": FIRST.callback, "code_verifier": VERIFIER}
    return token(stage, FIRST, form)


def refresh_token(stage: Stage) -> Shot:
    tokens = good(stage.subject.redeem(FIRST, stage.browser.ask(FIRST).code))
    return token(stage, FIRST, {"grant_type": REFRESH, "refresh_token": tokens["refresh_token"]}, "refresh_token")


def device_code(stage: Stage) -> Shot:
    address = stage.subject.endpoint("device_authorization_endpoint")
    codes = good(stage.subject.post(address, KIOSK, {"scope": "openid"}))
    stage.browser.agree(stage.browser.open(codes["verification_uri_complete"]))
    return token(stage, KIOSK, {"grant_type": DEVICE, "device_code": codes["device_code"]})


def auth_req_id(stage: Stage) -> Shot:
    address = stage.subject.endpoint("backchannel_authentication_endpoint")
    person, browser = stage.somebody_to_call()
    data = {"scope": "openid", "login_hint": person.login, "binding_message": "G1234-07"}
    found = good(stage.subject.post(address, CALLER, data))["auth_req_id"]
    decide_all(stage.subject, "approve", browser)
    return token(stage, CALLER, {"grant_type": CIBA, "auth_req_id": found})


def request_uri(stage: Stage) -> Shot:
    address = stage.subject.endpoint("pushed_authorization_request_endpoint")
    answer = stage.subject.post(address, PUSHING, stage.browser.parameters(PUSHING))
    query = urlencode({"client_id": PUSHING.client_id, "request_uri": answer.json()["request_uri"]})

    def gained(status: int, headers: Mapping[str, str], _: str) -> str | None:
        found = parse_qs(urlsplit(headers.get("location", "")).query).get("code")
        return found[0] if status == 303 and found else None

    return Shot("GET", f"/sso/authorize?{query}", {}, stage.cookies, gained)


def assertion_jti(stage: Stage) -> Shot:
    form = {
        "grant_type": CREDENTIALS,
        "client_assertion_type": ASSERTION,
        "client_assertion": stage.subject.assertion(SIGNING),
    }
    return token(stage, SIGNING, form)


def dpop_jti(stage: Stage) -> Shot:
    """A proof for userinfo; the answer's worth is the proof itself, so that two good answers count twice."""
    address = f"{stage.subject.issuer}/token"
    if stage.access is None:
        found = stage.subject.redeem(BOUND, stage.browser.ask(BOUND).code, DPoP=stage.prover.proof(address))
        stage.access = good(found)["access_token"]
    proof = stage.prover.proof(f"{stage.subject.issuer}/userinfo", "GET", stage.access)
    headers = {"authorization": f"DPoP {stage.access}", "dpop": proof}
    return Shot("GET", "/sso/userinfo", {}, headers, _each)


def phone_code(stage: Stage) -> Shot:
    """A code sent to a passenger of its own, so that no limit on codes for one number stands in the way."""
    browser = stage.subject.browser()
    phone = stage.phones.pop()
    shown = browser.open(f"{stage.subject.issuer}/login", method="code").form
    assert shown is not None
    page = browser.send(shown, phone=phone).response
    form = first_form(page)
    assert form is not None, page.text
    said = (stage.house.settings.data_dir / "outbox" / "codes.jsonl").read_text(encoding="utf-8").splitlines()
    sent: dict[str, Any] = json.loads(said[-1])
    assert sent["phone"] == phone
    cookies = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())

    def gained(status: int, headers: Mapping[str, str], _: str) -> str | None:
        return headers.get("set-cookie") if status == 303 else None

    return Shot("POST", urlsplit(form.action).path, {**form.fields, "code": sent["code"]}, {"cookie": cookies}, gained)


def _each(status: int, _: Mapping[str, str], __: str) -> str | None:
    """Every good answer is a gain of its own."""
    return str(uuid.uuid4()) if status == 200 else None


ARTEFACTS: dict[str, Callable[[Stage], Shot]] = {
    make.__name__: make
    for make in (code, refresh_token, device_code, auth_req_id, request_uri, assertion_jti, dpop_jti, phone_code)
}
