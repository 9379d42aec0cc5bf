"""Two different people, in the database and over HTTP; pages of breaks; who may call."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi import FastAPI, Header
from fastapi.testclient import TestClient

from hub.api.router import install_problems
from interlock.database import Pool
from reconciliation.api import Scope, create_router
from reconciliation.cases import BreakFilter
from reconciliation.runs import Reconciler
from schemas.problems import ProblemError, problem
from tests.reconciliation.house import (
    DAY,
    Clock,
    House,
    at,
    bill_of,
    captured,
    content,
    issued,
    movements_of,
    reconciler,
    sale,
    tell,
    wechat_bill,
)


@pytest.fixture
def recon(pool: Pool, tmp_path: Path) -> Reconciler:
    """A day with a difference of 1.50 yuan and an orphan refund: both left for a person."""
    house = House()
    told, kept = (
        tell("web", "EW10000001", at("09:00"), [issued(content("EW10000001", "web", fare), at("09:00")), paid])
        for fare in (10000, 10150)
        for paid in [captured("4201", 10000, at("09:00"))]
    )
    house.hub(told)
    house.channel(kept)
    bill_of(house)
    orphan = ("refund", "R9", "EW10000001", 900, at("10:20"))
    house.statements["wechat"] = [("bill.csv", wechat_bill([*movements_of(house), orphan]))]
    made = reconciler(pool, house, Clock(), tmp_path)
    made.run_day(DAY, ["hub-web", "hub-wechat"])
    return made


def authorise(scope: Scope) -> Callable[..., str]:
    """Whoever says who he is; the auditor may only look."""

    def person(x_person: str = Header(default="")) -> str:
        if not x_person:
            raise ProblemError(problem("unauthenticated"))
        if x_person == "auditor" and scope != "recon:read":
            raise ProblemError(problem("forbidden", f"{scope} is needed."))
        return x_person

    return person


@pytest.fixture
def client(recon: Reconciler) -> Iterator[TestClient]:
    app = FastAPI()
    install_problems(app)
    app.include_router(create_router(recon, authorise))
    with TestClient(app) as opened:
        yield opened


def left_breaks(client: TestClient) -> list[dict[str, str]]:
    answer = client.get("/v1/recon/breaks", params={"state": "left"}, headers={"x-person": "auditor"})
    assert answer.status_code == 200
    found: list[dict[str, str]] = answer.json()["breaks"]
    return found


def test_two_people_write_a_difference_off(client: TestClient, recon: Reconciler) -> None:
    amount = next(b for b in left_breaks(client) if b["kind"] == "AMOUNT")
    proposal = {"action": "write_off", "reason": "agreed with the channel, ticket 4711"}
    made = client.post(
        f"/v1/recon/breaks/{amount['break_id']}/resolutions", json=proposal, headers={"x-person": "anna"}
    )
    assert made.status_code == 201
    address = f"/v1/recon/resolutions/{made.json()['resolution_id']}/approve"
    alone = client.post(address, headers={"x-person": "anna"})
    assert (alone.status_code, alone.json()["code"]) == (409, "second_person_needed")
    agreed = client.post(address, headers={"x-person": "bert"})
    assert (agreed.status_code, agreed.json()["state"]) == (200, "applied")
    again = client.post(address, headers={"x-person": "bert"})
    assert (again.status_code, again.json()["code"]) == (404, "resolution_unknown")
    shown = client.get(f"/v1/recon/breaks/{amount['break_id']}", headers={"x-person": "anna"}).json()
    assert (shown["state"], shown["manual"]) == ("resolved", True)
    outcome = recon.run_day(DAY, ["hub-web"])
    assert outcome.definitions[0].adjusted == 1
    assert [b["kind"] for b in left_breaks(client)] == ["ORPHAN_REFUND"]


def test_a_rejected_proposal_changes_nothing(client: TestClient) -> None:
    orphan = next(b for b in left_breaks(client) if b["kind"] == "ORPHAN_REFUND")
    proposal = {"action": "write_off", "reason": "small enough"}
    made = client.post(
        f"/v1/recon/breaks/{orphan['break_id']}/resolutions", json=proposal, headers={"x-person": "anna"}
    )
    address = f"/v1/recon/resolutions/{made.json()['resolution_id']}/reject"
    assert client.post(address, headers={"x-person": "anna"}).status_code == 409
    assert client.post(address, headers={"x-person": "bert"}).json()["state"] == "rejected"
    assert len(left_breaks(client)) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "person", "status", "code"),
    [
        ("GET", "/v1/recon/breaks", None, "", 401, "unauthenticated"),
        ("POST", "/v1/recon/runs", {"business_date": "2026-01-11"}, "auditor", 403, "forbidden"),
        (
            "POST",
            "/v1/recon/resolutions/01890000-0000-7000-8000-000000000001/approve",
            None,
            "auditor",
            403,
            "forbidden",
        ),
        ("GET", "/v1/recon/breaks/01890000-0000-7000-8000-000000000002", None, "anna", 404, "break_unknown"),
        ("GET", "/v1/recon/breaks?limit=100000", None, "anna", 400, "query_invalid"),
        (
            "POST",
            "/v1/recon/runs",
            {"business_date": "2026-01-11", "definitions": ["no"]},
            "anna",
            400,
            "query_invalid",
        ),
        ("GET", f"/v1/recon/runs/{'0' * 64}", None, "anna", 400, "query_invalid"),
    ],
)
def test_refusals(
    client: TestClient, method: str, path: str, body: object, person: str, status: int, code: str
) -> None:
    answer = client.request(method, path, json=body, headers={"x-person": person})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_is_gone_cannot_be_resolved(client: TestClient, recon: Reconciler) -> None:
    """Proposed yesterday, cleared by last night's run: the approval comes too late to do anything."""
    orphan = next(b for b in left_breaks(client) if b["kind"] == "ORPHAN_REFUND")
    address = f"/v1/recon/breaks/{orphan['break_id']}/resolutions"
    proposal = {"action": "write_off", "reason": "small enough"}
    made = client.post(address, json=proposal, headers={"x-person": "anna"}).json()
    house = recon.gatherer.ledger
    assert isinstance(house, House)
    bill_of(house)
    recon.run_day(DAY, ["hub-wechat"])
    late = client.post(f"/v1/recon/resolutions/{made['resolution_id']}/approve", headers={"x-person": "bert"})
    again = client.post(address, json=proposal, headers={"x-person": "anna"})
    assert (late.status_code, again.status_code) == (400, 400)


