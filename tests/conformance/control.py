"""The certified provider that runs beside ours: node oidc-provider, when Node and its package are on this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, RSAKey

from tests.conformance.parties import CIBA, CODE, KEY, OTHER, PARTIES, PASSENGER, RESOURCE, Party
from tests.conformance.relying import Relying
from tests.conformance.subject import Subject

HERE = Path(__file__).parent
PACKAGES = Path(__file__).parents[2] / ".interlock" / "node"
UP_SECONDS = 30.0
EVERY_RUNTIME = "INTERLOCK_TEST_EVERY_RUNTIME"


def missing(package: str) -> str | None:
    """What is missing to run a program with this npm package, by name; None when nothing is."""
    if shutil.which("node") is None:
        return "Node.js (node) is not installed"
    if not (PACKAGES / "node_modules" / package / "package.json").exists():
        return f"the npm package {package} is not installed (make conformance installs it)"
    return None


def need(absent: str | None) -> None:
    """Skip, saying what is missing. Fails instead where everything was installed on purpose (`.ci/run`)."""
    if absent and os.environ.get(EVERY_RUNTIME):
        pytest.fail(absent)
    if absent:
        pytest.skip(absent)


def version(package: str) -> str:
    """The installed version of an npm package."""
    found = (PACKAGES / "node_modules" / package / "package.json").read_text(encoding="utf-8")
    return str(json.loads(found)["version"])


def metadata(party: Party, relying: str) -> dict[str, Any]:
    """A party in the words of OpenID Connect Dynamic Client Registration."""
    people = CODE in party.grants
    found: dict[str, Any] = {
        "client_id": party.client_id,
        "grant_types": [*party.grants],
        "redirect_uris": [party.callback] if people else [],
        "response_types": ["code"] if people else [],
        "token_endpoint_auth_method": party.auth,
        "require_pushed_authorization_requests": party.par,
        "dpop_bound_access_tokens": party.dpop,
        "id_token_signed_response_alg": "RS256",
    }
    if party.auth.startswith("client_secret"):
        found["client_secret"] = party.secret
    if party.auth == "private_key_jwt":
        found |= {"jwks": {"keys": [KEY.as_dict(private=False)]}, "token_endpoint_auth_signing_alg": "ES256"}
    if people:
        found |= {
            "post_logout_redirect_uris": [party.goodbye],
            "backchannel_logout_uri": f"{relying}/logout/{party.client_id}",
            "backchannel_logout_session_required": True,
        }
    if CIBA in party.grants:
        found["backchannel_token_delivery_mode"] = "ping" if party.notified else "poll"
    if party.notified:
        found["backchannel_client_notification_endpoint"] = f"{relying}/notified"
    return found


def people() -> list[dict[str, Any]]:
    """The people, with the claims that our provider has about them and some that only the control offers."""
    return [
        {
            "login": person.login,
            "claims": {
                "name": person.name,
                "preferred_username": person.login,
                "locale": "zh-CN",
                "updated_at": 1_700_000_000,
                "phone_number": person.phone,
                "phone_number_verified": True,
                "email": f"{person.login}@interlock.test",
                "email_verified": False,
                "address": {"country": "CN"},
            },
        }
        for person in (PASSENGER, OTHER)
    ]


def told(port: int, relying: str) -> dict[str, Any]:
    """What control.mjs reads."""
    keys: list[RSAKey | ECKey] = [
        RSAKey.generate_key(2048, parameters={"kid": "control-rs", "use": "sig", "alg": "RS256"}),
        ECKey.generate_key("P-256", parameters={"kid": "control-es", "use": "sig", "alg": "ES256"}),
    ]
    return {
        "modules": str(PACKAGES),
        "port": port,
        "issuer": f"http://127.0.0.1:{port}",
        "resource": RESOURCE,
        "relying": relying,
        "clients": [metadata(party, "https://relying.interlock.test") for party in PARTIES.values()],
        "people": people(),
        "jwks": {"keys": [key.as_dict(private=True) for key in keys]},
        "cookieKey": "a key for the cookies of the control",
    }


@contextmanager
def process(folder: Path, settings: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """The control, listening; it ends with the block."""
    (folder / "control.json").write_text(json.dumps(settings), encoding="utf-8")
    with (folder / "control.log").open("wb") as said:
        command = ["node", str(HERE / "control.mjs"), str(folder / "control.json")]
        started = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, "NODE_ENV": "production"})
    try:
        _wait(started, settings["issuer"], folder)
        yield started
    finally:
        started.terminate()
        started.wait(20)


def _wait(started: subprocess.Popen[bytes], issuer: str, folder: Path) -> None:
    deadline = time.monotonic() + UP_SECONDS
    while time.monotonic() < deadline and started.poll() is None:
        try:
            httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the control does not listen: {(folder / 'control.log').read_text(encoding='utf-8')}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(folder: Path, relying: Relying) -> Iterator[Subject]:
    """The control's column."""
    settings = told(free_port(), relying.address)
    issuer = settings["issuer"]

    def outside(kind: str, **data: Any) -> None:
        httpx.post(f"{issuer}/outside/{kind}", json=data, trust_env=False).raise_for_status()

    def wait(seconds: float) -> None:
        outside("wait", seconds=seconds)
        subject.ahead += seconds

    def decide(auth_req_id: str, approve: bool) -> None:
        outside("ciba", auth_req_id=auth_req_id, approve=approve)

    with process(folder, settings):
        subject = Subject("control", issuer, "https://relying.interlock.test", relying, wait, decide)
        yield subject
        subject.http.close()
