"""The day's runs and breaks as finance sees them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from interlock.console import words
from interlock.wiring import Hub
from tests.console.harness import SALE, Browser

DAY = date(2026, 1, 9)
NIGHT = datetime(2026, 1, 9, 18, 0, tzinfo=UTC)
BREAK = UUID("0199b000-0000-7000-8000-000000000001")
LEFT = UUID(int=BREAK.int + 1)


def a_day(hub: Hub) -> None:
    """A day with one break that policy resolved and a second run proved gone, and one that is left."""
    with hub.pool.connection() as connection:
        for number, cleared in (("a" * 64, 0), ("b" * 64, 1)):
            connection.execute(
                """INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest,
                       left_digest, right_digest, context_digest, state, left_rows, right_rows, matched, break_count,
                       started_at, finished_at, finish_order)
                   VALUES (%s, 'hub-web', %s, 'v1', 'd', 'l', 'r', 'c', 'done', 10, 10, %s, %s, %s, %s, %s)""",
                (number, DAY, 8 + cleared, 2 - cleared, NIGHT, NIGHT, cleared),
            )
        for position, (kind, state, run) in enumerate((("AMOUNT", "cleared", "b" * 64), ("STATUS", "left", None))):
            connection.execute(
                """INSERT INTO recon.breaks (break_id, run_id, last_run_id, cleared_run_id, definition, business_date,
                       kind, key, order_no, left_value, right_value, amount_at_stake, further, since, evidence, covers,
                       state, opened_at, updated_at)
                   VALUES (%s, %s, %s, %s, 'hub-web', %s, %s, %s, %s, %s, %s, 500, %s, %s, %s, %s, %s, %s, %s)""",
                (
                    UUID(int=BREAK.int + position),
                    "a" * 64,
                    "a" * 64,
                    run,
                    DAY,
                    kind,
                    f"{SALE}105012A",
                    SALE,
                    Jsonb({"kind": "ticket", "state": "issued", "amount": 55300}),
                    Jsonb({"kind": "ticket", "state": "refunded", "amount": 54800}),
                    "channel" if kind == "STATUS" else None,
                    NIGHT,
                    Jsonb([{"side": "right", "sha256": "e" * 64, "place": "line 3", "raw": "id 990101199003070015"}]),
                    Jsonb([]),
                    state,
                    NIGHT,
                    NIGHT,
                ),
            )
        connection.execute(
            """INSERT INTO recon.resolutions (resolution_id, break_id, attempt, action, reason, policy, proposed_by,
                   proposed_at, amount, state)
               VALUES (gen_random_uuid(), %s, 1, 'take_channel', 'small', 'default@1 small', 'policy:default@1', %s,
                       500, 'approved')""",
            (BREAK, NIGHT),
        )
        connection.execute("""UPDATE recon.resolutions SET state = 'applied', outcome = '{"detail": "posted"}'""")


@pytest.fixture
def finance(site: TestClient, hub: Hub) -> Browser:
    """Finance, after such a day."""
    a_day(hub)
    browser = Browser(site)
    browser.log_in("finance")
    return browser


def test_the_day_board(finance: Browser) -> None:
    view = finance.json("/console/recon").json()
    assert view["date"] == "2026-01-09"
    web = next(pair for pair in view["pairs"] if pair["definition"] == "hub-web")
    assert [web[name] for name in ("state", "runs", "found", "cleared", "left", "at_stake")] == [
        "done",
        2,
        2,
        1,
        1,
        500,
    ]
    assert web["matched"] == 9  # the last run counts
    states = {pair["definition"]: pair["state"] for pair in view["pairs"]}
    assert (states["hub-app"], states["hub-alipay"]) == ("not_run", "not_used")
    kinds = {kind["kind"]: kind for kind in view["kinds"]}
    assert (kinds["AMOUNT"]["cleared"], kinds["STATUS"]["left"], kinds["AMOUNT"]["amount"]) == (1, 1, 0)
    page = finance.get("/console/recon").text
    for said in ("amounts differ", "left for a person", "What keeps it open", "not run yet", "states differ"):
        assert said in page
    assert "Propose to close" not in page
    assert "2026-01-09" in finance.get("/console").text


def test_breaks_by_kind_and_state(finance: Browser) -> None:
    for query, kinds in (({"state": "left"}, ["STATUS"]), ({"kind": "AMOUNT"}, ["AMOUNT"]), ({"state": "open"}, [])):
        view = finance.json("/console/recon/breaks", **query).json()
        assert [b["kind"] for b in view["breaks"]] == kinds
    assert finance.json("/console/recon/breaks", date="2026-01-08").json()["breaks"] == []


def test_one_break_with_both_sides_evidence_and_resolution(finance: Browser) -> None:
    page = finance.get(f"/console/recon/breaks/{BREAK}").text
    for said in ("553.00", "548.00", "take the other side", "default@1 small", "posted", "line 3", "99***15"):
        assert said in page
    assert "990101199003070015" not in page
    assert "Propose a resolution" not in page  # it is cleared
    view = finance.json(f"/console/recon/breaks/{BREAK}").json()
    assert view["order_id"]
    assert {run["as"] for run in view["runs"]} == {"opened", "last", "cleared"}
    assert "Further on" in finance.get(f"/console/recon/breaks/{LEFT}").text


PLACES = (
    "/console/recon/breaks",
    f"/console/recon/breaks/{LEFT}",
    "/console/recon/waiting",
    "/console/recon/waiting?state=applied",
    "/console/recon/ageing",
    "/console/recon/chains/hub-wechat-bank",
    "/console/recon/carry",
    "/console/recon/due",
    "/console/recon/files",
    f"/console/recon/runs/{'b' * 64}",
    "/console/recon/policies",
    "/console/recon/policies/default?date=2026-01-08",
    "/console/recon/definitions",
    "/console/recon/definitions/hub-wechat",
)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_place_has_a_page_and_a_twin(finance: Browser, language: str) -> None:
    for path in PLACES:
        page = finance.get(path + ("&" if "?" in path else "?") + f"lang={language}")
        assert page.status_code == 200, path
        assert words.say("recon_definitions", language) in page.text
        assert not re.search(r"(?:recon|due|stage|side|leg|pass|field|hinders|does)_[a-z]+", visible(page.text)), path
        head, mark, query = path.partition("?")
        assert finance.json(f"{head}.json{mark}{query}").status_code == 200, path


def visible(page: str) -> str:
    """A page without its tags and code: a word that nobody has translated shows as itself."""
    return re.sub(r"<(code|pre)\b.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)


def test_what_is_not_there_is_said(finance: Browser) -> None:
    for path in ("runs/abc", "policies/none", "definitions/none", "chains/none", "breaks/abc"):
        assert finance.get(f"/console/recon/{path}").status_code == 404, path
    assert finance.get("/console/recon/waiting?state=lost").status_code == 400
    gone = finance.get("/console/recon/policies/default?date=2026-01-09")  # its rules ask for an extract
    assert gone.status_code == 400
    assert "not kept any more" in gone.text
