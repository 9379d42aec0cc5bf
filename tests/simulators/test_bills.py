"""The processors' files: their totals hold, and they say what the plan says."""

from datetime import date
from xml.etree import ElementTree

from simulators.bills import OPENING_FEN, SUMMARY_COLUMNS, WECHAT_COLUMNS
from simulators.day import build_plan
from simulators.plan import PlanOptions
from simulators.processors import settlement_files

PLAN = build_plan(PlanOptions(3, 300, date(2026, 1, 11)), "processors")
FILES = settlement_files(PLAN)


def fen(yuan: str) -> int:
    whole, _, rest = yuan.partition(".")
    return int(whole) * 100 + int(rest)


def test_the_wechat_bill() -> None:
    lines = FILES["wechat/trade-bill-20260111.csv"].decode("utf-8-sig").splitlines()
    assert lines[0].split(",") == list(WECHAT_COLUMNS)
    rows = [line.removeprefix("`").split(",`") for line in lines[1:-2]]
    assert all(len(row) == 27 for row in rows)
    captures = [c for c in PLAN.captures if c.processor == "wechat"]
    refunds = [r for r in PLAN.repayments if r.processor == "wechat"]
    assert len(rows) == len(captures) + len(refunds)
    assert lines[-2] == SUMMARY_COLUMNS
    totals = lines[-1].removeprefix("`").split(",`")
    assert totals[0] == str(len(rows))
    assert fen(totals[1]) == sum(c.amount_fen for c in captures)
    assert fen(totals[2]) == sum(r.amount_fen for r in refunds)
    fees = sum(c.amount_fen for c in captures) - sum(r.amount_fen for r in refunds)
    assert totals[4].replace(".", "") == str(fees * 6)


def test_the_bank_statement_adds_up() -> None:
    root = ElementTree.fromstring(FILES["bank/camt053-20260111.xml"])
    names = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"}
    moved = 0
    for entry in root.iterfind(".//c:Ntry", names):
        side = 1 if entry.findtext("c:CdtDbtInd", namespaces=names) == "CRDT" else -1
        moved += side * fen(entry.findtext("c:Amt", "", names))
    balances = {
        balance.findtext(".//c:Cd", namespaces=names): fen(balance.findtext("c:Amt", "", names))
        for balance in root.iterfind(".//c:Bal", names)
    }
    assert balances == {"OPBD": OPENING_FEN, "CLBD": OPENING_FEN + moved}
    assert moved != 0
