"""Relying parties of Node: a program for each, which plays all its flows; the test is the browser and the person."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.conformance import control
from tests.conformance.parties import KEY, PARTIES, PASSENGER, RESOURCE
from tests.conformance.subject import Subject
from tests.relying_parties.conftest import SERVER_SECRET

HERE = Path(__file__).parent


def told(subject: Subject, flows: Sequence[str]) -> dict[str, Any]:
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
        "flows": list(flows),
        "login": PASSENGER.login,
        "jwk": KEY.as_dict(private=True),
        "parties": {**parties, "server": {"client_id": "server", "secret": SERVER_SECRET}},
    }


def play(program: str, package: str, subject: Subject, flows: Sequence[str]) -> dict[str, str | None]:
    """Run the flows; how each ended: None when it was right. Skips, by name, where Node or the package is missing."""
    control.need(control.missing(package))
    command = ["node", str(HERE / program), json.dumps(told(subject, flows))]
    ended: dict[str, str | None] = {}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            said = json.loads(line)
            if "flow" in said:
                ended[said["flow"]] = said.get("failed")
                continue
            process.stdin.write(json.dumps(_done(subject, said)) + "\n")
            process.stdin.flush()
        assert len(ended) == len(flows), process.stderr.read()[-4000:]
    return ended


def _done(subject: Subject, said: dict[str, Any]) -> dict[str, Any]:
    """What the person does, each time with a browser that is signed in nowhere; a logout follows its login."""
    if "open" in said:
        browser = subject.browsers[-1] if said.get("stay") else subject.browser()
        return {"answer": browser.agree(browser.open(said["open"])).sent_to}
    if "enter" in said:
        browser = subject.browser()
        return {"answer": browser.agree(browser.open(said["enter"])).response.status_code}
    subject.decide(said["decide"], True)
    return {}
