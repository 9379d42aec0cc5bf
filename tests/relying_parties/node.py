"""Relying parties of Node: a program for each, one flow a run; the test is the browser and the person."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import control
from tests.conformance.browser import Browser
from tests.conformance.parties import KEY, PARTIES, PASSENGER, RESOURCE
from tests.conformance.subject import Subject
from tests.relying_parties.conftest import SERVER_SECRET

HERE = Path(__file__).parent
PATIENCE_SECONDS = 30.0


def told(subject: Subject, flow: str) -> dict[str, Any]:
    """What the program reads."""
    parties = {
        name: {
            **asdict(party),
            "callback": party.callback,
            "goodbye": party.goodbye,
            "secret": party.secret if party.auth.startswith("client_secret") else None,
        }
        for name, party in PARTIES.items()
    }
    return {
        "modules": str(control.PACKAGES),
        "issuer": subject.issuer,
        "resource": RESOURCE,
        "flow": flow,
        "login": PASSENGER.login,
        "jwk": KEY.as_dict(private=True),
        "parties": {**parties, "server": {"client_id": "server", "secret": SERVER_SECRET}},
    }


def play(program: str, package: str, subject: Subject, flow: str) -> dict[str, Any]:
    """Run one flow to its end; what the program learnt. Skips, by name, where Node or the package is missing."""
    if absent := control.missing(package):
        pytest.skip(absent)
    command = ["node", str(HERE / program), json.dumps(told(subject, flow))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        browser = subject.browser()
        for line in process.stdout:
            said = json.loads(line)
            if "done" in said:
                return dict(said["done"])
            process.stdin.write(json.dumps(_done(subject, browser, said)) + "\n")
            process.stdin.flush()
        raise AssertionError(process.stderr.read()[-4000:])


def _done(subject: Subject, browser: Browser, said: dict[str, Any]) -> dict[str, Any]:
    if "open" in said:
        return {"answer": browser.agree(browser.open(said["open"])).sent_to}
    if "enter" in said:
        return {"answer": browser.agree(browser.open(said["enter"])).response.status_code}
    subject.decide(said["decide"], True)
    return {}