def test_pages_have_every_break_once(client: TestClient) -> None:
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        page = client.get("/v1/recon/breaks", params={"limit": 1, "after": after}, headers={"x-person": "anna"}).json()
        seen += [b["break_id"] for b in page["breaks"]]
        after = page["next"]
    assert len(seen) == len(set(seen)) == 2


def test_run_report_and_inputs(client: TestClient) -> None:
    headers = {"x-person": "anna"}
    order = {"business_date": "2026-01-11", "definitions": ["hub-web"]}
    ran = client.post("/v1/recon/runs", json=order, headers=headers).json()
    assert ran["definitions"][0]["unchanged"] is True
    run_id = ran["definitions"][0]["run_id"]
    shown = client.get(f"/v1/recon/runs/{run_id}", headers=headers).json()
    assert {i["source"] for i in shown["inputs"]} == {"hub", "channel:web"}
    assert run_id in [r["run_id"] for r in client.get("/v1/recon/runs", headers=headers).json()["runs"]]
    report = client.get("/v1/recon/report/2026-01-11", headers=headers).json()
    assert report["open_fen"] == 150 + 900


def test_the_database_itself_refuses_one_person(recon: Reconciler, pool: Pool) -> None:
    found = recon.cases.every_break(_all())[0]
    insert = (
        "INSERT INTO recon.resolutions (resolution_id, break_id, attempt, action, reason, proposed_by, proposed_at,"
        " approved_by, approved_at, state) VALUES (%s, %s, 9, 'write_off', 'mine', 'anna', %s, %s, %s, %s)"
    )
    now = at("12:00")
    cases: list[tuple[str | None, datetime | None, str]] = [("anna", now, "applied"), (None, None, "applied")]
    for approver, approved_at, state in cases:
        with pytest.raises(psycopg.errors.CheckViolation), pool.connection() as connection:
            connection.execute(insert, (uuid4(), found["break_id"], now, approver, approved_at, state))


def test_the_database_refuses_a_carry_that_does_not_add_up(recon: Reconciler, pool: Pool) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="carry_rolls_forward"), pool.connection() as connection:
        connection.execute("UPDATE recon.runs SET closing_fen = closing_fen + 1")


def test_taking_the_channels_record_long_after_the_run(pool: Pool, tmp_path: Path) -> None:
    """The extract is kept: an approval weeks later posts the very bytes of that day."""
    house = House()
    clock = Clock()
    house.channel(sale("web", "EW10000002", at("10:00"), fare=2500000))
    made = reconciler(pool, house, clock, tmp_path)
    made.run_day(DAY, ["hub-web"])
    found = made.cases.every_break(_all())[0]
    assert found["state"] == "left"
    house.beliefs.clear()
    clock.now += timedelta(days=20)
    proposed = made.resolver.propose(UUID(str(found["break_id"])), "take_channel", "seen the paper", "anna")
    done = made.resolver.approve(proposed["resolution_id"], "bert", made.kept_parts)
    assert (done["state"], [channel for channel, _ in house.posted]) == ("applied", ["web"])
    assert "EW10000002" in house.documents


def _all() -> BreakFilter:
    return BreakFilter(business_date=DAY)
