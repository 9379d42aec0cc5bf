"""The day's runs and breaks as finance sees them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from interlock.wiring import Hub
from tests.console.harness import SALE, Browser

DAY = date(2026, 1, 9)
NIGHT = datetime(2026, 1, 9, 18, 0, tzinfo=UTC)
BREAK = UUID("0199b000-0000-7000-8000-000000000001")


@pytest.fixture
def finance(site: TestClient, hub: Hub) -> Browser:
    """Finance, after a day with one break that policy resolved and a second run proved gone, and one that is left."""
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
                   proposed_at, amount, state, outcome)
               VALUES (gen_random_uuid(), %s, 1, 'take_channel', 'small', 'default@1 small', 'policy', %s, 500,
                       'applied', '{"detail": "posted"}')""",
            (BREAK, NIGHT),
        )
    browser = Browser(site)
    browser.log_in("finance")
    return browser


def test_the_days_runs_and_breaks(finance: Browser) -> None:
    view = finance.json("/console/recon").json()
    assert view["date"] == "2026-01-09"
    (run,) = view["runs"]
    assert (run["definition"], run["runs"], run["found"], run["cleared"], run["unsettled"]) == ("hub-web", 2, 2, 1, 1)
    assert run["matched"] == 9  # the last run counts
    kinds = {k["kind"]: k for k in view["kinds"]}
    assert (kinds["AMOUNT"]["cleared"], kinds["STATUS"]["left"]) == (1, 1)
    page = finance.get("/console/recon").text
    assert "amounts differ" in page
    assert "left for a person" in page
    assert "2026-01-09" in finance.get("/console").text


def test_breaks_by_kind_and_state(finance: Browser) -> None:
    for query, kinds in (({"state": "left"}, ["STATUS"]), ({"kind": "AMOUNT"}, ["AMOUNT"]), ({"state": "open"}, [])):
        view = finance.json("/console/recon", **query).json()
        assert [b["kind"] for b in view["breaks"]] == kinds
    assert finance.json("/console/recon", date="2026-01-08").json()["breaks"] == []


def test_one_break_with_both_sides_evidence_and_resolution(finance: Browser) -> None:
    page = finance.get(f"/console/recon/breaks/{BREAK}").text
    for said in ("553.00", "548.00", "take the channel", "default@1 small", "posted", "line 3", "99***15"):
        assert said in page
    assert "990101199003070015" not in page
    view = finance.json(f"/console/recon/breaks/{BREAK}").json()
    assert view["order_id"]
    assert {run["as"] for run in view["runs"]} == {"opened", "last", "cleared"}
    assert "Further on" in finance.get(f"/console/recon/breaks/{UUID(int=BREAK.int + 1)}").text
