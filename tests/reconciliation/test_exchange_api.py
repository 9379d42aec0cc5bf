"""Workbooks, reports, accounts and confirmations over HTTP."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI, Header
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from hub.api.router import install_problems
from interlock.clock import SetClock
from interlock.database import Pool
from reconciliation.api import Scope, create_router
from reconciliation.runs import Reconciler
from tests.hub.railway import open_railway, sale
from tests.reconciliation.exchange_desk import DAY, Room, every_row, noon
from tests.reconciliation.house import House, reconciler
from tests.reconciliation.test_confirming import AT

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ANNA = {"x-person": "anna"}
BERT = {"x-person": "bert"}
NORTH = {"x-person": "north"}


@pytest.fixture
def recon(pool: Pool, tmp_path: Path) -> Reconciler:
    return reconciler(pool, House(), noon, tmp_path)  # type: ignore[arg-type]  # a clock is a callable


@pytest.fixture
def client(recon: Reconciler) -> Iterator[TestClient]:
    def authorise(scope: Scope) -> Callable[..., str]:
        def person(x_person: str = Header()) -> str:
            return x_person

        return person

    app = FastAPI()
    install_problems(app)
    app.include_router(create_router(recon, authorise))
    with TestClient(app) as opened:
        yield opened


def test_out_fixed_back_in_and_approved_by_another(client: TestClient, pool: Pool) -> None:
    first, _ = Room(pool, noon).put(2)
    out = client.post("/v1/recon/workbooks", json={"business_date": DAY.isoformat()}, headers=ANNA)
    assert (out.status_code, out.headers["content-type"]) == (201, XLSX)
    sent = every_row(out.content, "write_off", "as agreed with web")
    back = client.post("/v1/recon/workbooks/returned", content=sent, headers=ANNA)
    assert back.json()["counts"] == {"proposed": 2}
    assert back.json()["workbook_id"] == out.headers["interlock-workbook"]
    again = client.post("/v1/recon/workbooks/returned", params={"form": "xlsx"}, content=sent, headers=ANNA)
    page = load_workbook(io.BytesIO(again.content))["result"]
    assert [page["E2"].value, page["E3"].value] == ["already_proposed"] * 2
    resolution = next(r["resolution_id"] for r in back.json()["rows"] if r["break_id"] == str(first))
    alone = client.post(f"/v1/recon/resolutions/{resolution}/approve", headers=ANNA)
    assert alone.json()["code"] == "second_person_needed"


def test_what_is_no_workbook_is_a_problem(client: TestClient) -> None:
    answer = client.post("/v1/recon/workbooks/returned", content=b"PK\x03\x04nothing", headers=ANNA)
    assert (answer.status_code, answer.json()["code"]) == (422, "workbook_refused")


@pytest.mark.parametrize(
    ("form", "begins"), [("json", b'{"business_date"'), ("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf#"), ("pdf", b"%PDF-")]
)
def test_a_report_in_every_form(client: TestClient, pool: Pool, form: str, begins: bytes) -> None:
    Room(pool, noon).put(2)
    answer = client.get(f"/v1/recon/reports/{DAY}", params={"form": form, "definition": "hub-web"}, headers=ANNA)
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    if form == "json":
        assert answer.json()["sections"]["kinds"]["rows"] == [["AMOUNT", "CNY", 0, 2, 0, 0, 300]]


def test_a_month_as_an_account(client: TestClient) -> None:
    told = client.get("/v1/recon/accounts/2026-03", headers=ANNA).json()
    assert (told["first"], told["last"], told["lines"]) == ("2026-03-01", "2026-03-31", [])
    assert client.get("/v1/recon/accounts/2026-03", params={"form": "csv"}, headers=ANNA).text.startswith("record,")
    for path in ("2026-3", "2026-03?day=2026-04-01"):
        assert client.get(f"/v1/recon/accounts/{path}", headers=ANNA).json()["code"] == "query_invalid"


def test_a_channel_confirms_over_http(client: TestClient, pool: Pool, clock: SetClock, recon: Reconciler) -> None:
    railway = open_railway(pool, clock)
    for number in (1, 2):
        said = sale(f"E10000007{number}", "north", AT, seat=f"12{'AB'[number - 1]}")
        assert railway.tell("north", f"m{number}", said).status == 200
    address = f"/v1/recon/confirmations/{AT.date()}"
    early = client.get(address, headers=NORTH)
    assert early.json()["code"] == "query_invalid"  # the house's clock stands in January
    object.__setattr__(recon, "clock", lambda: AT + timedelta(days=1))
    first = client.get(address, params={"limit": 1}, headers=NORTH).json()
    second = client.get(address, params={"limit": 1, "after": first["next"]}, headers=NORTH).json()
    orders = [*first["figures"], *second["figures"]]
    assert [o["fare"] for o in orders] == [55300, 55300]
    accord = {"order_no": orders[0]["order_no"], "version": orders[0]["version"], "answer": "accord"}
    told = client.post(address, json={"answers": [accord]}, headers=NORTH).json()
    assert [o["outcome"] for o in told["outcomes"]] == ["recorded"]
    lines = (
        f'{{"order_no": "{orders[1]["order_no"]}", "version": "{orders[1]["version"]}", "answer": "difference",'
        ' "theirs": {"commission": 500}}\n'
        '{"order_no": "E999", "version": "0000000000000000", "answer": "accord"}\n'
    )
    headers = {**NORTH, "content-type": "application/x-ndjson"}
    told = client.post(address, content=lines, headers=headers).json()
    assert [o["outcome"] for o in told["outcomes"]] == ["recorded", "order_unknown"]
    found = client.get("/v1/recon/breaks", params={"definition": "confirm-north"}, headers=ANNA).json()["breaks"]
    assert [(b["kind"], b["amount_at_stake"], b["order_no"]) for b in found] == [("FEE", 500, orders[1]["order_no"])]
    assert client.post(address, content="{", headers=headers).json()["code"] == "query_invalid"
    assert client.get("/v1/recon/confirmations", headers=ANNA).json() == {"missing": []}


def test_bert_is_not_anna(client: TestClient, pool: Pool) -> None:
    """The report shows who decided: two different people."""
    room = Room(pool, noon)
    room.put(1)
    resolution = room.propose_one()
    assert (
        client.post(f"/v1/recon/resolutions/{resolution}/reject", json={"reason": "not agreed"}, headers=BERT).json()[
            "state"
        ]
        == "rejected"
    )
    sections = client.get(f"/v1/recon/reports/{DAY}", headers=ANNA).json()["sections"]
    assert sections["manual"]["rows"][0][6:9] == ["anna", "bert", "rejected"]
