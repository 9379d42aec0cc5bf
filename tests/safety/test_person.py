"""A person is erased from a running hub: every way to look at the day is tried before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from adapters.kit.registry import registered
from hub.delivery.speaking import Speaker
from hub.store import channels, events
from hub.store.checks import ledger_complaints, ledger_digest
from interlock.cli.main import app
from interlock.console import messaging
from interlock.web import build_app
from interlock.wiring import Hub
from schemas.observation import Observation
from schemas.personal import ERASED, personal_values
from tests.api.people import bearer, tokens
from tests.cli.conftest import Run
from tests.console.harness import MOBILE, PUBLIC_URL, RESIDENT_ID, SALE, Browser, sample, tell

NAME = "测试甲"
EVEN_SO = ("--even-so", "asked for by the authority")


@pytest.fixture
def site(hub: Hub) -> Iterator[TestClient]:
    with TestClient(build_app(hub), base_url=PUBLIC_URL, raise_server_exceptions=False) as client:
        yield client


def erase(*words: str, number: str = RESIDENT_ID) -> Result:
    """The command, with the number on standard input."""
    command = ["person", "erase", "--document-type", "resident_id", "--number", "-", *words]
    return CliRunner().invoke(app, command, input=f"{number}\n")


def everybody(hub: Hub) -> set[str]:
    """Take every third sample of every channel; every name, number and telephone in them, in every spelling."""
    found: set[str] = set()
    for channel in hub.channels:
        for path in sorted(registered()[channel].samples.glob("*.native.*"))[::3]:
            raw = path.read_bytes()
            tell(hub, channel, raw, path.name)
            said = hub.adapters[channel].parse(raw)
            for value in personal_values(said) if isinstance(said, Observation) else ():
                found |= {value.text, value.text.removeprefix("+86")}
    return {word for word in found if len(word) > 2 or not word.isascii()}


def dump(hub: Hub) -> Iterator[tuple[str, str]]:
    """Everything in our tables, as text and as bytes."""
    with hub.pool.connection() as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
            " WHERE table_schema IN ('hub', 'sso', 'recon') AND table_type = 'BASE TABLE'"
        ).fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t".encode()).fetchall():
                yield table, row


def digest(hub: Hub) -> str:
    with hub.pool.connection() as connection:
        assert ledger_complaints(connection) == []
        return ledger_digest(connection, hub.adapters, hub.seal).digest


def test_a_dump_of_the_database_names_nobody(hub: Hub) -> None:
    people = everybody(hub)
    assert {RESIDENT_ID, MOBILE} <= people
    assert len(people) > 20
    rows = list(dump(hub))
    assert len(rows) > 200
    hexed = {word: word.encode().hex() for word in people}
    found = {(table, word) for table, row in rows for word in people if word in row or hexed[word] in row}
    assert found == set()


def test_the_number_never_stands_on_the_command_line(run: Run) -> None:
    told = run("person", "erase", "--document-type", "resident_id", "--number", RESIDENT_ID)
    assert told.exit_code == 1
    assert RESIDENT_ID not in told.output
    assert "standard input" in told.output
    for words in (("--phone", "-", "--number", "-"), ("--number", "-"), ("--document-type", "passport")):
        assert run("person", "erase", *words).exit_code == 1


def test_first_it_is_said_what_would_be_gone(hub: Hub) -> None:
    told = erase("--dry-run", "--json")
    assert told.exit_code == 0, told.output
    extent = json.loads(told.stdout)
    assert SALE in extent["orders"]
    assert extent["messages"] >= 1
    assert extent["valid"]
    assert extent["erased"] is False
    assert RESIDENT_ID not in told.output
    refused = erase()
    assert refused.exit_code == 1
    assert "are good" in refused.output
    assert erase("--dry-run", number="990101190001010018").exit_code == 1
    assert json.loads(erase("--dry-run", "--json").stdout) == extent, "nothing was done"


def test_after_it_nobody_reads_him_and_the_books_stand(hub: Hub, run: Run, site: TestClient) -> None:
    told, known = digest(hub), tokens(hub, site)
    order = site.get("/v1/orders", params={"system": "rail", "value": SALE}, headers=bearer(known["operator"])).json()
    names = {p["name"] for p in order["passengers"]}
    assert NAME in str(names) or names, "names are shown to who deals with the passenger"
    pages = [f"/console/orders/{order['order_id']}", "/console/messages/1"]
    done = erase(*EVEN_SO)
    assert done.exit_code == 0, done.output
    after = site.get(f"/v1/orders/{order['order_id']}", headers=bearer(known["operator"])).json()
    erased = [p for p in after["passengers"] if p["name"] == ERASED]
    assert erased
    assert all(p["document"]["number"] == ERASED and p["phone"] in (None, ERASED) for p in erased)
    assert {**after, "passengers": 0} == {**order, "passengers": 0}
    timeline = site.get(f"/v1/orders/{order['order_id']}/timeline", headers=bearer(known["operator"]))
    assert len(timeline.json()["entries"]) > 1
    shown = json.loads(run("order", "show", SALE, "--json").stdout)
    assert {p["name"] for p in shown["passengers"]} >= {ERASED}
    assert "erased" in run("message", "show", "web/web-1", "--raw").output
    assert erase(*EVEN_SO).exit_code == 1, "nobody is found by that number any more"
    for language, word in (("en", "was erased"), ("zh", "已被删除")):
        browser = Browser(site, language)
        browser.log_in("operator")
        for page in pages:
            text = browser.get(page).text
            assert word in text, page
            assert RESIDENT_ID not in text
    assert digest(hub) == told
    replayed = json.loads(run("ledger", "replay", "--json").stdout)
    assert replayed["same"] is True
    assert replayed["from_what_is_remembered"] >= 1
    assert run("audit", "verify").exit_code == 0
    people = [RESIDENT_ID, MOBILE]
    assert not [(table, word) for table, row in dump(hub) for word in people if word in row]


def test_by_api_only_an_administrator(hub: Hub, site: TestClient) -> None:
    known = tokens(hub, site)
    body: dict[str, Any] = {"document_type": "resident_id", "number": RESIDENT_ID}
    assert site.post("/v1/persons/erasures", json=body, headers=bearer(known["operator"])).status_code == 403
    refused = site.post("/v1/persons/erasures", json=body, headers=bearer(known["admin"]))
    assert (refused.status_code, refused.json()["code"]) == (409, "person_has_business")
    tried = site.post("/v1/persons/erasures", json={**body, "dry_run": True}, headers=bearer(known["admin"]))
    done = site.post("/v1/persons/erasures", json={**body, "even_so": "asked for"}, headers=bearer(known["admin"]))
    assert done.status_code == 200, done.text
    assert done.json() == {**tried.json(), "erased": True}
    again = site.post("/v1/persons/erasures", json={**body, "dry_run": True}, headers=bearer(known["admin"]))
    assert (again.status_code, again.json()["code"]) == (404, "person_unknown")
    for wrong in ({}, {"number": "1"}, {**body, "phone": "1"}, {"document_type": "passport"}):
        assert site.post("/v1/persons/erasures", json=wrong, headers=bearer(known["admin"])).status_code == 400


def test_channels_are_told_on_without_him(hub: Hub) -> None:
    """Every native form can be written of an order whose passenger was erased; it says so in his place."""
    tell(hub, "web", sample("web", "refund-two-of-three"), "web-9", 90)
    assert erase(*EVEN_SO).exit_code == 0
    speaker = Speaker(hub.pool, hub.seal, PUBLIC_URL)
    with hub.pool.connection() as connection:
        connected = [channel for channel in channels.every(connection) if channel.channel in hub.adapters]
        logged = events.after(connection, "0", 0, 100)
    order_ids = [item.event.order_id for item in logged]
    for channel, form in product(connected, ("native", "cloudevents")):
        to = replace(channel, form=form, personal_data=True)  # type: ignore[arg-type]  # one of the two forms
        adapter = hub.adapters[channel.channel]
        told = [formatted for item in logged if (formatted := speaker.to(to, adapter, order_ids)(item)) is not None]
        assert told, (channel.channel, form)
        for formatted in told:
            text = formatted.body.decode(adapter.profile.encoding if form == "native" else "utf-8")
            assert RESIDENT_ID not in text
            assert MOBILE not in text


def test_an_opened_message_is_not_kept_open(hub: Hub) -> None:
    with hub.pool.connection() as connection:
        reader = messaging.Reader(connection, hub.adapters, hub.seal)
        before = reader.message(1)
        assert before is not None
        assert not before["exhibit"]["erased"]
    assert erase(*EVEN_SO).exit_code == 0
    with hub.pool.connection() as connection:
        after = messaging.Reader(connection, hub.adapters, hub.seal, clear=True).message(1)
    assert after is not None
    assert after["exhibit"]["erased"]
    assert after["exhibit"]["native"] == []
    assert NAME not in json.dumps(after["exhibit"], ensure_ascii=False)
    assert after["exhibit"]["canonical"]["facts"]
