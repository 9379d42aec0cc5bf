"""A wired hub with a small day on its ledger, and staff with a browser each."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from pydantic import SecretStr

from adapters.kit.registry import registered
from hub.intake import Receipt
from hub.intake.answers import Answer
from hub.store import channels, timetable
from interlock.clock import FileClock
from interlock.settings import Settings
from interlock.wiring import Hub, open_hub
from schemas.timetable import Train
from tests.sso.authenticator import SoftAuthenticator, asked_of

PUBLIC_URL = "http://127.0.0.1:8400"
PASSWORD = "the-books-must-balance"
SECRET = "whsec_" + "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="
MORNING = datetime(2026, 1, 9, 4, 0, tzinfo=UTC)
RESIDENT_ID, MOBILE = "990101199003070015", "19900000001"

G11 = {
    "train_no": "24000000G11A",
    "train_code": "G11",
    "valid_from": "2026-01-01",
    "valid_to": "2026-12-31",
    "stops": [{"station": code, "arrive": "08:00", "depart": "08:00", "day": 0} for code in ("VNP", "NJH", "AOH")],
}


def open_test_hub(data_dir: Path, database_url: str, valkey_url: str) -> Hub:
    """The hub over this test's engines, on a clock that stands on the morning of 9 January 2026."""
    clock_file = data_dir / "clock"
    FileClock(clock_file, MORNING).close()
    settings = Settings(
        data_dir=data_dir,
        database_url=SecretStr(database_url),
        redis_url=SecretStr(valkey_url),
        public_url=PUBLIC_URL,
        clock_file=clock_file,
        database_connections=5,
    )
    return open_hub(settings, "test")


def connect_channels(hub: Hub) -> None:
    """Register every channel and load one train."""
    with hub.pool.connection() as connection:
        for name in hub.channels:
            channels.register(connection, name, "http://127.0.0.1:9", SECRET, hub.seal, hub.clock())
        timetable.load(connection, [Train.model_validate_json(json.dumps(G11))])


def sample(channel: str, name: str) -> bytes:
    """One of the adapter's own samples."""
    return next(registered()[channel].samples.glob(f"{name}.native.*")).read_bytes()


def tell(hub: Hub, channel: str, raw: bytes, message_id: str, minutes: int = 0) -> Answer:
    """A message that arrives ``minutes`` after the clock's time."""
    received = hub.clock() + timedelta(minutes=minutes)
    return hub.intake.take([Receipt(channel, message_id, raw, "http", received)])[0]


SALE = "EW00000101"


def play_day(hub: Hub) -> None:
    """A sale with losses, the same again, a second witness, a refund in part, a broken message, a forged one."""
    connect_channels(hub)
    tell(hub, "web", sample("web", "sale-one-ticket"), "web-1")
    tell(hub, "web", sample("web", "sale-one-ticket"), "web-1", 1)
    tell(hub, "web", sample("web", "sale-with-losses"), "web-2", 2)
    tell(hub, "web", sample("web", "refund-two-of-three"), "web-3", 70)
    tell(hub, "web", sample("web", "reject-negative-fare"), "web-bad", 75)


class Browser:
    """A person at a browser: keeps cookies, follows redirects, fills the login form when shown one."""

    def __init__(self, site: TestClient, language: str = "en") -> None:
        self.http = site
        site.cookies.clear()
        site.headers["accept"] = "text/html"
        site.headers["accept-language"] = language

    def get(self, path: str, **query: str) -> Any:
        return self.http.get(path, params=query or None)

    def json(self, path: str, **query: str) -> Any:
        return self.http.get(path, params=query or None, headers={"accept": "application/json"})

    def log_in(self, login: str, password: str = PASSWORD, page: str = "/console") -> Any:
        shown = self.get(page)
        action, fields = form(shown.text)
        answer = self.http.post(
            action, data={**fields, "login": login, "password": password}, headers={"origin": PUBLIC_URL}
        )
        return answer

    def step_up(self, shown: Any, passkey: SoftAuthenticator) -> Any:
        """Prove more on the page ``shown``, which asks for it; answers the page that the browser comes back to."""
        action, fields = form(shown.text)
        fields["credential"] = passkey.get(asked_of(shown.text))
        return self.http.post(action, data=fields, headers={"origin": PUBLIC_URL})

    def submit(self, path: str, page: str, **fields: str) -> Any:
        """Post a form with the form token that ``page`` carries."""
        token = re.search(r'name="form_token" value="([^"]+)"', self.get(page).text)
        assert token
        came_from = {"origin": PUBLIC_URL, "referer": f"{PUBLIC_URL}{page}"}
        return self.http.post(path, data={"form_token": token[1], **fields}, headers=came_from)


def form(page: str) -> tuple[str, dict[str, str]]:
    """Action and hidden fields of the first posting form."""
    found = re.search(r'<form method="post" action="([^"]+)".*?</form>', page, re.DOTALL)
    assert found, page
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0])
    return html.unescape(found[1]), {name: html.unescape(value) for name, value in hidden}
