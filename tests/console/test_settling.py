"""What finance does from the console: proposed by one, approved by another; dates closed; files out and back in."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient

from interlock.wiring import Hub
from tests.console.conftest import PASSKEYS
from tests.console.harness import PUBLIC_URL, Browser
from tests.console.test_books import hire_second
from tests.console.test_reconciling import LEFT, finance

__all__ = ["finance"]

PAGE = f"/console/recon/breaks/{LEFT}"
DAY = "2026-01-09"
ACTION, REASON = "处理 action", "理由 reason"


def decided_by_another(hub: Hub, site: TestClient, path: str, page: str, **fields: str) -> tuple[Browser, str]:
    """Another person of finance sends a form that asks for two factors; the page after it, and who it was."""
    passkey = hire_second(hub)
    second = Browser(site)
    second.log_in("second")
    second.step_up(second.submit(path, page, **fields), passkey)
    return second, second.submit(path, page, **fields).text


def test_one_proposes_another_approves_and_it_is_undone(finance: Browser, site: TestClient, hub: Hub) -> None:
    page = finance.get(PAGE).text
    assert "take the other side" in page
    assert "Propose a resolution" in page
    asked = {"break_id": str(LEFT), "action": "reject", "reason": "the web shop is wrong"}
    told = finance.submit("/console/recon/propose", PAGE, **asked).text
    assert "Proposed; it waits for somebody else." in told
    assert 'value="approve"' not in told  # not by the one who proposed it
    assert "the web shop is wrong" in finance.get("/console/recon/waiting").text
    waiting = finance.json(PAGE).json()["resolutions"][0]["resolution_id"]
    own = {"resolution_id": waiting, "decision": "approve"}
    finance.step_up(finance.submit("/console/recon/decide", PAGE, **own), PASSKEYS["finance"])
    assert finance.submit("/console/recon/decide", PAGE, **own).status_code == 409  # the tables hold it too
    second, told = decided_by_another(hub, site, "/console/recon/decide", PAGE, **own)
    assert "Approved and done" in told
    record = second.json(PAGE).json()
    assert (record["state"], record["manual"], record["resolutions"][0]["approved_by_name"]) == (
        "resolved", True, "Second",
    )  # fmt: skip
    undone = second.submit("/console/recon/undo", PAGE, resolution_id=waiting, reason="he was right after all").text
    assert "he was right after all" in undone
    assert "undo" in undone
    with hub.pool.connection() as connection:
        assert hub.audit.verify(connection)[1] is None


def test_a_form_that_makes_no_sense_is_refused_in_words(finance: Browser) -> None:
    for fields, said in (
        ({"break_id": str(LEFT), "action": "reject", "reason": "x"}, "reason"),
        ({"action": "reject", "reason": "because"}, "at least one break"),
        ({"break_id": "none", "action": "reject", "reason": "because"}, "id of one"),
        ({"break_id": str(LEFT), "action": "burn", "reason": "because"}, "is no action"),
        ({"break_id": str(LEFT), "action": "link", "reason": "because", "other": str(LEFT)}, "link is not for"),
    ):
        answer = finance.submit("/console/recon/propose", PAGE, **fields)
        assert answer.status_code == 400, fields
        assert said in answer.text


def test_a_break_is_taken_and_given_back(finance: Browser) -> None:
    taken = finance.submit("/console/recon/assign", PAGE, break_id=str(LEFT), to="me").text
    assert "Assigned to Finance" in taken
    assert "Give it back" in taken
    assert "Assigned to nobody" in finance.submit("/console/recon/assign", PAGE, break_id=str(LEFT), to="").text


def test_a_date_that_is_hindered_is_not_closed(finance: Browser) -> None:
    fields = {"date": DAY, "act": "close", "reason": "the month ends"}
    refused = finance.submit("/console/recon/closing", "/console/recon", **fields)
    assert refused.status_code == 409
    assert "hub-app" in refused.text
    assert finance.json("/console/recon").json()["closing"]["waiting"] is None


def test_a_date_is_closed_and_reopened_by_two(finance: Browser, site: TestClient, hub: Hub, ready: None) -> None:
    page = finance.get("/console/recon").text
    assert "can be closed" in page
    asked = finance.submit("/console/recon/closing", "/console/recon", date=DAY, act="close", reason="the day is done")
    assert "closing waits for approval" in asked.text
    closing_id = finance.json("/console/recon").json()["closing"]["waiting"]["closing_id"]
    decision = {"closing_id": closing_id, "decision": "approve"}
    second, told = decided_by_another(hub, site, "/console/recon/closing/decide", "/console/recon", **decision)
    assert "The date is closed." in told
    assert "Propose to reopen" in told
    assert "Reconcile now" not in told
    assert "Second" in told
    again = second.submit("/console/recon/closing", "/console/recon", date=DAY, act="reopen", reason="a late bill")
    assert "wants to reopen it" in again.text


@pytest.fixture
def ready(finance: Browser, hub: Hub) -> None:
    """Every pair has run, and what was left is settled by hand."""
    with hub.pool.connection() as connection:
        connection.execute(
            """INSERT INTO recon.resolutions (resolution_id, break_id, attempt, action, reason, policy, proposed_by,
                   proposed_at, amount, state)
               VALUES (gen_random_uuid(), %s, 1, 'push_hub', 'x', 'default@1 further', 'policy:default@1', now(), 500,
                       'approved')""",
            (LEFT,),
        )
        connection.execute("UPDATE recon.resolutions SET state = 'applied' WHERE break_id = %s", (LEFT,))
        connection.execute("UPDATE recon.breaks SET state = 'resolved' WHERE break_id = %s", (LEFT,))
        pairs = finance.json("/console/recon").json()["pairs"]
        for number, name in enumerate(p["definition"] for p in pairs if p["state"] == "not_run"):
            connection.execute(
                """INSERT INTO recon.runs (run_id, definition, business_date, policy_version, definition_digest,
                       left_digest, right_digest, context_digest, state, started_at, finished_at, finish_order)
                   VALUES (%s, %s, %s, 'v1', 'd', 'l', 'r', 'c', 'done', now(), now(), %s)""",
                (f"{number:064x}", name, DAY, number + 10),
            )


def test_a_report_is_taken_away(finance: Browser) -> None:
    for form, begins in (("pdf", b"%PDF"), ("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf")):
        answer = finance.submit("/console/recon/report", "/console/recon", date=DAY, form=form)
        assert answer.content.startswith(begins), form
        assert answer.headers["content-disposition"] == f'attachment; filename="report-{DAY}.{form}"'
    assert finance.submit("/console/recon/report", "/console/recon", date=DAY, form="doc").status_code == 400


def test_breaks_go_out_are_filled_in_and_come_back(finance: Browser) -> None:
    out = finance.submit("/console/recon/workbook", "/console/recon", date=DAY, form="csv")
    assert out.headers["content-disposition"].startswith('attachment; filename="breaks-2026-01-09-')
    rows = list(csv.reader(io.StringIO(out.content.decode("utf-8-sig"))))
    head = next(row for row in rows if ACTION in row)
    (mine,) = [row for row in rows if str(LEFT) in row]
    mine[head.index(ACTION)], mine[head.index(REASON)] = "reject", "they know"
    back = io.StringIO()
    csv.writer(back).writerows(rows)
    answer = upload(finance, back.getvalue().encode("utf-8-sig"))
    assert answer.status_code == 200, answer.text
    assert "proposed" in answer.text
    assert "they know" in finance.get("/console/recon/waiting").text
    assert upload(finance, b"no workbook").status_code == 422
    assert upload(finance, b"").status_code == 400


def upload(browser: Browser, raw: bytes) -> Any:
    """Send the form with a file in it, as a browser does."""
    token = re.search(r'name="form_token" value="([^"]+)"', browser.get("/console/recon").text)
    assert token
    return browser.http.post(
        "/console/recon/workbook/returned",
        data={"form_token": token[1]},
        files={"workbook": ("breaks.csv", raw, "text/csv")},
        headers={"origin": PUBLIC_URL, "referer": f"{PUBLIC_URL}/console/recon"},
    )


def test_a_policy_is_proposed_and_not_agreed_by_the_same_person(finance: Browser) -> None:
    page = "/console/recon/policies"
    fields = {"document": "name: default\nversion: '9'\nrules: []\n", "reason": "nothing by itself in January"}
    told = finance.submit(f"{page}/propose", page, **fields)
    assert "default@9" in told.text
    assert 'value="approve"' not in told.text
    assert finance.submit(f"{page}/propose", page, document="rules: 3", reason="because").status_code == 400


def test_who_only_operates_sees_and_changes_nothing(finance: Browser, site: TestClient) -> None:
    operator = Browser(site)
    operator.log_in("operator")
    page = operator.get(PAGE).text
    assert "amounts differ" in page or "states differ" in page
    assert "/console/recon/propose" not in page
    fields = {"break_id": str(LEFT), "action": "reject", "reason": "because"}
    assert operator.submit("/console/recon/propose", PAGE, **fields).status_code == 403
