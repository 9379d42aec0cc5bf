"""Everybody who may come to the door, with real tokens of the real provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from urllib.parse import parse_qsl, urlsplit

from fastapi.testclient import TestClient

from interlock.wiring import Hub, sign_on
from sso.admin import Demo, DemoApplication, seed_demo
from sso.options import Argon2Options
from sso.people import identities
from sso.people.identities import Identity
from sso.people.passwords import Passwords
from tests.console.harness import PASSWORD, PUBLIC_URL, form
from tests.sso.authenticator import SoftAuthenticator, asked_of
from tests.sso.harness import Pkce

CHANNEL_SECRET = "a-secret-of-at-least-thirty-two-characters"
PASSENGER_PHONE = "+8619900000077"
CALLBACK = "https://app.interlock.test/callback"
AUDIENCE = f"{PUBLIC_URL}/v1"
CHANNELS = ("web", "phone")
STAFF = ("operator", "finance", "auditor", "admin")


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **more}


class People(Mapping[str, str]):
    """Somebody's name -> his token, got when it is first asked for: a log-in takes its time, on purpose."""

    def __init__(self, hub: Hub, client: TestClient) -> None:
        self._client = client
        self._known: dict[str, str] = {}
        self._passkeys = _hire(hub)
        secrets = dict.fromkeys(CHANNELS, CHANNEL_SECRET)
        applications = {"app": DemoApplication([CALLBACK])}
        seed_demo(sign_on(hub), Demo(applications=applications, channel_secrets=secrets))

    def __getitem__(self, name: str) -> str:
        if name not in self._known:
            if name in CHANNELS:
                self._known[name] = channel_token(self._client, name)
            else:
                self._known[name] = person_token(self._client, name, passkey=self._passkeys.get(name))
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*STAFF, "passenger", *CHANNELS))

    def __len__(self) -> int:
        return len(STAFF) + 1 + len(CHANNELS)


def tokens(hub: Hub, client: TestClient) -> People:
    """A token for each role of staff, for a ``passenger`` and for the channels ``web`` and ``phone``."""
    return People(hub, client)


def channel_token(client: TestClient, channel: str) -> str:
    answer = client.post(
        "/sso/token",
        data={"grant_type": "client_credentials", "scope": "hub:messages hub:orders"},
        auth=(f"channel-{channel}", CHANNEL_SECRET),
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def person_token(
    client: TestClient,
    login: str,
    scope: str = f"openid profile hub:orders {' '.join(STAFF)}",
    passkey: SoftAuthenticator | None = None,
) -> str:
    """What the railway's application gets when this person logs in to it (code flow, PKCE).

    With a password that is one factor; with a ``passkey`` it is two, as approvals ask.
    """
    client.cookies.clear()
    question = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": CALLBACK,
        "scope": scope,
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": Pkce().challenge,
        "code_challenge_method": "S256",
        "resource": AUDIENCE,
    }
    page = client.get("/sso/authorize", params=question, follow_redirects=True)
    action, fields = form(page.text)
    fields |= {"login": login, "password": PASSWORD}
    if passkey is not None:
        page = client.get("/sso/login", params={"i": fields["i"], "method": "passkey"})
        action, fields = form(page.text)
        fields["credential"] = passkey.get(asked_of(page.text))
    answer = client.post(action, data=fields, headers={"origin": PUBLIC_URL}, follow_redirects=False)
    while "code=" not in answer.headers["location"]:
        answer = client.get(answer.headers["location"], follow_redirects=False)
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]
    grant = {"grant_type": "authorization_code", "client_id": "app", "code": code, "redirect_uri": CALLBACK}
    told = client.post("/sso/token", data={**grant, "code_verifier": Pkce().verifier})
    assert told.status_code == 200, told.text
    client.cookies.clear()
    return str(told.json()["access_token"])


def _hire(hub: Hub) -> dict[str, SoftAuthenticator]:
    """One member of staff per role and a passenger, all with the same password, which is hashed once.

    Answers the passkeys of the staff.
    """
    passkeys = {name: SoftAuthenticator(PUBLIC_URL) for name in STAFF}
    provider = sign_on(hub)
    password, now = password_hash(), provider.clock()
    with hub.pool.connection() as connection:
        for name in (*STAFF, "passenger"):
            kind, roles = ("staff", [name]) if name in STAFF else ("passenger", [])
            person = Identity(provider.mint.identifier(), kind, name, name.title(), password, None, roles, "en", now)
            phone = None if roles else PASSENGER_PHONE
            identities.add(connection, provider.cipher, person, phone, now)
            if name in passkeys:
                passkeys[name].belong_to(connection, person.identity_id, now)
    return passkeys


@cache
def password_hash() -> str:
    return Passwords(Argon2Options()).hash(PASSWORD)
